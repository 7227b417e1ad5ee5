#include "session/scheduled_scenario.hpp"

#include <utility>

#include "base/clock.hpp"
#include "session/tasks.hpp"

namespace chaperon::session {

State::State(LoopContext& loop_context, const Profile& session_profile,
             std::shared_ptr<ScheduledScenario> given, Owner& session_owner)
    : context(loop_context),
      profile(session_profile),
      root(*this),
      owner(session_owner),
      session(*this),
      random(given->seed),
      id(Uuid::draw(random)),
      own_config(std::make_unique<Json>(std::move(given->config))),
      settings_stale(true),
      assignments(std::move(given->assignments)),
      headers(std::move(given->headers)),
      authorization(std::move(given->authorization)),
      cookies(std::make_unique<http::CookieJar>(std::move(given->cookies))),
      scheduled(std::move(given)),
      unrecorded_(scheduled->unrecorded) {}

void State::hand_back(ScheduledScenario& to) {
  to.outcome = outcome;
  to.reason = outcome_reason;
  to.failure = std::exchange(failure_, nullptr);
  to.assignments = std::move(assignments);
  to.cookies = cookies ? std::move(*cookies) : http::CookieJar();
}

void State::run_scheduled(const std::shared_ptr<ScheduledScenario>& sent) {
  auto& loop = context.loop;
  bool is_back = false;
  sent->back = [&loop, &is_back, this] {
    loop.post([&is_back, this] {
      is_back = true;
      if (fiber != nullptr) fiber->wake();
    });
  };
  context.scheduler->run_scheduled(sent);
  const Doing doing(*this, "schedule_scenario");
  try {
    while (!is_back) {
      if (!wait_linked(Instant::max())) break;
    }
  } catch (...) {
    finish_scheduled(sent, is_back);
    throw;
  }
  if (!is_back) finish_scheduled(sent, is_back);
}

// Given up, by a cancellation or a task that has failed: it uses what this stack holds, so its end is waited
// for.
void State::finish_scheduled(const std::shared_ptr<ScheduledScenario>& sent, const bool& is_back) {
  context.scheduler->cancel_scheduled(sent, Outcome::cancelled, "the session that scheduled it has ended");
  while (!is_back)
    context.loop.suspend_uninterruptibly();
}

}  // namespace chaperon::session
