// A load test under way on loops of this process.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "load_test/loop_runner.hpp"
#include "load_test/measurements.hpp"
#include "load_test/plan.hpp"
#include "load_test/watchdog.hpp"

namespace chaperon::load_test {

/// What the loops of a run said when they were asked.
struct RunProgress {
  std::uint64_t waiting = 0;    ///< users not started yet
  std::uint64_t live = 0;       ///< users that run
  std::uint64_t scheduled = 0;  ///< scenarios that run here for sessions of other loops
  std::uint64_t done = 0;       ///< users that have ended
  std::vector<Duration>
      cpu{};  ///< that each loop's thread has spent so far, in the order of RunSettings::loops
  metrics::Histogram answers{};  ///< how long answers took since the last time
  Traffic traffic{};             ///< so far; with take() in the measurements

  /// Adds a loop.
  void add(std::size_t loop, const LoopProgress& its);
};

/// The part of a load test that runs on loops of this process: all of it, or a share. Made and used by one
/// thread.
class Run {
 public:
  /// Starts a thread for each loop; no user starts yet. `plan` outlives it. Throws std::system_error if there
  /// are not enough threads to be had.
  Run(const Plan& plan, RunSettings settings);
  /// Ends the loops, if finish() did not.
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Users start at `start`, or now if that has passed.
  void begin(Instant start);
  /// Cancels every session, and starts no more.
  void cancel_all(session::Outcome as, const std::string& reason);
  /// Whether a user belongs to one of these loops.
  [[nodiscard]] bool is_own(std::uint64_t user) const noexcept {
    return shared_.runners[user % shared_.runners.size()] != nullptr;
  }
  /// Runs users too that belonged to loops of another process.
  void take_over(const std::vector<std::uint64_t>& users);

  /// Waits until all users have ended, `until` has come, or `wake()` was called; whether all have ended.
  bool wait(Instant until);
  /// From any thread: makes the present or the next wait() return.
  void wake();

  /// Frees loops that a session holds up; to be called a few times a second.
  void look(Instant now, bool cancelling) { watchdog_.look(now, cancelling); }

  /// Asks the loops how they stand. Nothing if one does not answer within 100 ms.
  std::optional<RunProgress> ask_progress();
  /// Takes what the loops have measured since the last time, together with how they stand. A loop that does
  /// not answer within `patience` is left out, with what it has measured until then: that comes with the next
  /// call.
  std::pair<RunProgress, Measurements> take(Duration patience);

  /// Runs a scenario for a session of another process; on which of the loops, the run chooses.
  void run_scheduled(const std::shared_ptr<session::ScheduledScenario>& scheduled);
  void cancel_scheduled(const std::shared_ptr<session::ScheduledScenario>& scheduled, session::Outcome as,
                        const std::string& reason);

  /// Ends the loops, all of whose sessions have ended, and returns what they have measured since it was last
  /// taken.
  Measurements finish();

  [[nodiscard]] Instant start() const noexcept { return shared_.start; }
  /// CPU time of each loop's thread until finish().
  [[nodiscard]] const std::vector<Duration>& cpu() const noexcept { return cpu_; }

 private:
  void leave();

  SharedRun shared_;
  std::vector<std::unique_ptr<LoopRunner>> runners_;
  Watchdog watchdog_{runners_};
  std::vector<Duration> cpu_;
  bool woken_ = false;  // under shared_.mutex
  struct Takings;
  std::shared_ptr<Takings> takings_;  // shared with loops that answer late
  std::size_t next_runner_ = 0;
};

/// The results that measurements of a whole load test amount to, without what only the process knows that ran
/// it: health of the generator, times. `warnings` of the plan are in it.
/// `coarse_because`: why percentiles are coarser than they should be, where they are.
Results to_results(const Plan& plan, Measurements measurements,
                   std::string_view coarse_because = metrics::Snapshot::kMemoryRanOut);

}  // namespace chaperon::load_test
