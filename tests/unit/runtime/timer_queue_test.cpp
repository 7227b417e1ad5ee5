#include "runtime/timer_queue.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace chaperon::runtime {
namespace {

class Alarm final : public Timer {
 public:
  explicit Alarm(std::vector<int>* rung = nullptr, int number = 0) : rung_(rung), number_(number) {}
  int count = 0;

 private:
  void on_timer() override {
    ++count;
    if (rung_ != nullptr) rung_->push_back(number_);
  }
  std::vector<int>* rung_;
  int number_;
};

constexpr Instant at(int milliseconds) {
  return Instant{} + std::chrono::milliseconds(milliseconds);
}

TEST(TimerQueue, FiresInTheOrderOfDeadlines) {
  TimerQueue queue;
  std::vector<int> rung;
  std::vector<std::unique_ptr<Alarm>> alarms;
  Random random(1);
  std::vector<int> expected;
  for (int i = 0; i < 1000; ++i) {
    const int due = static_cast<int>(random.below(1'000'000));
    expected.push_back(due);
    alarms.push_back(std::make_unique<Alarm>(&rung, due));
    queue.arm(*alarms.back(), at(due));
  }
  std::ranges::sort(expected);
  queue.fire_due(at(2'000'000));
  EXPECT_EQ(rung, expected);
  EXPECT_EQ(queue.size(), 0U);
  EXPECT_EQ(queue.next(), Instant::max());
}

TEST(TimerQueue, FiresOnlyWhatIsDue) {
  TimerQueue queue;
  Alarm early;
  Alarm late;
  queue.arm(late, at(20));
  queue.arm(early, at(10));
  EXPECT_EQ(queue.next(), at(10));
  queue.fire_due(at(10));
  EXPECT_EQ(early.count, 1);
  EXPECT_EQ(late.count, 0);
  EXPECT_FALSE(early.armed());
  EXPECT_TRUE(late.armed());
  EXPECT_EQ(late.due(), at(20));
}

TEST(TimerQueue, ADeadlineMovedLaterComesLater) {
  TimerQueue queue;
  Alarm alarm;
  queue.arm(alarm, at(10));
  queue.arm(alarm, at(30));
  queue.fire_due(at(20));
  EXPECT_EQ(alarm.count, 0);
  EXPECT_EQ(queue.next(), at(30));
  queue.fire_due(at(30));
  EXPECT_EQ(alarm.count, 1);
}

TEST(TimerQueue, ADeadlineMovedEarlierComesEarlier) {
  TimerQueue queue;
  Alarm alarm;
  Alarm other;
  queue.arm(other, at(20));
  queue.arm(alarm, at(30));
  queue.arm(alarm, at(10));
  queue.fire_due(at(10));
  EXPECT_EQ(alarm.count, 1);
  EXPECT_EQ(other.count, 0);
}

TEST(TimerQueue, ADisarmedTimerDoesNotFire) {
  TimerQueue queue;
  Alarm alarm;
  queue.arm(alarm, at(10));
  TimerQueue::disarm(alarm);
  queue.fire_due(at(20));
  EXPECT_EQ(alarm.count, 0);
  queue.arm(alarm, at(30));
  queue.fire_due(at(30));
  EXPECT_EQ(alarm.count, 1);
}

TEST(TimerQueue, ADestroyedTimerIsForgotten) {
  TimerQueue queue;
  std::vector<std::unique_ptr<Alarm>> alarms;
  std::vector<int> rung;
  for (int i = 0; i < 100; ++i) {
    alarms.push_back(std::make_unique<Alarm>(&rung, i));
    queue.arm(*alarms.back(), at(1000 - i));
  }
  for (int i = 0; i < 100; i += 2)
    alarms[static_cast<std::size_t>(i)].reset();
  EXPECT_EQ(queue.size(), 50U);
  queue.fire_due(at(1000));
  ASSERT_EQ(rung.size(), 50U);
  EXPECT_TRUE(std::ranges::is_sorted(rung, std::greater<>()));
}

TEST(TimerQueue, AnAlarmMayArmItselfAgain) {
  class Repeating final : public Timer {
   public:
    explicit Repeating(TimerQueue& queue) : queue_(queue) {}
    int count = 0;

   private:
    void on_timer() override {
      if (++count < 5) queue_.arm(*this, at(count * 10));
    }
    TimerQueue& queue_;
  };
  TimerQueue queue;
  Repeating repeating(queue);
  queue.arm(repeating, at(0));
  queue.fire_due(at(25));
  EXPECT_EQ(repeating.count, 3);
  queue.fire_due(at(100));
  EXPECT_EQ(repeating.count, 5);
}

TEST(TimerQueue, ATimerMovedLaterFiresAfterThoseThatAreDueBeforeIt) {
  TimerQueue queue;
  std::vector<int> rung;
  Alarm moved(&rung, 30);
  Alarm other(&rung, 20);
  queue.arm(moved, at(10));
  queue.arm(other, at(20));
  queue.arm(moved, at(30));
  queue.fire_due(at(40));
  EXPECT_EQ(rung, (std::vector{20, 30}));
}

// Against a plain list: random arming, disarming and firing.
TEST(TimerQueue, AgreesWithAPlainList) {
  TimerQueue queue;
  std::vector<std::unique_ptr<Alarm>> alarms;
  std::vector<Instant> due(200, Instant::max());
  std::vector<int> fired(200, 0);
  for (int i = 0; i < 200; ++i)
    alarms.push_back(std::make_unique<Alarm>());
  Random random(7);
  int now = 0;
  for (int step = 0; step < 20'000; ++step) {
    const auto i = static_cast<std::size_t>(random.below(200));
    switch (random.below(4)) {
      case 0:
      case 1:
        due[i] = at(now + static_cast<int>(random.below(500)));
        queue.arm(*alarms[i], due[i]);
        break;
      case 2:
        due[i] = Instant::max();
        TimerQueue::disarm(*alarms[i]);
        break;
      default:
        now += static_cast<int>(random.below(20));
        queue.fire_due(at(now));
        for (std::size_t j = 0; j < due.size(); ++j) {
          if (due[j] <= at(now)) {
            ++fired[j];
            due[j] = Instant::max();
          }
          ASSERT_EQ(alarms[j]->count, fired[j]) << "timer " << j << " at step " << step;
        }
    }
  }
}

}  // namespace
}  // namespace chaperon::runtime
