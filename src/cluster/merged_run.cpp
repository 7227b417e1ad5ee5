#include "cluster/merged_run.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "cluster/measurements_codec.hpp"
#include "load_test/progress_meter.hpp"
#include "load_test/run.hpp"

namespace chaperon::cluster {

namespace {

constexpr Duration kRecent = 2 * kBeat;

template <class Shown>
void set_percentiles(Shown& shown, const metrics::Histogram& answers) {
  if (answers.empty()) return;
  shown.p50 = Duration(answers.percentile(50));
  shown.p99 = Duration(answers.percentile(99));
}

}  // namespace

MergedRun::MergedRun(const load_test::Plan& plan, std::string run, const std::vector<Seat>& seats)
    : plan_(plan), run_(std::move(run)), ended_(plan.users) {
  for (const auto& seat : seats) {
    workers_[seat.worker].seat = seat;
    total_loops_ += static_cast<unsigned>(seat.loops.size());
  }
  merged_.sessions_by_entry.resize(plan.entries.size());
}

void MergedRun::set_clock(const std::string& worker, ClockOffset clock) {
  workers_.at(worker).clock = clock;
}

void MergedRun::begin(Instant start) {
  start_ = start;
  for (auto& [name, worker] : workers_)
    worker.last_measured = start;
}

MergedRun::Taken MergedRun::take(const Report& report) {
  const auto found = workers_.find(report.worker);
  if (found == workers_.end() || report.run != run_ || report.epoch != found->second.seat.epoch ||
      !found->second.loss.empty() || found->second.finished) {
    return Taken::old;
  }
  auto& worker = found->second;
  if (report.sequence <= worker.sequence) return Taken::repeated;
  // Decoded first: what cannot be read changes nothing.
  auto measurements =
      report.measurements.empty() ? load_test::Measurements() : decode_measurements(report.measurements);
  if (measurements.sessions_by_entry.size() > plan_.entries.size())
    throw MalformedBytes("measurements of more entries than the load test has");
  const bool gap = report.sequence != worker.sequence + 1;
  worker.sequence = report.sequence;
  if (report.kind == Report::Kind::measured || report.kind == Report::Kind::settled ||
      report.kind == Report::Kind::finished) {
    worker.heard = true;
    worker.last_measured = steady_now();
    // A report that was too large for one message comes in several.
    if (report.elapsed > worker.elapsed) {
      worker.second = report.elapsed - std::exchange(worker.elapsed, report.elapsed);
      worker.before = worker.traffic;
      worker.answers.clear();
    }
    worker.settled_gap = worker.settled_gap || (gap && report.kind != Report::Kind::measured);
    worker.waiting = report.waiting;
    worker.live = report.live;
    worker.busiest_loop = report.busiest_loop;
    worker.finished = report.kind == Report::Kind::finished;
    worker.busiest_loop_of_run = report.busiest_loop_of_run;
    log_lines_dropped_ += report.log_lines_dropped;
    merge(worker, std::move(measurements), report.kind != Report::Kind::measured);
    if (worker.finished) {
      // With a piece missing, the coarse ones have more.
      if (worker.settled_gap) worker.settled = std::exchange(worker.provisional, metrics::Snapshot());
      worker.provisional = metrics::Snapshot();
      merged_.metrics.merge(std::exchange(worker.settled, metrics::Snapshot()));
    }
  }
  has_gap_ = has_gap_ || gap;
  return gap ? Taken::gap : Taken::merged;
}

void MergedRun::merge(Worker& worker, load_test::Measurements measurements, bool settled) {
  const auto here = [&worker](Instant there) {
    return there == Instant::max() || there == Instant::min() ? there : there - worker.clock.offset;
  };
  measurements.first_start = here(measurements.first_start);
  measurements.last_end = here(measurements.last_end);
  worker.sessions = load_test::sessions_sum(worker.sessions, measurements.sessions());
  worker.traffic = load_test::traffic_sum(worker.traffic, measurements.traffic);
  worker.answers.merge(measurements.answers);
  measurements.answers.clear();
  for (const auto user : measurements.ended_users)
    end_user(user);
  measurements.ended_users.clear();
  cap_stored(measurements.stored);
  (settled ? worker.settled : worker.provisional)
      .merge(std::exchange(measurements.metrics, metrics::Snapshot()));
  merged_.merge(std::move(measurements));
}

void MergedRun::end_user(std::uint64_t user) {
  if (user >= ended_.size() || ended_[user]) return;
  ended_[user] = true;
  ++ended_count_;
}

// All workers together keep as much as one loop does.
void MergedRun::cap_stored(session::StoredResults& stored) const {
  using session::StoredResults;
  const auto& kept = merged_.stored;
  if (kept.kept.size() + stored.kept.size() <= StoredResults::kMost &&
      kept.bytes + stored.bytes <= StoredResults::kMostBytes) {
    return;
  }
  stored.left_out += stored.kept.size();
  stored.kept.clear();
  stored.bytes = 0;
}

std::vector<std::uint64_t> MergedRun::lose(const std::string& name, std::string why) {
  auto& worker = workers_.at(name);
  worker.loss = std::move(why);
  worker.waiting = worker.live = 0;
  worker.busiest_loop = 0;
  // The better ones will not come.
  worker.settled = metrics::Snapshot();
  merged_.metrics.merge(std::exchange(worker.provisional, metrics::Snapshot()));
  lost_workers_ += fmt::format("{}{}", lost_workers_.empty() ? "" : ", ", name);
  give_up_unfinished(worker);
  // Of sessions that have not ended nobody says when they ran: from the start, and as long as was heard of
  // them.
  if (!worker.unfinished.empty() && worker.elapsed > Duration::zero()) {
    merged_.first_start = std::min(merged_.first_start, start_);
    merged_.last_end = std::max(merged_.last_end, start_ + worker.elapsed);
  }
  return worker.unfinished;
}

std::vector<std::uint64_t> MergedRun::give_up_rest(const std::string& name) {
  auto& worker = workers_.at(name);
  give_up_unfinished(worker);
  return worker.unfinished;
}

Duration MergedRun::measured_until(const std::string& name) const {
  return workers_.at(name).elapsed;
}

bool MergedRun::stuck() const {
  return has_gap_ && std::ranges::all_of(workers_, [](const auto& named) {
           const auto& worker = named.second;
           return !worker.loss.empty() || worker.finished ||
                  (worker.heard && worker.waiting + worker.live == 0);
         });
}

void MergedRun::give_up_unfinished(Worker& worker) {
  const auto add_unfinished = [&](std::uint64_t user) {
    if (!ended_[user]) worker.unfinished.push_back(user);
  };
  for (const std::uint64_t loop : worker.seat.loops) {
    for (std::uint64_t user = loop; user < plan_.users; user += total_loops_)
      add_unfinished(user);
  }
  for (const auto user : worker.more_users)
    add_unfinished(user);
  given_up_ += worker.unfinished.size();
}

void MergedRun::assign(const std::string& worker, const std::vector<std::uint64_t>& users) {
  auto& more = workers_.at(worker).more_users;
  more.insert(more.end(), users.begin(), users.end());
  given_up_ -= users.size();
}

std::string MergedRun::names_of(const std::vector<std::uint64_t>& users) const {
  std::map<std::string, std::uint64_t> counts;
  for (const auto user : users)
    ++counts[plan_.entries[plan_.entry_of(user)].name];
  std::vector<std::string> texts;
  texts.reserve(counts.size());
  for (const auto& [name, count] : counts)
    texts.push_back(fmt::format("{} {}", count, name));
  return fmt::format("{}", fmt::join(texts, ", "));
}

bool MergedRun::takes_part(const std::string& name) const {
  const auto& worker = workers_.at(name);
  return worker.loss.empty() && !worker.finished;
}

bool MergedRun::has_finished(const std::string& worker) const {
  return workers_.at(worker).finished;
}

std::vector<Seat> MergedRun::taking_part() const {
  std::vector<Seat> seats;
  for (const auto& [name, worker] : workers_) {
    if (takes_part(name)) seats.push_back(worker.seat);
  }
  return seats;
}

Progress MergedRun::progress(Instant now) const {
  Progress progress{
      .elapsed = now - start_, .done = ended_count_, .requests = load_test::requests_of(merged_.traffic)};
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  metrics::Histogram answers;
  for (const auto& [name, worker] : workers_) {
    WorkerProgress its{
        .name = name, .live = worker.live, .busiest_loop = worker.busiest_loop, .lost = !worker.loss.empty()};
    progress.waiting += worker.waiting;
    progress.live += worker.live;
    progress.busiest_loop = std::max(progress.busiest_loop, worker.busiest_loop);
    // Who has said nothing for longer does not count as doing what it did then.
    const Duration silent = now - worker.last_measured;
    if (takes_part(name) && silent >= kRecent) its.silent = silent;
    if (takes_part(name) && silent < kRecent) {
      const auto rates = load_test::rates_between(worker.before, worker.traffic, in_seconds(worker.second));
      requests += rates.requests;
      errors += rates.errors;
      progress.requests_per_second += rates.requests_per_second;
      progress.messages_per_second += rates.messages_per_second;
      answers.merge(worker.answers);
      its.requests_per_second = rates.requests_per_second;
      set_percentiles(its, worker.answers);
    }
    progress.workers.push_back(std::move(its));
  }
  progress.error_share = load_test::error_share(errors, requests);
  set_percentiles(progress, answers);
  return progress;
}

std::size_t MergedRun::memory() const noexcept {
  auto bytes = merged_.metrics.memory();
  for (const auto& [name, worker] : workers_)
    bytes += worker.provisional.memory() + worker.settled.memory() + worker.answers.memory();
  return bytes;
}

Results MergedRun::results() {
  const auto coarse_because =
      lost_workers_.empty() ? std::string(metrics::Snapshot::kMemoryRanOut)
                            : fmt::format("{} {} lost before sending them at full precision", lost_workers_,
                                          lost_workers_.find(',') == std::string::npos ? "was" : "were");
  auto results = load_test::to_results(plan_, std::move(merged_), coarse_because);
  merged_ = load_test::Measurements();
  results.generator.loops = total_loops_;
  results.generator.log_lines_dropped = log_lines_dropped_;
  results.incomplete = incomplete_;
  for (auto& [name, worker] : workers_) {
    results.generator.busiest_loop = std::max(results.generator.busiest_loop, worker.busiest_loop_of_run);
    results.workers.push_back({.name = name,
                               .loops = static_cast<unsigned>(worker.seat.loops.size()),
                               .sessions = worker.sessions,
                               .traffic = worker.traffic,
                               .busiest_loop = worker.busiest_loop_of_run,
                               .clock_offset = worker.clock.offset,
                               .round_trip = worker.clock.round_trip,
                               .loss = worker.loss,
                               .unfinished = worker.unfinished});
  }
  return results;
}

}  // namespace chaperon::cluster
