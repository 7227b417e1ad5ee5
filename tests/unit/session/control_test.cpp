// Session: call, repeat, loop, delay, retry_on_error, blocking.
#include <algorithm>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

#include <sys/mman.h>

#include "session_fixture.hpp"

namespace chaperon::session {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::Le;

struct Shopper {
  static inline int calls = 0;
  static void buy(Session& session, int things) {
    calls += things;
    session.delay(3ms);
  }
  static void lose(Session& session) {
    session.delay(2ms);
    throw std::runtime_error("lost");
  }
  static void take(Session& /*session*/, std::string bag) {
    EXPECT_EQ(bag, "empty");
    bag = "full";
  }
  static void step(Session& session) {
    ++calls;
    session.delay(10ms);
  }
  static void count(Session& /*session*/) { ++calls; }
};

class ControlTest : public SessionTest {
 protected:
  ControlTest() { Shopper::calls = 0; }
};

TEST_F(ControlTest, CallRunsWithItsArgumentsAndRecordsNothing) {
  run_ok([](Session& s) {
    s.call<Shopper::buy>(2).call(
        "named", [](Session& t, int things) { Shopper::buy(t, things); }, 3);
  });
  EXPECT_EQ(Shopper::calls, 5);
  EXPECT_EQ(row_names(results()), std::vector<std::string>());
  EXPECT_EQ(elapsed(), 6ms);
}

TEST_F(ControlTest, CallTracedIsARowByScenarioAndFunctionOrByName) {
  run_ok([](Session& s) {
    s.call_traced<Shopper::buy>(2).call_traced("named", [](Session& t) { t.delay(5ms); });
  });
  const auto recorded = results();
  EXPECT_THAT(row_names(recorded), ElementsAre("A call(Shopper.buy)", "A call(named)"));
  EXPECT_EQ(recorded.count("A call(Shopper.buy)"), 1U);
  EXPECT_EQ(recorded.find("A call(Shopper.buy)")->max(), 3.0);
  EXPECT_EQ(recorded.find("A call(named)")->max(), 5.0);
}

TEST_F(ControlTest, AnExceptionOutOfATracedCallIsARowOfItsOwn) {
  const auto& state = run([](Session& s) { s.call_traced<Shopper::lose>(); });
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason, "std::runtime_error: lost");
  const auto recorded = results();
  EXPECT_THAT(row_names(recorded), ElementsAre("A Error exception call(Shopper.lose)"));
  EXPECT_EQ(recorded.metrics[0].max(), 2.0);
  const auto errors = context.errors.groups();
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].action, "call");
  EXPECT_EQ(errors[0].target, "Shopper.lose");
  EXPECT_EQ(errors[0].reason, "exception");
  EXPECT_EQ(errors[0].example, "std::runtime_error: lost");
  EXPECT_EQ(errors[0].session_id, state.id.text());
  EXPECT_EQ(errors[0].first_at, 2ms);
}

TEST_F(ControlTest, RepeatCallsThatOften) {
  run_ok([](Session& s) {
    s.repeat<Shopper::buy>(3, 1).repeat(
        "named", [](Session&, int n) { Shopper::calls += n; }, 2, 10);
  });
  EXPECT_EQ(Shopper::calls, 23);
  EXPECT_EQ(row_names(results()), std::vector<std::string>());
}

TEST_F(ControlTest, RepeatOfZeroOrLessDoesNothing) {
  run_ok([](Session& s) {
    const auto never = [](Session&) { ADD_FAILURE(); };
    s.repeat<Shopper::count>(0).repeat<Shopper::count>(-1).repeat("n", never, 0).repeat("n", never, -5);
    s.repeat_traced<Shopper::count>(0).repeat_traced<Shopper::count>(-1);
    s.repeat_traced("n", never, 0).repeat_traced("n", never, INT64_MIN);
  });
  EXPECT_EQ(Shopper::calls, 0);
  EXPECT_EQ(row_names(results()), std::vector<std::string>());
}

TEST_F(ControlTest, RepeatTracedRecordsEachCall) {
  run_ok([](Session& s) {
    s.repeat_traced<Shopper::buy>(4, 1).repeat_traced(
        "named", [](Session& t) { t.delay(1ms); }, 2);
  });
  const auto recorded = results();
  EXPECT_EQ(recorded.count("A call(Shopper.buy)"), 4U);
  EXPECT_EQ(recorded.count("A call(named)"), 2U);
  EXPECT_EQ(Shopper::calls, 4);
}

