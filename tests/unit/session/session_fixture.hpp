// Sessions on a loop in virtual time: delays, timeouts and teardowns take exactly as long as they say, and no
// time.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chaperon/chaperon.hpp>

#include "runtime/virtual_reactor.hpp"
#include "session/loop_context.hpp"
#include "session/state.hpp"
#include "support/scripted_scenario.hpp"

namespace chaperon::session {

using test::ScenarioBody;
using test::Scripted;

struct A : Scripted<A> {};
struct B : Scripted<B> {};
struct C : Scripted<C> {};

class SessionTest : public ::testing::Test, public Owner {
 protected:
  ~SessionTest() override {
    states_.clear();
    A::script = B::script = C::script = {};
  }

  /// Starts a session of a scenario.
  State& start(const Scenario& what, const Json& config = Json::object(), std::string name = {},
               std::uint64_t seed = 1) {
    auto& profile = profiles_.emplace_back();
    profile.name = name.empty() ? what.name() : std::move(name);
    profile.config = config;
    profile.settings = Settings::from_config(config);
    profile.number = static_cast<std::uint32_t>(profiles_.size());
    states_.push_back(std::make_unique<State>(context, profile, what.parts(), seed, *this));
    EXPECT_TRUE(states_.back()->start());
    return *states_.back();
  }
  /// Runs until every session has ended and nothing else will ever happen.
  void run_all() {
    do {
      loop.turn();
    } while (!reactor.idle());
  }
  /// Runs one session of scenario A to its end.
  State& run(ScenarioBody body, const Json& config = Json::object()) {
    A::script.run = std::move(body);
    auto& state = start(scenario<A>, config);
    run_all();
    return state;
  }
  /// Runs one session of scenario A that must end ok.
  void run_ok(ScenarioBody body, const Json& config = Json::object()) {
    const auto& state = run(std::move(body), config);
    EXPECT_EQ(state.outcome, Outcome::ok) << state.outcome_reason;
  }
  /// Cancels a session after a time.
  void cancel_after(Duration time, State& state, std::string reason = "Ctrl-C") {
    cancellers_.push_back(std::make_unique<Canceller>(state, std::move(reason)));
    loop.timers().arm(*cancellers_.back(), loop.now() + time);
  }

  [[nodiscard]] Duration elapsed() const { return clock.now() - kStart; }
  /// When the session that ended as number `index` did so.
  [[nodiscard]] Duration ended_at(std::size_t index = 0) const { return ends_.at(index); }
  [[nodiscard]] std::size_t ended() const { return ends_.size(); }

  /// What was recorded since the last call.
  Results results() {
    Results results;
    results.metrics = context.recorder.take().rows();
    return results;
  }
  /// The names of the rows recorded, in order.
  static std::vector<std::string> row_names(const Results& results) {
    std::vector<std::string> names;
    for (const auto& metric : results.metrics)
      names.push_back(metric.name());
    return names;
  }

  static constexpr Instant kStart = Instant{} + 1h;
  Clock clock{kStart};
  runtime::VirtualReactor reactor{clock};
  runtime::EventLoop loop{clock, reactor};
  runtime::BlockingPool blocking;
  LoopContext context{loop, std::make_shared<net::DnsCache>(), {}, {}, blocking, kStart};

 private:
  class Canceller final : public runtime::Timer {
   public:
    Canceller(State& state, std::string reason) : state_(state), reason_(std::move(reason)) {}
    void on_timer() override { state_.cancel(Outcome::cancelled, reason_); }

   private:
    State& state_;
    std::string reason_;
  };

  void session_ended(State& /*state*/) override { ends_.push_back(elapsed()); }
  void task_abandoned(std::unique_ptr<State> task) override { abandoned_.push_back(std::move(task)); }

  std::deque<Profile> profiles_;
  std::vector<std::unique_ptr<State>> states_;
  std::vector<std::unique_ptr<State>> abandoned_;
  std::vector<std::unique_ptr<Canceller>> cancellers_;
  std::vector<Duration> ends_;
};

/// What `f` throws as E; a failure of the test if it throws nothing or something else.
template <class E, class F>
std::string message_of(F&& f) {
  try {
    std::forward<F>(f)();
  } catch (const E& e) {
    return e.what();
  } catch (const std::exception& e) {
    ADD_FAILURE() << "threw something else: " << e.what();
    return {};
  }
  ADD_FAILURE() << "threw nothing";
  return {};
}

}  // namespace chaperon::session
