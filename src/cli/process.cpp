#include "cli/process.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace chaperon::cli {
namespace {

// Where one of the first three descriptors is closed, a socket or a file would take its number, and get what
// is written to it.
void fill_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // For reading only: writing stays the error that it is.
    if (fcntl(descriptor, F_GETFD) < 0) static_cast<void>(open("/dev/null", O_RDONLY));
  }
}

bool reader_gone(int descriptor) {
  pollfd look{.fd = descriptor, .events = POLLOUT, .revents = 0};
  return poll(&look, 1, 0) > 0 && (look.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace

std::optional<std::string> Process::variable(const std::string& name) const {
  auto value = environment ? environment(name) : std::nullopt;
  if (value && value->empty()) value.reset();
  return value;
}

bool Process::out_is_written() const {
  return !out->flush().fail() || (out_reader_gone && out_reader_gone());
}

// https://no-color.org: set and not empty.
bool Process::colours_out() const {
  return out_is_terminal && !variable("NO_COLOR");
}
bool Process::colours_err() const {
  return err_is_terminal && !variable("NO_COLOR");
}

Process this_process(int argc, const char* const* argv) {
  fill_standard_descriptors();
  // A reader that has gone, as `head` does, is no reason to end: files are to be written.
  std::signal(SIGPIPE, SIG_IGN);
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
  process.out_reader_gone = [] { return reader_gone(STDOUT_FILENO); };
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
