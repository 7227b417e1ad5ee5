// From a scenario's C++ file to a library that can be loaded: from the cache, or compiled.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

#include "cli/process.hpp"

namespace chaperon::cli {

/// A scenario does not compile. The compiler's diagnostics have been written to stderr; there is nothing to
/// add.
class CompileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Ctrl-C came while a scenario was compiled, which has been said.
class CompileInterrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The library for a scenario file: the cached one if the file, all headers it includes, the flags, the
/// compiler and Chaperon are what they were, else compiled now, which one line on stderr says. `flags`
/// (`--cxxflags`) come last on the compiler's command line. Throws CompileError, CompileInterrupted, or
/// InputError if there is no such file, no compiler or no place for the result.
std::filesystem::path compile_scenario(Process& process, const std::string& file, const std::string& flags);

}  // namespace chaperon::cli
