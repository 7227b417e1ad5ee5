// A scenario file as named on the command line: C++ to compile, or a library.
#pragma once

#include <filesystem>
#include <string>

#include "cli/process.hpp"

namespace chaperon::cli {

/// The library of a scenario file: compiled if it is C++ (and not kept since), itself if it is one. `flags`
/// are further ones for the compiler. Throws InputError, CompileError, CompileInterrupted.
std::filesystem::path scenario_library_of(Process& process, const std::string& file,
                                          const std::string& flags);

/// Whether there is such a file, named as one that scenario_library_of() takes.
bool is_scenario_file(const std::string& file);

}  // namespace chaperon::cli
