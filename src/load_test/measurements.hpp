// What loops have measured.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <chaperon/results.hpp>

#include "base/clock.hpp"
#include "metrics/histogram.hpp"
#include "metrics/snapshot.hpp"
#include "session/error_log.hpp"
#include "session/loop_context.hpp"

namespace chaperon::load_test {

/// What one loop, or several, have measured: in a whole run, or since they were last asked. Measurements add
/// up: those of all loops, or all seconds of one, are those of the run. Move only.
struct Measurements {
  metrics::Snapshot metrics;
  session::ErrorLog errors;                      ///< of actions
  session::ErrorLog endings;                     ///< of sessions
  std::vector<SessionCounts> sessions_by_entry;  ///< of the plan
  Traffic traffic;
  metrics::Histogram answers;   ///< how long answered requests took, if somebody looks: for live displays
  metrics::Histogram lateness;  ///< of the loops
  metrics::Histogram queued;    ///< how long requests waited for the generator itself
  session::StoredResults stored;
  std::vector<std::uint64_t> ended_users;  ///< their numbers, in no order
  Instant first_start = Instant::max();    ///< of the first session's `run`
  Instant last_end = Instant::min();       ///< of the last session's `run`
  bool overflowed = false;                 ///< whether a session has overflowed its stack
  std::vector<std::string> warnings;       ///< one sentence each, none twice

  /// How the sessions ended, of all entries.
  [[nodiscard]] SessionCounts sessions() const noexcept;
  /// Adds what others have measured.
  void merge(Measurements&& other);
};

/// Both together.
SessionCounts sessions_sum(const SessionCounts& a, const SessionCounts& b) noexcept;
/// Both together.
Traffic traffic_sum(const Traffic& a, const Traffic& b) noexcept;
/// What went over the wire since then.
Traffic traffic_since(const Traffic& now, const Traffic& then) noexcept;

}  // namespace chaperon::load_test
