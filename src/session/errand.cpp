#include "session/errand.hpp"

#include <utility>

#include "base/clock.hpp"
#include "session/tasks.hpp"

namespace chaperon::session {

State::State(LoopContext& loop_context, const Profile& session_profile, std::shared_ptr<Errand> errand_to_run,
             Owner& session_owner)
    : context(loop_context),
      profile(session_profile),
      root(*this),
      owner(session_owner),
      session(*this),
      random(errand_to_run->seed),
      id(Uuid::draw(random)),
      own_config(std::make_unique<Json>(std::move(errand_to_run->config))),
      settings_stale(true),
      assignments(std::move(errand_to_run->assignments)),
      headers(std::move(errand_to_run->headers)),
      authorization(std::move(errand_to_run->authorization)),
      cookies(std::make_unique<http::CookieJar>(std::move(errand_to_run->cookies))),
      errand(std::move(errand_to_run)),
      unrecorded_(errand->unrecorded) {}

void State::hand_back(Errand& to) {
  to.outcome = outcome;
  to.reason = outcome_reason;
  to.failure = std::exchange(failure_, nullptr);
  to.assignments = std::move(assignments);
  to.cookies = cookies ? std::move(*cookies) : http::CookieJar();
}

void State::run_errand(const std::shared_ptr<Errand>& sent) {
  auto& loop = context.loop;
  bool is_back = false;
  sent->back = [&loop, &is_back, this] {
    loop.post([&is_back, this] {
      is_back = true;
      if (fiber != nullptr) fiber->wake();
    });
  };
  context.elsewhere->run_errand(sent);
  const Doing doing(*this, "schedule_scenario");
  try {
    while (!is_back) {
      if (!wait_linked(Instant::max())) break;
    }
  } catch (...) {
    finish_errand(sent, is_back);
    throw;
  }
  if (!is_back) finish_errand(sent, is_back);
}

// Given up, by a cancellation or a task that has failed: it uses what this stack holds, so its end is waited
// for.
void State::finish_errand(const std::shared_ptr<Errand>& sent, const bool& is_back) {
  context.elsewhere->cancel_errand(sent, Outcome::cancelled, "the session that scheduled it has ended");
  while (!is_back)
    context.loop.suspend_uninterruptibly();
}

}  // namespace chaperon::session
