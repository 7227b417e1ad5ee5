#include "load_test/progress_meter.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "load_test/measurements.hpp"

namespace chaperon::load_test {

double error_share(std::uint64_t errors, std::uint64_t requests) noexcept {
  return requests == 0 ? 0 : std::min(1.0, static_cast<double>(errors) / static_cast<double>(requests));
}

double ProgressMeter::interval(Instant now) const {
  return std::max(in_seconds(now - last_), 1e-3);
}

std::uint64_t requests_of(const Traffic& traffic) noexcept {
  // An answer is counted before the request it belongs to has ended.
  return std::max(traffic.requests, traffic.responses);
}

Rates rates_between(const Traffic& before, const Traffic& now, double seconds) noexcept {
  const auto since = traffic_since(now, before);
  Rates rates{.requests = requests_of(now) - requests_of(before), .errors = since.errors};
  if (seconds > 0) {
    rates.requests_per_second = static_cast<double>(rates.requests) / seconds;
    rates.messages_per_second = static_cast<double>(since.messages_sent + since.messages_received) / seconds;
  }
  return rates;
}

Progress ProgressMeter::progress(Instant now, const RunTotals& totals) {
  const auto rates = rates_between(before_, totals.traffic, interval(now));
  Progress progress{.elapsed = now - start_,
                    .waiting = totals.waiting,
                    .live = totals.live,
                    .done = totals.done,
                    .requests = requests_of(totals.traffic),
                    .requests_per_second = rates.requests_per_second,
                    .messages_per_second = rates.messages_per_second,
                    .error_share = error_share(rates.errors, rates.requests),
                    .busiest_loop = totals.busiest_loop};
  if (!totals.answers.empty()) {
    progress.p50 = Duration(totals.answers.percentile(50));
    progress.p99 = Duration(totals.answers.percentile(99));
  }
  before_ = totals.traffic;
  last_ = now;
  return progress;
}

}  // namespace chaperon::load_test
