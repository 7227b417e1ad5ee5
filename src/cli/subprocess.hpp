// Child processes: a compiler whose output is collected, a server whose first line is read.
#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <sys/types.h>

#include <chaperon/duration.hpp>

namespace chaperon::cli {

/// What a child is started with. Its stdin is /dev/null, and it has no descriptors but the first three.
struct ChildOptions {
  std::vector<std::string>
      command{};                  ///< command[0] is the file to execute, with a slash: PATH is not searched
  bool capture_stderr = false;    ///< into the same pipe as stdout; else it shares this process's stderr
  bool own_group = false;         ///< Ctrl-C in the terminal does not reach it
  bool dies_with_parent = false;  ///< killed when the thread that started it ends, however it ends
  std::string directory{};        ///< where it runs; empty: here
  std::string output_file{};      ///< its stdout goes there instead of to this process; made anew
  std::string error_file{};       ///< likewise its stderr
  /// What its environment has differently from this process's: values by name; nothing: not set there.
  std::map<std::string, std::optional<std::string>> environment{};
};

/// What Child::wait() adds to the number of the signal that ended the child.
inline constexpr int kSignalled = 128;

/// A child process and its stdout. The destructor kills and reaps it.
class Child {
 public:
  /// Starts it. Throws std::runtime_error, which names the command and the reason, if it cannot be started.
  explicit Child(const ChildOptions& options);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Waits for the first line of its output; nothing if the output ends, or `timeout` passes, before.
  std::optional<std::string> read_line(Duration timeout);
  /// Reads all its output and waits until it has ended; returns the output. When `stop` is requested its
  /// group, which must be its own, is asked to end (SIGTERM).
  std::string read_all(const std::stop_token& stop = {});
  /// The same, but for `timeout` at most: nothing then, or when `stop` is requested. Its group, which must be
  /// its own, is asked to end (SIGTERM) in that case, and killed if it has not within `grace`. Whoever of its
  /// group is left behind when it ends is killed too.
  std::optional<std::string> read_all_within(Duration timeout, const std::stop_token& stop = {},
                                             Duration grace = std::chrono::seconds(3));
  /// Sends it a signal; nothing happens if it has ended.
  void signal(int number) const;
  /// Whether it has ended; does not wait.
  [[nodiscard]] bool ended() const { return pid_ <= 0 || ended_within(Duration::zero()); }
  /// Waits until it has ended. Returns its exit status, or kSignalled + N if signal N ended it.
  int wait();
  /// Asks it to end (SIGTERM), then kills it if it has not within `patience`. Another thread may read its
  /// output meanwhile.
  void terminate(Duration patience) const;
  /// The same, and returns as wait() does.
  int stop(Duration patience);
  /// Whether it ends, or has ended, within that time.
  [[nodiscard]] bool ended_within(Duration patience) const;
  /// Its process id; 0 once it has been waited for.
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

 private:
  enum class Read { some, nothing, end };
  Read read_some(std::string& text, Duration patience);

  pid_t pid_ = 0;
  int output_ = -1;
  int status_ = 0;
};

/// The path of a program as a shell would find it: itself if it has a slash, else from the directories of
/// `path`. Nothing if there is no such executable file.
std::optional<std::string> find_program(const std::string& name, const std::string& path);

}  // namespace chaperon::cli
