#include "cluster/master.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chaperon/errors.hpp>

#include "base/clock.hpp"
#include "base/json_bytes.hpp"
#include "base/log.hpp"
#include "cluster/protocol.hpp"
#include "http/message.hpp"

namespace chaperon::cluster {
namespace {

constexpr Duration kLook = 100ms;
constexpr Duration kRejoin = 500ms;
// How long a load test may take to end once it is cancelled: teardowns have five seconds.
constexpr Duration kCancelPatience = 60s;
constexpr Duration kLeavePatience = 30s;
constexpr Duration kStopPatience = 3s;
// Between two looks for what need not be kept.
constexpr Duration kTidy = 60s;

constexpr std::string_view kCutOff =
    "the master stood still, or did not reach NATS, for too long while it ran";

std::string what_runs(const LoadTestRecord& record) {
  return fmt::format("{} ({})", record.load_test, record.id);
}

[[noreturn]] void refuse_second(const std::optional<WorkerInfo>& holder) {
  if (holder && holder->works) {
    throw InputError(
        fmt::format("a worker of the cluster is called {}, which is the master's name: start that "
                    "worker with another one (--name)",
                    kMasterName));
  }
  std::string where;
  if (holder && holder->labels.contains("host")) {
    where = fmt::format(", on {}", holder->labels.at("host"));
    if (holder->labels.contains("api"))
      where += fmt::format(", with its API at {}", holder->labels.at("api"));
  }
  throw InputError(fmt::format(
      "the cluster has a master already{}: use that one, or stop it first; there is one at a time", where));
}

}  // namespace

LoadTestProcess::~LoadTestProcess() = default;

Master::Master(Nats& nats, MasterOptions options)
    : nats_(nats), options_(std::move(options)), queue_(nats, options_.replicas) {
  status_.name = options_.name;
}

Master::~Master() = default;

void Master::news(const std::string& line) const {
  if (options_.on_news) options_.on_news(line);
}

void Master::join(const std::stop_token& stop, const std::string& api) {
  api_ = api;
  lease_.reset();
  {
    const std::lock_guard lock(mutex_);
    status_.api = api;
    joined_ = false;
  }
  bool said = false;
  while (!stop.stop_requested()) {
    try {
      // Workers wait for them.
      ensure_streams(nats_, options_.replicas);
      // After a loss of NATS it is this one's own.
      if (epoch_ == 0 && workers_bucket(nats_, options_.replicas).get(std::string(kMasterName)) &&
          !std::exchange(said, true))
        news("there is a master already, or was one until a moment ago: waiting whether it is alive");
      lease_ = std::make_unique<Lease>(nats_, options_.replicas,
                                       WorkerInfo{.name = std::string(kMasterName),
                                                  .epoch = epoch_,
                                                  .labels = {{"host", options_.name}, {"api", api}},
                                                  .abi = options_.abi,
                                                  .works = false,
                                                  .doing = "runs the queue"},
                                       [](Instant) {});
      epoch_ = lease_->epoch();
      known_.clear();
      up_to_date_ = false;
      watcher_.emplace(queue_.watch());
      progress_ = nats_.subscribe(progress_subject("*"), [this](const Message& message) {
        const std::lock_guard lock(mutex_);
        if (status_.running.empty() || message.subject != progress_subject(status_.running)) return;
        try {
          status_.progress = parse_json(message.payload);
        } catch (const std::exception&) {
          // The next one may be better.
        }
      });
      questions_ = nats_.subscribe(std::string(master_subject()), [this](const Message& message) {
        try {
          if (!message.reply_to.empty()) nats_.publish(message.reply_to, encode(status()));
        } catch (const NatsError&) {
          // Who has asked asks again.
        }
      });
      const std::lock_guard lock(mutex_);
      joined_ = true;
      return;
    } catch (const NameTaken& taken) {
      refuse_second(taken.holder());
    } catch (const NatsError& error) {
      if (!error.retryable()) throw;
      lease_.reset();
      std::this_thread::sleep_for(kRejoin);
    }
  }
}

void Master::serve(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    say_connection();
    if (!lease_ || lease_->over()) {
      join_again(stop);
      if (!lease_) break;
    }
    take_changes(kLook);
    abandon_others();
    if (current_) {
      look_at_current();
    } else {
      start_next();
    }
    note_doing();
    tidy();
  }
  leave();
}

// Another may have become the master meanwhile. The run ends by itself then, as it does without NATS.
void Master::join_again(const std::stop_token& stop) {
  news("the lease is over, for NATS was not reached or this process stood still: joining the cluster again");
  end_current(LoadTestState::error, std::string(kCutOff));
  try {
    join(stop, api_);
  } catch (const InputError&) {
    if (current_) try_nats([this] { record_end(); });
    throw;
  }
  if (lease_) news("in the cluster again");
}