TEST_F(ControlTest, ArgumentsArePassedAnewEachTime) {
  run_ok([](Session& s) {
    const std::string bag = "empty";
    s.repeat<Shopper::take>(3, bag).repeat_traced<Shopper::take>(2, std::string("empty"));
    s.repeat(
        "n", [](Session& t, std::string b) { Shopper::take(t, std::move(b)); }, 2, bag);
    s.loop<Shopper::take>(0s, bag);
    int tries = 0;
    s.retry_on_error(
        "n",
        [&](Session& t, std::string b) {
          Shopper::take(t, std::move(b));
          if (++tries == 1) throw std::runtime_error("again");
        },
        {.random_delay = 0s}, bag);
    EXPECT_EQ(tries, 2);
  });
}

TEST_F(ControlTest, LoopStartsNoCallAfterItsDuration) {
  run_ok([](Session& s) { s.loop<Shopper::step>(25ms); });
  // At 0, 10 and 20 ms.
  EXPECT_EQ(Shopper::calls, 3);
  EXPECT_EQ(elapsed(), 30ms);
}

TEST_F(ControlTest, LoopStartsNoCallAtItsVeryEnd) {
  run_ok([](Session& s) { s.loop("named", Shopper::step, 30ms); });
  EXPECT_EQ(Shopper::calls, 3);
}

TEST_F(ControlTest, LoopCallsAtLeastOnce) {
  run_ok([](Session& s) { s.loop<Shopper::step>(0ms).loop<Shopper::step>(-1s).loop<Shopper::step>(1ms); });
  EXPECT_EQ(Shopper::calls, 3);
}

TEST_F(ControlTest, DelayTakesExactlyThatLong) {
  run_ok([this](Session& s) {
    s.delay(1500us);
    EXPECT_EQ(elapsed(), 1500us);
    s.delay(2h).delay(0s).delay(-1s);
    EXPECT_EQ(elapsed(), 2h + 1500us);
  });
}

std::size_t resident_pages(const runtime::Stack& stack) {
  const std::size_t guard = runtime::StackPool::kGuardPages * runtime::page_size();
  std::vector<unsigned char> pages((stack.size - guard) / runtime::page_size());
  EXPECT_EQ(::mincore(stack.base + guard, stack.size - guard, pages.data()), 0);
  return static_cast<std::size_t>(
      std::ranges::count_if(pages, [](unsigned char page) { return (page & 1U) != 0; }));
}

// Leaves 128 KiB of the stack touched below the caller.
[[gnu::noinline]] void touch_stack() {
  volatile char frame[128 * 1024];
  for (std::size_t i = 0; i < sizeof frame; i += 1024)
    frame[i] = 'x';
}

TEST_F(ControlTest, ADelayOfATenthOfASecondGivesStackPagesBack) {
  const auto pages_in_delay = [this](Duration delay) {
    A::script.run = [delay](Session& s) {
      touch_stack();
      s.delay(delay);
    };
    const auto& state = start(scenario<A>);
    loop.turn();
    const auto pages = resident_pages(state.fiber->stack());
    run_all();
    return pages;
  };
  EXPECT_LE(pages_in_delay(100ms), 4U);
  // Not worth a system call.
  EXPECT_GE(pages_in_delay(100ms - 1ns), 32U);
}

TEST_F(ControlTest, ADelayOfNothingLetsTheOthersRun) {
  std::vector<char> order;
  A::script.run = [&](Session& s) {
    order.push_back('a');
    s.delay(0s);
    order.push_back('a');
  };
  B::script.run = [&](Session&) { order.push_back('b'); };
  start(scenario<A>);
  start(scenario<B>);
  run_all();
  EXPECT_EQ(order, (std::vector{'a', 'b', 'a'}));
}

