#include "cluster/coordinator.hpp"

#include <algorithm>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chaperon/errors.hpp>

#include "base/clock.hpp"
#include "base/duration_text.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "cluster/artifact_store.hpp"
#include "cluster/merged_run.hpp"
#include "cluster/protocol.hpp"
#include "cluster/recruiting.hpp"
#include "cluster/roster.hpp"
#include "cluster/run_channel.hpp"
#include "cluster/worker_run.hpp"
#include "load_test/plan.hpp"

namespace chaperon::cluster {
namespace {

constexpr Duration kLook = 50ms;
// What workers say of themselves is waited for that long before any are chosen.
constexpr Duration kSettled = 200ms;
// How long loading, compiling nothing, may take on a worker.
constexpr Duration kReady = 60s;
// Between the word to start and the start: the word has to come to everybody first.
constexpr Duration kStartAhead = 300ms;
constexpr Duration kStartAheadOfWorker = 5ms;
// Round trips by which a clock is compared.
constexpr int kClockRounds = 24;
constexpr Duration kClockAnswer = 500ms;
// For that long after NATS was away, leases that are over are over because of it.
constexpr Duration kAftermath = kLeaseExpiry + kLease;
// A worker that has said goodbye may have sent its last report just before.
constexpr Duration kGrace = 1s;
// What a command may have of users, so that it stays far below a megabyte.
constexpr std::size_t kUsersOfCommand = 20'000;
// Of a command that prepares a run, what is there beside config: seats above all.
constexpr std::size_t kRestOfCommand = std::size_t{64} << 10;

std::string drawn_name() {
  std::random_device device;
  return fmt::format("{:08x}", device());
}

std::string users_text(std::size_t count) {
  return count == 1 ? "1 user" : fmt::format("{} users", count);
}

class Coordinator {
 public:
  Coordinator(Nats& nats, const RegisteredLoadTest& load_test, const RunOptions& options,
              const CoordinatorOptions& cluster_options);
  Results run();

 private:
  void check_size() const;
  bool recruit();
  enum class Ready : std::uint8_t { all, interrupted, others_were_faster };
  void prepare();
  void await_claim(const Seat& seat);
  Ready await_ready();
  bool prepared(const Seat& seat);
  void check_table(const Report& report) const;
  std::optional<ClockOffset> compare_clock(const Seat& seat);
  void start();
  void watch();
  Results results();
  [[nodiscard]] Results nothing() const;

  [[nodiscard]] bool started() const noexcept { return start_ != Instant{}; }
  [[nodiscard]] bool master_lost();
  [[nodiscard]] bool is_stopped();
  void stop();
  void take_reports(Duration patience);
  void take(const Report& report);
  void take_stopping(const Report& report);
  void note_connection();
  void look_for_losses();
  [[nodiscard]] std::string why_gone(std::string otherwise) const;
  void say_incomplete(const std::string& sentence);
  [[nodiscard]] std::string at(Instant instant) const { return clock_text(instant - start_); }
  void lose(const Seat& seat, const std::string& why);
  void tell_lost(const std::string& worker);
  void take_rest(const std::string& worker);
  void end_without_server(const std::string& why);
  void restart(const std::vector<std::uint64_t>& users, std::string& sentence);
  void cancel_all(std::string_view outcome, const std::string& reason);
  void leave(const std::string& reason);
  void news(const std::string& line) const {
    if (options_.on_news) options_.on_news(line);
  }

