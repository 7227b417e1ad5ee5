// Where the headers that scenarios include are: found from the program's own place, installed or in a build
// tree.
#pragma once

#include <filesystem>
#include <vector>

namespace chaperon::cli {

/// The name of the file that CMake writes at the top of a build tree: an include directory on each line.
inline constexpr const char* kBuildTreeFile = "chaperon-include-directories.txt";

/// The directories that hold <chaperon/chaperon.hpp> and what it needs: `../include` beside the program's
/// directory, or what the build tree's file says. Throws InputError, with the remedy, if the headers are not
/// there.
std::vector<std::filesystem::path> include_directories(const std::filesystem::path& executable);

}  // namespace chaperon::cli
