#include "runtime/event_loop.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <future>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fiber_fixture.hpp"
#include "runtime/blocking_pool.hpp"
#include "runtime/epoll_reactor.hpp"

namespace chaperon::runtime {
namespace {

class RealLoop : public ::testing::Test {
 protected:
  Clock clock;
  EpollReactor reactor{clock};
  EventLoop loop{clock, reactor};
};

TEST_F(RealLoop, CallsFromOtherThreadsComeInOrder) {
  std::vector<int> seen;
  std::jthread other([&] {
    for (int i = 0; i < 1000; ++i)
      loop.post([&, i] { seen.push_back(i); });
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  ASSERT_EQ(seen.size(), 1000U);
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST_F(RealLoop, ManyThreadsPostAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kCalls = 2000;
  int calls = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kCalls; ++i) {
        loop.post([&] {
          if (++calls == kThreads * kCalls) loop.stop();
        });
      }
    });
  }
  loop.run();
  EXPECT_EQ(calls, kThreads * kCalls);
}

TEST_F(RealLoop, AWaitIsNotShorterThanAsked) {
  Duration waited{0};
  TestFiber fiber([&] {
    const Instant start = clock.now();
    loop.suspend(start + 300us);
    waited = clock.now() - start;
    loop.stop();
  });
  loop.spawn(fiber);
  loop.run();
  EXPECT_GE(waited, 300us);
}

// A loop that was busy and lets events gather stops doing so once it has little to do.
TEST_F(RealLoop, AnIdleLoopDoesNotLookAgainAndAgain) {
  std::size_t turns = 0;
  std::size_t turns_while_idle = 0;
  bool ended = false;
  TestFiber fiber([&] {
    for (int i = 0; i < 1000; ++i)
      loop.waited_for_answer(10ms);
    for (const Instant start = clock.now(); clock.now() - start < 20ms;) {
      loop.yield();
      const Instant spin = clock.now();
      while (clock.now() - spin < 20us) {
      }
      loop.suspend(clock.now() + 1us);
    }
    loop.suspend(clock.now() + 40ms);
    const std::size_t before = turns;
    loop.suspend(clock.now() + 100ms);
    turns_while_idle = turns - before;
    ended = true;
    // Else the turn would end with a wait for nothing.
    reactor.wake();
  });
  loop.spawn(fiber);
  // As run() does, but counted.
  while (!ended) {
    loop.turn();
    ++turns;
  }
  EXPECT_LT(turns_while_idle, 200U);
}

// Data and FIN may come in one edge: hang-up is told with the data.
TEST_F(RealLoop, TellsDataAndHangUpTogether) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  struct Listener final : IoHandler {
    explicit Listener(EventLoop& event_loop) : loop(event_loop) {}
    void on_io(bool is_readable, bool /*writable*/, bool is_hung_up) override {
      readable = readable || is_readable;
      hung_up = hung_up || is_hung_up;
      if (hung_up) loop.stop();
    }
    EventLoop& loop;
    bool readable = false;
    bool hung_up = false;
  } listener(loop);
  ASSERT_TRUE(reactor.add(ends[0], listener));
  ASSERT_EQ(::write(ends[1], "last words", 10), 10);
  ::close(ends[1]);
  loop.run();
  EXPECT_TRUE(listener.readable);
  EXPECT_TRUE(listener.hung_up);
  ::close(ends[0]);
}

// A handler may destroy another one whose event is in the same batch.
TEST_F(RealLoop, AForgottenHandlerHearsNothing) {
  std::array<int, 2> first{};
  std::array<int, 2> second{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, first.data()), 0);
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, second.data()), 0);
  struct Handler final : IoHandler {
    Handler(Reactor& its_reactor, EventLoop& its_loop) : reactor(its_reactor), loop(its_loop) {}
    void on_io(bool readable, bool /*writable*/, bool /*hung_up*/) override {
      if (!readable) return;
      ++told;
      reactor.forget(*other);
      loop.stop();
    }
    Reactor& reactor;
    EventLoop& loop;
    Handler* other = nullptr;
    int told = 0;
  };
  Handler a(reactor, loop);
  Handler b(reactor, loop);
  a.other = &b;
  b.other = &a;
  ASSERT_TRUE(reactor.add(first[0], a));
  ASSERT_TRUE(reactor.add(second[0], b));
  ASSERT_EQ(::write(first[1], "x", 1), 1);
  ASSERT_EQ(::write(second[1], "x", 1), 1);
  loop.run();
  EXPECT_EQ(a.told + b.told, 1);
  for (const int end : {first[0], first[1], second[0], second[1]})
    ::close(end);
}