// Cancels what runs, and waits for its results; it has ended as is said here, unless it ends otherwise.
void Master::end_current(LoadTestState state, const std::string& message) {
  if (!current_ || current_->outcome) return;
  auto& process = *current_->process;
  process.interrupt();
  const Instant deadline = steady_now() + kLeavePatience;
  while (!process.ended() && steady_now() < deadline)
    std::this_thread::sleep_for(kLook);
  process.stop(kStopPatience);
  current_->outcome = process.outcome();
  if (current_->outcome->state == LoadTestState::cancelled) {
    current_->outcome->state = state;
    current_->outcome->message = message;
  }
  current_->process.reset();
}

// What nobody needs any more.
void Master::tidy() {
  if (!changed_ || steady_now() < next_tidy_) return;
  try_nats([this] {
    for (const auto& id : queue_.prune())
      known_.erase(id);
    changed_ = false;
  });
  next_tidy_ = steady_now() + kTidy;
}

void Master::take_changes(Duration patience) {
  for (auto change = watcher_->next(patience); change; change = watcher_->next(Duration::zero())) {
    const auto& entry = change->entry;
    switch (change->kind) {
      case Change::Kind::put: {
        const auto known = known_.find(entry.key);
        if (known != known_.end() && known->second.revision >= entry.revision) break;
        changed_ = true;
        auto record = decode_record(entry.value);
        if (record && record->id == entry.key) {
          known_[entry.key] = {.record = std::move(*record), .revision = entry.revision};
        } else {
          known_.erase(entry.key);
          write_log(LogLevel::warn,
                    fmt::format("the load test {} of the queue cannot be read, so it does not run{}",
                                http::excerpt(entry.key),
                                is_load_test_id(entry.key) ? "; 'chaperon cancel' removes it" : ""));
        }
        break;
      }
      case Change::Kind::removed:
        known_.erase(entry.key);
        break;
      case Change::Kind::current:
        up_to_date_ = true;
        break;
      case Change::Kind::again:
        known_.clear();
        up_to_date_ = false;
        break;
    }
  }
}

// Does what needs NATS; false if that is not there now, and it has to be done again.
bool Master::try_nats(const std::function<void()>& work) {
  try {
    work();
    return true;
  } catch (const NatsError& error) {
    if (!error.retryable()) throw;
    return false;
  }
}

// Whoever ran them is no master any more: there is one at a time, and that is this one.
void Master::abandon_others() {
  if (!up_to_date_) return;
  std::vector<std::string> others;
  for (const auto& [id, queued] : known_) {
    const auto& record = queued.record;
    if (record.state == LoadTestState::running && record.master != epoch_ &&
        !(current_ && current_->id == id))
      others.push_back(id);
  }
  for (const auto& id : others) {
    try_nats([&] {
      auto changed =
          queue_.change(id, [&](LoadTestRecord& record) { return abandon(record, epoch_, timestamp_now()); });
      if (!changed) {
        known_.erase(id);
        return;
      }
      const auto& record = changed->record;
      news(fmt::format("{}: {}", what_runs(record), fate_text(record.state, record.message)));
      known_[id] = std::move(*changed);
    });
  }
  // Its workers stop without a coordinator, in that time if it was one that stood still.
  if (!others.empty()) free_at_ = steady_now() + kLease;
}

void Master::start_next() {
  if (!up_to_date_ || steady_now() < free_at_) return;
  const QueuedLoadTest* next = nullptr;
  for (const auto& [id, queued] : known_) {
    // It was begun, but the answer of the server did not come.
    if (queued.record.state == LoadTestState::running && queued.record.master == epoch_) {
      next = &queued;
      break;
    }
    if (queued.record.state == LoadTestState::scheduled &&
        (next == nullptr || queued.revision < next->revision)) {
      next = &queued;
    }
  }
  if (next == nullptr) return;
  const auto id = next->record.id;
  try_nats([&] {
    const auto changed =
        queue_.change(id, [&](LoadTestRecord& record) { return begin(record, epoch_, timestamp_now()); });
    if (!changed) {
      known_.erase(id);
      return;
    }
    known_[id] = *changed;
    if (changed->record.state == LoadTestState::running && changed->record.master == epoch_)
      start(changed->record);
  });
}

void Master::start(const LoadTestRecord& record) {
  auto current = std::make_unique<Current>();
  current->id = record.id;
  current->what = what_runs(record);
  try {
    current->process = options_.start(record, queue_.library(record.id));
    news(fmt::format("{}: runs", current->what));
  } catch (const NatsError&) {
    throw;
  } catch (const std::runtime_error& error) {
    current->outcome = LoadTestOutcome{.message = error.what()};
  }
  current_ = std::move(current);
  lease_->say(record.id, fmt::format("runs {}", record.load_test));
  const std::lock_guard lock(mutex_);
  status_.running = record.id;
  status_.doing.clear();
  status_.progress.reset();
}

