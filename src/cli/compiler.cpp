#include "cli/compiler.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "cli/fingerprint.hpp"
#include "cli/options.hpp"
#include "cli/subprocess.hpp"

namespace chaperon::cli {
namespace {

std::string search_path(const Process& process) {
  return process.variable("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
}

std::string identity_of(const std::vector<std::string>& command) {
  std::error_code error;
  const auto file = std::filesystem::canonical(command.front(), error);
  const auto stamp = stamp_of(file).value_or(FileStamp{});
  return fmt::format("{} {} {} {}", fmt::join(command, " "), file.string(), stamp.size, stamp.modified);
}

Compiler compiler_of(std::vector<std::string> command) {
  Compiler compiler;
  compiler.identity = identity_of(command);
  compiler.command = std::move(command);
  return compiler;
}

std::string output_of(const Compiler& compiler, const char* argument) {
  auto command = compiler.command;
  command.emplace_back(argument);
  Child child({.command = std::move(command), .capture_stderr = true});
  return child.read_all();
}

// `GCC 12` → `g++-12`, `Clang 14` → `clang++-14`.
std::string versioned_name(std::string_view abi_compiler) {
  const auto space = abi_compiler.find(' ');
  const auto version = space == std::string_view::npos ? std::string_view() : abi_compiler.substr(space + 1);
  return fmt::format("{}-{}", abi_compiler.starts_with("Clang") ? "clang++" : "g++", version);
}

// What to install, by Debian's names.
std::string package_name(std::string_view abi_compiler) {
  auto name = versioned_name(abi_compiler);
  if (name.starts_with("clang++")) name.replace(0, 7, "clang");
  return name;
}

}  // namespace

std::string compiler_version(const Compiler& compiler) {
  const auto version = output_of(compiler, "--version");
  const auto number = output_of(compiler, "-dumpversion");
  const auto major = number.substr(0, number.find_first_not_of("0123456789"));
  if (major.empty()) return {};
  if (version.find("clang version") != std::string::npos) return "Clang " + major;
  return version.find("Free Software Foundation") != std::string::npos ? "GCC " + major : std::string();
}

Compiler find_compiler(const Process& process, std::string_view built_with, std::string_view abi_compiler) {
  const auto path = search_path(process);
  if (const auto chosen = process.variable("CXX")) {
    auto words = split_words("CXX", *chosen);
    const auto program = words.empty() ? std::nullopt : find_program(words.front(), path);
    if (!program) {
      throw InputError(
          fmt::format("CXX={}: there is no such program: set CXX to a C++ compiler ({}), or unset it",
                      *chosen, abi_compiler));
    }
    words.front() = *program;
    auto compiler = compiler_of(std::move(words));
    compiler.chosen_by_user = true;
    return compiler;
  }
  if (find_program(std::string(built_with), path)) return compiler_of({std::string(built_with)});
  for (const auto& name :
       {versioned_name(abi_compiler), std::string("c++"), std::string("g++"), std::string("clang++")}) {
    const auto program = find_program(name, path);
    if (!program) continue;
    auto compiler = compiler_of({*program});
    if (compiler_version(compiler) == abi_compiler) return compiler;
  }
  throw InputError(fmt::format(
      "no C++ compiler that fits was found: Chaperon was built with {}, which compiles scenarios too: "
      "install it (apt install {}) or set CXX to it",
      abi_compiler, package_name(abi_compiler)));
}

void require_version(const Compiler& compiler, std::string_view abi_compiler) {
  if (!compiler.chosen_by_user) return;
  const auto version = compiler_version(compiler);
  if (version == abi_compiler) return;
  throw InputError(fmt::format(
      "CXX={} is {}, but this Chaperon was built with {}, and code of the two does not fit together: "
      "set CXX={}, or unset it",
      fmt::join(compiler.command, " "), version.empty() ? "no GCC or Clang" : version, abi_compiler,
      versioned_name(abi_compiler)));
}

}  // namespace chaperon::cli
