// Runs a load test: from the plan to the merged results.
#include <algorithm>
#include <numeric>
#include <random>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <chaperon/load_test.hpp>

#include "base/clock.hpp"
#include "base/duration_text.hpp"
#include "base/log.hpp"
#include "load_test/plan.hpp"
#include "load_test/progress_meter.hpp"
#include "load_test/run.hpp"
#include "runtime/resource_limits.hpp"

namespace chaperon {
namespace load_test {
namespace {

constexpr Duration kLook = 100ms;

std::uint64_t drawn_seed() {
  std::random_device device;
  // Short enough to be typed again.
  return device() % 1'000'000;
}

// Shows now and then how the run stands.
class ProgressDisplay {
 public:
  ProgressDisplay(Run& run, const RunOptions& options)
      : run_(run), options_(options), next_(run.start() + options.progress_interval), meter_(run.start()) {}

  [[nodiscard]] Instant next() const { return options_.on_progress ? next_ : Instant::max(); }

  void show(Instant now) {
    if (now < next()) return;
    next_ = now + options_.progress_interval;
    auto asked = run_.ask_progress();
    if (!asked) return;
    cpu_.resize(asked->cpu.size());
    Duration most_cpu{0};
    for (std::size_t i = 0; i < cpu_.size(); ++i)
      most_cpu = std::max(most_cpu, asked->cpu[i] - std::exchange(cpu_[i], asked->cpu[i]));
    options_.on_progress(meter_.progress(now, {.waiting = asked->waiting,
                                               .live = asked->live,
                                               .done = asked->done,
                                               .traffic = asked->traffic,
                                               .answers = std::move(asked->answers),
                                               .busiest_loop = in_seconds(most_cpu) / meter_.interval(now)}));
  }

 private:
  Run& run_;
  const RunOptions& options_;
  Instant next_;
  ProgressMeter meter_;
  std::vector<Duration> cpu_;  // of each loop, until then
};

// Waits until all loops are done, and does meanwhile what has to be done from outside.
bool wait_for_loops(const Plan& plan, Run& run, const RunOptions& options) {
  ProgressDisplay display(run, options);
  const Instant deadline = deadline_after(run.start(), plan.timeout);
  bool interrupted = false;
  bool cancelling = false;
  const auto cancel_all = [&](session::Outcome as, const std::string& reason) {
    if (!std::exchange(cancelling, true)) run.cancel_all(as, reason);
  };
  const std::stop_callback wake(options.stop, [&run] { run.wake(); });
  while (true) {
    const Instant now = steady_now();
    // Once the deadline has passed it is no reason to wake any more.
    if (run.wait(std::min({now + kLook, display.next(), cancelling ? Instant::max() : deadline})))
      return interrupted;
    if (options.stop.stop_requested() && !std::exchange(interrupted, true)) {
      cancel_all(session::Outcome::cancelled, "the run was interrupted");
    }
    const Instant later = steady_now();
    if (later >= deadline) {
      cancel_all(session::Outcome::timed_out,
                 fmt::format("load_test_timeout {}", duration_text(plan.timeout)));
    }
    run.look(later, cancelling);
    display.show(later);
  }
}

Results run(const RegisteredLoadTest& test, const RunOptions& options) {
  const Plan plan = Plan::make(test, options);
  runtime::raise_descriptor_limit();

  RunSettings settings{.seed = options.seed ? *options.seed : drawn_seed(),
                       .stack_size = options.stack_size,
                       .live = static_cast<bool>(options.on_progress),
                       .total_loops = options.threads != 0
                                          ? options.threads
                                          : std::max(1U, std::thread::hardware_concurrency())};
  settings.loops.resize(settings.total_loops);
  std::iota(settings.loops.begin(), settings.loops.end(), 0U);
  const auto seed = settings.seed;
  const auto loops = settings.total_loops;
  if (options.on_start) {
    options.on_start({.load_test = plan.name,
                      .base_url = plan.base_url,
                      .sessions = plan.users,
                      .loops = loops,
                      .seed = seed});
  }
  const auto started_at = std::chrono::system_clock::now();

  Run run(plan, std::move(settings));
  run.begin(steady_now());
  const bool interrupted = wait_for_loops(plan, run, options);
  auto results = to_results(plan, run.finish());
  results.started_at = started_at;
  results.seed = seed;
  results.interrupted = interrupted;
  results.generator.loops = loops;
  const double elapsed = in_seconds(steady_now() - run.start());
  for (const Duration spent : run.cpu()) {
    results.generator.busiest_loop =
        std::max(results.generator.busiest_loop, elapsed > 0 ? in_seconds(spent) / elapsed : 0);
  }
  results.generator.log_lines_dropped = log_lines_dropped();
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
