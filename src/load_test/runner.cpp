// Runs a load test: from the plan to the merged results.
#include <algorithm>
#include <memory>
#include <random>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <chaperon/load_test.hpp>

#include "base/clock.hpp"
#include "base/duration_text.hpp"
#include "base/log.hpp"
#include "load_test/loop_runner.hpp"
#include "load_test/plan.hpp"
#include "load_test/watchdog.hpp"
#include "runtime/code_ranges.hpp"
#include "runtime/resource_limits.hpp"

namespace chaperon {
namespace load_test {
namespace {

using Runners = std::vector<std::unique_ptr<LoopRunner>>;

constexpr Duration kLook = 100ms;
constexpr double kSecondsOf = 1e9;

std::uint64_t drawn_seed() {
  std::random_device device;
  // Short enough to be typed again.
  return device() % 1'000'000;
}

double seconds(Duration duration) {
  return static_cast<double>(duration.count()) / kSecondsOf;
}

// Turns what the loops say now and then into what is shown.
class ProgressDisplay {
 public:
  ProgressDisplay(Runners& runners, SharedRun& run, const RunOptions& options)
      : runners_(runners),
        run_(run),
        options_(options),
        next_(run.start + options.progress_interval),
        last_(run.start) {}

  [[nodiscard]] Instant next() const { return options_.on_progress ? next_ : Instant::max(); }

  void show(Instant now) {
    if (now < next()) return;
    next_ = now + options_.progress_interval;
    struct Answers {
      std::mutex mutex;
      std::condition_variable changed;
      std::vector<LoopProgress> received;
    };
    // Shared: a loop that stands still answers when nobody waits any more.
    const auto answers = std::make_shared<Answers>();
    for (auto& runner : runners_) {
      runner->ask_progress([answers](LoopProgress progress) {
        const std::lock_guard lock(answers->mutex);
        answers->received.push_back(std::move(progress));
        answers->changed.notify_one();
      });
    }
    Progress progress;
    RequestTotals totals;
    metrics::Histogram window;
    Duration most_cpu{0};
    {
      std::unique_lock lock(answers->mutex);
      if (!answers->changed.wait_for(lock, kLook,
                                     [&] { return answers->received.size() == runners_.size(); }))
        return;
      cpu_.resize(runners_.size());
      for (const auto& loop : answers->received) {
        progress.waiting += loop.waiting;
        progress.live += loop.live;
        progress.done += loop.done;
        totals.requests += std::max(loop.counters.requests, loop.counters.responses);
        totals.errors += loop.counters.errors;
        totals.messages += loop.messages;
        window.merge(loop.window);
        most_cpu = std::max(most_cpu, loop.cpu - std::exchange(cpu_[loop.loop], loop.cpu));
      }
    }
    progress.busiest_loop = seconds(most_cpu) / interval(now);
    finish(progress, totals, window, now);
    options_.on_progress(progress);
  }

 private:
  struct RequestTotals {
    std::uint64_t requests = 0;
    std::uint64_t errors = 0;
    std::uint64_t messages = 0;
  };

  [[nodiscard]] double interval(Instant now) const { return std::max(seconds(now - last_), 1e-3); }

  void finish(Progress& progress, const RequestTotals& totals, const metrics::Histogram& window,
              Instant now) {
    progress.elapsed = now - run_.start;
    progress.requests = totals.requests;
    const auto requests = totals.requests - last_totals_.requests;
    const auto errors = totals.errors - last_totals_.errors;
    progress.requests_per_second = static_cast<double>(requests) / interval(now);
    progress.messages_per_second =
        static_cast<double>(totals.messages - last_totals_.messages) / interval(now);
    progress.error_share =
        requests == 0 ? 0 : std::min(1.0, static_cast<double>(errors) / static_cast<double>(requests));
    if (window.count() > 0) {
      progress.p50 = Duration(window.percentile(50));
      progress.p99 = Duration(window.percentile(99));
    }
    last_totals_ = totals;
    last_ = now;
  }

