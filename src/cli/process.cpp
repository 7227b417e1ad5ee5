#include "cli/process.hpp"

#include <cstdlib>
#include <iostream>
#include <system_error>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace chaperon::cli {

std::optional<std::string> Process::variable(const std::string& name) const {
  auto value = environment ? environment(name) : std::nullopt;
  if (value && value->empty()) value.reset();
  return value;
}

// https://no-color.org: set and not empty.
bool Process::colours_out() const {
  return out_is_terminal && !variable("NO_COLOR");
}
bool Process::colours_err() const {
  return err_is_terminal && !variable("NO_COLOR");
}

Process this_process(int argc, const char* const* argv) {
  Process process;
  process.args.assign(argv, argv + argc);
  if (process.args.empty()) process.args.emplace_back("chaperon");
  process.environment = [](const std::string& name) -> std::optional<std::string> {
    // Read before other threads could change it; Chaperon itself never does.
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  process.out = &std::cout;
  process.err = &std::cerr;
  process.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  process.err_is_terminal = isatty(STDERR_FILENO) == 1;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
    process.columns = size.ws_col;
  }
  std::error_code error;
  process.executable = std::filesystem::read_symlink("/proc/self/exe", error);
  process.handle_signals = true;
  return process;
}

}  // namespace chaperon::cli
