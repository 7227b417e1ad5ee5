#include "runtime/fiber.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <chaperon/errors.hpp>

#include "fiber_fixture.hpp"

namespace chaperon::runtime {
namespace {

TEST_F(FiberTest, RunsToItsEnd) {
  bool ran = false;
  const auto& fiber = spawn([&] { ran = true; });
  run_all();
  EXPECT_TRUE(ran);
  EXPECT_TRUE(fiber.has_ended);
  EXPECT_EQ(fiber.end, FiberEnd::returned);
}

TEST_F(FiberTest, WakesAtItsDeadline) {
  Wake reason = Wake::ready;
  Duration when{0};
  spawn([&] {
    reason = loop.suspend(clock.now() + 250us);
    when = elapsed();
  });
  run_all();
  EXPECT_EQ(reason, Wake::deadline);
  EXPECT_EQ(when, 250us);
}

TEST_F(FiberTest, WakesWhenWoken) {
  Wake reason = Wake::deadline;
  spawn([&] { reason = loop.suspend(Instant::max()); });
  spawn([&] {
    loop.suspend(clock.now() + 1ms);
    handle(0).wake();
  });
  run_all();
  EXPECT_EQ(reason, Wake::ready);
  EXPECT_EQ(elapsed(), 1ms);
}

TEST_F(FiberTest, WakesForExactlyOneReason) {
  std::vector<Wake> reasons;
  spawn([&] {
    reasons.push_back(loop.suspend(clock.now() + 1ms));
    reasons.push_back(loop.suspend(clock.now() + 5ms));
  });
  spawn([&] {
    loop.suspend(clock.now() + 500us);
    handle(0).wake();
    handle(0).cancel();
  });
  run_all();
  // Ready came first; the cancellation stays for the next wait.
  EXPECT_EQ(reasons, (std::vector{Wake::ready, Wake::cancelled}));
}

TEST_F(FiberTest, CancellationIsSticky) {
  std::vector<Wake> reasons;
  spawn([&] {
    for (int i = 0; i < 3; ++i)
      reasons.push_back(loop.suspend(Instant::max()));
  });
  spawn([&] { handle(0).cancel(); });
  run_all();
  EXPECT_EQ(reasons, (std::vector{Wake::cancelled, Wake::cancelled, Wake::cancelled}));
}

TEST_F(FiberTest, AnUninterruptibleWaitHearsNoCancellation) {
  bool woken = false;
  spawn([&] {
    loop.suspend_uninterruptibly();
    woken = true;
    EXPECT_EQ(elapsed(), 3ms);
  });
  spawn([&] {
    handle(0).cancel();
    loop.suspend(clock.now() + 3ms);
    EXPECT_FALSE(woken);
    handle(0).wake();
  });
  run_all();
  EXPECT_TRUE(woken);
}

TEST_F(FiberTest, StartIsCalledOnTheLoopsStackAndMayWakeAtOnce) {
  bool on_loop = false;
  Wake reason = Wake::deadline;
  spawn([&] {
    reason = loop.suspend(clock.now() + 1s, [&] {
      on_loop = loop.current() == nullptr;
      handle(0).wake();
    });
  });
  run_all();
  EXPECT_TRUE(on_loop);
  EXPECT_EQ(reason, Wake::ready);
  EXPECT_EQ(elapsed(), 0ns);
}

TEST_F(FiberTest, WhatStartThrowsComesOutOfSuspend) {
  std::string caught;
  spawn([&] {
    try {
      loop.suspend(Instant::max(), [] { throw std::runtime_error("no socket"); });
    } catch (const std::runtime_error& e) {
      caught = e.what();
    }
  });
  run_all();
  EXPECT_EQ(caught, "no socket");
}

TEST_F(FiberTest, StartIsNotCalledForACancelledFiber) {
  bool started = false;
  spawn([&] {
    handle(0).cancel();
    EXPECT_EQ(loop.suspend(Instant::max(), [&] { started = true; }), Wake::cancelled);
  });
  run_all();
  EXPECT_FALSE(started);
}

TEST_F(FiberTest, CallsOnTheLoopsStackComeBackAtOnce) {
  std::vector<std::string> order;
  spawn([&] {
    loop.on_loop_stack([&] { order.emplace_back("loop"); });
    order.emplace_back("first");
    try {
      loop.on_loop_stack([] { throw std::logic_error("thrown there"); });
    } catch (const std::logic_error& e) {
      order.emplace_back(e.what());
    }
  });
  spawn([&] { order.emplace_back("second"); });
  run_all();
  EXPECT_EQ(order, (std::vector<std::string>{"loop", "first", "thrown there", "second"}));
}

TEST_F(FiberTest, AYieldLetsTheOthersRun) {
  std::vector<int> order;
  for (const int number : {1, 2}) {
    spawn([&, number] {
      for (int i = 0; i < 2; ++i) {
        order.push_back(number);
        loop.yield();
      }
    });
  }
  run_all();
  EXPECT_EQ(order, (std::vector{1, 2, 1, 2}));
}

// The C++ runtime keeps the exceptions in flight per thread: two fibers that wait in catch blocks must not
// mix theirs.
TEST_F(FiberTest, WaitsInsideACatchBlock) {
  std::vector<std::string> rethrown;
  for (const int number : {1, 2, 3}) {
    spawn([&, number] {
      try {
        throw std::runtime_error("error " + std::to_string(number));
      } catch (const std::runtime_error&) {
        loop.suspend(clock.now() + std::chrono::milliseconds(10 - number));
        EXPECT_EQ(std::uncaught_exceptions(), 0);
        try {
          throw;
        } catch (const std::runtime_error& again) {
          rethrown.emplace_back(again.what());
        }
      }
    });
  }
  run_all();
  EXPECT_EQ(rethrown, (std::vector<std::string>{"error 3", "error 2", "error 1"}));
}

TEST_F(FiberTest, WaitsInADestructorWhileTheStackUnwinds) {
  struct Waiting {
    EventLoop& loop;
    Clock& clock;
    int& in_flight;
    ~Waiting() {
      in_flight = std::uncaught_exceptions();
      loop.suspend(clock.now() + 5ms);
    }
  };
  int in_flight = 0;
  std::string caught;
  spawn([&] {
    try {
      const Waiting waiting{loop, clock, in_flight};
      throw std::runtime_error("unwinding");
    } catch (const std::runtime_error& e) {
      caught = e.what();
    }
  });
  int elsewhere = -1;
  spawn([&] {
    loop.suspend(clock.now() + 1ms);
    elsewhere = std::uncaught_exceptions();
  });
  run_all();
  EXPECT_EQ(in_flight, 1);
  EXPECT_EQ(elsewhere, 0) << "an exception of one fiber is in flight in another";
  EXPECT_EQ(caught, "unwinding");
}

void throw_it() {
  throw std::runtime_error("not allowed out");
}
void throw_through_noexcept() noexcept {
  throw_it();
}

TEST_F(FiberTest, TerminateAbandonsTheFiberAlone) {
  const auto& doomed = spawn([] { throw_through_noexcept(); });
  bool other_ran = false;
  spawn([&] {
    loop.suspend(clock.now() + 1ms);
    other_ran = true;
  });
  run_all();
  EXPECT_TRUE(doomed.has_ended);
  EXPECT_EQ(doomed.end, FiberEnd::terminated);
  EXPECT_NE(doomed.why.find("not allowed out"), std::string::npos) << doomed.why;
  EXPECT_TRUE(other_ran);
}

TEST_F(FiberTest, ACancellationInADestructorAbandonsTheFiber) {
  struct Waiting {
    EventLoop& loop;
    ~Waiting() {
      if (loop.suspend(Instant::max()) == Wake::cancelled && std::uncaught_exceptions() == 0)
        throw_cancelled();
    }
    static void throw_cancelled() { throw Cancelled("scenario_timeout 1 s"); }
  };
  const auto& doomed = spawn([&] { const Waiting waiting{loop}; });
  spawn([&] { handle(0).cancel(); });
  run_all();
  EXPECT_EQ(doomed.end, FiberEnd::terminated);
  EXPECT_NE(doomed.why.find("scenario_timeout 1 s"), std::string::npos) << doomed.why;
}

int recurse(int depth) {
  std::array<volatile char, 200> frame{};
  frame[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : recurse(depth + 1) + frame[0];
}

#ifndef CHAPERON_TSAN
TEST_F(FiberTest, AnOverflowEndsTheFiberAlone) {
  for (int round = 0; round < 3; ++round) {
    const auto& deep = spawn([] { recurse(0); });
    const auto& other = spawn([&] { loop.suspend(clock.now() + 1ms); });
    run_all();
    EXPECT_EQ(deep.end, FiberEnd::overflowed);
    EXPECT_EQ(other.end, FiberEnd::returned);
  }
}
#endif

#if !defined(CHAPERON_TSAN) && !defined(CHAPERON_ASAN)
// Writes where the stack has no more room, as a function of the C library may.
void fill_in_guard(const Stack& stack) {
  void* (*volatile fill)(void*, int, std::size_t) = std::memset;
  fill(stack.base + ((StackPool::kGuardPages - 1) * page_size()), 1, 64);
}

TEST_F(FiberTest, AnOverflowWithinTheCLibraryEndsTheFiberAtItsNextWait) {
  bool called = false;
  const auto& waits = spawn([&] {
    fill_in_guard(handle(0).stack());
    loop.suspend(clock.now() + 1ms, [&] { called = true; });
  });
  const auto& returns = spawn([&] { fill_in_guard(handle(1).stack()); });
  const auto& other = spawn([&] { loop.suspend(clock.now() + 1ms); });
  run_all();
  EXPECT_EQ(waits.end, FiberEnd::overflowed);
  EXPECT_FALSE(called);
  EXPECT_EQ(returns.end, FiberEnd::overflowed);
  EXPECT_EQ(other.end, FiberEnd::returned);
}
#endif

// Where there are no guard pages to be had.
class CanaryTest : public FiberTest {
 protected:
  CanaryTest() : FiberTest(GuardKind::canary) {}
  static void overflow(const Fiber& fiber) {
    std::memset(fiber.stack().base + (StackPool::kGuardPages * page_size()), 1, 8);
  }
};

TEST_F(CanaryTest, AnOverflowEndsTheFiberBeforeAnythingIsDoneForIt) {
  bool called = false;
  const auto& waits = spawn([&] {
    overflow(handle(0));
    loop.suspend(clock.now() + 1ms, [&] {
      called = true;
      handle(0).wake();
    });
  });
  const auto& other = spawn([&] { loop.suspend(clock.now() + 1ms); });
  run_all();
  EXPECT_EQ(waits.end, FiberEnd::overflowed);
  EXPECT_FALSE(called);
  EXPECT_EQ(other.end, FiberEnd::returned);
}

TEST_F(CanaryTest, AFiberThatReturnsMayHaveOverflowedToo) {
  const auto& fiber = spawn([&] { overflow(handle(0)); });
  run_all();
  EXPECT_EQ(fiber.end, FiberEnd::overflowed);
}

TEST_F(CanaryTest, SoMayOneThatCallsTheLoopsStack) {
  bool called = false;
  const auto& fiber = spawn([&] {
    overflow(handle(0));
    loop.on_loop_stack([&] { called = true; });
    called = true;
  });
  run_all();
  EXPECT_EQ(fiber.end, FiberEnd::overflowed);
  EXPECT_FALSE(called);
}

TEST_F(FiberTest, TenThousandFibers) {
  int ended = 0;
  for (int i = 0; i < 10'000; ++i) {
    spawn([&, i] {
      loop.suspend(clock.now() + std::chrono::microseconds(i % 100));
      ++ended;
    });
  }
  run_all();
  EXPECT_EQ(ended, 10'000);
}

// Leaves 128 KiB of the stack touched below the caller.
[[gnu::noinline]] void touch_stack() {
  volatile char frame[128 * 1024];
  for (std::size_t i = 0; i < sizeof frame; i += 1024)
    frame[i] = 'x';
}

// How many of a stack's pages are in memory, guard left out.
std::size_t resident_pages(const Stack& stack) {
  const std::size_t guard = StackPool::kGuardPages * page_size();
  std::vector<unsigned char> pages((stack.size - guard) / page_size());
  EXPECT_EQ(::mincore(stack.base + guard, stack.size - guard, pages.data()), 0);
  return static_cast<std::size_t>(
      std::ranges::count_if(pages, [](unsigned char page) { return (page & 1U) != 0; }));
}

TEST_F(FiberTest, DiscardingUnusedStackGivesItsPagesBack) {
  std::size_t before = 0;
  std::size_t after = 0;
  spawn([&] {
    touch_stack();
    loop.suspend(clock.now() + 1s, [&] {
      before = resident_pages(handle(0).stack());
      EventLoop::discard_unused_stack(handle(0));
      after = resident_pages(handle(0).stack());
    });
  });
  run_all();
  EXPECT_GE(before, 32U);
  EXPECT_LE(after, 4U);
}

TEST_F(FiberTest, DiscardingUnusedStackKeepsWhatIsInUse) {
  std::string kept;
  spawn([&] {
    std::string text = "what stands on the stack";
    recurse(-1);
    loop.suspend(clock.now() + 1s, [&] { EventLoop::discard_unused_stack(handle(0)); });
    kept = text;
  });
  run_all();
  EXPECT_EQ(kept, "what stands on the stack");
}

}  // namespace
}  // namespace chaperon::runtime
