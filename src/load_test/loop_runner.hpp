// The sessions of one loop: started, counted, ended.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/intrusive/list.hpp>

#include <chaperon/load_test.hpp>

#include "load_test/measurements.hpp"
#include "load_test/plan.hpp"
#include "runtime/blocking_pool.hpp"
#include "runtime/epoll_reactor.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/fence.hpp"
#include "session/loop_context.hpp"
#include "session/scheduled_scenario.hpp"
#include "session/state.hpp"

namespace chaperon::load_test {

class LoopRunner;

/// The loops of a load test that other processes have: where scheduled scenarios may go as well. From any
/// thread.
class RemoteLoops {
 public:
  virtual ~RemoteLoops() = default;
  /// Has it run on the loop of that number; scheduled->back() is called once it has ended. False: it cannot
  /// go there, and is to run here.
  virtual bool run_scheduled(unsigned loop, const std::shared_ptr<session::ScheduledScenario>& scheduled) = 0;
  /// Cancels it, unless it has ended; scheduled->back() is called all the same.
  virtual void cancel_scheduled(const std::shared_ptr<session::ScheduledScenario>& scheduled,
                                session::Outcome as, const std::string& reason) = 0;
};

/// How a load test is run, and which part of it here.
struct RunSettings {
  std::uint64_t seed = 0;
  std::size_t stack_size = 0;  ///< of each session, bytes; 0: 256 KiB
  bool live = false;           ///< whether somebody looks at how long answers take meanwhile
  unsigned total_loops = 1;    ///< of the load test. User u belongs to the loop of number u mod total_loops
  std::vector<unsigned> loops{};    ///< the numbers of those that run here
  runtime::Fence* fence = nullptr;  ///< that the loops keep to; null: none
  RemoteLoops* remote = nullptr;    ///< the others; null: all loops run here
  bool list_ended_users = false;    ///< whether measurements have the numbers of users that have ended
};

/// What all loops of a run share. Outlives them.
struct SharedRun {
  const Plan& plan;
  RunSettings settings;
  Instant start{};  ///< set before the loops begin
  std::shared_ptr<net::DnsCache> dns = std::make_shared<net::DnsCache>();
  runtime::BlockingPool blocking{};
  std::mutex mutex{};
  std::condition_variable changed{};
  unsigned loops_done = 0;  ///< under the mutex
  /// By the number of the loop, null for those of other processes; complete before the first of them starts.
  std::vector<LoopRunner*> runners{};
};

/// How a loop stands; what the display shows.
struct LoopProgress {
  std::uint64_t waiting = 0;    ///< users not started yet
  std::uint64_t live = 0;       ///< users that run
  std::uint64_t done = 0;       ///< users that have ended
  std::uint64_t scheduled = 0;  ///< scenarios that run here for sessions of other loops
  Duration cpu{0};              ///< that its thread has spent
};

/// One thread, one event loop, and every total_loops-th user of the plan.
class LoopRunner final : public session::Owner, session::Scheduler {
 public:
  LoopRunner(SharedRun& run, unsigned number);
  ~LoopRunner() override;

  /// Starts the thread. Throws std::system_error if there is none to be had.
  void start();
  /// From any thread, after start() and once run.start is set: its users start then, not before that moment.
  void begin();
  /// From any thread: further users start, which belonged to loops of another process.
  void take_over(std::vector<std::uint64_t> users);
  /// Ends the loop, if it was started, and waits for its thread.
  void leave();
  /// Ends the loop and waits for its thread. All sessions have ended.
  void join();

  /// From any thread: cancels every session, and starts no more.
  void cancel_all(session::Outcome as, std::string reason);
  /// From any thread: how it stands, and what it has measured since the last time it was asked, as soon as
  /// the loop comes to it; calls back on the loop's thread.
  void take(std::function<void(LoopProgress, Measurements)> answer);
  /// From any thread: only how it stands, how long its answers took since the last time it was asked, and its
  /// traffic so far.
  void ask_progress(std::function<void(LoopProgress, metrics::Histogram, Traffic)> answer);
  /// From any thread: runs a scenario that a session of another process, or of another loop, has scheduled.
  void run_here(std::shared_ptr<session::ScheduledScenario> scheduled);
  /// From any thread: cancels it, unless it has ended.
  void cancel_here(std::shared_ptr<session::ScheduledScenario> scheduled, session::Outcome as,
                   std::string reason);

  [[nodiscard]] runtime::EventLoop& loop() noexcept { return loop_; }
  /// After join(): what was measured since it was last taken.
  Measurements& measurements() noexcept { return measurements_; }

 private:
  void main();
  void start_some();
  void start_user(std::uint64_t user);
  void session_ended(session::State& state) override;
  void task_abandoned(std::unique_ptr<session::State> task) override;
  void run_scheduled(std::shared_ptr<session::ScheduledScenario> scheduled) override;
  void cancel_scheduled(const std::shared_ptr<session::ScheduledScenario>& scheduled, session::Outcome as,
                        std::string reason) override;
  void begin_scheduled(const std::shared_ptr<session::ScheduledScenario>& scheduled);
  void scheduled_ended(session::State& state);
  void dispose(session::State& state);
  void count_end(std::uint64_t user, const session::Profile& profile, session::Outcome outcome);
  void refuse(std::uint64_t user, const session::Profile& profile, const std::string& why,
              session::Outcome as);
  void check_done();
  [[nodiscard]] LoopProgress progress() const;
  [[nodiscard]] Traffic traffic() const;
  Measurements take_measurements();

  // Starts the next users, a few each turn, so that those who run already are not held up.
  class Starter final : public runtime::Timer {
   public:
    explicit Starter(LoopRunner& runner) : runner_(runner) {}
    void on_timer() override { runner_.start_some(); }

   private:
    LoopRunner& runner_;
  };

  SharedRun& run_;
  const unsigned number_;
  Clock clock_;
  runtime::EpollReactor reactor_{clock_};
  runtime::EventLoop loop_;
  Starter starter_{*this};
  std::unique_ptr<session::LoopContext> context_;
  std::vector<std::unique_ptr<session::Profile>> profiles_;
  boost::intrusive::list<session::State> sessions_;  // those that live, and scheduled scenarios
  // Sessions whose fiber was abandoned: what is on its stack, timers too, refers to them until the loop ends.
  boost::intrusive::list<session::State> abandoned_;
  std::uint64_t next_user_;               // of its own
  std::deque<std::uint64_t> taken_over_;  // users of other loops
  std::uint64_t waiting_ = 0;             // both
  std::uint64_t live_ = 0;
  std::uint64_t ended_ = 0;
  std::size_t next_loop_ = 0;  // where the next scheduled scenario goes
  bool cancelled_ = false;
  session::Outcome cancel_outcome_ = session::Outcome::cancelled;
  std::string cancel_reason_;
  bool done_ = false;
  Measurements measurements_;
  Traffic taken_traffic_;  // that measurements taken so far have
  std::thread thread_;
};

}  // namespace chaperon::load_test
