// Tasks and signals: how the sessions of one user start, await, fail and signal one another.
#include "session/tasks.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/clock.hpp"
#include "base/duration_text.hpp"
#include "base/json.hpp"
#include "session/scheduled_scenario.hpp"

namespace chaperon::session {
namespace {

// A wait that turns out to be longer gives the stack's pages back that it does not need.
constexpr Duration kLongLinkedWait = 100ms;
constexpr std::size_t kMostShownSignals = 10;
constexpr std::size_t kMostShownBytes = 80;

}  // namespace

// --- Starting ------------------------------------------------------------------------------------

State::State(State& parent_session, std::string_view task_name, std::unique_ptr<detail::TaskBody> task_body,
             TaskKind task_kind)
    : context(parent_session.context),
      profile(parent_session.profile),
      parent(&parent_session),
      root(parent_session.root),
      task(task_name),
      owner(parent_session.owner),
      session(*this),
      random(parent_session.random()),
      id(Uuid::draw(random)),
      running(parent_session.running),
      own_config(parent_session.own_config ? std::make_unique<Json>(*parent_session.own_config) : nullptr),
      own_settings(parent_session.own_settings ? std::make_unique<Settings>(*parent_session.own_settings)
                                               : nullptr),
      settings_stale(parent_session.settings_stale),
      assignments(parent_session.assignments),
      headers(parent_session.headers),
      authorization(parent_session.authorization),
      cookies(parent_session.cookies ? std::make_unique<http::CookieJar>(*parent_session.cookies) : nullptr),
      body_(std::move(task_body)),
      parent_scope_(parent_session.scope_),
      kind_(task_kind),
      unrecorded_(parent_session.in_teardown()) {
  states.reserve(parent_session.states.size());
  try {
    for (const auto& [type, value] : parent_session.states) {
      // What cannot be copied is made anew when it is first asked for.
      if (type->copy != nullptr) states.emplace_back(type, type->copy(value));
    }
  } catch (...) {
    drop_states();
    throw;
  }
}

// Of a task that never runs.
void State::drop_states() noexcept {
  for (const auto& [type, value] : states)
    type->destroy(value);
  states.clear();
}

void State::start_task(std::string_view name, std::unique_ptr<detail::TaskBody> body, TaskKind kind,
                       Instant planned) {
  auto made = std::make_unique<State>(*this, name, std::move(body), kind);
  made->planned_ = planned;
  if (!tasks_) tasks_ = std::make_unique<Tasks>();
  if (tasks_->scopes.size() <= scope_) tasks_->scopes.resize(scope_ + std::size_t{1});
  auto& list = tasks_->by_name[made->task];
  if (!made->start()) {
    made->drop_states();
    if (list.empty()) tasks_->by_name.erase(made->task);
    throw TaskFailed(fmt::format("task {} could not be started: there is no memory for its stack: use fewer "
                                 "sessions or tasks, or smaller stacks (--stack-size)",
                                 name),
                     std::string(name), nullptr);
  }
  auto& scope = tasks_->scopes[scope_];
  ++(kind == TaskKind::awaited ? scope.awaited : scope.background);
  list.push_back(*made.release());
}

// --- The life of a task ----------------------------------------------------------------------------

void State::record_task() {
  // A heartbeat that has come to its end as it was meant to is no action.
  if (kind_ == TaskKind::background && outcome != Outcome::failed) return;
  const Duration took = run_began == Instant{} ? Duration::zero() : run_ended - run_began;
  if (outcome == Outcome::ok) {
    record_duration("async", task, took);
  } else {
    const auto reason = outcome == Outcome::failed ? Reason::exception : Reason::cancelled;
    record_error("async", task, to_string(reason), took, outcome_reason);
  }
}

// On the loop's stack: a task of this session has ended.
void State::task_ended(State& ended_task) {
  Tasks& all = *tasks_;
  const std::size_t at = ended_task.parent_scope_;
  auto& scope = all.scopes[at];
  --(ended_task.kind_ == TaskKind::awaited ? scope.awaited : scope.background);
  const auto found = all.by_name.find(ended_task.task);
  found->second.erase(TaskList::s_iterator_to(ended_task));
  if (found->second.empty()) all.by_name.erase(found);

  if (ended_task.outcome == Outcome::failed) {
    all.failures.push_back(
        {at, std::make_exception_ptr(
                 TaskFailed(fmt::format("task {} failed: {}", ended_task.task, ended_task.outcome_reason),
                            ended_task.task, std::exchange(ended_task.failure_, nullptr)))});
  }
  std::unique_ptr<State> owned(&ended_task);
  if (owned->abandoned) owner.task_abandoned(std::move(owned));
  if (fiber == nullptr) {
    // It was abandoned itself, and has waited for its tasks alone.
    if (all.running(0) == 0) conclude();
  } else if (linked_wait_) {
    fiber->wake();
  }
}

TaskList* State::find_tasks(std::string_view name) noexcept {
  if (!tasks_) return nullptr;
  const auto found = tasks_->by_name.find(name);
  return found == tasks_->by_name.end() ? nullptr : &found->second;
}

// --- Waiting for tasks ---------------------------------------------------------------------------

void State::throw_task_failure() {
  if (!tasks_ || tasks_->failures.empty() || std::uncaught_exceptions() > 0) return;
  const auto thrown = std::move(tasks_->failures.front().thrown);
  tasks_->failures.erase(tasks_->failures.begin());
  std::rethrow_exception(thrown);
}

bool State::wait_linked(Instant due, const bool* over) {
  throw_task_failure();
  actions_without_wait = 0;
  auto& loop = context.loop;
  linked_wait_ = true;
  const Instant soon = loop.now() + kLongLinkedWait;
  auto wake = loop.suspend(std::min(due, soon));
  if (wake == runtime::Wake::deadline && soon < due) {
    wake = loop.suspend(due, [this] { runtime::EventLoop::discard_unused_stack(*fiber); });
  }
  linked_wait_ = false;
  if (wake == runtime::Wake::cancelled || fiber->cancelled()) {
    cancelled_here();
    return false;
  }
  // What it has waited for is there, and would be lost: the failure comes at the next wait.
  if (over == nullptr || !*over) throw_task_failure();
  // Who is woken again and again for something else would never come to the deadline.
  return wake == runtime::Wake::ready && (due == Instant::max() || loop.now() < due);
}

void State::await_tasks(TaskNames names, std::optional<Duration> timeout) {
  throw_task_failure();
  const auto any_running = [&] {
    return std::ranges::any_of(names, [&](std::string_view name) { return find_tasks(name) != nullptr; });
  };
  if (!any_running()) {
    take_turn();
    return;
  }
  const Instant called = context.loop.now();
  const Instant due = timeout ? deadline_after(called, *timeout) : Instant::max();
  const Doing doing(*this, "await");
  do {
    if (wait_linked(due)) continue;
    if (fiber->cancelled()) break;
    if (!any_running()) break;
    const auto label = fmt::format("await({})", fmt::join(names, ", "));
    const auto message = fmt::format("{}: not ended within {}", label, duration_text(*timeout));
    for (const auto name : names) {
      if (TaskList* list = find_tasks(name); list != nullptr) {
        for (State& late : *list)
          late.cancel(Outcome::cancelled, message);
      }
    }
    record_error("await", fmt::format("{}", fmt::join(names, ", ")), to_string(Reason::timeout),
                 context.loop.now() - called, message);
    throw TimeoutError(message + ": cancelled");
  } while (any_running());
}

void State::await_scope() {
  if (!tasks_) return;
  throw_task_failure();
  if (tasks_->scopes.size() > scope_) {
    const Doing doing(*this, "await");
    while (tasks_->scopes[scope_].awaited > 0) {
      if (!wait_linked(Instant::max())) break;
    }
    end_scope();
  }
  throw_task_failure();
}

void State::end_scope() {
  if (!tasks_ || tasks_->scopes.size() <= scope_) return;
  cancel_tasks(scope_, "the session that started it has ended");
  wait_for_end_of_tasks(scope_);
}

void State::cancel_tasks(std::size_t from_scope, const std::string& reason) {
  if (!tasks_) return;
  for (auto& [name, list] : tasks_->by_name) {
    for (State& child : list) {
      if (child.parent_scope_ >= from_scope) child.cancel(Outcome::cancelled, reason);
    }
  }
}

void State::wait_for_end_of_tasks(std::size_t from_scope) {
  linked_wait_ = true;
  while (tasks_->running(from_scope) > 0)
    context.loop.suspend_uninterruptibly();
  linked_wait_ = false;
}

// --- Signals -------------------------------------------------------------------------------------

bool State::deliver(Json value) {
  if (fiber == nullptr) return false;
  if (!mailbox_) mailbox_ = std::make_unique<std::deque<Json>>();
  mailbox_->push_back(std::move(value));
  if (awaits_signal_) fiber->wake();
  return true;
}

std::optional<Json> State::take_signal(const Json* wanted, Duration timeout) {
  throw_task_failure();
  const Instant due = deadline_after(context.loop.now(), timeout);
  std::optional<Json> taken;
  std::size_t looked_at = 0;
  const auto look = [&] {
    if (!mailbox_) return false;
    auto& box = *mailbox_;
    for (; looked_at < box.size(); ++looked_at) {
      if (wanted != nullptr && box[looked_at] != *wanted) continue;
      taken = std::move(box[looked_at]);
      box.erase(box.begin() + static_cast<std::ptrdiff_t>(looked_at));
      return true;
    }
    return false;
  };
  if (look()) {
    take_turn();
    return taken;
  }
  const Doing doing(*this, "await_signal");
  struct Awaiting {
    explicit Awaiting(bool& f) : flag(f) { f = true; }
    ~Awaiting() { flag = false; }
    Awaiting(const Awaiting&) = delete;
    Awaiting& operator=(const Awaiting&) = delete;
    bool& flag;
  };
  const Awaiting awaiting(awaits_signal_);
  while (wait_linked(due)) {
    if (look()) return taken;
  }
  // It may have come together with the end of the wait.
  if (!fiber->cancelled()) look();
  return taken;
}

std::string State::mailbox_text() const {
  std::string text = "[";
  const std::size_t count = mailbox_ ? mailbox_->size() : 0;
  for (std::size_t i = 0; i < std::min(count, kMostShownSignals); ++i) {
    const auto value = dump((*mailbox_)[i]);
    if (i > 0) text += ", ";
    text += value.size() <= kMostShownBytes ? value : describe((*mailbox_)[i]);
  }
  if (count > kMostShownSignals) text += fmt::format(", and {} more", count - kMostShownSignals);
  return text + "]";
}

}  // namespace chaperon::session
