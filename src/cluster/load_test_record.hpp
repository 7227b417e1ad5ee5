// A load test of the queue: what it is, what has become of it, and what may become of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <chaperon/json.hpp>

#include "cluster/load_test_options.hpp"

namespace chaperon::cluster {

/// What has become of a load test.
enum class LoadTestState : std::uint8_t {
  scheduled,   ///< it waits for its turn
  running,     ///< a master runs it
  passed,      ///< it has run, and passed
  failed,      ///< it has run, and failed
  incomplete,  ///< it has run, but something is missing: a worker was lost
  cancelled,   ///< before it began or while it ran
  error,       ///< it could not be run, or its master has ended while it ran
};

/// The word for a state, as people see it.
std::string_view to_string(LoadTestState state) noexcept;
/// Whether nothing more becomes of it.
bool has_ended(LoadTestState state) noexcept;

/// Milliseconds since 1970; 0: not yet.
using Timestamp = std::int64_t;
/// Now, by this machine's clock.
Timestamp timestamp_now();

/// A load test of the queue. It is stored as JSON, and changed by compare-and-set only.
struct LoadTestRecord {
  std::string id{};         ///< 8 hexadecimal digits
  std::string load_test{};  ///< its name in the file
  std::string file{};       ///< the file's name, for people
  std::vector<std::string> tags{};
  LoadTestOptions options{};
  std::string submitted_by{};  ///< for people
  LoadTestState state = LoadTestState::scheduled;
  Timestamp submitted_at = 0;
  Timestamp started_at = 0;
  Timestamp ended_at = 0;
  std::uint64_t master = 0;            ///< the epoch of the master that has begun it; 0: none has
  bool cancel_requested = false;       ///< its master is to cancel it
  std::string message{};               ///< why it is as it is; may be empty
  std::optional<int> exit_code{};      ///< of the process that has run it
  std::vector<std::string> results{};  ///< the kinds of results that are kept: `csv`, `json`, `txt`
  friend bool operator==(const LoadTestRecord&, const LoadTestRecord&) = default;
};

std::string encode(const LoadTestRecord& record);
/// Nothing if the text is no such record.
std::optional<LoadTestRecord> decode_record(std::string_view text);

/// The record for people and programs: times as UTC texts, secrets in the options masked. `with_options`:
/// also the options.
Json shown(const LoadTestRecord& record, bool with_options);

/// What has become of it, for people: `passed`, `failed: 1 session failed`, `cancelled before it began`.
std::string fate_text(LoadTestState state, std::string_view message);

/// Whether a text can be the id of a load test.
bool is_load_test_id(std::string_view text) noexcept;

// --- What may become of it -----------------------------------------------------------------------

// Each changes the record and returns true, or leaves it and returns false where that must not be.

/// A master begins it, if it is scheduled.
bool begin(LoadTestRecord& record, std::uint64_t master, Timestamp now);

/// What came of wanting to cancel a load test.
enum class Cancelled : std::uint8_t {
  done,      ///< it was scheduled, and is cancelled
  wanted,    ///< it runs, and its master will cancel it
  too_late,  ///< it had ended already
  unknown,   ///< there is none of that id
};
/// Cancels it if it is scheduled, or asks its master to. The record has changed where it is `done` or
/// `wanted`.
Cancelled cancel(LoadTestRecord& record, Timestamp now);

/// How a load test has ended.
struct LoadTestEnd {
  LoadTestState state = LoadTestState::error;
  std::string message{};
  std::optional<int> exit_code{};
  std::vector<std::string> results{};  ///< the kinds that are kept
};
/// It has ended, if it was running; also if it was abandoned, for its master may come back with what it has
/// measured.
bool end(LoadTestRecord& record, const LoadTestEnd& how, Timestamp now);

/// The master `master` finds it running, but does not run it: whoever did has ended. It is an error then.
bool abandon(LoadTestRecord& record, std::uint64_t master, Timestamp now);

}  // namespace chaperon::cluster
