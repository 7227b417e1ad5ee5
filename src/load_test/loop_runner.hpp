// The sessions of one loop: started, counted, ended.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/intrusive/list.hpp>

#include <chaperon/load_test.hpp>

#include "load_test/plan.hpp"
#include "metrics/snapshot.hpp"
#include "runtime/blocking_pool.hpp"
#include "runtime/epoll_reactor.hpp"
#include "runtime/event_loop.hpp"
#include "session/loop_context.hpp"
#include "session/scheduled_scenario.hpp"
#include "session/state.hpp"

namespace chaperon::load_test {

class LoopRunner;

/// What all loops of a run share. Outlives them.
struct SharedRun {
  const Plan& plan;
  std::uint64_t seed = 0;
  std::size_t stack_size = 0;
  bool live = false;  ///< whether ask_progress() will be called
  unsigned loops = 1;
  Instant start{};
  std::shared_ptr<net::DnsCache> dns = std::make_shared<net::DnsCache>();
  runtime::BlockingPool blocking{};
  std::mutex mutex{};
  std::condition_variable changed{};
  unsigned loops_done = 0;             ///< under the mutex
  std::vector<LoopRunner*> runners{};  ///< one a loop; complete before the first of them starts
};

/// How a loop stands; what the display shows.
struct LoopProgress {
  unsigned loop = 0;  ///< its number
  std::uint64_t waiting = 0;
  std::uint64_t live = 0;
  std::uint64_t done = 0;
  session::RequestCounters counters;
  std::uint64_t messages = 0;  ///< of WebSockets, sent and received
  metrics::Histogram window;   ///< answers since the last time it was asked
  Duration cpu{0};
};

/// What a loop has measured, handed over when it has ended.
struct LoopResults {
  metrics::Snapshot metrics;
  session::ErrorLog errors;
  session::ErrorLog endings;
  SessionCounts sessions;
  std::vector<SessionCounts> sessions_by_entry;  ///< of the plan
  session::RequestCounters counters;
  http::ClientCounters traffic;
  websocket::ClientCounters messages;
  metrics::Histogram lateness;
  metrics::Histogram queued;
  session::StoredResults stored;
  Instant first_start = Instant::max();
  Instant last_end = Instant::min();
  bool overflowed = false;
};

/// One thread, one event loop, and every loops-th user of the plan.
class LoopRunner final : public session::Owner, session::Scheduler {
 public:
  LoopRunner(SharedRun& run, unsigned number);
  ~LoopRunner() override;

  /// Starts the thread. Throws std::system_error if there is none to be had.
  void start();
  /// Ends the loop, if it was started, and waits for its thread.
  void leave();
  /// Ends the loop and waits for its thread. All sessions have ended.
  void join();

  /// From any thread: cancels every session, and starts no more.
  void cancel_all(session::Outcome as, std::string reason);
  /// From any thread: how it stands, as soon as the loop comes to it; calls back on the loop's thread.
  void ask_progress(std::function<void(LoopProgress)> answer);

  [[nodiscard]] runtime::EventLoop& loop() noexcept { return loop_; }
  /// After join().
  LoopResults& results() noexcept { return results_; }

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
  void count_end(const session::Profile& profile, session::Outcome outcome);
  void refuse(const session::Profile& profile, const std::string& why, session::Outcome as);
  void check_done();
  void collect();

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
  std::uint64_t next_user_;
  std::size_t next_entry_ = 0;
  std::uint64_t entry_end_ = 0;  // the first user beyond next_entry_
  std::uint64_t waiting_ = 0;
  std::uint64_t live_ = 0;
  std::size_t next_loop_ = 0;  // where the next scheduled scenario goes
  bool cancelled_ = false;
  session::Outcome cancel_outcome_ = session::Outcome::cancelled;
  std::string cancel_reason_;
  bool done_ = false;
  LoopResults results_;
  std::thread thread_;
};

}  // namespace chaperon::load_test
