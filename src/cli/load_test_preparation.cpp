#include "cli/load_test_preparation.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "base/duration_text.hpp"
#include "base/files.hpp"
#include "base/json_bytes.hpp"
#include "cli/cache_directory.hpp"
#include "cli/exit_code.hpp"
#include "cli/options.hpp"
#include "cli/subprocess.hpp"
#include "cli/text_layout.hpp"
#include "cluster/control_access.hpp"
#include "cluster/digest.hpp"

namespace chaperon::cli {
namespace {

namespace fs = std::filesystem;
using cluster::LoadTestRefused;

// A source that came in the last days may come again, and needs no compiler then.
constexpr auto kKeepSources = std::chrono::hours(24 * 7);
constexpr std::size_t kDigestInName = 16;
constexpr std::size_t kLongestOutput = std::size_t{64} << 10;
constexpr std::size_t kLongestReason = 500;
constexpr std::array<std::string_view, 4> kExtensions{".cpp", ".cc", ".cxx", ".so"};

fs::path sources_directory(const Process& process) {
  auto directory = cache_directory(process) / "master" / "sources";
  if (!make_private_directory(directory.parent_path()) || !make_private_directory(directory))
    throw LoadTestRefused(fmt::format("{} cannot be used: it must belong to this user alone, or not be there",
                                      directory.string()));
  return directory;
}

void remove_old(const fs::path& directory) {
  std::error_code error;
  const auto now = fs::file_time_type::clock::now();
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const auto written = fs::last_write_time(entry.path(), error);
    if (!error && now - written > kKeepSources) fs::remove_all(entry.path(), error);
  }
}

// The same source has the same path, so that what was compiled is found again.
fs::path write_source(const fs::path& directory, const cluster::WantedLoadTest& wanted) {
  const auto own = directory / cluster::sha256(wanted.source).substr(0, kDigestInName);
  auto file = own / wanted.file_name;
  if (!make_private_directory(own)) throw LoadTestRefused(fmt::format("{} cannot be used", own.string()));
  std::error_code error;
  fs::last_write_time(own, fs::file_time_type::clock::now(), error);
  if (read_file(file) == wanted.source) return file;
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream << wanted.source;
  stream.close();
  if (!stream)
    throw LoadTestRefused(fmt::format("{} cannot be written: is the master's disk full?", file.string()));
  return file;
}

fs::path known_file(const fs::path& directory, const std::string& name) {
  if (directory.empty()) {
    throw LoadTestRefused(
        fmt::format("there is no load test \"{}\": the master knows none: send a \"file\", "
                    "or start it with --load-tests DIR",
                    name));
  }
  std::error_code error;
  for (const auto extension : kExtensions) {
    auto file = directory / (name + std::string(extension));
    if (fs::is_regular_file(file, error)) return file;
  }
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const auto extension = entry.path().extension();
    if (std::ranges::find(kExtensions, extension) != kExtensions.end())
      names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  throw LoadTestRefused(fmt::format("there is no load test \"{}\": the master knows {}", name,
                                    names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
}

void remove_all(std::string& text, std::string_view part) {
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at))
    text.erase(at, part.size());
}

// What the child has written on stderr, with the name of the file as the client knows it.
std::string said_of(std::string text, const fs::path& file) {
  remove_all(text, file.parent_path().string() + '/');
  // `compiling shop.cpp ... failed`
  if (text.starts_with("compiling ")) text.erase(0, text.find('\n') + 1);
  return text;
}

std::string compiler_output(std::string said) {
  if (said.size() > kLongestOutput) said.resize(kLongestOutput);
  return said;
}

// The line that begins with `error: `, which is the last of them, taken out of what was said; empty if there
// is none.
std::string take_error(std::string& said) {
  constexpr std::string_view kError = "error: ";
  auto at = said.rfind(fmt::format("\n{}", kError));
  if (at != std::string::npos) {
    ++at;
  } else if (said.starts_with(kError)) {
    at = 0;
  } else {
    return {};
  }
  const auto end = std::min(said.find('\n', at), said.size());
  const auto line = said.substr(at + kError.size(), end - at - kError.size());
  said.erase(at, end + 1 - at);
  return shortened(printable(line), kLongestReason);
}

[[noreturn]] void refuse_unloaded(const std::string& name, int code, std::string said) {
  auto reason = take_error(said);
  if (reason.empty()) {
    reason =
        fmt::format("its process {} {}{}", code > kSignalled ? "was ended by signal" : "ended with exit code",
                    code > kSignalled ? code - kSignalled : code,
                    said.empty() ? "" : ": what it has said is in compiler_output");
  }
  const auto loaded = fmt::format("{} cannot be loaded: ", name);
  if (!reason.starts_with(loaded)) reason.insert(0, loaded);
  throw LoadTestRefused(reason, compiler_output(std::move(said)));
}

// What `chaperon list --json` says.
struct Listed {
  std::string library;
  std::vector<std::string> load_tests;
};

Listed listed(std::string_view out, const std::string& name, const std::string& said) {
  try {
    // What follows comes from the end of the scenario's library.
    const auto json = parse_json(out.substr(0, out.find('\n')));
    return {.library = json.at("library").get<std::string>(),
            .load_tests = json.at("load_tests").get<std::vector<std::string>>()};
  } catch (const std::exception&) {
    throw LoadTestRefused(
        fmt::format("{} cannot be loaded: its load tests could not be listed: look for what ends the process "
                    "or writes to the standard output while it is loaded",
                    name),
        compiler_output(said));
  }
}

}  // namespace

