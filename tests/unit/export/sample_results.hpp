// Results with a row of each form, for the tests of exporters.
#pragma once

#include <chrono>
#include <string>

#include <chaperon/results.hpp>

#include "metrics/recorder.hpp"

namespace chaperon::exporting {

/// 12 hours after the start of 31 January 2026, and 123 ms, UTC.
inline constexpr std::chrono::system_clock::time_point kSampleTime{std::chrono::milliseconds(1769860800123)};

/// Rows in no order: a request with two samples, an error, a number, and a name that needs quotes.
inline Results sample_results() {
  metrics::Recorder recorder;
  const auto get = recorder.intern({"shopper", "get", "http://h/items"});
  recorder.record(get, std::chrono::microseconds(1500));
  recorder.record(get, std::chrono::nanoseconds(2'500'400));
  recorder.record(recorder.intern({"shopper", "get", "http://h/items", "HTTP 503"}),
                  std::chrono::milliseconds(12));
  recorder.record(recorder.intern({"shopper", "get", "http://h/a?x=1,2&y=\"z\""}), std::chrono::seconds(1));
  const auto depth = recorder.intern({.session = "shopper", .action = "depth", .kind = MetricKind::number});
  recorder.record_number(depth, 17);
  recorder.record_number(depth, 18);

  Results results;
  results.load_test = "PubSubTest";
  results.started_at = kSampleTime;
  results.duration = std::chrono::microseconds(30'200'500);
  results.sessions = {.ok = 597, .failed = 1, .cancelled = 2, .timed_out = 3};
  results.metrics = recorder.take().rows();
  std::swap(results.metrics.front(), results.metrics.back());
  results.errors = {{.session = "shopper",
                     .action = "get",
                     .target = "http://h/items",
                     .reason = "HTTP 503",
                     .count = 1,
                     .example = "upstream \xFF unavailable",
                     .session_id = "7f3a",
                     .first_at = std::chrono::milliseconds(1250)}};
  results.endings = {{"shopper", "", "", "failed", 1, "boom", "7f3b", Duration(0)}};
  results.config = {{"base_url", "http://ann:pw@h"}, {"basic_auth", {{"user", "ann"}, {"password", "pw"}}}};
  results.scenarios = Json::array({{{"name", "shopper"}, {"config", {{"api_token", "t"}, {"delay", 500}}}}});
  return results;
}

}  // namespace chaperon::exporting