TEST_F(ControlTest, ARandomDelayIsAboveZeroAndAtMostItsMaximum) {
  run_ok([this](Session& s) {
    Duration least = 1h;
    Duration most{0};
    for (int i = 0; i < 1000; ++i) {
      const auto before = elapsed();
      if (i % 2 == 0) {
        s.random_delay(1ms);
      } else {
        s.delay(random(1ms));
      }
      const auto took = elapsed() - before;
      ASSERT_THAT(took, AllOf(Gt(0ns), Le(1ms)));
      least = std::min(least, took);
      most = std::max(most, took);
    }
    EXPECT_LT(least, 20us);
    EXPECT_GT(most, 980us);
    const auto before = elapsed();
    s.random_delay(1ns);
    EXPECT_EQ(elapsed() - before, 1ns);
    s.random_delay(0s).random_delay(-1s);
    EXPECT_EQ(elapsed() - before, 1ns);
  });
}

TEST_F(ControlTest, OneSeedGivesTheSameDrawsAndAnotherGivesOthers) {
  const auto draws = [this](std::uint64_t seed) {
    std::vector<Duration> taken;
    A::script.run = [&](Session& s) {
      for (int i = 0; i < 20; ++i) {
        const auto before = elapsed();
        s.random_delay(1h);
        taken.push_back(elapsed() - before);
      }
    };
    start(scenario<A>, {{"random_delay", "1h"}}, {}, seed);
    run_all();
    return taken;
  };
  const auto one = draws(4711);
  ASSERT_EQ(one.size(), 20U);
  EXPECT_EQ(draws(4711), one);
  EXPECT_NE(draws(4712), one);
}

TEST_F(ControlTest, RetryCallsAgainAfterThePauseAndGoesOn) {
  std::vector<Duration> at;
  run_ok([&](Session& s) {
    s.retry_on_error("flaky",
                     [&](Session&) {
                       at.push_back(elapsed());
                       if (at.size() < 3) throw std::runtime_error("not yet");
                     },
                     {.retries = 5, .delay = 100ms, .random_delay = 0s});
  });
  EXPECT_THAT(at, ElementsAre(0ms, 100ms, 200ms));
}

TEST_F(ControlTest, RetryLetsTheLastExceptionPass) {
  int calls = 0;
  const auto& state = run([&](Session& s) {
    s.retry_on_error("failing",
                     [&](Session&) { throw std::runtime_error("attempt " + std::to_string(++calls)); },
                     {.retries = 2, .delay = 10ms, .random_delay = 0s});
  });
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason, "std::runtime_error: attempt 3");
  EXPECT_EQ(elapsed(), 20ms);
}

TEST_F(ControlTest, RetryIsOnceByDefaultAfterUpToASecond) {
  int calls = 0;
  const auto& state = run([&](Session& s) {
    s.retry_on_error("failing",
                     [&](Session&) {
                       ++calls;
                       throw 42;
                     },
                     {});
  });
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(state.outcome_reason, "an exception of type int");
  EXPECT_THAT(elapsed(), AllOf(Gt(0s), Le(1s)));
}

TEST_F(ControlTest, RetriesOfZeroOrLessCallOnce) {
  int calls = 0;
  run_ok([&](Session& s) {
    for (const int retries : {0, -1}) {
      EXPECT_THROW(s.retry_on_error("failing",
                                    [&](Session&) {
                                      ++calls;
                                      throw std::runtime_error("no");
                                    },
                                    {.retries = retries}),
                   std::runtime_error);
    }
  });
  EXPECT_EQ(calls, 2);
}

TEST_F(ControlTest, RetryNeverRetriesAnAbort) {
  int calls = 0;
  const auto& state = run([&](Session& s) {
    s.retry_on_error("aborting",
                     [&](Session& t) {
                       ++calls;
                       t.abort("enough");
                     },
                     {.retries = 10});
  });
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(state.outcome_reason, "enough");
}

TEST_F(ControlTest, RetryNeverRetriesACancellation) {
  int calls = 0;
  A::script.run = [&](Session& s) {
    s.retry_on_error("waiting",
                     [&](Session& t) {
                       ++calls;
                       t.delay(1h);
                     },
                     {.retries = 10, .delay = 0s, .random_delay = 0s});
  };
  auto& state = start(scenario<A>);
  cancel_after(1s, state);
  run_all();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(ended_at(), 1s);
}

