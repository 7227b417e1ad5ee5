// Session: tasks, signals, scenarios on other loops.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/duration_text.hpp"
#include "base/json.hpp"
#include "session/scheduled_scenario.hpp"
#include "session/tasks.hpp"

namespace chaperon {
inline namespace v1 {

using session::State;
using session::TaskKind;

// --- Tasks ---------------------------------------------------------------------------------------

Session& Session::start_task(std::string_view name, std::unique_ptr<detail::TaskBody> body) {
  if (!state_.enter()) return *this;
  state_.take_turn();
  state_.start_task(name, std::move(body), TaskKind::awaited);
  return *this;
}

Session& Session::start_every(std::string_view name, Duration interval,
                              std::unique_ptr<detail::TaskBody> body) {
  if (!state_.enter()) return *this;
  if (interval <= Duration::zero()) {
    throw InvalidArgument(
        fmt::format("every({}): the interval is {}: give one above zero", name, duration_text(interval)));
  }
  state_.take_turn();
  state_.start_task(name, std::move(body), TaskKind::background);
  return *this;
}

Session& Session::spread_tasks(std::string_view name, std::int64_t rate, Duration interval,
                               const detail::TaskFactory& make) {
  if (!state_.enter()) return *this;
  if (interval < Duration::zero()) {
    throw InvalidArgument(
        fmt::format("cc_spread({}): the interval is {}: give zero or more", name, duration_text(interval)));
  }
  const Instant start = now();
  for (std::int64_t started = 0; started < rate; ++started) {
    // From the start each time, so that nothing adds up.
    // In two parts: the product alone could be too large.
    const Duration planned_after = interval / rate * started + interval % rate * started / rate;
    const Instant planned = start + planned_after;
    if (now() < planned) {
      state_.wait_until(planned, false);
    } else {
      state_.take_turn();
    }
    if (!state_.enter()) break;
    state_.start_task(name, make(), TaskKind::awaited, planned);
  }
  return *this;
}

void Session::call_every(Duration interval, const std::function<void()>& call) {
  for (Instant planned = deadline_after(now(), interval);;) {
    if (!state_.enter()) return;
    state_.wait_until(planned, interval >= 100ms);
    call();
    planned = deadline_after(planned, interval);
    // Those that were missed are left out.
    if (const Duration late = now() - planned; late > Duration::zero())
      planned += (late + interval - 1ns) / interval * interval;
  }
}

Session& Session::await_tasks(TaskNames names, std::optional<Duration> timeout) {
  if (state_.enter()) state_.await_tasks(names, timeout);
  return *this;
}

Session& Session::cancel(std::string_view task) {
  if (!state_.enter()) return *this;
  if (auto* list = state_.find_tasks(task); list != nullptr) {
    for (State& child : *list)
      child.cancel(session::Outcome::cancelled, fmt::format("cancel({})", task));
  }
  return *this;
}

// --- Signals -------------------------------------------------------------------------------------

Session& Session::signal(std::string_view task, Json value) {
  if (!state_.enter()) return *this;
  session::TaskList* receivers = nullptr;
  for (State* at = &state_; at != nullptr && receivers == nullptr; at = at->parent)
    receivers = at->find_tasks(task);
  bool taken = false;
  if (receivers != nullptr) {
    State& last = receivers->back();
    for (State& receiver : *receivers) {
      if (&receiver != &last) taken |= receiver.deliver(value);
    }
    taken |= last.deliver(std::move(value));
  }
  if (!taken) log_warn("signal({}): no task of that name is running, so the signal is lost", task);
  return *this;
}

Session& Session::signal_parent(Json value) {
  if (!state_.enter()) return *this;
  if (state_.parent == nullptr) {
    throw InvalidArgument(
        "signal_parent: this session has no parent: only a task that async started has one");
  }
  state_.parent->deliver(std::move(value));
  return *this;
}

namespace {

void record_timeout(State& state, Duration after, std::string_view message) {
  state.record_error("await_signal", {}, to_string(Reason::timeout), after, message);
}

std::string waited_text(const State& state, std::string_view wanted, Duration timeout) {
  return fmt::format("await_signal: waiting for {}, not there within {}; in the mailbox: {}", wanted,
                     duration_text(timeout), state.mailbox_text());
}

}  // namespace

Session& Session::take_signal(const Json& value, std::optional<Duration> timeout) {
  if (!state_.enter()) return *this;
  const Duration limit = timeout.value_or(state_.settings().timeout);
  const Instant called = now();
  if (state_.take_signal(&value, limit) || state_.fiber->cancelled()) return *this;
  const auto message = waited_text(state_, dump(value), limit);
  record_timeout(state_, now() - called, message);
  throw TimeoutError(message);
}

std::optional<Json> Session::next_signal(std::optional<Duration> timeout) {
  if (!state_.enter()) return std::nullopt;
  const Duration limit = timeout.value_or(state_.settings().timeout);
  const Instant called = now();
  auto taken = state_.take_signal(nullptr, limit);
  if (taken || state_.fiber->cancelled()) return taken;
  const auto message = waited_text(state_, "any signal", limit);
  record_timeout(state_, now() - called, message);
  throw TimeoutError(message);
}

std::optional<Json> Session::next_signal_or_timeout(Duration timeout) {
  if (!state_.enter()) return std::nullopt;
  const Instant called = now();
  auto taken = state_.take_signal(nullptr, timeout);
  if (!taken && !state_.fiber->cancelled())
    record_timeout(state_, now() - called, waited_text(state_, "any signal", timeout));
  return taken;
}

// --- Scenarios on other loops ------------------------------------------------------------------------

void Session::run_scheduled(const Scenario& what, const Json& config, MergeConfig merge) {
  if (!state_.enter()) return;
  const auto own = nested_config(config, merge);
  auto scheduled = std::make_shared<session::ScheduledScenario>();
  scheduled->parts = what.parts();
  scheduled->profile = state_.profile.number;
  scheduled->seed = state_.random();
  scheduled->config = own ? *own : state_.config();
  scheduled->headers = state_.headers;
  scheduled->authorization = state_.authorization;
  scheduled->unrecorded = state_.in_teardown();
  scheduled->assignments = state_.assignments;
  if (state_.cookies) scheduled->cookies = *state_.cookies;
  state_.run_scheduled(scheduled);

  state_.assignments = std::move(scheduled->assignments);
  state_.cookies =
      scheduled->cookies.empty() ? nullptr : std::make_unique<http::CookieJar>(scheduled->cookies);
  if (std::uncaught_exceptions() > 0) return;
  switch (scheduled->outcome) {
    case session::Outcome::ok:
      return;
    case session::Outcome::failed:
      throw TaskFailed(fmt::format("schedule_scenario({}) failed: {}", what.name(), scheduled->reason),
                       what.name(), scheduled->failure);
    default:
      // It has ended itself by abort(), which ends the session as it would have here.
      state_.end_here(scheduled->outcome, scheduled->reason);
  }
}

}  // namespace v1
}  // namespace chaperon
