// What coordinator and workers have agreed upon: names, times, messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <chaperon/duration.hpp>
#include <chaperon/json.hpp>

#include "cluster/nats.hpp"

namespace chaperon::cluster {

// --- Times ---------------------------------------------------------------------------------------

/// How often a worker renews its lease and sends what it has measured, and a coordinator says that it lives.
inline constexpr Duration kBeat = 1s;
/// How long a lease holds after its renewal: a worker does nothing beyond that, and is lost then.
inline constexpr Duration kLease = 4s;
/// How long a worker does not hear of its coordinator before it cancels its sessions.
inline constexpr Duration kCoordinatorSilence = 4s;
/// How long a worker does not hear of its coordinator before its loops stand still: teardowns too are over
/// then.
inline constexpr Duration kCoordinatorLost = 8s;
/// The name under which a master holds its lease.
inline constexpr std::string_view kMasterName = "master";
/// How long a lease stays in its bucket without renewal.
inline constexpr Duration kLeaseExpiry = 10s;

/// The precision of metrics in the reports of each second: percentiles are within 3 %. What goes over the bus
/// then does not grow with the number of samples, and costs little to merge. At its end a worker sends all
/// of them at full precision, which takes their place.
inline constexpr int kProvisionalBits = 5;

// --- Names ---------------------------------------------------------------------------------------

inline constexpr std::string_view kWorkersBucket = "chaperon_workers";
inline constexpr std::string_view kArtifactsBucket = "chaperon_artifacts";
inline constexpr std::string_view kLoadTestsBucket = "chaperon_load_tests";
inline constexpr std::string_view kLoadTestFilesBucket = "chaperon_load_test_files";
inline constexpr std::string_view kCommandsStream = "CHAPERON_COMMANDS";
inline constexpr std::string_view kReportsStream = "CHAPERON_REPORTS";
inline constexpr std::string_view kScheduledStream = "CHAPERON_SCHEDULED";

/// From a coordinator to the worker of that name; kept by kCommandsStream.
std::string command_subject(std::string_view worker);
/// From a worker to the coordinator of a run; kept by kReportsStream. `*` for all workers.
std::string report_subject(std::string_view run, std::string_view worker);
/// From one worker of a run to another; kept by kScheduledStream.
std::string scheduled_subject(std::string_view run, std::string_view worker);
/// A coordinator says that it lives.
std::string beat_subject(std::string_view run);
/// Asks a worker what its clock says.
std::string clock_subject(std::string_view worker);
/// A coordinator says how its run goes, for whoever listens.
std::string progress_subject(std::string_view run);

/// Asks the master how it is.
std::string_view master_subject() noexcept;

/// Makes the streams that runs need, where they are not there yet. `replicas`: on how many servers of a NATS
/// cluster. Throws NatsError.
void ensure_streams(Nats& nats, int replicas);

/// Whether a text can be the name of a worker: 1 to 64 letters, digits, `-` and `_`.
bool is_worker_name(std::string_view name) noexcept;
/// Whether these can be a label of a worker: a key without `=` that does not begin with `-`, and no control
/// characters in either.
bool is_label(std::string_view key, std::string_view value) noexcept;

// --- What is said --------------------------------------------------------------------------------

/// The value of a worker's lease: who it is and what it does.
struct WorkerInfo {
  std::string name{};
  std::uint64_t epoch = 0;  ///< tells this life of the worker from others of the same name; grows
  unsigned loops = 0;
  std::map<std::string, std::string> labels{};
  std::string abi{};    ///< what scenario libraries must have been made with: see base/abi.hpp
  bool works = true;    ///< false: it is there to look and to submit only
  std::string run{};    ///< the run it is taken by; empty if it is free
  std::string doing{};  ///< one phrase for people
  friend bool operator==(const WorkerInfo&, const WorkerInfo&) = default;
};

std::string encode(const WorkerInfo& info);
/// Nothing if the text is no such value.
std::optional<WorkerInfo> decode_worker_info(std::string_view text);

/// What a worker's steady clock shows.
struct ClockReading {
  std::uint64_t epoch = 0;  ///< of the life of the worker that has read it; 0: it is about to begin one
  Duration at{0};
};

std::string encode(const ClockReading& reading);
/// Nothing if the text is no such reading.
std::optional<ClockReading> decode_clock_reading(std::string_view text);

/// A worker's place in a run.
struct Seat {
  std::string worker{};
  std::uint64_t epoch = 0;
  std::vector<unsigned> loops{};  ///< the numbers of its loops in the load test
  friend bool operator==(const Seat&, const Seat&) = default;
};

/// What a coordinator wants of a worker.
struct Command {
  enum class Kind : std::uint8_t {
    prepare,    ///< load the library and be ready: everything below but `start_at`
    start,      ///< users start at `start_at`
    take_over,  ///< run `users` too, who belonged to a worker that is lost
    lost,       ///< the worker `worker` is lost: what was scheduled there, or came from there, ends
    cancel,     ///< cancel all sessions, as `outcome`, because of `reason`
    finish,     ///< all users have ended: send the rest
    leave,      ///< give the run up: nothing of it is of use any more
  };
  Kind kind = Kind::leave;
  std::string run{};
  std::uint64_t epoch = 0;  ///< of the worker it is for
  std::string coordinator{};

  std::string artifact{};  ///< SHA-256 of the library, hexadecimal
  std::string library_name{};
  std::string load_test{};
  Json config{};
  std::string base_url{};
  std::uint64_t seed = 0;
  std::uint64_t stack_size = 0;
  std::vector<std::string> metrics{};
  std::string log_level{};
  std::vector<Seat> seats{};

  std::int64_t start_at = 0;  ///< nanoseconds of the worker's steady clock
  std::vector<std::uint64_t> users{};
  std::string worker{};
  std::string outcome{};  ///< `cancelled` or `timed out`
  std::string reason{};
};

std::string encode(const Command& command);
/// Throws MalformedBytes.
Command decode_command(std::string_view text);

/// What a worker says to the coordinator of its run. Reports are numbered from 1 without a gap, so that none
/// is lost or counted twice without being noticed.
struct Report {
  enum class Kind : std::uint8_t {
    ready,     ///< it can start; `users` and `table` say what it would run
    refused,   ///< it cannot take part, because of `reason`
    measured,  ///< `measurements` of the last second, their metrics at kProvisionalBits, and how it stands
    settled,  ///< `measurements` whose metrics are of the whole run, at full precision, instead of all before
    finished,  ///< the same, and it was the last
    stopping,  ///< it cancels its sessions by itself, because of `reason`
    busy,      ///< it takes part in another run: `reason` says in which
  };
  Kind kind = Kind::measured;
  std::string run{};
  std::string worker{};
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;

  Duration elapsed{0};  ///< since the start of the run, when this was measured
  std::string reason{};
  std::uint64_t users = 0;  ///< of the whole load test
  std::string table{};      ///< a digest of its table
  std::uint64_t waiting = 0;
  std::uint64_t live = 0;
  double busiest_loop = 0;         ///< CPU as a share of one core since the last report, 0 to 1
  double busiest_loop_of_run = 0;  ///< the same since the start
  std::uint64_t log_lines_dropped = 0;
  std::string measurements{};  ///< as measurements_codec.hpp has it; may be empty
};

/// The bytes of a report: a line of JSON, then the measurements.
std::string encode(const Report& report);
/// Throws MalformedBytes.
Report decode_report(std::string_view bytes);

}  // namespace chaperon::cluster
