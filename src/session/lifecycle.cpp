// The life of a session: its scenarios, its failures, its cancellation.
#include <algorithm>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/duration_text.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "session/scheduled_scenario.hpp"
#include "session/state.hpp"
#include "session/tasks.hpp"

namespace chaperon::session {
namespace {

constexpr unsigned kMostActionsWithoutWait = 64;
constexpr unsigned kMostSwallowedCancellations = 100;
constexpr Duration kTeardownTime = 5s;

// What endings with different messages have in common: of `UnexpectedStatus: post(/login): 503` the
// exception's type, of `scenario_timeout 30 s, while in get(http://…)` all but the URL.
std::string_view kind_of_ending(std::string_view message) {
  return message.substr(0, std::min(message.find(": "), message.find("://")));
}

}  // namespace

// Cancels the session when its time is up.
class State::Deadline final : public runtime::Timer {
 public:
  Deadline(State& state, Duration limit, Outcome as, std::string reason)
      : state_(state), as_(as), reason_(std::move(reason)) {
    const Instant due = deadline_after(state.context.loop.now(), limit);
    state.context.loop.timers().arm(*this, due);
  }
  void on_timer() override { state_.cancel(as_, reason_); }

 private:
  State& state_;
  Outcome as_;
  std::string reason_;
};

// While it lives the session tears down: whatever has cancelled it does not concern what it does now, which
// has a time of its own; cancel() waits until it is over. Then the session ends as it would have before.
class State::TeardownScope final : public runtime::Timer {
 public:
  explicit TeardownScope(State& state)
      : state_(state), outcome_(state.outcome), reason_(std::exchange(state.outcome_reason, {})) {
    state.thrown_cancellations = 0;
    state.fiber->clear_cancellation();
    state.in_teardown_ = true;
    state.context.loop.timers().arm(*this, state.context.loop.now() + kTeardownTime);
  }
  ~TeardownScope() override {
    state_.in_teardown_ = false;
    state_.thrown_cancellations = 0;
    state_.fiber->clear_cancellation();
    state_.outcome = outcome_;
    state_.outcome_reason = std::move(reason_);
  }
  TeardownScope(const TeardownScope&) = delete;
  TeardownScope& operator=(const TeardownScope&) = delete;

  void on_timer() override {
    if (state_.fiber == nullptr) return;
    state_.outcome_reason = fmt::format("teardown took longer than {}", duration_text(kTeardownTime));
    state_.fiber->cancel();
  }