cluster::PreparedLoadTest prepare_load_test(const Process& process, const fs::path& known,
                                            const cluster::WantedLoadTest& wanted, Duration patience) {
  const auto sources = sources_directory(process);
  remove_old(sources);
  const auto file =
      fs::absolute(wanted.name.empty() ? write_source(sources, wanted) : known_file(known, wanted.name));
  const auto name = file.filename().string();
  // Another master of this user may have the same cache.
  const auto errors = sources.parent_path() / fmt::format("compiling-{}.txt", ::getpid());
  Child child({.command = {process.executable.string(), "list", file.string(), "--json"},
               .own_group = true,
               .dies_with_parent = true,
               .error_file = errors.string(),
               .environment = {{std::string(cluster::kTokenVariable), std::nullopt}}});
  const auto out = child.read_all_within(patience, process.stop.get_token());
  const int code = child.wait();
  auto said = said_of(read_file(errors).value_or(""), file);
  std::error_code not_removed;
  fs::remove(errors, not_removed);
  if (process.stop.stop_requested()) throw LoadTestRefused("the master is about to end");
  if (!out) {
    throw LoadTestRefused(
        fmt::format("{} is not compiled and loaded after {}, and is given up: look for what does not end "
                    "while it is loaded, such as a loop in the initialiser of a static variable",
                    name, duration_text(patience)),
        compiler_output(std::move(said)));
  }
  if (code == static_cast<int>(ExitCode::compile_error))
    throw LoadTestRefused(fmt::format("{} does not compile", name), compiler_output(std::move(said)));
  if (code != static_cast<int>(ExitCode::passed)) refuse_unloaded(name, code, std::move(said));
  const auto [found, names] = listed(*out, name, said);
  const auto all = fmt::format("{}", fmt::join(names, ", "));
  if (names.empty())
    throw LoadTestRefused(fmt::format("{} has no load test: CHAPERON_LOAD_TEST(Type) makes one known", name));
  auto chosen = wanted.load_test;
  if (chosen.empty()) {
    if (names.size() > 1)
      throw LoadTestRefused(
          fmt::format("{} has several load tests: choose one with \"load_test\": {}", name, all));
    chosen = names.front();
  }
  if (std::ranges::find(names, chosen) == names.end()) {
    const auto meant = nearest(chosen, names);
    throw LoadTestRefused(fmt::format("{} has no load test {}{}: it has {}", name, chosen,
                                      meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant), all));
  }
  auto library = read_file(found);
  if (!library) throw LoadTestRefused(fmt::format("the library of {} cannot be read", name));
  return {.library = std::move(*library), .load_test = std::move(chosen), .file = name};
}

}  // namespace chaperon::cli
