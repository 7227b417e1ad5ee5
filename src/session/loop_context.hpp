// What the sessions of one loop share.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <chaperon/results.hpp>

#include "base/json.hpp"
#include "http/client.hpp"
#include "metrics/histogram.hpp"
#include "metrics/recorder.hpp"
#include "runtime/blocking_pool.hpp"
#include "runtime/event_loop.hpp"
#include "session/error_log.hpp"
#include "session/routes.hpp"
#include "session/settings.hpp"
#include "session/sockets.hpp"
#include "websocket/client.hpp"

namespace chaperon::session {

class Scheduler;

/// What sessions of one entry of the scenario table have in common, in this loop's own copy.
struct Profile {
  std::string name;  ///< of the sessions
  Json config;       ///< merged
  Settings settings;
  std::uint32_t number = 0;
};

/// Requests counted as they end.
struct RequestCounters {
  std::uint64_t requests = 0;
  std::uint64_t responses = 0;
  std::uint64_t errors = 0;
};

/// What store_results has kept, and how much it could not.
struct StoredResults {
  static constexpr std::size_t kMost = 100'000;  ///< that a loop keeps
  static constexpr std::size_t kMostBytes = std::size_t{64} << 20;

  std::vector<Json> kept;
  std::size_t bytes = 0;  ///< of their bodies
  std::uint64_t left_out = 0;
};

/// One loop's client, recorder and logs. Used on the loop's thread only.
struct LoopContext {
  LoopContext(runtime::EventLoop& event_loop, std::shared_ptr<net::DnsCache> dns,
              http::ClientOptions client_options, metrics::RecorderOptions recorder_options,
              runtime::BlockingPool& blocking_pool, Instant run_start, std::uint64_t seed = 0);

  /// Records a duration under a name that is looked up: not for the hot path.
  void record(const metrics::Name& name, Duration duration) {
    recorder.record(recorder.intern(name), duration);
  }

  runtime::EventLoop& loop;
  http::Client client;
  websocket::Client websocket;
  SocketRoutes socket_routes;
  http::Pool shared_pool;  ///< for http.share_connections
  metrics::Recorder recorder;
  runtime::BlockingPool& blocking;
  Scheduler* scheduler = nullptr;  ///< the other loops, for schedule_scenario
  Routes routes;
  ErrorLog errors;   ///< of actions
  ErrorLog endings;  ///< of sessions
  RequestCounters counters;
  bool live = false;          ///< whether somebody looks at `window`
  metrics::Histogram window;  ///< of answers since it was last cleared, for the live display
  metrics::Histogram queued;  ///< how long requests waited for the generator itself
  StoredResults stored;       ///< by store_results
  Instant run_start;
};

}  // namespace chaperon::session
