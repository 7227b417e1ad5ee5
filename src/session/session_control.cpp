// Session: waiting, ending, code that blocks.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/duration_text.hpp"
#include "base/json.hpp"
#include "session/state.hpp"

namespace chaperon {
inline namespace v1 {
namespace {

// A shorter wait is not worth giving stack pages back for.
constexpr Duration kLongWait = 100ms;

}  // namespace

std::string Session::id() const {
  return state_.id.text();
}
std::string_view Session::name() const noexcept {
  return state_.profile.name;
}
Instant Session::now() const noexcept {
  return state_.context.loop.now();
}

Session& Session::delay(Duration duration) {
  if (!state_.enter()) return *this;
  if (duration <= Duration::zero()) {
    state_.throw_task_failure();
    state_.actions_without_wait = 0;
    state_.context.loop.yield();
    if (state_.fiber->cancelled()) {
      state_.cancelled_here();
    } else {
      state_.throw_task_failure();
    }
    return *this;
  }
  state_.wait_until(deadline_after(now(), duration), duration >= kLongWait);
  return *this;
}

Session& Session::delay(RandomDuration duration) {
  return random_delay(duration.max);
}

Session& Session::random_delay(Duration max) {
  state_.check_fiber();
  return delay(state_.random.up_to(max));
}

std::string Session::check_nested(std::string_view action, const Scenario& what, const Json& config) {
  auto name = what.name();
  if (what.users() != 1) {
    throw InvalidArgument(
        fmt::format("{}({}): {} users cannot run within one session: give it without a number", action, name,
                    what.users()));
  }
  if (!config.is_object() && !config.is_null()) {
    throw InvalidArgument(
        fmt::format("{}({}): its config is {}, not an object", action, name, describe(config)));
  }
  return name;
}

// The config that a nested scenario sees; null: the session's.
std::unique_ptr<Json> Session::nested_config(const Json& config, MergeConfig merge) const {
  std::unique_ptr<Json> own;
  if (merge == MergeConfig::no) {
    own = std::make_unique<Json>(config.is_null() ? Json::object() : config);
  } else if (config.is_object() && !config.empty()) {
    own = std::make_unique<Json>(state_.config());
    deep_merge(*own, config);
  }
  return own;
}

void Session::run_nested(const Scenario& what, const Json& config, MergeConfig merge) {
  state_.run_nested(what.parts(), nested_config(config, merge));
}

void Session::abort(std::string_view reason) {
  state_.end_here(session::Outcome::cancelled, reason);
}

void Session::fail(std::string_view reason) {
  state_.end_here(session::Outcome::failed, reason);
}

void Session::take_turn() {
  if (state_.enter()) state_.take_turn();
}

void Session::log_retry(int retry, int retries) {
  log_debug("retry {} of {} after {}", retry, retries, session::describe_exception(std::current_exception()));
}

void Session::delay_before_retry(const RetryOptions& options) {
  delay(sum_of(std::max(options.delay, Duration::zero()), state_.random.up_to(options.random_delay)));
}

void Session::run_blocking(const std::function<void()>& f) {
  if (!state_.enter()) return;
  state_.actions_without_wait = 0;
  auto& loop = state_.context.loop;
  runtime::Fiber* fiber = state_.fiber;
  state_.context.blocking.run([&f, &loop, fiber] {
    f();
    loop.post([fiber] { fiber->wake(); });
  });
  // `f` lives on this stack: it is waited for whatever happens.
  loop.suspend_uninterruptibly();
  if (fiber->cancelled()) state_.cancelled_here();
}

}  // namespace v1
}  // namespace chaperon