 private:
  State& state_;
  Outcome outcome_;
  std::string reason_;
};

bool State::start() {
  fiber = context.loop.spawn(*this);
  return fiber != nullptr;
}

void State::run() {
  if (body_) {
    run_task([this] { body_->run(session); });
  } else if (scheduled) {
    run_task([this] { run_nested(scheduled->parts, nullptr); });
  } else {
    Outcome end = Outcome::ok;
    try {
      wait_for_start();
      end = run_parts();
    } catch (...) {
      end = classify_exception();
    }
    outcome = end;
  }
  if (body_ || !states.empty()) destroy_states();
}

void State::run_task(const std::function<void()>& body) {
  Outcome end = Outcome::ok;
  try {
    // Cancelled before its turn came: nothing of it runs.
    enter();
    run_began = context.loop.now();
    if (planned_ != Instant::max()) record_duration("start_lateness", task, run_began - planned_);
    in_scope(body);
    // It may have come to its end although it was cancelled.
    if (fiber->cancelled()) end = outcome;
  } catch (...) {
    end = classify_exception();
    // fail() has thrown Cancelled, which is no cause for others.
    if (end == Outcome::failed && !fiber->cancelled()) failure_ = std::current_exception();
  }
  run_ended = context.loop.now();
  outcome = end;
}

// Runs a scenario, or the body of a task, to the end of the tasks that it has started.
template <class F>
void State::in_scope(F&& f) {
  struct Level {
    explicit Level(std::uint16_t& s) : scope(s) { ++scope; }
    ~Level() { --scope; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    std::uint16_t& scope;
  };
  const Level level(scope_);
  try {
    f();
    await_scope();
  } catch (...) {
    end_scope();
    if (tasks_)
      std::erase_if(tasks_->failures, [this](const auto& failure) { return failure.scope >= scope_; });
    throw;
  }
}

// On the fiber: what a destructor throws, or waits for, is its session's affair alone. What cancels the
// session meanwhile comes too late.
void State::destroy_states() noexcept {
  const TeardownScope scope(*this);
  body_.reset();
  while (!states.empty()) {
    // A destructor may ask for another state, which is then the last one.
    const auto last = states.end() - states.begin() - 1;
    const auto [type, value] = states.back();
    type->destroy(value);
    states.erase(states.begin() + last);
  }
}

Duration State::duration_from_config(std::string_view key, Duration fallback) const {
  // Null, as in an entry of the table that takes back what default_config() says, is not set.
  const Json* value = find_path(config(), key);
  return value == nullptr || value->is_null() ? fallback : session.config<Duration>(key);
}

void State::wait_for_start() {
  // Cancelled before its turn came: nothing of it runs.
  enter();
  const Duration fixed = duration_from_config("delay", Duration::zero());
  const Duration most = duration_from_config("random_delay", Duration::zero());
  const Duration wait = sum_of(fixed, random.up_to(most));
  if (wait > Duration::zero()) session.delay(wait);
}

Outcome State::run_parts() {
  run_began = context.loop.now();
  const auto limit = duration_from_config("scenario_timeout", kForever);
  Outcome end = Outcome::ok;
  {
    const Deadline deadline(*this, limit, Outcome::timed_out,
                            fmt::format("scenario_timeout {}", duration_text(limit)));
    for (const auto& part : parts) {
      if (&part != &parts.front()) {
        // A cancellation that came during the teardown before concerns only what would still have run.
        if (fiber->cancelled()) {
          end = outcome;
          break;
        }
        assignments_to_config();
      }
      if (parts.size() > 1) running = part.name;
      end = run_part(part);
      if (end != Outcome::ok) break;
    }
  }
  return end;
}

void State::init_and_run(const detail::ScenarioPart& scenario) {
  if (scenario.init != nullptr) scenario.init(session);
  scenario.run(session);
}

Outcome State::run_part(const detail::ScenarioPart& scenario) {
  Outcome end = Outcome::ok;
  try {
    in_scope([&] { init_and_run(scenario); });
  } catch (...) {
    end = classify_exception();
  }
  // It may have come to its end although it was cancelled.
  if (end == Outcome::ok && fiber->cancelled()) end = outcome;
  run_ended = context.loop.now();
  if (scenario.teardown != nullptr) {
    outcome = end;
    tear_down(scenario);
  }
  return end;
}

void State::run_nested(std::span<const detail::ScenarioPart> scenarios, std::unique_ptr<Json> nested_config) {
  // What the scenarios change of the config is theirs: put back however they end.
  struct Restore {
    explicit Restore(State& s)
        : state(s),
          config(std::move(s.own_config)),
          settings(std::move(s.own_settings)),
          stale(s.settings_stale),
          running(s.running) {}
    ~Restore() {
      state.own_config = std::move(config);
      state.own_settings = std::move(settings);
      state.settings_stale = stale;
      state.running = running;
    }
    Restore(const Restore&) = delete;
    Restore& operator=(const Restore&) = delete;
    State& state;
    std::unique_ptr<Json> config;
    std::unique_ptr<Settings> settings;
    bool stale;
    std::string_view running;
  };
  const Restore restore(*this);
  if (!nested_config && restore.config) nested_config = std::make_unique<Json>(*restore.config);
  own_config = std::move(nested_config);
  settings_stale = own_config != nullptr;
  for (const auto& scenario : scenarios) {
    if (&scenario != &scenarios.front()) assignments_to_config();
    run_nested_part(scenario);
  }
}

void State::run_nested_part(const detail::ScenarioPart& scenario) {
  running = scenario.name;
  std::exception_ptr thrown;
  try {
    in_scope([&] { init_and_run(scenario); });
  } catch (...) {
    thrown = std::current_exception();
  }
  if (scenario.teardown != nullptr) tear_down(scenario);
  if (thrown) std::rethrow_exception(std::move(thrown));
}

void State::tear_down(const detail::ScenarioPart& scenario) {
  if (in_teardown_) {
    // Of a scenario that runs within the teardown of another: part of it.
    in_scope([&] { scenario.teardown(session); });
    return;
  }
  const bool was_cancelled = fiber->cancelled();
  std::string problem;
  {
    const TeardownScope scope(*this);
    try {
      in_scope([&] { scenario.teardown(session); });
    } catch (...) {
      problem = describe_exception(std::current_exception());
    }
  }
  if (was_cancelled) {
    fiber->cancel();
  } else if (deferred_cancel_ && outcome == Outcome::ok) {
    cancel(deferred_cancel_->first, deferred_cancel_->second);
  }
  deferred_cancel_.reset();
  if (!problem.empty()) {
    session.log_error("teardown of {} failed: {}", scenario.name, problem);
    context.errors.add({.session = profile.name,
                        .action = "teardown",
                        .target = scenario.name,
                        .reason = "exception",
                        .example = problem,
                        .id = id,
                        .at = context.loop.now() - context.run_start});
  }
}

Outcome State::classify_exception() {
  const auto thrown = std::current_exception();
  try {
    throw;
  } catch (const Cancelled& cancelled) {
    // A Cancelled that a scenario throws by itself is as good as an abort.
    if (!fiber->cancelled()) {
      outcome = Outcome::cancelled;
      outcome_reason = cancelled.reason();
    }
    return outcome;
  } catch (...) {
    // A scenario that fails because it was cancelled was cancelled.
    if (fiber->cancelled()) return outcome;
    outcome_reason = describe_exception(thrown);
    return Outcome::failed;
  }
}

void State::assignments_to_config() {
  if (assignments.is_object() && !assignments.empty()) deep_merge(config_for_change(), assignments);
}

void State::ended(runtime::FiberEnd end, std::string_view why) {
  fiber = nullptr;
  if (end != runtime::FiberEnd::returned) {
    outcome = Outcome::failed;
    abandoned = true;
    // What has abandoned it is no matter of its teardown's.
    in_teardown_ = false;
    for (auto* waiter = waits_on; waiter != nullptr; waiter = waiter->outer)
      waiter->give_up();
    overflowed = end == runtime::FiberEnd::overflowed;
    const auto where = activity.empty() ? std::string() : fmt::format(", in {}", activity);
    switch (end) {
      case runtime::FiberEnd::overflowed:
        outcome_reason =
            fmt::format("stack overflow{}: give sessions larger stacks with --stack-size", where);
        break;
      case runtime::FiberEnd::hung:
        outcome_reason = fmt::format(
            "it ran without waiting for so long that its event loop stood still{}: use blocking() for code "
            "that takes long",
            where);
        break;
      default:
        outcome_reason =
            thrown_cancellations > kMostSwallowedCancellations
                ? fmt::format(
                      "abandoned: the scenario swallowed its cancellation ({}) {} times: catch const "
                      "std::exception&, which lets it pass, rather than everything",
                      outcome_reason, kMostSwallowedCancellations)
                : fmt::format("abandoned{}: {}", where, why);
    }
    if (run_began != Instant{} && run_ended == Instant{}) run_ended = context.loop.now();
  }
  // Those of an abandoned session: of any other none are left.
  if (tasks_) {
    cancel_tasks(0, outcome_reason);
    if (tasks_->running(0) > 0) return;
  }
  conclude();
}

void State::conclude() {
  if (parent != nullptr) {
    record_task();
  } else if (outcome != Outcome::ok && !scheduled) {
    context.endings.add({.session = profile.name,
                         .reason = to_string(outcome),
                         .kind = kind_of_ending(outcome_reason),
                         .example = outcome_reason,
                         .id = id,
                         .at = context.loop.now() - context.run_start});
  }
  if (outcome != Outcome::ok && log_level() <= LogLevel::debug)
    session.log_debug("{}: {}", to_string(outcome), outcome_reason);
  close_sockets();
  own_pool_.clear();
  if (parent != nullptr) {
    parent->task_ended(*this);
  } else {
    owner.session_ended(*this);
  }
}

void State::cancel(Outcome as, const std::string& reason) {
  if (fiber == nullptr) return;
  if (in_teardown_) {
    // The first one counts.
    if (!deferred_cancel_) deferred_cancel_ = {as, reason};
    return;
  }
  if (fiber->cancelled()) return;
  outcome = as;
  outcome_reason = activity.empty() ? reason : fmt::format("{}, while in {}", reason, activity);
  fiber->cancel();
  // It cannot wait for them any more.
  cancel_tasks(0, reason);
}

void State::check_fiber() const {
  // The thread first: what runs on the loop is no other thread's business.
  if (runtime::EventLoop::here() != &context.loop || context.loop.current() != fiber) {
    throw WrongSession(fmt::format(
        "session {} was used from outside its own task: use the Session& that was passed to the task",
        description()));
  }
}

bool State::enter() {
  check_fiber();
  if (!fiber->cancelled()) return true;
  cancelled_here();
  return false;
}

void State::cancelled_here() {
  if (std::uncaught_exceptions() > 0) return;
  if (++thrown_cancellations > kMostSwallowedCancellations) {
    // The scenario catches everything, in a loop. std::terminate takes the fiber off the loop for good.
    std::terminate();
  }
  throw Cancelled(outcome_reason);
}

void State::end_here(Outcome as, std::string_view reason) {
  check_fiber();
  if (!fiber->cancelled()) {
    outcome = as;
    outcome_reason = reason;
    fiber->cancel();
  }
  throw Cancelled(outcome_reason);
}

void State::wait_until(Instant due, bool long_wait) {
  throw_task_failure();
  actions_without_wait = 0;
  while (true) {
    linked_wait_ = true;
    const auto wake = context.loop.suspend(due, [&] {
      if (long_wait) runtime::EventLoop::discard_unused_stack(*fiber);
    });
    linked_wait_ = false;
    if (wake == runtime::Wake::cancelled) {
      cancelled_here();
      return;
    }
    throw_task_failure();
    if (wake == runtime::Wake::deadline || context.loop.now() >= due) return;
  }
}

void State::take_turn() {
  if (++actions_without_wait < kMostActionsWithoutWait) return;
  actions_without_wait = 0;
  context.loop.yield();
  if (fiber->cancelled()) cancelled_here();
}

}  // namespace chaperon::session
