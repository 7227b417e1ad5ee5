#include "cli/installation.hpp"

#include <fstream>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "cli/build_config.hpp"

namespace chaperon::cli {

std::vector<std::filesystem::path> include_directories(const std::filesystem::path& executable) {
  namespace fs = std::filesystem;
  const auto prefix = executable.parent_path().parent_path();
  std::error_code error;
  std::vector<fs::path> directories;
  const auto has_headers = [&](const fs::path& directory) {
    return fs::is_regular_file(directory / "chaperon" / "chaperon.hpp", error);
  };

  // A build tree may lie within an installation's prefix, never the other way round: its file goes first.
  if (std::ifstream build_tree(prefix / kBuildTreeFile); build_tree) {
    for (std::string line; std::getline(build_tree, line);) {
      if (!line.empty()) directories.emplace_back(line);
    }
  }
  if (directories.empty()) directories.push_back(prefix / "include");
  if (!has_headers(directories.front())) {
    throw InputError(fmt::format(
        "the headers of Chaperon are not in {}: install Chaperon whole (cmake --install), or run it from "
        "where it was built",
        directories.front().string()));
  }
  for (std::string_view rest = kDependencyIncludes; !rest.empty();) {
    const auto colon = rest.find(':');
    const fs::path directory(rest.substr(0, colon));
    if (fs::is_directory(directory, error)) directories.push_back(directory);
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
  }
  return directories;
}

}  // namespace chaperon::cli
