#include "load_test/run.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include <fmt/format.h>

namespace chaperon::load_test {
namespace {

constexpr Duration kProgressPatience = 100ms;

}  // namespace

// What loops have handed over and nobody has fetched yet.
struct Run::Takings {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<bool> asked;  // loops that have not answered yet
  std::vector<LoopProgress> progress;
  std::vector<Measurements> measurements;
};

Run::Run(const Plan& plan, RunSettings settings)
    : shared_{.plan = plan, .settings = std::move(settings)}, takings_(std::make_shared<Takings>()) {
  const auto& loops = shared_.settings.loops;
  shared_.runners.resize(shared_.settings.total_loops);
  for (const auto number : loops)
    shared_.runners[number] = runners_.emplace_back(std::make_unique<LoopRunner>(shared_, number)).get();
  takings_->asked.resize(loops.size());
  takings_->progress.resize(loops.size());
  try {
    for (auto& runner : runners_)
      runner->start();
  } catch (...) {
    leave();
    throw;
  }
}

Run::~Run() {
  leave();
}

// All end before the first is destroyed: they post to one another.
void Run::leave() {
  for (auto& runner : runners_)
    runner->leave();
}

void Run::begin(Instant start) {
  shared_.start = start;
  for (auto& runner : runners_)
    runner->begin();
}

void Run::cancel_all(session::Outcome as, const std::string& reason) {
  for (auto& runner : runners_)
    runner->cancel_all(as, reason);
}

void Run::take_over(const std::vector<std::uint64_t>& users) {
  std::vector<std::vector<std::uint64_t>> shares(runners_.size());
  for (std::size_t i = 0; i < users.size(); ++i)
    shares[i % shares.size()].push_back(users[i]);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (!shares[i].empty()) runners_[i]->take_over(std::move(shares[i]));
  }
}

bool Run::wait(Instant until) {
  std::unique_lock lock(shared_.mutex);
  const auto done = [this] { return shared_.loops_done == runners_.size(); };
  shared_.changed.wait_until(lock, until, [&] { return done() || woken_; });
  woken_ = false;
  return done();
}

void Run::wake() {
  const std::lock_guard lock(shared_.mutex);
  woken_ = true;
  shared_.changed.notify_all();
}

std::optional<RunProgress> Run::ask_progress() {
  struct Answers {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t received = 0;
    RunProgress progress;
  };
  // Shared: a loop that stands still answers when nobody waits any more.
  const auto answers = std::make_shared<Answers>();
  answers->progress.cpu.resize(runners_.size());
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    runners_[i]->ask_progress(
        [answers, i](LoopProgress loop, const metrics::Histogram& answered, Traffic traffic) {
          const std::lock_guard lock(answers->mutex);
          answers->progress.add(i, loop);
          answers->progress.answers.merge(answered);
          answers->progress.traffic = traffic_sum(answers->progress.traffic, traffic);
          ++answers->received;
          answers->changed.notify_one();
        });
  }
  std::unique_lock lock(answers->mutex);
  if (!answers->changed.wait_for(lock, kProgressPatience,
                                 [&] { return answers->received == runners_.size(); })) {
    return std::nullopt;
  }
  return std::move(answers->progress);
}

std::pair<RunProgress, Measurements> Run::take(Duration patience) {
  const auto& takings = takings_;
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    {
      const std::lock_guard lock(takings->mutex);
      if (takings->asked[i]) continue;
      takings->asked[i] = true;
    }
    runners_[i]->take([takings, i](LoopProgress loop, Measurements measurements) {
      const std::lock_guard lock(takings->mutex);
      takings->progress[i] = loop;
      takings->measurements.push_back(std::move(measurements));
      takings->asked[i] = false;
      takings->changed.notify_one();
    });
  }
  std::pair<RunProgress, Measurements> taken;
  std::vector<Measurements> handed_over;
  {
    std::unique_lock lock(takings->mutex);
    takings->changed.wait_for(
        lock, patience, [&] { return std::ranges::find(takings->asked, true) == takings->asked.end(); });
    handed_over.swap(takings->measurements);
    taken.first.cpu.resize(runners_.size());
    for (std::size_t i = 0; i < runners_.size(); ++i)
      taken.first.add(i, takings->progress[i]);
  }
  for (auto& measurements : handed_over)
    taken.second.merge(std::move(measurements));
  return taken;
}

void Run::run_scheduled(const std::shared_ptr<session::ScheduledScenario>& scheduled) {
  next_runner_ = (next_runner_ + 1) % runners_.size();
  scheduled->runner = shared_.settings.loops[next_runner_];
  runners_[next_runner_]->run_here(scheduled);
}

void Run::cancel_scheduled(const std::shared_ptr<session::ScheduledScenario>& scheduled, session::Outcome as,
                           const std::string& reason) {
  shared_.runners[scheduled->runner]->cancel_here(scheduled, as, reason);
}

Measurements Run::finish() {
  for (auto& runner : runners_)
    cpu_.push_back(runner->loop().cpu_time());
  for (auto& runner : runners_)
    runner->join();
  Measurements rest;
  for (auto& measurements : takings_->measurements)
    rest.merge(std::move(measurements));
  for (auto& runner : runners_)
    rest.merge(std::move(runner->measurements()));
  return rest;
}

void RunProgress::add(std::size_t loop, const LoopProgress& its) {
  waiting += its.waiting;
  live += its.live;
  done += its.done;
  scheduled += its.scheduled;
  cpu[loop] = its.cpu;
}

Results to_results(const Plan& plan, Measurements measurements, std::string_view coarse_because) {
  Results results;
  results.load_test = plan.name;
  results.config = plan.config;
  results.scenarios = plan.table();
  results.sessions = measurements.sessions();
  for (std::size_t i = 0; i < measurements.sessions_by_entry.size(); ++i) {
    // Entries of one name are one row.
    const auto& name = plan.entries[i].name;
    auto& names = results.sessions_by_name;
    auto found = std::ranges::find(names, name, &NamedSessions::name);
    if (found == names.end()) found = names.insert(found, {.name = name, .counts = {}});
    found->counts = sessions_sum(found->counts, measurements.sessions_by_entry[i]);
  }
  results.traffic = measurements.traffic;
  results.warnings = std::move(measurements.warnings);
  const auto warn = [&results](std::string warning) {
    if (!warning.empty()) results.warnings.push_back(std::move(warning));
  };
  warn(measurements.metrics.overflow_warning());
  warn(measurements.metrics.precision_warning(coarse_because));
  warn(plan.record_failure->text());
  const auto left_out = measurements.stored.left_out;
  if (left_out > 0) {
    warn(
        fmt::format("{} answers were not kept for store_results: a loop keeps at most 100,000, and 64 MiB of "
                    "their bodies",
                    left_out));
  }
  results.stored = Json::array();
  for (auto& stored : measurements.stored.kept)
    results.stored.push_back(std::move(stored));
  results.metrics = std::move(measurements.metrics).rows();
  results.errors = measurements.errors.groups();
  results.endings = measurements.endings.groups();
  if (measurements.last_end > measurements.first_start)
    results.duration = measurements.last_end - measurements.first_start;
  results.generator.lateness_p99 = Duration(measurements.lateness.percentile(99));
  results.generator.queued_p99 = Duration(measurements.queued.percentile(99));
  if (measurements.overflowed) {
    results.internal_error =
        "a session has overflowed its stack: give sessions larger ones with --stack-size";
  }
  return results;
}

}  // namespace chaperon::load_test
