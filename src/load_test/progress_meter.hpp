// Turns what loops say now and then into what a display shows.
#pragma once

#include <cstdint>

#include <chaperon/load_test.hpp>

#include "metrics/histogram.hpp"

namespace chaperon::load_test {

/// What a whole run, or a worker, has come to.
struct RunTotals {
  std::uint64_t waiting = 0;     ///< users not started yet
  std::uint64_t live = 0;        ///< users that run
  std::uint64_t done = 0;        ///< users that have ended
  Traffic traffic{};             ///< so far
  metrics::Histogram answers{};  ///< how long answers took since the last time
  double busiest_loop = 0;       ///< CPU as a share of one core since the last time, 0 to 1
};

/// What went over the wire from one look to the next.
struct Rates {
  std::uint64_t requests = 0;  ///< how many
  std::uint64_t errors = 0;    ///< how many
  double requests_per_second = 0;
  double messages_per_second = 0;
};

/// The rates where `seconds` lie between the two.
Rates rates_between(const Traffic& before, const Traffic& now, double seconds) noexcept;
/// Errors as a share of the requests, 0 to 1.
double error_share(std::uint64_t errors, std::uint64_t requests) noexcept;
/// The number of requests that were begun, or answered already.
std::uint64_t requests_of(const Traffic& traffic) noexcept;

/// Works out rates and percentiles from one look at a run to the next.
class ProgressMeter {
 public:
  /// The run began at `start`.
  explicit ProgressMeter(Instant start) : start_(start), last_(start) {}

  /// How the run stands now, compared with the last call.
  Progress progress(Instant now, const RunTotals& totals);
  /// How long ago that was, in seconds, at least a millisecond.
  [[nodiscard]] double interval(Instant now) const;

 private:
  Instant start_;
  Instant last_;
  Traffic before_{};
};

}  // namespace chaperon::load_test
