// The compiler that scenarios are compiled with.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/process.hpp"

namespace chaperon::cli {

/// A compiler, found and ready to be called.
struct Compiler {
  std::vector<std::string>
      command{};  ///< the program's path and its first arguments, such as {"/usr/bin/ccache", "g++"}
  std::string
      identity{};  ///< changes when the program is replaced: its path, the file behind it, size and time
  bool chosen_by_user = false;  ///< by $CXX
};

/// What a compiler says it is, such as `GCC 12`; empty if it does not say. Runs it twice.
std::string compiler_version(const Compiler& compiler);

/// The compiler to use: $CXX; else `built_with`, if it is there; else the first in PATH that is of the
/// version that `abi_compiler` (`GCC 12`) names. Throws InputError, with the remedy, if there is none.
Compiler find_compiler(const Process& process, std::string_view built_with, std::string_view abi_compiler);

/// Throws InputError, with the remedy, if the compiler is not of that version. Does not run a compiler that
/// is Chaperon's own.
void require_version(const Compiler& compiler, std::string_view abi_compiler);

}  // namespace chaperon::cli
