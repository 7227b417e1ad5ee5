// A scenario that runs on another loop for a session that waits for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include <chaperon/scenario.hpp>

#include "http/cookies.hpp"
#include "session/state.hpp"

namespace chaperon::session {

/// What goes there, and what comes back. Belongs to one loop at a time.
struct ScheduledScenario {
  // What goes there.
  std::span<const detail::ScenarioPart> parts;
  std::uint32_t profile = 0;  ///< its number
  std::uint64_t seed = 0;
  Json config;
  Headers headers;
  std::string authorization;
  bool unrecorded = false;  ///< whether its actions are in no row

  // What goes there and comes back.
  Json assignments;
  http::CookieJar cookies;

  // What comes back.
  Outcome outcome = Outcome::ok;
  std::string reason;
  std::exception_ptr failure;

  std::size_t runner = 0;       ///< the number of the loop that runs it
  std::uint64_t remote_id = 0;  ///< for whoever carries it to another process
  /// The session that runs it, while it does: of the other loop.
  State* state = nullptr;
  /// Called once it has ended, on the other loop.
  std::function<void()> back;
};

/// The other loops. From any thread.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  /// Has it run on another loop, or on this one if there is none.
  virtual void run_scheduled(std::shared_ptr<ScheduledScenario> scheduled) = 0;
  /// Cancels it, unless it has ended; scheduled->back() is called all the same.
  virtual void cancel_scheduled(const std::shared_ptr<ScheduledScenario>& scheduled, Outcome as,
                                std::string reason) = 0;
};

}  // namespace chaperon::session
