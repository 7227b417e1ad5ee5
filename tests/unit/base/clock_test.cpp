#include "base/clock.hpp"

#include <gtest/gtest.h>

namespace chaperon {
namespace {

TEST(ClockTest, AVirtualClockMovesOnlyWhenItIsMoved) {
  Clock clock(Instant{} + 1h);
  EXPECT_TRUE(clock.is_virtual());
  clock.synchronise();
  EXPECT_EQ(clock.now(), Instant{} + 1h);
  clock.advance_to(Instant{} + 2h);
  EXPECT_EQ(clock.now(), Instant{} + 2h);
  clock.advance_to(Instant{});
  EXPECT_EQ(clock.now(), Instant{} + 2h);
}

// However the time is read, it is the kernel's.
TEST(ClockTest, TheMachinesClockIsTheKernelsBeforeAndAfterItIsSynchronised) {
  constexpr Duration kClose = 20us;
  Clock clock;
  const Instant start = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - start < 100ms) {
    clock.synchronise();
    const Instant before = std::chrono::steady_clock::now();
    const Instant read = clock.now();
    const Instant after = std::chrono::steady_clock::now();
    ASSERT_GE(read, before - kClose);
    ASSERT_LE(read, after + kClose);
  }
}

TEST(ClockTest, ItNeverGoesBack) {
  Clock clock;
  Instant last = clock.now();
  const Instant end = last + 200ms;
  while (last < end) {
    clock.synchronise();
    const Instant read = clock.now();
    ASSERT_GE(read, last);
    last = read;
  }
}

TEST(ClockTest, NoDeadlineIsBeyondTheEndOfTime) {
  EXPECT_EQ(deadline_after(Instant{} + 1s, 2s), Instant{} + 3s);
  EXPECT_EQ(deadline_after(Instant{} + 1s, kForever), Instant::max());
}

}  // namespace
}  // namespace chaperon
