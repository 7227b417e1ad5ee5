// What a load test has measured.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <chaperon/duration.hpp>
#include <chaperon/json.hpp>

namespace chaperon {

namespace metrics {
class Histogram;
}

inline namespace v1 {

/// What the values of a metric are.
enum class MetricKind : std::uint8_t {
  duration,  ///< values are milliseconds
  number,    ///< values have no unit (`add_metric(name, number)`)
};

/// One row of the results: the histogram of one action of one session name. Cheap to copy.
class CHAPERON_API Metric {
 public:
  /// Made by run_load_test().
  Metric(std::string session, std::string action, std::string target, std::string error, MetricKind kind,
         std::shared_ptr<const metrics::Histogram> histogram);

  [[nodiscard]] const std::string& session() const noexcept { return session_; }  ///< the session's name
  [[nodiscard]] const std::string& action() const noexcept {
    return action_;
  }  ///< `get`, `call`, `round_trip`
  [[nodiscard]] const std::string& target() const noexcept { return target_; }  ///< URL or name; may be empty
  [[nodiscard]] const std::string& error() const noexcept {
    return error_;
  }                                                                 ///< `timeout`, `HTTP 503`; or empty
  [[nodiscard]] MetricKind kind() const noexcept { return kind_; }  ///< whether it has a unit
  /// The row's name as exported: `SESSION ACTION(TARGET)`, `SESSION Error REASON ACTION(TARGET)`.
  [[nodiscard]] std::string name() const;

  [[nodiscard]] std::uint64_t count() const noexcept;  ///< samples
  [[nodiscard]] double min() const noexcept;           ///< exact; 0 if there is no sample
  [[nodiscard]] double max() const noexcept;           ///< exact; 0 if there is no sample
  [[nodiscard]] double mean() const noexcept;          ///< exact; 0 if there is no sample
  /// The value at a percentile (0 to 100) by nearest rank: the smallest value that at least that share of the
  /// samples does not exceed; to 3 significant digits, never outside [min, max].
  [[nodiscard]] double percentile(double percent) const noexcept;
  /// The histogram itself, for exact merging.
  [[nodiscard]] const metrics::Histogram& histogram() const noexcept { return *histogram_; }

 private:
  std::string session_, action_, target_, error_;
  MetricKind kind_;
  std::shared_ptr<const metrics::Histogram> histogram_;
};

/// How the sessions (users) ended.
struct SessionCounts {
  std::uint64_t ok = 0;         ///< all their scenarios returned
  std::uint64_t failed = 0;     ///< an exception, fail(), or worse
  std::uint64_t cancelled = 0;  ///< abort(), or the run was interrupted
  std::uint64_t timed_out = 0;  ///< scenario_timeout or load_test_timeout
  /// All of them.
  [[nodiscard]] std::uint64_t total() const noexcept { return ok + failed + cancelled + timed_out; }
};

/// How the sessions of one name ended.
struct NamedSessions {
  std::string name;      ///< of the sessions
  SessionCounts counts;  ///< how they ended
};

/// Failures of one kind, with an example.
struct ErrorGroup {
  std::string session;      ///< the session's name
  std::string action;       ///< such as `post`; empty for a session's own end
  std::string target;       ///< URL or name
  std::string reason;       ///< `timeout`, `HTTP 503`; `failed`, `timed out`, `cancelled` for a session's end
  std::uint64_t count = 0;  ///< how many
  std::string example;      ///< the message of the first of them
  std::string session_id;   ///< the session of that example
  Duration first_at{0};     ///< when, counted from the start of the run
};

/// What went over the wire, in all.
struct Traffic {
  std::uint64_t requests = 0;           ///< attempts: answered or not
  std::uint64_t responses = 0;          ///< answers, of whatever status
  std::uint64_t errors = 0;             ///< unanswered, and answers with status 400 or above
  std::uint64_t retried = 0;            ///< sent once more after a stale keep-alive connection
  std::uint64_t bytes_sent = 0;         ///< handed to the kernel
  std::uint64_t bytes_received = 0;     ///< as they came, before decompression
  std::uint64_t messages_sent = 0;      ///< by WebSockets
  std::uint64_t messages_received = 0;  ///< by WebSockets, whether a scenario took them or not
};

/// How the load generator itself fared. When it was held up, latencies are partly its own.
struct GeneratorHealth {
  unsigned loops = 0;        ///< event loops, one a thread
  double busiest_loop = 0;   ///< CPU of the busiest loop as a share of one core, 0 to 1
  Duration lateness_p99{0};  ///< how late a loop came to an event, 99th percentile
  Duration queued_p99{
      0};  ///< how long requests waited for a connection slot or a descriptor, 99th percentile
  std::uint64_t log_lines_dropped = 0;  ///< because they came faster than they could be written
};

/// How a worker of a cluster took part in a load test.
struct WorkerResults {
  std::string name{};                       ///< the worker's
  unsigned loops = 0;                       ///< event loops, one a thread
  SessionCounts sessions{};                 ///< how those that ran there ended
  Traffic traffic{};                        ///< what went over the wire there
  double busiest_loop = 0;                  ///< CPU of its busiest loop as a share of one core, 0 to 1
  Duration clock_offset{0};                 ///< its steady clock less the coordinator's
  Duration round_trip{0};                   ///< the shortest of those by which clock_offset was measured
  std::string loss{};                       ///< why its results are not whole; empty if they are
  std::vector<std::uint64_t> unfinished{};  ///< the numbers of users of which it is not known how they ended
};

/// The merged results of a load test.
struct CHAPERON_API Results {
  std::string load_test;                               ///< its name
  std::chrono::system_clock::time_point started_at{};  ///< when the run began
  Duration duration{0};      ///< from the first session's start to the end of the last `run`
  std::uint64_t seed = 0;    ///< of all random draws
  bool interrupted = false;  ///< whether RunOptions::stop was requested
  std::string
      internal_error;  ///< what has damaged the run itself, such as a stack overflow; empty if nothing has
  SessionCounts sessions;                       ///< how the sessions ended, in all
  std::vector<NamedSessions> sessions_by_name;  ///< in the order of the load test's table
  std::vector<Metric> metrics;                  ///< sorted by name, byte by byte
  std::vector<ErrorGroup> errors;               ///< of actions, most frequent first
  std::vector<ErrorGroup> endings;              ///< of sessions that did not end ok, most frequent first
  std::vector<std::string> warnings;            ///< one sentence each
  Traffic traffic;                              ///< what went over the wire
  GeneratorHealth generator;                    ///< how the load generator fared
  std::vector<WorkerResults> workers;           ///< of a cluster, by name; empty if it ran in one process
  std::vector<std::string> incomplete;          ///< what is missing, one sentence each; empty: nothing is
  Json config;                                  ///< the merged config of the load test
  Json scenarios;                               ///< the scenario table, with each entry's own config
  Json stored;  ///< what `store_results` kept: an array of {session, action, result}

  /// The row of that name, or nullptr.
  [[nodiscard]] const Metric* find(std::string_view name) const noexcept;
  /// The count of the row of that name; 0 if there is none.
  [[nodiscard]] std::uint64_t count(std::string_view name) const noexcept;
  /// Whether every session ended ok or cancelled, nothing is missing and, if requests were made, at least one
  /// was answered.
  [[nodiscard]] bool passed() const noexcept;
};

}  // namespace v1
}  // namespace chaperon