TEST_F(ControlTest, RetryNeverRetriesAfterACancellationThatBecameAnException) {
  int calls = 0;
  A::script.run = [&](Session& s) {
    s.retry_on_error("waiting",
                     [&](Session& t) {
                       ++calls;
                       try {
                         t.delay(1h);
                       } catch (...) {
                         throw std::runtime_error("could not wait");
                       }
                     },
                     {.retries = 10, .delay = 0s, .random_delay = 0s});
  };
  auto& state = start(scenario<A>);
  cancel_after(1s, state);
  run_all();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(state.outcome_reason, "Ctrl-C");
}

TEST_F(ControlTest, RetryPausesOfNoEndAreNoOverflow) {
  int calls = 0;
  A::script.run = [&](Session& s) {
    s.retry_on_error("failing",
                     [&](Session&) {
                       ++calls;
                       throw std::runtime_error("no");
                     },
                     {.retries = 1, .delay = kForever, .random_delay = 1s});
  };
  auto& state = start(scenario<A>);
  cancel_after(24h, state);
  run_all();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(ended_at(), 24h);
}

// In real time: what blocks does so on another thread.
struct BlockingTest : ControlTest {
  void run_until_ended(std::size_t sessions) {
    while (ended() < sessions)
      loop.turn();
  }
};

TEST_F(BlockingTest, BlockingReturnsTheValueAndRethrows) {
  const auto loop_thread = std::this_thread::get_id();
  bool checked = false;
  A::script.run = [&](Session& s) {
    std::thread::id thread;
    const auto value = s.blocking([&] {
      thread = std::this_thread::get_id();
      return std::make_unique<int>(7);
    });
    EXPECT_EQ(*value, 7);
    EXPECT_NE(thread, loop_thread);
    EXPECT_EQ(std::this_thread::get_id(), loop_thread);
    EXPECT_EQ(message_of<std::runtime_error>([&] { s.blocking([] { throw std::runtime_error("disk"); }); }),
              "disk");
    EXPECT_EQ(message_of<std::runtime_error>(
                  [&] { static_cast<void>(s.blocking([]() -> int { throw std::runtime_error("full"); })); }),
              "full");
    checked = true;
  };
  const auto& state = start(scenario<A>);
  run_until_ended(1);
  EXPECT_TRUE(checked);
  EXPECT_EQ(state.outcome, Outcome::ok) << state.outcome_reason;
}

TEST_F(BlockingTest, BlockingHoldsUpNoOtherSession) {
  std::atomic<bool> other_ran = false;
  A::script.run = [&](Session& s) { s.blocking([&] { other_ran.wait(false); }); };
  B::script.run = [&](Session&) {
    other_ran = true;
    other_ran.notify_all();
  };
  start(scenario<A>);
  start(scenario<B>);
  run_until_ended(2);
  EXPECT_TRUE(other_ran);
}

TEST_F(BlockingTest, BlockingIsWaitedForThoughTheSessionIsCancelledMeanwhile) {
  std::atomic<bool> cancelled = false;
  bool finished = false;
  bool went_on = false;
  A::script.run = [&](Session& s) {
    s.blocking([&] {
      cancelled.wait(false);
      finished = true;
    });
    went_on = true;
  };
  auto& state = start(scenario<A>);
  loop.turn();
  state.cancel(Outcome::cancelled, "Ctrl-C");
  loop.turn();
  EXPECT_EQ(ended(), 0U);
  cancelled = true;
  cancelled.notify_all();
  run_until_ended(1);
  EXPECT_TRUE(finished);
  EXPECT_FALSE(went_on);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(state.outcome_reason, "Ctrl-C");
}

TEST_F(BlockingTest, BlockingWhileUnwindingAfterACancellationDoesNotRun) {
  bool ran = false;
  int result = -1;
  struct Flush {
    Session& session;
    bool& ran;
    int& result;
    ~Flush() {
      result = session.blocking([this] {
        ran = true;
        return 5;
      });
    }
  };
  A::script.run = [&](Session& s) {
    const Flush flush{s, ran, result};
    s.delay(1h);
  };
  auto& state = start(scenario<A>);
  cancel_after(1s, state);
  run_all();
  EXPECT_EQ(ended(), 1U);
  EXPECT_FALSE(ran);
  EXPECT_EQ(result, 0);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
}

}  // namespace
}  // namespace chaperon::session
