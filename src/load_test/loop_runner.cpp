#include "load_test/loop_runner.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

namespace chaperon::load_test {
namespace {

constexpr int kStartsPerTurn = 64;

metrics::RecorderOptions recorder_options(const SharedRun& run) {
  return {.memory = metrics::kDefaultMemory / run.settings.loops.size(), .filter = run.plan.record};
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
    : run_(run), number_(number), loop_(clock_, reactor_, run.settings.stack_size), next_user_(number) {
  const auto users = run.plan.users;
  const auto loops = run.settings.total_loops;
  if (number < users) waiting_ = (users - number + loops - 1) / loops;
  if (run.settings.fence != nullptr) loop_.set_fence(*run.settings.fence);
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
      recorder_options(run_), run_.blocking, Instant{}, derive_seed(~run_.settings.seed, number_));
  context_->live = run_.settings.live;
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
  measurements_.sessions_by_entry.resize(profiles_.size());
  loop_.run();
  // Nothing of a loop that stands still may be touched, and what its sessions have must not be given back: it
  // is left behind, until the process ends.
  if (loop_.fenced()) return;
  measurements_ = take_measurements();
  abandoned_.clear_and_dispose([](session::State* state) { delete state; });
  context_.reset();
}

void LoopRunner::begin() {
  loop_.post([this] {
    context_->run_start = run_.start;
    loop_.timers().arm(starter_, std::max(run_.start, loop_.now()));
  });
}

void LoopRunner::take_over(std::vector<std::uint64_t> users) {
  loop_.post([this, users = std::move(users)] {
    taken_over_.insert(taken_over_.end(), users.begin(), users.end());
    waiting_ += users.size();
    loop_.timers().arm(starter_, std::max(run_.start, loop_.now()));
  });
}

void LoopRunner::start_some() {
  for (int started = 0; waiting_ > 0 && started < kStartsPerTurn; ++started) {
    --waiting_;
    if (next_user_ < run_.plan.users) {
      start_user(std::exchange(next_user_, next_user_ + run_.settings.total_loops));
    } else {
      const auto user = taken_over_.front();
      taken_over_.pop_front();
      start_user(user);
    }
  }
  if (waiting_ > 0) {
    loop_.timers().arm(starter_, loop_.now());
  } else {
    check_done();
  }
}

void LoopRunner::start_user(std::uint64_t user) {
  const auto entry = run_.plan.entry_of(user);
  const session::Profile& profile = *profiles_[entry];
  if (cancelled_) {
    refuse(user, profile, fmt::format("{}, before it started", cancel_reason_), cancel_outcome_);
    return;
  }
  auto state = std::make_unique<session::State>(*context_, profile, run_.plan.entries[entry].parts,
                                                derive_seed(run_.settings.seed, user), *this);
  state->user = user;
  if (!state->start()) {
    refuse(user, profile,
           "there is no memory for its stack: use fewer sessions, or smaller stacks (--stack-size)",
           session::Outcome::failed);
    return;
  }
  ++live_;
  sessions_.push_back(*state.release());
}

void LoopRunner::refuse(std::uint64_t user, const session::Profile& profile, const std::string& why,
                        session::Outcome as) {
  const Duration at = loop_.now() - run_.start;
  context_->endings.add(
      {.session = profile.name, .reason = session::to_string(as), .example = why, .at = at});
  count_end(user, profile, as);
}

void LoopRunner::count_end(std::uint64_t user, const session::Profile& profile, session::Outcome outcome) {
  ++ended_;
  ++count_of(measurements_.sessions_by_entry[profile.number], outcome);
  if (run_.settings.list_ended_users) measurements_.ended_users.push_back(user);
}

void LoopRunner::session_ended(session::State& state) {
  if (state.scheduled) {
    scheduled_ended(state);
    return;
  }
  --live_;
  count_end(state.user, state.profile, state.outcome);
  if (state.run_began != Instant{}) {
    measurements_.first_start = std::min(measurements_.first_start, state.run_began);
    measurements_.last_end = std::max(measurements_.last_end, state.run_ended);
  }
  dispose(state);
  check_done();
}

void LoopRunner::dispose(session::State& state) {
  sessions_.erase(sessions_.iterator_to(state));
  if (state.abandoned) {
    measurements_.overflowed = measurements_.overflowed || state.overflowed;
    abandoned_.push_back(state);
  } else {
    delete &state;
  }
}

void LoopRunner::task_abandoned(std::unique_ptr<session::State> task) {
  measurements_.overflowed = measurements_.overflowed || task->overflowed;
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
  scheduled->runner = next_loop_;
  if (runners[next_loop_] == nullptr) {
    if (run_.settings.remote->run_scheduled(static_cast<unsigned>(next_loop_), scheduled)) return;
    scheduled->runner = number_;
  }
  auto* const runner = runners[scheduled->runner];
  runner->run_here(std::move(scheduled));
}

void LoopRunner::cancel_scheduled(const std::shared_ptr<session::ScheduledScenario>& scheduled,
                                  session::Outcome as, std::string reason) {
  auto* const runner = run_.runners[scheduled->runner];
  if (runner == nullptr) {
    run_.settings.remote->cancel_scheduled(scheduled, as, reason);
  } else {
    runner->cancel_here(scheduled, as, std::move(reason));
  }
}

void LoopRunner::run_here(std::shared_ptr<session::ScheduledScenario> scheduled) {
  loop_.post([this, scheduled = std::move(scheduled)] { begin_scheduled(scheduled); });
}

void LoopRunner::cancel_here(std::shared_ptr<session::ScheduledScenario> scheduled, session::Outcome as,
                             std::string reason) {
  loop_.post([scheduled = std::move(scheduled), as, reason = std::move(reason)] {
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

LoopProgress LoopRunner::progress() const {
  return {.waiting = waiting_,
          .live = live_,
          .done = ended_,
          .scheduled = sessions_.size() - live_,
          .cpu = loop_.cpu_time()};
}

Traffic LoopRunner::traffic() const {
  const auto& counters = context_->counters;
  const auto& http = context_->client.counters();
  const auto& websocket = context_->websocket.counters();
  return {.requests = counters.requests,
          .responses = counters.responses,
          .errors = counters.errors,
          .retried = http.retried,
          .bytes_sent = http.bytes_sent + websocket.bytes_sent,
          .bytes_received = http.bytes_received + websocket.bytes_received,
          .messages_sent = websocket.messages_sent,
          .messages_received = websocket.messages_received};
}

void LoopRunner::ask_progress(std::function<void(LoopProgress, metrics::Histogram, Traffic)> answer) {
  loop_.post([this, answer = std::move(answer)] {
    auto answers = context_->window;
    context_->window.clear();
    answer(progress(), std::move(answers), traffic());
  });
}

void LoopRunner::take(std::function<void(LoopProgress, Measurements)> answer) {
  loop_.post([this, answer = std::move(answer)] { answer(progress(), take_measurements()); });
}

Measurements LoopRunner::take_measurements() {
  measurements_.metrics = context_->recorder.take();
  measurements_.errors = std::exchange(context_->errors, {});
  measurements_.endings = std::exchange(context_->endings, {});
  const auto traffic_now = traffic();
  measurements_.traffic = traffic_since(traffic_now, taken_traffic_);
  taken_traffic_ = traffic_now;
  measurements_.answers = std::exchange(context_->window, {});
  measurements_.lateness = loop_.take_lateness();
  measurements_.queued = std::exchange(context_->queued, {});
  measurements_.stored = std::exchange(context_->stored, {});
  auto taken = std::exchange(measurements_, Measurements());
  measurements_.sessions_by_entry.resize(profiles_.size());
  return taken;
}

}  // namespace chaperon::load_test
