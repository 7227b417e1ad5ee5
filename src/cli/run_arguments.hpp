// The options that `chaperon run` and programs with load tests of their own share.
#pragma once

#include <string>
#include <vector>

#include <chaperon/load_test.hpp>

#include "base/log.hpp"
#include "cli/arguments.hpp"
#include "cli/process.hpp"
#include "cli/run_report.hpp"

namespace chaperon::cli {

/// The options as they were given.
struct RunArguments {
  std::string load_test{};
  std::vector<std::string> config{};
  std::string config_file{};
  std::string base_url{};
  std::vector<std::string> outputs{};
  std::string format{};
  std::string tag{};
  std::vector<std::string> metrics{};
  std::string threads{};
  std::string seed{};
  std::string log_level{};
  std::string stack_size{};
  bool print_results = false;
  bool print_metrics = false;
  bool allow_failures = false;

  /// Declares them, except the positional ones.
  void declare(Arguments& arguments);

  /// What they mean. Throws InputError for a value that cannot work, and for a config file that cannot be
  /// read.
  [[nodiscard]] RunOptions run_options() const;
  [[nodiscard]] ReportOptions report_options() const;
  [[nodiscard]] LogLevel level() const;
};

/// The number of threads that `--threads` gives: 0, one per core, if the text is empty.
unsigned threads_option(const std::string& text);

/// Keeps the log running: lines of sessions go to stderr from the level on, in colours where the process may
/// have them.
class LogSession {
 public:
  LogSession(const Process& process, LogLevel level) { start_log(level, process.colours_err()); }
  ~LogSession() { stop_log(); }
  LogSession(const LogSession&) = delete;
  LogSession& operator=(const LogSession&) = delete;
};

}  // namespace chaperon::cli
