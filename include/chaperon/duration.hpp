// Durations and instants: std::chrono's, plus a random duration.
#pragma once

#include <chrono>

#include <chaperon/version.hpp>

namespace chaperon {
inline namespace v1 {

// `using namespace chaperon` brings the literals: 500ms, 2s, 1min.
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace,google-global-names-in-headers)

/// A length of time in nanoseconds. Every std::chrono duration converts to it.
using Duration = std::chrono::nanoseconds;

/// A point on the steady clock. Session::now() reads it.
using Instant = std::chrono::steady_clock::time_point;

/// A duration drawn anew each time it is used: uniform in (0, max].
struct RandomDuration {
  Duration max{0};  ///< the longest that may be drawn
};

/// A random duration up to `max`, as in `session.delay(random(2s))`.
constexpr RandomDuration random(Duration max) {
  return {max};
}

/// No limit: where a timeout is expected, waits as long as it takes.
inline constexpr Duration kForever = Duration::max();

}  // namespace v1
}  // namespace chaperon
