#include "cluster/worker_run.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "cluster/digest.hpp"
#include "cluster/measurements_codec.hpp"
#include "runtime/resource_limits.hpp"

namespace chaperon::cluster {
namespace {

// A loop that a session holds up hands over what it has measured with the next report.
constexpr Duration kPatience = 300ms;
constexpr Duration kLook = 100ms;

// How often it is looked whether they have ended.
constexpr Duration kOrphans = 20ms;

RunOptions run_options(const Command& prepare) {
  return {.config = prepare.config.is_null() ? Json::object() : prepare.config,
          .base_url = prepare.base_url,
          .metrics = prepare.metrics};
}

load_test::RunSettings run_settings(const Command& prepare, const std::string& worker, runtime::Fence& fence,
                                    load_test::RemoteLoops& remote) {
  load_test::RunSettings settings{.seed = prepare.seed,
                                  .stack_size = prepare.stack_size,
                                  .live = true,
                                  .total_loops = 0,
                                  .fence = &fence,
                                  .remote = &remote,
                                  .list_ended_users = true};
  for (const auto& seat : prepare.seats) {
    settings.total_loops += static_cast<unsigned>(seat.loops.size());
    if (seat.worker == worker) settings.loops = seat.loops;
  }
  return settings;
}

std::string outbox_name(const Command& prepare, const std::string& worker) {
  return fmt::format("{}.{}.{}", prepare.run, worker, prepare.epoch);
}

double share(Duration part, Duration whole) {
  return whole > Duration::zero() ? in_seconds(part) / in_seconds(whole) : 0;
}

// Loops are needed to run anything.
const Command& with_seat_of(const std::string& worker, const Command& prepare) {
  if (std::ranges::find(prepare.seats, worker, &Seat::worker) == prepare.seats.end())
    throw InputError(fmt::format("run {} has no place for {}", prepare.run, worker));
  return prepare;
}

}  // namespace

std::string table_digest(const load_test::Plan& plan) {
  return sha256(dump(plan.table(), -1));
}

WorkerRun::WorkerRun(Nats& nats, const std::string& worker, const Command& prepare,
                     const RegisteredLoadTest& load_test, runtime::Fence& fence)
    : run_name_(prepare.run),
      worker_(worker),
      epoch_(prepare.epoch),
      fence_(fence),
      plan_(load_test::Plan::make(load_test, run_options(prepare))),
      image_(plan_.entries.front().parts),
      outbox_(nats, outbox_name(prepare, worker), [&fence] { return fence.passed(steady_now()); }),
      scheduled_outbox_(nats, outbox_name(prepare, worker) + ".scheduled",
                        [&fence] { return fence.passed(steady_now()); }),
      remote_(nats, prepare.run, worker, prepare.seats, scheduled_outbox_, image_, plan_.entries.size()),
      run_(plan_, run_settings(with_seat_of(worker, prepare), worker, fence, remote_)) {
  runtime::raise_descriptor_limit();
  heard_of_coordinator();
  remote_.begin(run_);
  beats_ = nats.subscribe(beat_subject(run_name_), [this](const Message& beat) {
    // An answer that somebody has had the server send there is no sign of life.
    if (beat.payload.empty()) heard_of_coordinator();
  });
}

WorkerRun::~WorkerRun() {
  beats_ = {};
  remote_.end();
  stop_reporter();
}

// --- What the coordinator wants ------------------------------------------------------------------

void WorkerRun::heard_of_coordinator() {
  heard_at_.store(steady_now().time_since_epoch().count());
  extend_fence();
}

void WorkerRun::lease_holds(Instant until) {
  lease_until_.store(until.time_since_epoch().count());
  extend_fence();
}

void WorkerRun::extend_fence() {
  const Instant coordinator = Instant(Duration(heard_at_.load())) + kCoordinatorLost;
  fence_.extend(std::min(coordinator, Instant(Duration(lease_until_.load()))));
}

void WorkerRun::report_ready() {
  send({.kind = Report::Kind::ready, .users = plan_.users, .table = table_digest(plan_)});
}

void WorkerRun::obey(const Command& command) {
  heard_of_coordinator();
  switch (command.kind) {
    case Command::Kind::prepare:
      return;
    case Command::Kind::start: {
      if (std::exchange(started_, true)) return;
      const Instant at{Duration(command.start_at)};
      if (const auto late = std::chrono::duration_cast<std::chrono::milliseconds>(steady_now() - at);
          late > 0ms) {
        warnings_.push_back(
            fmt::format("worker {} heard of the start {} ms late, and began then", worker_, late.count()));
        write_log(LogLevel::warn, warnings_.back());
      }
      run_.begin(at);
      last_report_ = std::max(at, steady_now());
      reporter_ = std::thread([this] { report_every_second(); });
      return;
    }
    case Command::Kind::take_over:
      take_over(command.users);
      return;
    case Command::Kind::lost:
      remote_.lost(command.worker);
      return;
    case Command::Kind::cancel:
      cancelling_ = true;
      run_.cancel_all(
          command.outcome == "timed out" ? session::Outcome::timed_out : session::Outcome::cancelled,
          command.reason);
      return;
    case Command::Kind::finish:
      finish();
      return;
    case Command::Kind::leave:
      leaving_by_itself_ = true;
      cancelling_ = true;
      remote_.refuse(command.reason);
      run_.cancel_all(session::Outcome::cancelled, command.reason);
      return;
  }
}

// Each once, whatever comes: a user that ran twice would count twice.
void WorkerRun::take_over(const std::vector<std::uint64_t>& users) {
  taken_over_.resize(plan_.users);
  std::vector<std::uint64_t> others;
  for (const auto user : users) {
    if (user >= plan_.users || run_.is_own(user) || taken_over_[user]) continue;
    taken_over_[user] = true;
    others.push_back(user);
  }
  if (others.size() < users.size()) {
    write_log(LogLevel::warn, fmt::format("{} users were not taken over: they run here already, or there are "
                                          "none of that number",
                                          users.size() - others.size()));
  }
  run_.take_over(others);
}

void WorkerRun::stop(const std::string& reason) {
  if (std::exchange(leaving_by_itself_, true)) return;
  remote_.refuse(reason);
  stop_reason_ = reason;
  if (!std::exchange(cancelling_, true)) run_.cancel_all(session::Outcome::cancelled, reason);
  send({.kind = Report::Kind::stopping,
        .elapsed = started_ ? elapsed_at(steady_now()) : Duration::zero(),
        .reason = reason});
}

void WorkerRun::look(Instant now) {
  if (over_) return;
  if (fence_.passed(now)) {
    fence_.close();
    over_ = true;
    return;
  }
  const Instant heard{Duration(heard_at_.load())};
  if (now - heard > kCoordinatorSilence && !leaving_by_itself_) {
    stop(fmt::format("worker {} had not heard of the coordinator for {} s", worker_,
                     std::chrono::duration_cast<std::chrono::seconds>(kCoordinatorSilence).count()));
  }
  run_.look(now, cancelling_);
  if (!leaving_by_itself_) return;
  if (!started_) {
    over_ = true;
  } else if (const auto progress = run_.ask_progress(); progress && progress->waiting + progress->live == 0) {
    finish();
  }
}

// --- What it says --------------------------------------------------------------------------------

Duration WorkerRun::elapsed_at(Instant now) const {
  return std::max(now - run_.start(), Duration::zero());
}

void WorkerRun::report_every_second() {
  Instant next = steady_now() + kBeat;
  while (true) {
    {
      std::unique_lock lock(reporter_mutex_);
      if (reporter_wakes_.wait_until(lock, next, [this] { return reporter_ends_; })) return;
    }
    next = std::max(next + kBeat, steady_now());
    report_now();
  }
}

void WorkerRun::report_now() {
  auto [progress, measurements] = run_.take(kPatience);
  {
    const std::lock_guard lock(state_mutex_);
    waiting_ = progress.waiting;
    live_ = progress.live;
  }
  const Instant at = steady_now();
  const double passed = std::max(in_seconds(at - std::exchange(last_report_, at)), 1e-3);
  cpu_.resize(progress.cpu.size());
  Duration most{0};
  Duration most_of_run{0};
  for (std::size_t i = 0; i < cpu_.size(); ++i) {
    most = std::max(most, progress.cpu[i] - std::exchange(cpu_[i], progress.cpu[i]));
    most_of_run = std::max(most_of_run, progress.cpu[i]);
  }
  const Duration elapsed = elapsed_at(at);
  auto coarse = measurements.metrics.coarse(kProvisionalBits);
  metrics_.merge(std::exchange(measurements.metrics, std::move(coarse)));
  measurements.answers.coarsen_to(kProvisionalBits);
  measurements.warnings = std::exchange(warnings_, {});
  send_measurements(std::move(measurements), {.kind = Report::Kind::measured,
                                              .elapsed = elapsed,
                                              .waiting = progress.waiting,
                                              .live = progress.live,
                                              .busiest_loop = in_seconds(most) / passed,
                                              .busiest_loop_of_run = share(most_of_run, elapsed)});
}

// What is too large for one message goes in several, each of which counts by itself.
void WorkerRun::send_measurements(load_test::Measurements measurements, const Report& report) {
  auto payloads = encode(std::move(measurements));
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    auto part = report;
    // Only the last one says that there is no more.
    if (i + 1 < payloads.size() && part.kind == Report::Kind::finished) {
      part.kind = Report::Kind::settled;
      part.log_lines_dropped = 0;
    }
    part.measurements = std::move(payloads[i]);
    send(std::move(part));
  }
}

