#include "cli/scenario_file.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "cli/options.hpp"
#include "cli/scenario_compiler.hpp"

namespace chaperon::cli {
namespace {

namespace fs = std::filesystem;

void require_file(const std::string& file) {
  std::error_code error;
  const auto status = fs::status(file, error);
  if (fs::is_directory(status))
    throw InputError(fmt::format("{} is a directory: name a scenario file in it", file));
  if (fs::exists(status)) return;
  if (fs::exists(file + ".cpp", error)) {
    throw InputError(fmt::format("{} does not exist: did you mean {}.cpp?", file, file));
  }
  const auto stem = fs::path(file).stem().string();
  throw InputError(
      fmt::format("{} does not exist: check the path, or let 'chaperon new {}' write one to begin with", file,
                  shell_word(stem)));
}

constexpr std::array kSources{".cpp", ".cc", ".cxx"};

bool is_source(const fs::path& extension) {
  return std::find(kSources.begin(), kSources.end(), extension) != kSources.end();
}

}  // namespace

bool is_scenario_file(const std::string& file) {
  std::error_code error;
  const auto extension = fs::path(file).extension();
  return (extension == ".so" || is_source(extension)) && fs::is_regular_file(file, error);
}

std::filesystem::path scenario_library_of(Process& process, const std::string& file,
                                          const std::string& flags) {
  require_file(file);
  const auto extension = fs::path(file).extension();
  if (extension == ".so") {
    if (!flags.empty())
      throw InputError(fmt::format("--cxxflags has no effect on {}, which is compiled: leave it out", file));
    return file;
  }
  if (is_source(extension)) {
    return compile_scenario(process, file, flags);
  }
  throw InputError(fmt::format(
      "{} is no scenario file: a C++ file (.cpp, .cc, .cxx) or a library made from one (.so) is needed",
      file));
}

}  // namespace chaperon::cli
