#include "load_test/progress_meter.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "load_test/measurements.hpp"

namespace chaperon::load_test {

double ProgressMeter::interval(Instant now) const {
  return std::max(in_seconds(now - last_), 1e-3);
}

Progress ProgressMeter::progress(Instant now, const RunTotals& totals) {
  // An answer is counted before the request it belongs to has ended.
  const auto requests = [](const Traffic& traffic) { return std::max(traffic.requests, traffic.responses); };
  const auto since = traffic_since(totals.traffic, before_);
  const auto asked = requests(totals.traffic) - requests(before_);
  const double passed = interval(now);
  Progress progress{
      .elapsed = now - start_,
      .waiting = totals.waiting,
      .live = totals.live,
      .done = totals.done,
      .requests = requests(totals.traffic),
      .requests_per_second = static_cast<double>(asked) / passed,
      .messages_per_second = static_cast<double>(since.messages_sent + since.messages_received) / passed,
      .busiest_loop = totals.busiest_loop};
  if (asked > 0)
    progress.error_share = std::min(1.0, static_cast<double>(since.errors) / static_cast<double>(asked));
  if (!totals.answers.empty()) {
    progress.p50 = Duration(totals.answers.percentile(50));
    progress.p99 = Duration(totals.answers.percentile(99));
  }
  before_ = totals.traffic;
  last_ = now;
  return progress;
}

}  // namespace chaperon::load_test
