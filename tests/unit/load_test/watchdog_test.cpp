#include "load_test/watchdog.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "base/log.hpp"
#include "load_test_fixture.hpp"
#include "runtime/sanitizers.hpp"

namespace chaperon::load_test {
namespace {

using ::testing::HasSubstr;

struct Hangs {
  static inline std::atomic<bool> running = false;
  static inline std::atomic<bool> free = false;
  static void run(Session& session) {
    session.add_metric("n", 1);
    running = true;
    running.notify_all();
    while (!free) {
    }
  }
};
struct Waits {
  static void run(Session& session) { session.delay(1ms).add_metric("n", 1); }
};
struct WaitsLong {
  static inline std::atomic<bool> running = false;
  static void run(Session& session) {
    running = true;
    session.delay(200ms);
  }
};

// The watchdog is told what time it is: nothing here lasts as long as it seems.
class WatchdogTest : public ::testing::Test {
 protected:
  WatchdogTest() {
    Hangs::running = false;
    Hangs::free = false;
    WaitsLong::running = false;
  }
  void start(Scenarios table) {
    plan_ = Plan::make(load_test(std::move(table)), {});
    run_.reset(new SharedRun{.plan = plan_, .settings = {.loops = {0}}});
    run_->start = std::chrono::steady_clock::now();
    runners_.push_back(std::make_unique<LoopRunner>(*run_, 0));
    runners_[0]->start();
    runners_[0]->begin();
    watchdog_ = std::make_unique<Watchdog>(runners_);
  }
  [[nodiscard]] bool done() {
    const std::lock_guard lock(run_->mutex);
    return run_->loops_done == 1;
  }
  Measurements& finish() {
    {
      std::unique_lock lock(run_->mutex);
      run_->changed.wait(lock, [this] { return run_->loops_done == 1; });
    }
    runners_[0]->join();
    return runners_[0]->measurements();
  }
  /// Looks until the loop is done: a signal may find the fiber in a library, where it is left alone.
  void look_until_done(Instant now, bool cancelling) {
    while (!done())
      watchdog_->look(now, cancelling);
  }

  Plan plan_;
  std::unique_ptr<SharedRun> run_;
  std::vector<std::unique_ptr<LoopRunner>> runners_;
  std::unique_ptr<Watchdog> watchdog_;
  const Instant start_ = Instant{} + 1h;
};

#ifndef CHAPERON_TSAN
TEST_F(WatchdogTest, ASessionThatNeverWaitsIsTakenOffAfterTenSecondsAndTheOthersGoOn) {
  start({{scenario<Hangs>, {}}, {10 * scenario<Waits>, {}}});
  Hangs::running.wait(false);
  watchdog_->look(start_, false);
  watchdog_->look(start_ + 10s, false);
  EXPECT_FALSE(done());
  look_until_done(start_ + 10s + 1ns, false);
  auto& results = finish();
  EXPECT_EQ(results.sessions().failed, 1U);
  EXPECT_EQ(results.sessions().ok, 10U);
  const auto endings = results.endings.groups();
  ASSERT_EQ(endings.size(), 1U);
  EXPECT_EQ(endings[0].session, "Hangs");
  EXPECT_EQ(
      endings[0].example,
      "it ran without waiting for so long that its event loop stood still: use blocking() for code that "
      "takes long");
}

TEST_F(WatchdogTest, WhileTheRunIsBeingCancelledOneSecondIsEnough) {
  start({{scenario<Hangs>, {}}});
  Hangs::running.wait(false);
  watchdog_->look(start_, true);
  watchdog_->look(start_ + 1s, true);
  EXPECT_FALSE(done());
  look_until_done(start_ + 1s + 1ns, true);
  EXPECT_EQ(finish().sessions().failed, 1U);
}
#endif

TEST_F(WatchdogTest, ItWarnsOnceAfterASecond) {
  ::testing::internal::CaptureStderr();
  start_log(LogLevel::warn);
  start({{scenario<Hangs>, {}}});
  Hangs::running.wait(false);
  watchdog_->look(start_, false);
  watchdog_->look(start_ + 1s, false);
  for (int i = 1; i <= 8; ++i)
    watchdog_->look(start_ + 1s + i * 1s, false);
  Hangs::free = true;
  EXPECT_EQ(finish().sessions().ok, 1U);
  stop_log();
  const auto text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text,
              HasSubstr("loop 0 stands still: a session has not waited for anything for over a second"));
  EXPECT_EQ(text.find("stands still"), text.rfind("stands still"));
}

TEST_F(WatchdogTest, ALoopThatWaitsForEventsIsLeftAlone) {
  ::testing::internal::CaptureStderr();
  start_log(LogLevel::warn);
  start({{scenario<WaitsLong>, {}}});
  // Even: the loop is in none of its fibers.
  const auto& loop = runners_[0]->loop();
  const auto waits = [&] { return loop.switches() > 0 && loop.switches() % 2 == 0; };
  while (!WaitsLong::running || !waits())
    std::this_thread::yield();
  watchdog_->look(start_, false);
  watchdog_->look(start_ + 1h, false);
  EXPECT_EQ(finish().sessions().ok, 1U);
  stop_log();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace chaperon::load_test