  Nats& nats_;
  const RunOptions& run_options_;
  const CoordinatorOptions& options_;
  const load_test::Plan plan_;
  const std::string table_;  // its digest
  const std::string load_test_name_;
  std::string run_;
  std::uint64_t seed_;
  Roster roster_;
  std::vector<Seat> seats_;
  std::optional<MergedRun> merged_;
  std::optional<RunChannel> channel_;
  std::map<std::string, Report> ready_;
  std::map<std::string, ClockOffset> clocks_;
  bool others_were_faster_ = false;
  std::set<std::string> stopping_;       // workers that cancel their users by themselves
  std::map<std::string, Instant> gone_;  // workers whose lease has gone, and when that was seen
  Instant start_{};
  std::chrono::system_clock::time_point started_at_{};
  Instant master_seen_;  // its last sign of life
  bool connected_ = true;
  Instant reached_;      // when the server was reached last
  Instant away_from_{};  // when it was away last
  Instant away_until_{};
  bool cancelling_ = false;
  bool finishing_ = false;
  bool interrupted_ = false;
};

Coordinator::Coordinator(Nats& nats, const RegisteredLoadTest& load_test, const RunOptions& options,
                         const CoordinatorOptions& cluster_options)
    : nats_(nats),
      run_options_(options),
      options_(cluster_options),
      plan_(load_test::Plan::make(load_test, options)),
      table_(table_digest(plan_)),
      load_test_name_(load_test.name),
      seed_(options.seed.value_or(0)),
      roster_(nats, cluster_options.replicas),
      master_seen_(steady_now()),
      reached_(master_seen_) {
  // Short enough to be typed again.
  if (!options.seed) seed_ = std::random_device{}() % 1'000'000;
}

// Everything goes to a worker in one message.
void Coordinator::check_size() const {
  const auto config = dump(run_options_.config).size();
  const auto most = nats_.max_payload();
  if (config + kRestOfCommand <= most) return;
  throw InputError(fmt::format(
      "the config of {} has {} KiB, and a message to a worker takes {} KiB: leave out what the load "
      "test can make or read itself",
      plan_.name, config >> 10U, most >> 10U));
}

Results Coordinator::run() {
  check_size();
  ensure_streams(nats_, options_.replicas);
  try {
    auto ready = Ready::others_were_faster;
    while (ready == Ready::others_were_faster) {
      if (!recruit()) return nothing();
      prepare();
      ready = await_ready();
      if (ready == Ready::others_were_faster) leave("another run was faster");
    }
    if (ready == Ready::interrupted) {
      leave("the run was interrupted before it began");
      return nothing();
    }
    start();
  } catch (const std::exception& error) {
    leave(error.what());
    throw;
  }
  watch();
  return results();
}

// Of a run that was interrupted before it began.
Results Coordinator::nothing() const {
  auto results = load_test::to_results(plan_, load_test::Measurements());
  results.interrupted = true;
  results.seed = seed_;
  return results;
}

void Coordinator::leave(const std::string& reason) {
  if (!channel_) return;
  for (const auto& seat : seats_)
    channel_->send({.kind = Command::Kind::leave, .reason = reason}, seat);
  channel_->flush(5s);
}

// --- Before the start ----------------------------------------------------------------------------

bool Coordinator::recruit() {
  std::string said;
  Instant next_said{};
  Instant settled = steady_now() + kSettled;
  // Runs that were in each other's way are not to be so again.
  if (others_were_faster_) settled += std::random_device{}() % 500 * 1ms;
  while (!is_stopped()) {
    roster_.update(kLook);
    roster_.forget_expired();
    auto found = candidates(roster_.members(), options_);
    // A lease outlives its worker by some seconds.
    const auto is_silent = [this](const Member& member) {
      return !roster_.ask_clock(member.info.name, member.info.epoch, kClockAnswer);
    };
    const bool enough = found.fit.size() >= std::max(options_.workers, 1U);
    if (enough && steady_now() >= settled) {
      std::erase_if(found.fit, is_silent);
      if (found.fit.size() >= std::max(options_.workers, 1U)) {
        if (options_.workers > 0) found.fit.resize(options_.workers);
        seats_ = seats_of(found.fit);
        return true;
      }
    }
    if (steady_now() < settled) continue;
    // Workers that come one after the other are not worth a line each.
    if (auto text = waiting_text(found, options_); text != said && steady_now() >= next_said) {
      news(text);
      said = std::move(text);
      next_said = steady_now() + 1s;
    }
  }
  return false;
}

void Coordinator::prepare() {
  run_ = options_.run_name.empty() ? drawn_name() : options_.run_name;
  ready_.clear();
  clocks_.clear();
  others_were_faster_ = false;
  merged_.emplace(plan_, run_, seats_);
  ArtifactStore store(nats_, options_.replicas);
  const auto digest = store.put(options_.library);
  channel_.emplace(nats_, run_, options_.name);
  const Command prepare{.kind = Command::Kind::prepare,
                        .artifact = digest,
                        .library_name = options_.library_name,
                        .load_test = load_test_name_,
                        .config = run_options_.config,
                        .base_url = run_options_.base_url,
                        .seed = seed_,
                        .stack_size = run_options_.stack_size,
                        .metrics = run_options_.metrics,
                        .log_level = options_.log_level,
                        .seats = seats_};
  // The first one decides between runs that want the same workers: otherwise each could have some of them.
  channel_->send(prepare, seats_.front());
  await_claim(seats_.front());
  if (others_were_faster_) return;
  for (const auto& seat : std::span(seats_).subspan(1))
    channel_->send(prepare, seat);
}

// Waits until a worker says that it is ours, or another's. One that says nothing is missed later on.
void Coordinator::await_claim(const Seat& seat) {
  const Instant until = steady_now() + kGrace;
  while (!others_were_faster_ && steady_now() < until) {
    take_reports(Duration::zero());
    roster_.update(kLook / 5);
    const auto* member = roster_.find(seat.worker, seat.epoch);
    if (member == nullptr || member->info.run == run_ || ready_.contains(seat.worker)) return;
  }
}

Coordinator::Ready Coordinator::await_ready() {
  const Instant deadline = steady_now() + kReady;
  Duration patience = kLook;
  while (clocks_.size() < seats_.size()) {
    if (is_stopped()) return Ready::interrupted;
    take_reports(std::exchange(patience, kLook));
    if (others_were_faster_) return Ready::others_were_faster;
    if (const auto failure = channel_->failure(); !failure.empty()) throw InputError(failure);
    roster_.update(Duration::zero());
    for (const auto& seat : seats_) {
      const auto* member = roster_.find(seat.worker, seat.epoch);
      if (member == nullptr || steady_now() - member->seen > kLease) {
        throw InputError(fmt::format(
            "worker {} was lost while it prepared the run: see what it says, and run it again", seat.worker));
      }
      // One at a time, and then a look at all the others.
      if (patience > Duration::zero() && prepared(seat)) patience = Duration::zero();
      if (!clocks_.contains(seat.worker) && steady_now() > deadline)
        throw InputError(fmt::format("worker {} is not ready after {}", seat.worker, duration_text(kReady)));
    }
  }
  return Ready::all;
}

// Whether a worker has become ready just now, its clock compared.
bool Coordinator::prepared(const Seat& seat) {
  const auto ready = ready_.find(seat.worker);
  if (ready == ready_.end() || clocks_.contains(seat.worker)) return false;
  check_table(ready->second);
  const auto clock = compare_clock(seat);
  if (!clock) return false;
  clocks_[seat.worker] = *clock;
  merged_->set_clock(seat.worker, *clock);
  return true;
}

void Coordinator::check_table(const Report& report) const {
  if (report.users == plan_.users && report.table == table_) return;
  throw InputError(fmt::format(
      "worker {} would run another table of scenarios ({}) than this machine ({}): scenarios() and "
      "default_config() must give the same everywhere, whatever files, variables or times they read",
      report.worker, users_text(report.users), users_text(plan_.users)));
}

// The offset is known best where the round trip was shortest (Cristian, Distributed Computing 3, 1989).
// Nothing if the worker does not answer: it is missed soon, or answers the next time.
std::optional<ClockOffset> Coordinator::compare_clock(const Seat& seat) {
  ClockOffset best{.round_trip = kForever};
  for (int round = 0; round < kClockRounds; ++round) {
    const Instant asked = steady_now();
    const auto there = roster_.ask_clock(seat.worker, seat.epoch, kClockAnswer);
    const Duration round_trip = steady_now() - asked;
    if (!there) return std::nullopt;
    if (round_trip >= best.round_trip) continue;
    best = {.offset = *there - (asked + round_trip / 2).time_since_epoch(), .round_trip = round_trip};
  }
  return best;
}

void Coordinator::start() {
  unsigned loops = 0;
  std::vector<std::string> names;
  for (const auto& seat : seats_) {
    loops += static_cast<unsigned>(seat.loops.size());
    names.push_back(seat.worker);
  }
  if (run_options_.on_start) {
    run_options_.on_start({.load_test = plan_.name,
                           .base_url = plan_.base_url,
                           .sessions = plan_.users,
                           .loops = loops,
                           .seed = seed_,
                           .workers = names});
  }
  // The words to start are stored one after the other, each of which is a way there and back.
  Duration longest{0};
  for (const auto& [name, clock] : clocks_)
    longest = std::max(longest, clock.round_trip);
  const Duration ahead = kStartAhead + static_cast<int>(seats_.size()) * (kStartAheadOfWorker + 2 * longest);
  start_ = steady_now() + ahead;
  started_at_ = std::chrono::system_clock::now() +
                std::chrono::duration_cast<std::chrono::system_clock::duration>(ahead);
  merged_->begin(start_);
  for (const auto& seat : seats_) {
    const auto at = start_ + clocks_[seat.worker].offset;
    channel_->send({.kind = Command::Kind::start, .start_at = at.time_since_epoch().count()}, seat);
  }
}

// --- While it runs -------------------------------------------------------------------------------

void Coordinator::watch() {
  const Instant deadline = deadline_after(start_, plan_.timeout);
  Instant next_shown = start_ + run_options_.progress_interval;
  while (true) {
    try {
      take_reports(kLook);
      roster_.update(Duration::zero());
    } catch (const NatsError& error) {
      end_without_server(error.what());
      return;
    }
    note_connection();
    look_for_losses();
    if (is_stopped()) stop();
    // Whoever runs then has stopped by itself, and nobody waits for results that may come.
    if (interrupted_ && steady_now() - reached_ > kLease) {
      end_without_server(fmt::format("NATS was not reached for {}", duration_text(kLease)));
      return;
    }
    if (steady_now() >= deadline)
      cancel_all("timed out", fmt::format("load_test_timeout {}", duration_text(plan_.timeout)));
    if (steady_now() >= next_shown) {
      next_shown = std::max(next_shown + run_options_.progress_interval, steady_now());
      const auto progress = merged_->progress(steady_now());
      if (run_options_.on_progress) run_options_.on_progress(progress);
      channel_->publish(progress);
    }
    if (merged_->taking_part().empty()) return;
    if (const auto failure = channel_->failure(); !failure.empty()) {
      end_without_server(failure);
      return;
    }
    if ((merged_->all_ended() || merged_->stuck()) && !std::exchange(finishing_, true)) {
      for (const auto& seat : merged_->taking_part())
        channel_->send({.kind = Command::Kind::finish}, seat);
    }
  }
}

void Coordinator::note_connection() {
  const bool connected = nats_.connected();
  if (connected) reached_ = steady_now();
  if (std::exchange(connected_, connected) == connected) return;
  (connected ? away_until_ : away_from_) = steady_now();
  news(connected ? "NATS is there again"
                 : fmt::format("the connection to NATS was lost at {}: trying to reach it again",
                               at(steady_now())));
}

// A master that is gone, or stands still, has been followed by another one perhaps, and there is one run at a
// time.
bool Coordinator::master_lost() {
  if (options_.master == 0) return false;
  if (const auto* master = roster_.find(std::string(kMasterName), options_.master))
    master_seen_ = master->seen;
  return steady_now() - master_seen_ > kLease;
}

bool Coordinator::is_stopped() {
  return run_options_.stop.stop_requested() || master_lost();
}

void Coordinator::stop() {
  if (std::exchange(interrupted_, true)) return;
  std::string reason = "the run was interrupted";
  if (!run_options_.stop.stop_requested()) {
    reason = "the master of the run was lost";
    news(fmt::format("{} at {}: its users are cancelled", reason, at(steady_now())));
  }
  cancel_all("cancelled", reason);
}

void Coordinator::take_reports(Duration patience) {
  channel_->take_reports(patience, [this](const Report& report) { take(report); });
}

void Coordinator::take(const Report& report) {
  switch (merged_->take(report)) {
    case MergedRun::Taken::merged:
      break;
    case MergedRun::Taken::repeated:
      return;
    case MergedRun::Taken::old:
      write_log(LogLevel::debug, fmt::format("a report of {} was dropped: it comes too late", report.worker));
      return;
    case MergedRun::Taken::gap:
      merged_->add_incomplete(
          fmt::format("a report of worker {} has not come: what it measured then is missing", report.worker));
      break;
  }
  switch (report.kind) {
    case Report::Kind::ready:
      ready_[report.worker] = report;
      break;
    case Report::Kind::busy:
    case Report::Kind::refused:
      if (started()) {
        write_log(LogLevel::warn, fmt::format("worker {} refuses a run that it takes part in: {}",
                                              report.worker, report.reason));
      } else if (report.kind == Report::Kind::busy) {
        others_were_faster_ = true;
      } else {
        throw InputError(fmt::format("worker {}: {}", report.worker, report.reason));
      }
      break;
    case Report::Kind::stopping:
      take_stopping(report);
      break;
    case Report::Kind::measured:
    case Report::Kind::settled:
      break;
    case Report::Kind::finished:
      take_rest(report.worker);
      break;
  }
}

void Coordinator::take_stopping(const Report& report) {
  if (!started()) throw InputError(fmt::format("{} while it prepared the run: run it again", report.reason));
  say_incomplete(
      fmt::format("at {} {}: its users were cancelled", clock_text(report.elapsed), report.reason));
  stopping_.insert(report.worker);
  tell_lost(report.worker);
  if (options_.on_worker_loss == OnWorkerLoss::abort) cancel_all("cancelled", report.reason);
}

// A worker runs nothing more for others.
void Coordinator::tell_lost(const std::string& worker) {
  for (const auto& other : merged_->taking_part()) {
    if (other.worker != worker) channel_->send({.kind = Command::Kind::lost, .worker = worker}, other);
  }
}

// A worker has finished, and of some of its users no end was said: they were given to it too late, or a
// report was lost.
void Coordinator::take_rest(const std::string& worker) {
  const auto rest = merged_->give_up_rest(worker);
  if (rest.empty()) return;
  auto sentence = fmt::format("worker {} has finished without {} ({})", worker, users_text(rest.size()),
                              merged_->names_of(rest));
  if (options_.on_worker_loss == OnWorkerLoss::restart) restart(rest, sentence);
  say_incomplete(sentence);
}

void Coordinator::look_for_losses() {
  bool reached = true;
  for (const auto& seat : merged_->taking_part()) {
    const auto* member = roster_.find(seat.worker, seat.epoch);
    const Duration silent = member == nullptr ? Duration::zero() : steady_now() - member->seen;
    auto revoked = Roster::Revoked::renewed;
    if (member == nullptr) {
      revoked = Roster::Revoked::left;
    } else if (silent > kLease) {
      // Not reached for one, it need not be tried for all: each attempt takes its time.
      revoked = reached ? roster_.revoke(*member) : Roster::Revoked::unknown;
    }
    switch (revoked) {
      case Roster::Revoked::renewed:
        gone_.erase(seat.worker);
        break;
      case Roster::Revoked::done:
        lose(seat, why_gone(fmt::format("no sign of life for {:.0f} s", in_seconds(silent))));
        break;
      case Roster::Revoked::left: {
        const auto [gone, is_new] = gone_.try_emplace(seat.worker, steady_now());
        // Whoever has removed its lease, it may run until that would have been over.
        if (!is_new && steady_now() - gone->second > kLease) lose(seat, why_gone("it has left"));
        break;
      }
      case Roster::Revoked::unknown:
        reached = false;
        // It cannot have been renewed through a server that nobody reaches, and hears of no coordinator.
        if (silent > kCoordinatorLost + kLease)
          lose(seat, fmt::format("NATS was not reached for {:.0f} s", in_seconds(silent)));
        break;
    }
  }
}

// A worker that has lost its lease says so to nobody: the reason may be that nothing could be said.
std::string Coordinator::why_gone(std::string otherwise) const {
  if (away_until_ == Instant{} || steady_now() - away_until_ > kAftermath) return otherwise;
  return fmt::format("NATS was away from {} to {}, and its lease ran out", at(away_from_), at(away_until_));
}

// In the results, and at once.
void Coordinator::say_incomplete(const std::string& sentence) {
  news(sentence);
  merged_->add_incomplete(sentence);
}

void Coordinator::lose(const Seat& seat, const std::string& why) {
  const auto unfinished = merged_->lose(seat.worker, why);
  auto sentence = fmt::format("worker {} lost at {}: {}", seat.worker, at(steady_now()), why);
  if (unfinished.empty()) {
    sentence += "; all its users had ended";
  } else {
    sentence +=
        fmt::format("; {} unfinished ({})", users_text(unfinished.size()), merged_->names_of(unfinished));
    switch (options_.on_worker_loss) {
      case OnWorkerLoss::leave_out:
        sentence += ", left out";
        break;
      case OnWorkerLoss::restart:
        restart(unfinished, sentence);
        break;
      case OnWorkerLoss::abort:
        sentence += ", the run is aborted";
        break;
    }
  }
  sentence +=
      fmt::format("; what it measured after {} is missing", clock_text(merged_->measured_until(seat.worker)));
  say_incomplete(sentence);
  tell_lost(seat.worker);
  if (options_.on_worker_loss == OnWorkerLoss::abort)
    cancel_all("cancelled", fmt::format("worker {} was lost", seat.worker));
}

// The server has forgotten what was agreed on there: nothing can be said or heard any more.
void Coordinator::end_without_server(const std::string& why) {
  say_incomplete(fmt::format("the run has ended at {}, and what was measured last is missing: {}",
                             at(steady_now()), why));
  cancel_all("cancelled", why);
  for (const auto& seat : merged_->taking_part())
    merged_->lose(seat.worker, why);
}

void Coordinator::restart(const std::vector<std::uint64_t>& users, std::string& sentence) {
  auto others = merged_->taking_part();
  std::erase_if(others, [this](const Seat& seat) { return stopping_.contains(seat.worker); });
  if (others.empty() || finishing_ || cancelling_) {
    sentence += ", left out";
    return;
  }
  std::size_t loops = 0;
  for (const auto& seat : others)
    loops += seat.loops.size();
  std::vector<std::string> names;
  std::size_t next = 0;
  std::size_t loops_so_far = 0;
  for (const auto& seat : others) {
    loops_so_far += seat.loops.size();
    const std::size_t end = users.size() * loops_so_far / loops;
    const std::vector<std::uint64_t> share(users.begin() + static_cast<std::ptrdiff_t>(next),
                                           users.begin() + static_cast<std::ptrdiff_t>(end));
    next = end;
    if (share.empty()) continue;
    merged_->assign(seat.worker, share);
    names.push_back(seat.worker);
    for (std::size_t at = 0; at < share.size(); at += kUsersOfCommand) {
      const auto last = std::min(at + kUsersOfCommand, share.size());
      channel_->send({.kind = Command::Kind::take_over,
                      .users = {share.begin() + static_cast<std::ptrdiff_t>(at),
                                share.begin() + static_cast<std::ptrdiff_t>(last)}},
                     seat);
    }
  }
  sentence += fmt::format(", begun anew on {}", fmt::join(names, ", "));
}

void Coordinator::cancel_all(std::string_view outcome, const std::string& reason) {
  if (std::exchange(cancelling_, true)) return;
  for (const auto& seat : merged_->taking_part())
    channel_->send({.kind = Command::Kind::cancel, .outcome = std::string(outcome), .reason = reason}, seat);
}

Results Coordinator::results() {
  auto results = merged_->results();
  results.started_at = started_at_;
  results.seed = seed_;
  results.interrupted = interrupted_;
  channel_->flush(1s);
  channel_->clean_up();
  return results;
}

}  // namespace

Results run_on_cluster(Nats& nats, const RegisteredLoadTest& load_test, const RunOptions& options,
                       const CoordinatorOptions& cluster_options) {
  Coordinator coordinator(nats, load_test, options, cluster_options);
  return coordinator.run();
}

}  // namespace chaperon::cluster