void Master::look_at_current() {
  auto& current = *current_;
  if (!current.outcome) {
    const auto known = known_.find(current.id);
    if (!current.interrupted && known != known_.end() && known->second.record.cancel_requested) {
      news(fmt::format("{}: is cancelled", current.what));
      current.interrupted = true;
      current.end_by = steady_now() + kCancelPatience;
      current.process->interrupt();
    }
    if (current.interrupted && steady_now() > current.end_by) {
      current.process->stop(kStopPatience);
      current.stopped_because =
          fmt::format("it was cancelled, and killed because it had not ended after {:.0f} s",
                      std::chrono::duration<double>(kCancelPatience).count());
    }
    if (!current.process->ended()) return;
    current.outcome = current.process->outcome();
    if (!current.stopped_because.empty()) {
      current.outcome->state = LoadTestState::error;
      current.outcome->message = current.stopped_because;
    } else if (current.outcome->state == LoadTestState::cancelled && !current.interrupted) {
      // It has missed the master.
      current.outcome->state = LoadTestState::error;
      current.outcome->message = kCutOff;
    }
    current.process.reset();
  }
  try_nats([this] { record_end(); });
}

void Master::record_end() {
  auto& current = *current_;
  auto& outcome = *current.outcome;
  const auto not_kept = [&outcome](const std::string& kind, const std::exception& error) {
    outcome.message += fmt::format("{}its results as {} are not kept: {}",
                                   outcome.message.empty() ? "" : "; ", kind, error.what());
  };
  while (!outcome.results.empty()) {
    const auto& [kind, content] = *outcome.results.begin();
    try {
      queue_.keep_results(current.id, kind, content);
      current.kept.push_back(kind);
    } catch (const NatsError& error) {
      if (error.retryable()) throw;
      not_kept(kind, error);
    } catch (const std::length_error& error) {
      not_kept(kind, error);
    }
    outcome.results.erase(outcome.results.begin());
  }
  const LoadTestEnd how{.state = outcome.state,
                        .message = outcome.message,
                        .exit_code = outcome.exit_code,
                        .results = current.kept};
  if (auto changed = queue_.change(
          current.id, [&](LoadTestRecord& record) { return end(record, how, timestamp_now()); })) {
    known_[current.id] = std::move(*changed);
  }
  news(fmt::format("{}: {}", current.what, fate_text(outcome.state, outcome.message)));
  const auto id = current.id;
  current_.reset();
  if (lease_) lease_->say({}, "runs the queue");
  {
    const std::lock_guard lock(mutex_);
    status_.running.clear();
    status_.doing.clear();
    status_.progress.reset();
  }
  // What is left behind if this fails goes later.
  queue_.drop_library(id);
}

void Master::leave() {
  if (current_ && !current_->outcome) {
    news(fmt::format("stopping: {} is cancelled, what it measured is kept; Ctrl-C again leaves at once",
                     current_->what));
    end_current(LoadTestState::cancelled, "while it ran: the master was stopped");
  }
  const Instant deadline = steady_now() + kStopPatience;
  while (current_ && !try_nats([this] { record_end(); }) && steady_now() < deadline)
    std::this_thread::sleep_for(kLook);
  questions_ = {};
  lease_.reset();
  const std::lock_guard lock(mutex_);
  joined_ = false;
}

void Master::note_doing() {
  if (!current_ || !current_->process) return;
  auto doing = current_->process->doing();
  const std::lock_guard lock(mutex_);
  status_.doing = std::move(doing);
}

void Master::say_connection() {
  if (std::exchange(connected_, nats_.connected()) == connected_) return;
  news(connected_ ? "NATS is there again" : "the connection to NATS was lost: trying to reach it again");
}

std::vector<QueuedLoadTest> Master::all() {
  return queue_.all();
}

std::optional<QueuedLoadTest> Master::find(const std::string& id) {
  return queue_.find(id);
}

Cancelled Master::cancel(const std::string& id, bool only_scheduled) {
  return queue_.cancel(id, only_scheduled);
}

std::optional<std::string> Master::results(const std::string& id, std::string_view kind) {
  return queue_.results(id, kind);
}

std::vector<LoadTestRecord> Master::submit(const std::vector<WantedLoadTest>& wanted) {
  const std::lock_guard lock(prepare_mutex_);
  std::vector<Submission> submissions;
  for (const auto& one : wanted) {
    auto prepared = options_.prepare(one);
    submissions.push_back({.record = {.load_test = std::move(prepared.load_test),
                                      .file = std::move(prepared.file),
                                      .tags = one.tags,
                                      .options = one.options,
                                      .submitted_by = fmt::format("API of {}", options_.name)},
                           .library = std::move(prepared.library)});
  }
  return queue_.submit(submissions);
}

MasterStatus Master::status() {
  const std::lock_guard lock(mutex_);
  return status_;
}

std::string Master::trouble() {
  if (!nats_.connected()) return "NATS is not reached: it is tried again and again";
  const std::lock_guard lock(mutex_);
  return joined_ ? std::string() : "the master is about to join the cluster";
}

}  // namespace chaperon::cluster
