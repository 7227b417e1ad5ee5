// Child processes for tests: start, talk to, wait for with a limit.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "support/descriptor.hpp"

namespace chaperon::test {

/// How a process ended and what it wrote.
struct CommandResult {
  int exit_code = -1;  ///< as the shell has it: 128 + the signal's number if a signal ended it
  std::string out{};   ///< its standard output
  std::string err{};   ///< its standard error
  bool timed_out = false;
};

struct ProcessOptions {
  std::vector<std::string> environment{};  ///< `NAME=value`, in addition to this process's; replaces by name
  std::filesystem::path directory{};       ///< where it runs; default: here
  int inherited = -1;                      ///< a descriptor that it gets as number 3
};

/// A running child process, in a process group of its own, with standard input empty. Its output is read
/// while waiting for something, so it never blocks on a full pipe then. For one thread at a time.
class Process {
 public:
  using Milliseconds = std::chrono::milliseconds;

  /// Starts it; `arguments[0]` is looked up in PATH. Throws std::system_error if it cannot be started.
  explicit Process(const std::vector<std::string>& arguments, const ProcessOptions& options = {});
  /// Kills the group if the process has not been waited for.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Sends a signal to the process; nothing happens if it has ended.
  void signal(int number) const;
  /// Whether it runs still; reads what it has written so far.
  bool running();
  /// Waits for a line of its standard output and returns it without its end, each line once; nothing if the
  /// output or the time ends first.
  std::optional<std::string> read_line(Milliseconds timeout);
  /// Waits for its end and returns what read_line() has not; kills the group if the time ends first. Call it
  /// once.
  CommandResult wait(Milliseconds timeout);

 private:
  void read_available();
  bool poll_once(std::chrono::steady_clock::time_point deadline);
  void reap();

  pid_t pid_ = -1;
  Descriptor ended_;  // a pidfd, readable at its end
  Descriptor out_;
  Descriptor err_;
  CommandResult result_;
  bool reaped_ = false;
};

/// Runs a command to its end, or kills it after `timeout`. Throws std::system_error if it cannot be started.
CommandResult run_command(const std::vector<std::string>& arguments, const ProcessOptions& options = {},
                          std::chrono::milliseconds timeout = std::chrono::seconds(60));

}  // namespace chaperon::test