  Runners& runners_;
  SharedRun& run_;
  const RunOptions& options_;
  Instant next_;
  Instant last_;
  RequestTotals last_totals_;
  std::vector<Duration> cpu_;  // of each loop, until then
};

// Waits until all loops are done, and does meanwhile what has to be done from outside.
bool wait_for_loops(Runners& runners, SharedRun& run, const RunOptions& options) {
  Watchdog watchdog(runners);
  ProgressDisplay display(runners, run, options);
  const Instant deadline = deadline_after(run.start, run.plan.timeout);
  bool interrupted = false;
  bool cancelling = false;
  const auto cancel_all = [&](session::Outcome as, const std::string& reason) {
    if (std::exchange(cancelling, true)) return;
    for (auto& runner : runners)
      runner->cancel_all(as, reason);
  };
  const std::stop_callback wake(options.stop, [&run] {
    const std::lock_guard lock(run.mutex);
    run.changed.notify_all();
  });
  while (true) {
    const Instant now = std::chrono::steady_clock::now();
    {
      std::unique_lock lock(run.mutex);
      // Once the deadline has passed it is no reason to wake any more.
      const Instant until = std::min({now + kLook, display.next(), cancelling ? Instant::max() : deadline});
      run.changed.wait_until(lock, until, [&] {
        return run.loops_done == run.loops || (options.stop.stop_requested() && !interrupted);
      });
      if (run.loops_done == run.loops) return interrupted;
    }
    if (options.stop.stop_requested() && !std::exchange(interrupted, true)) {
      cancel_all(session::Outcome::cancelled, "the run was interrupted");
    }
    const Instant later = std::chrono::steady_clock::now();
    if (later >= deadline) {
      cancel_all(session::Outcome::timed_out,
                 fmt::format("load_test_timeout {}", duration_text(run.plan.timeout)));
    }
    watchdog.look(later, cancelling);
    display.show(later);
  }
}

void add(SessionCounts& to, const SessionCounts& counts) {
  to.ok += counts.ok;
  to.failed += counts.failed;
  to.cancelled += counts.cancelled;
  to.timed_out += counts.timed_out;
}

// Entries of one name are one row.
void merge_by_name(std::vector<NamedSessions>& names, const Plan& plan,
                   const std::vector<SessionCounts>& counts) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto& name = plan.entries[i].name;
    auto found = std::ranges::find(names, name, &NamedSessions::name);
    if (found == names.end()) found = names.insert(found, {.name = name, .counts = {}});
    add(found->counts, counts[i]);
  }
}

void merge(Results& results, Runners& runners, const SharedRun& run, const std::vector<Duration>& cpu) {
  metrics::Snapshot metrics;
  session::ErrorLog errors;
  session::ErrorLog endings;
  metrics::Histogram lateness;
  metrics::Histogram queued;
  Instant first_start = Instant::max();
  Instant last_end = Instant::min();
  results.stored = Json::array();
  bool overflowed = false;
  std::uint64_t stored_left_out = 0;
  for (auto& runner : runners) {
    auto& loop = runner->results();
    metrics.merge(std::move(loop.metrics));
    errors.merge(std::move(loop.errors));
    endings.merge(std::move(loop.endings));
    lateness.merge(loop.lateness);
    queued.merge(loop.queued);
    add(results.sessions, loop.sessions);
    merge_by_name(results.sessions_by_name, run.plan, loop.sessions_by_entry);
    results.traffic.requests += loop.counters.requests;
    results.traffic.responses += loop.counters.responses;
    results.traffic.errors += loop.counters.errors;
    results.traffic.retried += loop.traffic.retried;
    results.traffic.bytes_sent += loop.traffic.bytes_sent + loop.messages.bytes_sent;
    results.traffic.bytes_received += loop.traffic.bytes_received + loop.messages.bytes_received;
    results.traffic.messages_sent += loop.messages.messages_sent;
    results.traffic.messages_received += loop.messages.messages_received;
    for (auto& stored : loop.stored.kept)
      results.stored.push_back(std::move(stored));
    stored_left_out += loop.stored.left_out;
    first_start = std::min(first_start, loop.first_start);
    last_end = std::max(last_end, loop.last_end);
    overflowed = overflowed || loop.overflowed;
  }
  if (auto warning = metrics.overflow_warning(); !warning.empty())
    results.warnings.push_back(std::move(warning));
  if (auto warning = metrics.precision_warning(); !warning.empty())
    results.warnings.push_back(std::move(warning));
  if (auto warning = run.plan.record_failure->text(); !warning.empty())
    results.warnings.push_back(std::move(warning));
  if (stored_left_out > 0) {
    results.warnings.push_back(
        fmt::format("{} answers were not kept for store_results: a loop keeps at most 100,000, and 64 MiB of "
                    "their bodies",
                    stored_left_out));
  }
  results.metrics = std::move(metrics).rows();
  results.errors = errors.groups();
  results.endings = endings.groups();
  if (last_end > first_start) results.duration = last_end - first_start;
  results.generator.loops = run.loops;
  results.generator.lateness_p99 = Duration(lateness.percentile(99));
  results.generator.queued_p99 = Duration(queued.percentile(99));
  const double elapsed = seconds(std::chrono::steady_clock::now() - run.start);
  for (const Duration spent : cpu) {
    results.generator.busiest_loop =
        std::max(results.generator.busiest_loop, elapsed > 0 ? seconds(spent) / elapsed : 0);
  }
  results.generator.log_lines_dropped = log_lines_dropped();
  if (overflowed) {
    results.internal_error =
        "a session has overflowed its stack: give sessions larger ones with --stack-size";
  }
}

Results run(const RegisteredLoadTest& test, const RunOptions& options) {
  const Plan plan = Plan::make(test, options);
  runtime::raise_descriptor_limit();

  SharedRun run{.plan = plan};
  run.seed = options.seed.value_or(0);
  if (!options.seed) run.seed = drawn_seed();
  run.stack_size = options.stack_size;
  run.live = static_cast<bool>(options.on_progress);
  run.loops = options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());

  Results results;
  results.load_test = plan.name;
  results.seed = run.seed;
  results.config = plan.config;
  results.scenarios = plan.table();
  if (options.on_start) {
    options.on_start({.load_test = plan.name,
                      .base_url = plan.base_url,
                      .sessions = plan.users,
                      .loops = run.loops,
                      .seed = run.seed});
  }
  results.started_at = std::chrono::system_clock::now();
  run.start = std::chrono::steady_clock::now();

  Runners runners;
  for (unsigned i = 0; i < run.loops; ++i)
    run.runners.push_back(runners.emplace_back(std::make_unique<LoopRunner>(run, i)).get());
  try {
    for (auto& runner : runners)
      runner->start();
  } catch (...) {
    // All end before the first is destroyed: they post to one another.
    for (auto& runner : runners)
      runner->leave();
    throw;
  }
  results.interrupted = wait_for_loops(runners, run, options);

  std::vector<Duration> cpu;
  for (auto& runner : runners)
    cpu.push_back(runner->loop().cpu_time());
  for (auto& runner : runners)
    runner->join();
  merge(results, runners, run, cpu);
  return results;
}

}  // namespace
}  // namespace load_test

inline namespace v1 {

Results run_load_test(const RegisteredLoadTest& load_test, const RunOptions& options) {
  return load_test::run(load_test, options);
}

}  // namespace v1
}  // namespace chaperon
