#include "cli/scenario_compiler.hpp"

#include <chrono>
#include <fstream>
#include <memory>
#include <ostream>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "base/abi.hpp"
#include "base/clock.hpp"
#include "base/files.hpp"
#include "cli/artifact_cache.hpp"
#include "cli/build_config.hpp"
#include "cli/cache_directory.hpp"
#include "cli/compiler.hpp"
#include "cli/fingerprint.hpp"
#include "cli/installation.hpp"
#include "cli/interrupt.hpp"
#include "cli/options.hpp"
#include "cli/subprocess.hpp"

namespace chaperon::cli {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

constexpr std::string_view kLibrary = ".so";
constexpr std::string_view kPrecompiledHeader = ".hpp.gch";
constexpr std::string_view kHeader = "chaperon/chaperon.hpp";

void append(Words& words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
}

// -O1: a scenario waits most of the time, and -O2 would take half as long again to compile. Hidden
// visibility, so that two libraries in one process cannot take each other's functions.
Words base_flags(const Process& process) {
  Words flags{"-std=c++20", "-O1", "-fPIC", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-Wall"};
  append(flags, split_words("the build's flags", kBuildFlags));
  for (const auto& directory : include_directories(process.executable))
    flags.push_back("-I" + directory.string());
  return flags;
}

std::string key_of(std::string_view kind, const Compiler& compiler, const Words& flags,
                   const std::string& file) {
  Fingerprint fingerprint;
  fingerprint.add(kind).add(compiler.identity).add(own_abi()).add(own_build_id()).add(file);
  for (const auto& flag : flags)
    fingerprint.add(flag);
  return fingerprint.text();
}

// In a group of its own: Ctrl-C is for this process, which ends the compiler and removes what it leaves.
ChildOptions compiler_options(Words command) {
  return {.command = std::move(command), .capture_stderr = true, .own_group = true, .dies_with_parent = true};
}

// The precompiled header: parsing <chaperon/chaperon.hpp> is half of what a compilation takes. It is made
// while the first scenario compiles without it, if there is a core for that.
class PrecompiledHeader {
 public:
  PrecompiledHeader(ArtifactCache& cache, const Compiler& compiler, Words flags)
      : cache_(cache), compiler_(compiler), flags_(std::move(flags)) {
    key_ = key_of("precompiled header", compiler, flags_, {});
    found_ = cache_.find(key_, kPrecompiledHeader, ArtifactCache::Match::stamp).has_value();
  }

  // What makes a compilation use it; if it is not there, what includes the header as usual. A scenario that
  // forgets the #include compiles either way.
  [[nodiscard]] Words use() const {
    if (!found_) return {"-include", std::string(kHeader)};
    if (is_clang()) return {"-include-pch", path(kPrecompiledHeader).string()};
    // GCC looks for KEY.hpp.gch when KEY.hpp is included.
    return {"-fpch-deps", "-include", path(".hpp").string()};
  }

  void start_if_missing() {
    if (found_ || std::thread::hardware_concurrency() < 2) return;
    lock_ = cache_.try_lock(lock_name());
    if (!lock_) return;
    // Before the build starts, and only if it is missing: what is newer than the build is not trusted.
    const auto text = fmt::format("#include <{}>\n", kHeader);
    if (read_file(path(".hpp")) != text) std::ofstream(path(".hpp")) << text;
    started_ = cache_.start_of_build();
    built_ = cache_.temporary_name(".gch");
    dependencies_ = cache_.temporary_name(".d");
    auto command = compiler_.command;
    append(command, flags_);
    append(command, {"-x", "c++-header", "-MD", "-MF", dependencies_.string(), "-MT", "header", "-o",
                     built_.string(), path(".hpp").string()});
    child_ = std::make_unique<Child>(compiler_options(std::move(command)));
  }

  // Waits for it. A failure only means that there is none: the scenario's own compilation tells what is
  // wrong.
  void finish(const std::stop_token& stop) {
    if (!child_) return;
    child_->read_all(stop);
    if (child_->wait() == 0) {
      cache_.keep(key_, kPrecompiledHeader, built_,
                  parse_dependency_file(read_file(dependencies_).value_or("")), started_);
    }
    std::error_code error;
    fs::remove(built_, error);
    fs::remove(dependencies_, error);
    child_.reset();
    lock_.reset();
  }

 private:
  // Not a key's own lock: the scenario's is held meanwhile, and two keys may share one.
  static std::string lock_name() { return "precompiled"; }
  [[nodiscard]] bool is_clang() const { return abi_value(own_abi(), "compiler").starts_with("Clang"); }
  [[nodiscard]] fs::path path(std::string_view suffix) const {
    return cache_.directory() / (key_ + std::string(suffix));
  }

  ArtifactCache& cache_;
  const Compiler& compiler_;
  Words flags_;
  std::string key_;
  bool found_ = false;
  std::optional<ArtifactCache::Lock> lock_;
  std::int64_t started_ = 0;
  fs::path built_, dependencies_;
  std::unique_ptr<Child> child_;
};

class Compilation {
 public:
  Compilation(Process& process, ArtifactCache& cache, const Compiler& compiler, Words flags, Words user_flags)
      : process_(process),
        cache_(cache),
        compiler_(compiler),
        flags_(std::move(flags)),
        user_flags_(std::move(user_flags)) {}

  fs::path run(const std::string& file, const std::string& key) {
    const auto begin = steady_now();
    *process_.err << fmt::format("compiling {} ...", file) << std::flush;
    std::optional<PrecompiledHeader> header;
    // A precompiled header fits only the flags it was made with.
    if (user_flags_.empty()) {
      header.emplace(cache_, compiler_, flags_);
      header->start_if_missing();
    }
    const auto started = cache_.start_of_build();
    const auto built = cache_.temporary_name(kLibrary);
    const auto dependencies = cache_.temporary_name(".d");
    const Interrupt interrupt(process_);
    const auto stop = process_.stop.get_token();
    Child child(compiler_options(command(file, built, dependencies, header)));
    const auto diagnostics = child.read_all(stop);
    std::error_code error;
    if (child.wait() != 0 || stop.stop_requested()) {
      fs::remove(built, error);
      fs::remove(dependencies, error);
      if (!stop.stop_requested()) *process_.err << " failed\n" << diagnostics << std::flush;
      if (header) header->finish(stop);
      if (stop.stop_requested()) {
        *process_.err << " interrupted" << std::endl;
        throw CompileInterrupted(fmt::format("the compilation of {} was interrupted", file));
      }
      throw CompileError(fmt::format("{} does not compile", file));
    }
    auto library = cache_.keep(key, kLibrary, built,
                               parse_dependency_file(read_file(dependencies).value_or("")), started);
    fs::remove(dependencies, error);
    if (header) header->finish(stop);
    const std::chrono::duration<double> took = steady_now() - begin;
    *process_.err << fmt::format(" {:.1f} s (next start: 0.1 s)\n", took.count()) << diagnostics
                  << std::flush;
    cache_.prune();
    return library;
  }

 private:
  [[nodiscard]] Words command(const std::string& file, const fs::path& built, const fs::path& dependencies,
                              const std::optional<PrecompiledHeader>& header) const {
    auto words = compiler_.command;
    append(words, flags_);
    if (process_.colours_err()) words.emplace_back("-fdiagnostics-color=always");
    append(words, header ? header->use() : Words{"-include", std::string(kHeader)});
    append(words,
           {"-shared", "-MD", "-MF", dependencies.string(), "-MT", "scenario", "-o", built.string(), file});
    append(words, user_flags_);
    return words;
  }

  Process& process_;
  ArtifactCache& cache_;
  const Compiler& compiler_;
  Words flags_, user_flags_;
};

}  // namespace

fs::path compile_scenario(Process& process, const std::string& file, const std::string& flags) {
  const auto abi_compiler = abi_value(own_abi(), "compiler");
  const auto user_flags = split_words("--cxxflags", flags);
  const auto all_flags = base_flags(process);
  const auto compiler = find_compiler(process, kBuildCompiler, abi_compiler);
  ArtifactCache cache(cache_directory(process));

  auto key_flags = all_flags;
  append(key_flags, {"--cxxflags"});
  append(key_flags, user_flags);
  const auto key = key_of("scenario", compiler, key_flags, fs::canonical(file).string());
  if (auto library = cache.find(key, kLibrary, ArtifactCache::Match::content)) return *library;

  require_version(compiler, abi_compiler);
  const auto lock = cache.lock(key);
  // Whoever held the lock until now may have compiled this very file.
  if (auto library = cache.find(key, kLibrary, ArtifactCache::Match::content)) return *library;
  return Compilation(process, cache, compiler, all_flags, user_flags).run(file, key);
}

}  // namespace chaperon::cli
