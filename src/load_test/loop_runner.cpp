#include "load_test/loop_runner.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

namespace chaperon::load_test {
namespace {

constexpr int kStartsPerTurn = 64;

metrics::RecorderOptions recorder_options(const SharedRun& run) {
  return {.memory = metrics::kDefaultMemory / run.loops, .filter = run.plan.record};
}

std::uint64_t& count_of(SessionCounts& counts, session::Outcome outcome) {
  switch (outcome) {
    case session::Outcome::failed:
      return counts.failed;
    case session::Outcome::cancelled:
      return counts.cancelled;
    case session::Outcome::timed_out:
      return counts.timed_out;
    case session::Outcome::ok:
      break;
  }
  return counts.ok;
}

}  // namespace

LoopRunner::LoopRunner(SharedRun& run, unsigned number)
    : run_(run), number_(number), loop_(clock_, reactor_, run.stack_size), next_user_(number) {
  if (number < run.plan.users) waiting_ = (run.plan.users - number + run.loops - 1) / run.loops;
}

LoopRunner::~LoopRunner() {
  leave();
}

void LoopRunner::leave() {
  if (thread_.joinable()) join();
}

void LoopRunner::start() {
  thread_ = std::thread([this] { main(); });
}

void LoopRunner::join() {
  loop_.stop();
  thread_.join();
}

void LoopRunner::main() {
  ::pthread_setname_np(::pthread_self(), fmt::format("loop {}", number_).c_str());
  context_ = std::make_unique<session::LoopContext>(
      loop_, run_.dns,
      http::ClientOptions{.local_addresses = run_.plan.local_addresses, .dns_ttl = run_.plan.dns_ttl},
      recorder_options(run_), run_.blocking, run_.start, derive_seed(~run_.seed, number_));
  context_->live = run_.live;
  context_->scheduler = this;
  // Each loop has its own copy of the config: nothing that sessions read is shared between threads.
  for (const auto& entry : run_.plan.entries) {
    auto profile = std::make_unique<session::Profile>();
    profile->name = entry.name;
    profile->config = entry.config;
    profile->settings = session::Settings::from_config(profile->config);
    profile->number = static_cast<std::uint32_t>(profiles_.size());
    profiles_.push_back(std::move(profile));
  }
  results_.sessions_by_entry.resize(profiles_.size());
  entry_end_ = run_.plan.entries.front().users;
  loop_.timers().arm(starter_, loop_.now());
  loop_.run();
  collect();
  abandoned_.clear_and_dispose([](session::State* state) { delete state; });
  context_.reset();
}

void LoopRunner::start_some() {
  for (int started = 0; waiting_ > 0 && started < kStartsPerTurn; ++started) {
    start_user(next_user_);
    next_user_ += run_.loops;
    --waiting_;
  }
  if (waiting_ > 0) {
    loop_.timers().arm(starter_, loop_.now());
  } else {
    check_done();
  }
}

void LoopRunner::start_user(std::uint64_t user) {
  while (user >= entry_end_)
    entry_end_ += run_.plan.entries[++next_entry_].users;
  const session::Profile& profile = *profiles_[next_entry_];
  if (cancelled_) {
    refuse(profile, fmt::format("{}, before it started", cancel_reason_), cancel_outcome_);
    return;
  }
  auto state = std::make_unique<session::State>(*context_, profile, run_.plan.entries[next_entry_].parts,
                                                derive_seed(run_.seed, user), *this);
  if (!state->start()) {
    refuse(profile, "there is no memory for its stack: use fewer sessions, or smaller stacks (--stack-size)",
           session::Outcome::failed);
    return;
  }
  ++live_;
  sessions_.push_back(*state.release());
}

void LoopRunner::refuse(const session::Profile& profile, const std::string& why, session::Outcome as) {
  const Duration at = loop_.now() - run_.start;
  context_->endings.add(
      {.session = profile.name, .reason = session::to_string(as), .example = why, .at = at});
  count_end(profile, as);
}

void LoopRunner::count_end(const session::Profile& profile, session::Outcome outcome) {
  ++count_of(results_.sessions, outcome);
  ++count_of(results_.sessions_by_entry[profile.number], outcome);
}

void LoopRunner::session_ended(session::State& state) {
  if (state.scheduled) {
    scheduled_ended(state);
    return;
  }
  --live_;
  count_end(state.profile, state.outcome);
  if (state.run_began != Instant{}) {
    results_.first_start = std::min(results_.first_start, state.run_began);
    results_.last_end = std::max(results_.last_end, state.run_ended);
  }
  dispose(state);
  check_done();
}

void LoopRunner::dispose(session::State& state) {
  sessions_.erase(sessions_.iterator_to(state));
  if (state.abandoned) {
    results_.overflowed = results_.overflowed || state.overflowed;
    abandoned_.push_back(state);
  } else {
    delete &state;
  }
}

void LoopRunner::task_abandoned(std::unique_ptr<session::State> task) {
  results_.overflowed = results_.overflowed || task->overflowed;
  abandoned_.push_back(*task.release());
}

// --- Scheduled scenarios: scenarios that run here for sessions of other loops
// ----------------------------------

// On the loop whose session sends it.
void LoopRunner::run_scheduled(std::shared_ptr<session::ScheduledScenario> scheduled) {
  const auto& runners = run_.runners;
  // In turn to all others; to itself only if there is none.
  next_loop_ = (next_loop_ + 1) % runners.size();
  if (next_loop_ == number_) next_loop_ = (next_loop_ + 1) % runners.size();
  LoopRunner* const other = runners[next_loop_];
  scheduled->runner = next_loop_;
  other->loop_.post([other, scheduled = std::move(scheduled)] { other->begin_scheduled(scheduled); });
}

void LoopRunner::cancel_scheduled(const std::shared_ptr<session::ScheduledScenario>& scheduled,
                                  session::Outcome as, std::string reason) {
  run_.runners[scheduled->runner]->loop_.post([scheduled, as, reason = std::move(reason)] {
    if (scheduled->state != nullptr) scheduled->state->cancel(as, reason);
  });
}

void LoopRunner::begin_scheduled(const std::shared_ptr<session::ScheduledScenario>& scheduled) {
  auto state = std::make_unique<session::State>(*context_, *profiles_[scheduled->profile], scheduled, *this);
  if (!state->start()) {
    // It goes on with what it had.
    state->hand_back(*scheduled);
    scheduled->outcome = session::Outcome::failed;
    scheduled->reason =
        "there is no memory for its stack: use fewer sessions, or smaller stacks (--stack-size)";
    scheduled->back();
    return;
  }
  scheduled->state = state.get();
  sessions_.push_back(*state.release());
}

void LoopRunner::scheduled_ended(session::State& state) {
  const auto scheduled = state.scheduled;
  scheduled->state = nullptr;
  state.hand_back(*scheduled);
  dispose(state);
  scheduled->back();
}

void LoopRunner::check_done() {
  if (waiting_ > 0 || live_ > 0 || std::exchange(done_, true)) return;
  const std::lock_guard lock(run_.mutex);
  ++run_.loops_done;
  run_.changed.notify_all();
}

void LoopRunner::cancel_all(session::Outcome as, std::string reason) {
  loop_.post([this, as, reason = std::move(reason)] {
    if (std::exchange(cancelled_, true)) return;
    cancel_outcome_ = as;
    cancel_reason_ = reason;
    for (auto& state : sessions_)
      state.cancel(as, reason);
  });
}

void LoopRunner::ask_progress(std::function<void(LoopProgress)> answer) {
  loop_.post([this, answer = std::move(answer)] {
    LoopProgress progress;
    progress.loop = number_;
    progress.waiting = waiting_;
    progress.live = live_;
    progress.done = results_.sessions.total();
    progress.counters = context_->counters;
    const auto& messages = context_->websocket.counters();
    progress.messages = messages.messages_sent + messages.messages_received;
    progress.window = context_->window;
    context_->window.clear();
    progress.cpu = loop_.cpu_time();
    answer(std::move(progress));
  });
}

void LoopRunner::collect() {
  results_.metrics = context_->recorder.take();
  results_.errors = std::move(context_->errors);
  results_.endings = std::move(context_->endings);
  results_.counters = context_->counters;
  results_.traffic = context_->client.counters();
  results_.messages = context_->websocket.counters();
  results_.lateness = loop_.lateness();
  results_.queued = context_->queued;
  results_.stored = std::move(context_->stored);
}

}  // namespace chaperon::load_test
