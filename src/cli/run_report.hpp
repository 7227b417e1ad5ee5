// Running a load test at the terminal: what `run`, `bench` and programs with load tests of their own have in
// common.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <chaperon/load_test.hpp>

#include "cli/exit_code.hpp"
#include "cli/process.hpp"
#include "export/output_file.hpp"

namespace chaperon::cli {

/// A file that a run is made from.
struct InputFile {
  std::string what;  ///< such as `the scenario file`
  std::string path;
};

/// Called with a line that people should see while a load test runs.
using News = std::function<void(const std::string& line)>;

/// Runs a load test, as run_load_test() does.
using RunLoadTest =
    std::function<Results(const RegisteredLoadTest& load_test, const RunOptions& options, const News& news)>;

/// What to do with the results, as the options say it.
struct ReportOptions {
  std::vector<std::string> outputs{};  ///< `--output`, each time it was given
  std::string format{};                ///< `--format`; empty: by each output's extension, else CSV
  std::string tag{};                   ///< `--tag`
  bool print_results = false;
  bool print_metrics = false;
  bool allow_failures = false;
  std::vector<InputFile> inputs{};  ///< that results must not replace
  std::string title{};  ///< such as `bench http://h/: 10 sessions, 10.0 s`; empty: the load test's name
  /// Requested when the run's time is up: what is under way is cut off then, as it should be.
  std::stop_token time_up{};
};

/// Where results go. Making it checks all that can be checked before the run.
class Report {
 public:
  /// Throws InputError for an unknown format, a tag together with an output, or an output that cannot be
  /// written or would replace one of the run's own inputs or what another output writes.
  Report(Process& process, ReportOptions options);

  /// For `--tag`: checks the path that the load test's name gives. Throws InputError.
  void prepare(const std::string& load_test);

  /// Has load tests run by `run` instead of run_load_test().
  void run_with(RunLoadTest run) { run_ = std::move(run); }

  /// Runs the load test and shows it: one line before, a live line, the summary after; writes the files.
  /// Returns the exit code. Throws InputError if the load test cannot be run, or the results cannot be
  /// written.
  ExitCode run(const RegisteredLoadTest& load_test, RunOptions options);

 private:
  struct Output {
    std::string path;
    exporting::OutputFile file;
  };
  std::vector<std::string> write_files(const Results& results, std::exception_ptr& not_written);
  void print(const Results& results, const std::vector<std::string>& files, ExitCode& code);

  Process& process_;
  ReportOptions options_;
  RunLoadTest run_;
  std::vector<Output> outputs_;
};

/// For a run whose `--metrics` let nothing be recorded: says so, and which names there are. Empty otherwise.
std::string nothing_recorded_text(const Results& results, const std::vector<std::string>& metrics);

/// For a run whose requests waited for file descriptors, of which this process may have `limit`: says so,
/// with the remedy. Empty otherwise.
std::string queued_for_descriptors_text(const Results& results, std::uint64_t limit);

/// The line before a run: `ShopTest: 600 sessions, 2 loops, http://127.0.0.1:5000, seed 4711. Ctrl-C stops
/// and reports.` A title, which says itself how many sessions there are, stands instead of all before the
/// loops.
std::string start_text(const RunStart& start, const std::string& title);

}  // namespace chaperon::cli
