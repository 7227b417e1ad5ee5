// The results of an invented run, for the tests of what the terminal shows.
#pragma once

#include <chrono>
#include <string>

#include <chaperon/results.hpp>

#include "metrics/name.hpp"
#include "metrics/recorder.hpp"

namespace chaperon::cli {

inline constexpr const char* kShopUrl = "http://127.0.0.1:5000";

/// Records `count` samples evenly from `least` to `most`.
inline void record_range(metrics::Recorder& recorder, const metrics::Name& name, int count, Duration least,
                         Duration most) {
  const auto id = recorder.intern(name);
  for (int at = 0; at < count; ++at)
    recorder.record(id, least + (most - least) * at / std::max(count - 1, 1));
}

/// A run with two session names, errors of several kinds, and unanswered requests that would raise a
/// percentile.
inline Results shop_results() {
  metrics::Recorder recorder;
  const std::string base = kShopUrl;
  record_range(recorder, {"shopper", "connect", base}, 499, 1ms, 4100us);
  record_range(recorder, {"shopper", "post", base + "/login"}, 499, 5ms, 61ms);
  record_range(recorder, {"shopper", "post", base + "/login", "HTTP 503"}, 3, 1ms, 1200us);
  record_range(recorder, {"shopper", "get", base + "/items"}, 20'000, 2ms, 18ms);
  record_range(recorder, {"shopper", "post", "item"}, 10'000, 2ms, 31ms);
  record_range(recorder, {"shopper", "post", "item", "timeout"}, 200, 10s, 10s);
  record_range(recorder, {"shopper", "call", "Shopper.checkout"}, 5, 20ms, 96ms);
  record_range(recorder, {"chat", "ws_connect", "ws://127.0.0.1:5000/chat"}, 100, 1ms, 5ms);
  record_range(recorder, {"chat", "ws_connect", "ws://127.0.0.1:5000/chat", "refused"}, 1, 1ms, 1ms);
  record_range(recorder, {"chat", "round_trip"}, 1, 2ms, 2ms);
  const auto depth = recorder.intern({.session = "chat", .action = "depth", .kind = MetricKind::number});
  for (int at = 1; at <= 100; ++at)
    recorder.record_number(depth, at);

  Results results;
  results.load_test = "ShopTest";
  results.duration = 30'200ms;
  results.seed = 4711;
  results.sessions = {.ok = 597, .failed = 1, .cancelled = 1, .timed_out = 1};
  results.sessions_by_name = {{"shopper", {.ok = 497, .failed = 1, .timed_out = 1}},
                              {"chat", {.ok = 100, .cancelled = 1}}};
  results.metrics = recorder.take().rows();
  results.errors = {
      {"shopper", "post", "item", "timeout", 200, "after 10.0 s", "7f3a0000", 11s},
      {"shopper", "post", base + "/login", "HTTP 503", 3, "answered 503: upstream unavailable ", "91c00000",
       2s},
      {"chat", "ws_connect", "ws://127.0.0.1:5000/chat", "refused", 1, "connection refused", "", 0s}};
  results.endings = {
      {"shopper", "", "", "failed", 1, "UnexpectedStatus: post(/login): 503, expected 200", "7f3b", 0s},
      {"shopper", "", "", "timed out", 1, "scenario_timeout 30 s, while in post item", "b2e4", 0s}};
  results.traffic = {.requests = 30'807,
                     .responses = 30'606,
                     .errors = 204,
                     .retried = 2,
                     .bytes_sent = 41'000'000,
                     .bytes_received = 96'000'000};
  results.generator = {.loops = 2, .busiest_loop = 0.46, .lateness_p99 = 200us};
  results.config = {{"base_url", "http://127.0.0.1:5000/"}};
  return results;
}

}  // namespace chaperon::cli