void WorkerRun::send(Report report) {
  report.run = run_name_;
  report.worker = worker_;
  report.epoch = epoch_;
  const std::lock_guard lock(report_mutex_);
  report.sequence = ++sequence_;
  outbox_.put(report_subject(run_name_, worker_), encode(report));
}

void WorkerRun::stop_reporter() {
  {
    const std::lock_guard lock(reporter_mutex_);
    reporter_ends_ = true;
    reporter_wakes_.notify_all();
  }
  if (reporter_.joinable()) reporter_.join();
}

void WorkerRun::finish() {
  if (std::exchange(over_, true)) return;
  stop_reporter();
  remote_.refuse(fmt::format("worker {} has finished", worker_));
  // Scenarios whose user was on a worker that is lost may still be on their way to their end.
  for (auto progress = run_.ask_progress();
       !fence_.passed(steady_now()) && (!progress || progress->scheduled > 0);
       progress = run_.ask_progress()) {
    run_.look(steady_now(), true);
    std::this_thread::sleep_for(kOrphans);
  }
  if (fence_.passed(steady_now())) return;
  remote_.end();
  const Duration elapsed = elapsed_at(steady_now());
  auto rest = run_.finish();
  metrics_.merge(std::move(rest.metrics));
  rest.metrics = std::exchange(metrics_, metrics::Snapshot());
  if (auto warning = plan_.record_failure->text(); !warning.empty())
    rest.warnings.push_back(std::move(warning));
  rest.warnings.insert(rest.warnings.end(), warnings_.begin(), warnings_.end());
  Duration most{0};
  for (const auto spent : run_.cpu())
    most = std::max(most, spent);
  send_measurements(std::move(rest), {.kind = Report::Kind::finished,
                                      .elapsed = elapsed,
                                      .busiest_loop_of_run = share(most, elapsed),
                                      .log_lines_dropped = log_lines_dropped()});
  // However long it takes: they are the results.
  const auto send_all = [this](Outbox& outbox) {
    while (!outbox.flush(kLook) && !fence_.passed(steady_now())) {
    }
  };
  send_all(scheduled_outbox_);
  send_all(outbox_);
}

std::string WorkerRun::doing() const {
  const std::lock_guard lock(state_mutex_);
  if (!started_) return fmt::format("ready for {}", plan_.name);
  auto text = fmt::format("{}: {} live", plan_.name, live_);
  if (waiting_ > 0) text += fmt::format(", {} waiting", waiting_);
  return text;
}

}  // namespace chaperon::cluster