TEST_F(RealLoop, BlockingWorkWakesItsFiber) {
  BlockingPool pool(4);
  int result = 0;
  TestFiber fiber([&] {
    Fiber* self = loop.current();
    pool.run([&, self] {
      result = 42;
      loop.post([self] { self->wake(); });
    });
    loop.suspend_uninterruptibly();
    EXPECT_EQ(result, 42);
    loop.stop();
  });
  loop.spawn(fiber);
  loop.run();
  EXPECT_TRUE(fiber.has_ended);
}

TEST_F(RealLoop, MeasuresItsCpuAndLateness) {
  TestFiber fiber([&] {
    const Duration before = loop.cpu_time();
    while (loop.cpu_time() - before < 2ms) {
    }
    loop.suspend(clock.now() + 100us);
    loop.stop();
  });
  loop.spawn(fiber);
  loop.run();
  EXPECT_GT(loop.lateness().count(), 0U);
}

#ifndef CHAPERON_TSAN
TEST_F(RealLoop, TheWatchdogTakesAHungFiberOffTheLoop) {
  std::atomic<bool> spinning = false;
  std::atomic<bool> ended = false;
  TestFiber hung([&] {
    volatile unsigned turns = 0;
    for (;;) {
      turns = turns + 1;
      spinning.store(true, std::memory_order_relaxed);
    }
  });
  TestFiber other([&] {
    loop.suspend(clock.now() + 1ms);
    ended = true;
    loop.stop();
  });
  loop.spawn(hung);
  loop.spawn(other);
  std::jthread watchdog([&] {
    while (!spinning.load())
      std::this_thread::yield();
    // The one that spins, and no other: it may be in the middle of the runtime, which is part of this
    // program.
    const auto switches = loop.switches();
    while (!ended.load()) {
      loop.interrupt_fiber(switches);
      std::this_thread::yield();
    }
  });
  loop.run();
  EXPECT_TRUE(hung.has_ended);
  EXPECT_EQ(hung.end, FiberEnd::hung);
}
#endif

TEST(BlockingPool, RunsEverythingBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    BlockingPool pool(3);
    for (int i = 0; i < 100; ++i)
      pool.run([&] { ++ran; });
  }
  EXPECT_EQ(ran.load(), 100);
}

TEST(BlockingPool, RunsSeveralAtOnce) {
  BlockingPool pool(2);
  std::promise<void> first_started;
  std::promise<void> second_started;
  // Each waits for the other: with one thread this would never end.
  std::promise<void> both;
  pool.run([&] {
    first_started.set_value();
    second_started.get_future().wait();
    both.set_value();
  });
  pool.run([&] {
    first_started.get_future().wait();
    second_started.set_value();
  });
  both.get_future().wait();
}

// A loop whose fence has passed runs no fiber, makes no call and deals with no event, whatever is waiting.
TEST_F(RealLoop, NothingRunsOnceTheFenceHasPassed) {
  Fence fence;
  fence.extend(clock.now() + 1h);
  fence.extend(clock.now());  // earlier: ignored
  loop.set_fence(fence);
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  struct Counts final : IoHandler {
    void on_io(bool, bool, bool) override { ++calls; }
    int calls = 0;
  } events;
  ASSERT_TRUE(reactor.add(ends[0], events));
  int turns = 0;
  TestFiber fiber([&] {
    while (true) {
      ++turns;
      loop.yield();
    }
  });
  loop.spawn(fiber);
  for (int i = 0; i < 3; ++i)
    loop.turn();
  EXPECT_EQ(turns, 3);
  EXPECT_FALSE(loop.fenced());

  Fence passed;
  loop.set_fence(passed);
  const int seen = events.calls;
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  bool called = false;
  loop.post([&] { called = true; });
  loop.run();
  EXPECT_TRUE(loop.fenced());
  EXPECT_EQ(turns, 3);
  EXPECT_EQ(events.calls, seen);
  EXPECT_FALSE(called);
  ::close(ends[0]);
  ::close(ends[1]);
}

// The fence may pass while a fiber runs, or the process is stopped within one: no other gets its turn.
TEST_F(RealLoop, TheFenceIsLookedAtBeforeEachFiber) {
  Fence fence;
  loop.set_fence(fence);
  fence.extend(clock.now() + 20ms);
  int after = 0;
  TestFiber slow([&] {
    for (const Instant start = clock.now(); clock.now() - start < 30ms;) {
    }
  });
  TestFiber next([&] { ++after; });
  loop.spawn(slow);
  loop.spawn(next);
  loop.run();
  EXPECT_TRUE(loop.fenced());
  EXPECT_EQ(after, 0);
}

}  // namespace
}  // namespace chaperon::runtime
