// A scenario file as named on the command line: C++ to compile, or a library.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <chaperon/load_test.hpp>

#include "cli/process.hpp"

namespace chaperon::cli {

/// The library of a scenario file: compiled if it is C++ (and not kept since), itself if it is one. `flags`
/// are further ones for the compiler. Throws InputError, CompileError, CompileInterrupted.
std::filesystem::path scenario_library_of(Process& process, const std::string& file,
                                          const std::string& flags);

/// Whether there is such a file, named as one that load_scenario_file() takes.
bool is_scenario_file(const std::string& file);

/// The load tests in a file: `.so` is loaded; `.cpp`, `.cc` and `.cxx` are compiled with `flags` first,
/// unless that was done before. Throws InputError or CompileError.
std::vector<RegisteredLoadTest> load_scenario_file(Process& process, const std::string& file,
                                                   const std::string& flags);

}  // namespace chaperon::cli
