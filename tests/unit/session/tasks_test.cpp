// Child tasks: started, awaited, cancelled, failing.
#include <memory>
#include <string>
#include <vector>

#include "session_fixture.hpp"

namespace chaperon::session {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class TasksTest : public SessionTest {
 protected:
  static inline std::vector<std::string> trace;
  void SetUp() override { trace.clear(); }

  static void note(const std::string& what) { trace.push_back(what); }
  static void sleeps(Session& session, Duration time, std::string what) {
    session.delay(time);
    note(what);
  }
  static void fails(Session& session, Duration time) {
    session.delay(time);
    throw std::runtime_error("no luck");
  }
  static void down(Session& session, int depth) {
    if (depth == 0) {
      note("bottom");
      return;
    }
    session.async<down>(depth - 1).await<down>();
  }
  static void nothing(Session& /*session*/) {}
  static void forever(Session& session) {
    struct Leaves {
      ~Leaves() { note("unwound"); }
    } leaves;
    session.delay(1h);
  }
  std::uint64_t count(const Results& results, std::string_view name) {
    for (const auto& metric : results.metrics) {
      if (metric.name() == name) return metric.count();
    }
    return 0;
  }
};

TEST_F(TasksTest, ATaskStartsAtTheNextWaitOfItsParent) {
  run_ok([](Session& s) {
    s.async("child", [](Session&) { note("child"); });
    note("parent");
    s.delay(0ms);
    note("parent again");
  });
  EXPECT_THAT(trace, ElementsAre("parent", "child", "parent again"));
}

TEST_F(TasksTest, AwaitWaitsUntilTheTaskHasEnded) {
  run_ok([this](Session& s) {
    s.async<sleeps>(300ms, std::string("slept")).await<sleeps>();
    EXPECT_EQ(elapsed(), 300ms);
    EXPECT_THAT(trace, ElementsAre("slept"));
  });
  const auto results = this->results();
  EXPECT_EQ(count(results, "A async(sleeps)"), 1U);
  EXPECT_EQ(results.metrics.front().max(), 300.0);
}

TEST_F(TasksTest, AwaitWaitsForAllOfThatName) {
  run_ok([this](Session& s) {
    for (int i = 1; i <= 5; ++i)
      s.async<sleeps>(i * 100ms, std::to_string(i));
    s.async("other", [](Session& t) { t.delay(1s); });
    s.await("sleeps");
    EXPECT_EQ(elapsed(), 500ms);
    s.await_all("other");
    EXPECT_EQ(elapsed(), 1s);
  });
}

TEST_F(TasksTest, AwaitOfSeveralNames) {
  run_ok([this](Session& s) {
    s.async("a", [](Session& t) { t.delay(1s); });
    s.async("b", [](Session& t) { t.delay(2s); });
    s.async("c", [](Session& t) { t.delay(3s); });
    s.await({"a", "b"});
    EXPECT_EQ(elapsed(), 2s);
  });
  EXPECT_EQ(ended_at(), 3s);
}

TEST_F(TasksTest, AwaitOfAnUnknownNameDoesNotWait) {
  run_ok([this](Session& s) {
    s.await("nobody").await({"x", "y"}).await_all("z").await("nobody", 5s);
    EXPECT_EQ(elapsed(), 0ms);
  });
}

// The task's end and the instant at which a long wait gives its stack back come in one turn.
TEST_F(TasksTest, AnEndThatComesTogetherWithATimerIsNotLost) {
  for (const Duration time : {99ms, 100ms, 101ms, 200ms}) {
    const auto before = elapsed();
    run_ok([time](Session& s) { s.async<sleeps>(time, std::string("slept")).delay(0ms).await<sleeps>(); });
    EXPECT_EQ(elapsed() - before, time);
    const auto again = elapsed();
    run_ok([time](Session& s) { s.async<sleeps>(time, std::string("slept")).delay(0ms); });
    EXPECT_EQ(elapsed() - again, time);
  }
}

TEST_F(TasksTest, AwaitWithALimitCancelsTheTask) {
  run_ok([this](Session& s) {
    s.async<forever>();
    const auto message = message_of<TimeoutError>([&] { s.await<forever>(2s); });
    EXPECT_EQ(message, "await(forever): not ended within 2 s: cancelled");
    EXPECT_EQ(elapsed(), 2s);
    s.await<forever>();
    EXPECT_THAT(trace, ElementsAre("unwound"));
    EXPECT_EQ(elapsed(), 2s);
  });
  EXPECT_THAT(row_names(results()),
              UnorderedElementsAre("A Error timeout await(forever)", "A Error cancelled async(forever)"));
}

TEST_F(TasksTest, TasksThatNobodyAwaitedAreAwaitedAtTheEndOfRun) {
  A::script.teardown = [](Session&) { note("teardown"); };
  run_ok([](Session& s) { s.async<sleeps>(2s, std::string("task")); });
  EXPECT_EQ(ended_at(), 2s);
  EXPECT_THAT(trace, ElementsAre("task", "teardown"));
}

TEST_F(TasksTest, ArgumentsAreCopiedIn) {
  run_ok([](Session& s) {
    std::string text = "before";
    s.async(
        "copy", [](Session&, const std::string& given) { note(given); }, text);
    text = "after";
  });
  EXPECT_THAT(trace, ElementsAre("before"));
}

TEST_F(TasksTest, TextsThatTheTaskDoesNotOwnAreCopiedToo) {
  const auto shows = [](Session&, const std::string& a, std::string_view b, const std::string& c) {
    note(a + std::string(b) + c);
  };
  run_ok([&](Session& s) {
    {
      const std::string gone = "a text that is long enough to be on the heap";
      char array[] = "array ";
      s.async("shows", shows, array, std::string_view(gone), gone.c_str());
      s.every("repeats", shows, 1s, array, std::string_view(gone), gone.c_str());
      s.cc_spread("spread", shows, 1, 0s, array, std::string_view(gone), gone.c_str());
      array[0] = '?';
    }
    s.delay(1500ms);
  });
  const std::string text = "a text that is long enough to be on the heap";
  EXPECT_THAT(trace, ::testing::Each("array " + text + text));
  EXPECT_EQ(trace.size(), 3U);
}

TEST_F(TasksTest, StateThatThrowsWhenItIsCopiedFailsTheCallAlone) {
  struct Fine {
    std::string text = "some text that is long enough to be on the heap";
  };
  struct Throws {
    Throws() = default;
    Throws(const Throws&) { throw std::runtime_error("no copies"); }
    Throws& operator=(const Throws&) = delete;
  };
  run_ok([](Session& s) {
    static_cast<void>(s.state<Fine>());
    static_cast<void>(s.state<Throws>());
    EXPECT_THROW(s.async("child", [](Session&) { note("ran"); }), std::runtime_error);
    s.await("child");
  });
  EXPECT_THAT(trace, ElementsAre());
}

TEST_F(TasksTest, MoveOnlyArgumentsAndCallablesAreMovedIn) {
  run_ok([](Session& s) {
    auto owned = std::make_unique<std::string>("owned");
    s.async(
        "takes", [](Session&, std::unique_ptr<std::string> given) { note(*given); }, std::move(owned));
    s.async("captured", [mine = std::make_unique<std::string>("captured")](Session&) { note(*mine); });
  });
  EXPECT_THAT(trace, ElementsAre("owned", "captured"));
}

TEST_F(TasksTest, ATaskHasCopiesAndWhatItAssignsStaysItsOwn) {
  struct Counter {
    int value = 0;
  };
  run_ok(
      [](Session& s) {
        s.assign("key", "parent").set_config("n", 2).state<Counter>().value = 7;
        s.async("child", [](Session& t) {
          EXPECT_EQ(t.assigned("key"), "parent");
          EXPECT_EQ(t.config<int>("n"), 2);
          EXPECT_EQ(t.state<Counter>().value, 7);
          t.assign("key", "child").set_config("n", 3).state<Counter>().value = 8;
        });
        s.assign("key", "changed");
        s.await("child");
        EXPECT_EQ(s.assigned("key"), "changed");
        EXPECT_EQ(s.config<int>("n"), 2);
        EXPECT_EQ(s.state<Counter>().value, 7);
      },
      {{"n", 1}});
}

TEST_F(TasksTest, StateThatCannotBeCopiedIsMadeAnew) {
  struct Only {
    std::unique_ptr<int> value = std::make_unique<int>(1);
  };
  run_ok([](Session& s) {
    *s.state<Only>().value = 5;
    s.async("child", [](Session& t) { EXPECT_EQ(*t.state<Only>().value, 1); });
  });
}

TEST_F(TasksTest, AnIdOfItsOwnAndTheNameOfItsParent) {
  run_ok([](Session& s) {
    const auto id = s.id();
    s.async("child", [id](Session& t) {
      EXPECT_NE(t.id(), id);
      EXPECT_EQ(t.name(), "A");
    });
  });
}

TEST_F(TasksTest, MetricsOfTasksAreTheirUsers) {
  run_ok([](Session& s) {
    s.async("outer", [](Session& t) {
      t.add_metric("m", 1ms);
      t.async("inner", [](Session& u) { u.add_metric("m", 2ms); });
    });
    s.add_metric("m", 3ms);
  });
  const auto results = this->results();
  EXPECT_EQ(count(results, "A m"), 3U);
  EXPECT_EQ(count(results, "A async(outer)"), 1U);
  EXPECT_EQ(count(results, "A async(inner)"), 1U);
}

TEST_F(TasksTest, NestedToAnyDepth) {
  run_ok([](Session& s) { down(s, 100); });
  EXPECT_THAT(trace, ElementsAre("bottom"));
}

TEST_F(TasksTest, TenThousandTasks) {
  int done = 0;
  run_ok([&](Session& s) {
    for (int i = 0; i < 10'000; ++i)
      s.async("one", [&done](Session& t) {
        t.delay(1s);
        ++done;
      });
    s.await("one");
    EXPECT_EQ(done, 10'000);
    EXPECT_EQ(elapsed(), 1s);
  });
  EXPECT_EQ(count(results(), "A async(one)"), 10'000U);
}

// --- Failure -------------------------------------------------------------------------------------

TEST_F(TasksTest, AFailureWakesTheParentWhereItAwaits) {
  const auto& state = run([](Session& s) { s.async<fails>(1s).await<fails>(); });
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason, "TaskFailed: task fails failed: std::runtime_error: no luck");
  EXPECT_EQ(ended_at(), 1s);
  EXPECT_THAT(row_names(results()), ElementsAre("A Error exception async(fails)"));
}

TEST_F(TasksTest, AFailureWakesTheParentWhereverItWaits) {
  const std::vector<std::pair<std::string, ScenarioBody>> waits{
      {"delay", [](Session& s) { s.delay(1h); }},
      {"await_signal", [](Session& s) { s.await_signal("x", 1h); }},
      {"await_signal any", [](Session& s) { s.await_signal([](Session&, const Json&) {}, 1h); }},
      {"await_signal_or_timeout", [](Session& s) { s.await_signal_or_timeout(1h); }},
      {"await of another", [](Session& s) { s.async<forever>().await<forever>(); }},
      {"the end of run", [](Session& s) { s.async<forever>(); }},
  };
  for (const auto& entry : waits) {
    const auto& what = entry.first;
    const auto& wait = entry.second;
    const auto before = elapsed();
    const auto ends = ended();
    const auto& state = run([&wait](Session& s) {
      s.async<fails>(1s);
      wait(s);
    });
    EXPECT_EQ(state.outcome, Outcome::failed) << what;
    EXPECT_THAT(state.outcome_reason, HasSubstr("no luck")) << what;
    EXPECT_EQ(ended_at(ends) - before, 1s) << what;
  }
}

TEST_F(TasksTest, AFailureThatCameWhileTheParentWasBusyIsThrownAtItsNextWait) {
  run_ok([](Session& s) {
    s.async("fails", [](Session&) { throw std::runtime_error("early"); });
    s.repeat(
        "busy", [](Session&) {}, 64);
    note("goes on");
    EXPECT_THAT(message_of<TaskFailed>([&] { s.delay(1h); }), HasSubstr("early"));
  });
  EXPECT_THAT(trace, ElementsAre("goes on"));
}

TEST_F(TasksTest, TaskFailedNamesTheTaskAndHoldsTheCause) {
  run_ok([](Session& s) {
    s.async<fails>(0ms);
    try {
      s.await<fails>();
      FAIL();
    } catch (const TaskFailed& failed) {
      EXPECT_EQ(failed.task(), "fails");
      EXPECT_THROW(std::rethrow_exception(failed.cause()), std::runtime_error);
    }
    // Said once.
    s.await<fails>().delay(1ms);
  });
}

TEST_F(TasksTest, ATaskThatEndedItselfByFailHasNoCause) {
  run_ok([](Session& s) {
    s.async("child", [](Session& t) { t.fail("broken"); });
    try {
      s.await("child");
      FAIL();
    } catch (const TaskFailed& failed) {
      EXPECT_FALSE(failed.cause());
    }
  });
}

TEST_F(TasksTest, ADelayOfNothingHearsOfFailures) {
  run_ok([](Session& s) {
    s.async("fails", [](Session&) { throw std::runtime_error("no luck"); });
    EXPECT_THROW(s.repeat(
                     "polls", [](Session& t) { t.delay(0ms); }, 3),
                 TaskFailed);
  });
}

TEST_F(TasksTest, EachFailureIsThrownOnce) {
  run_ok([](Session& s) {
    s.async<fails>(0ms).async<fails>(0ms);
    EXPECT_THROW(s.delay(1s), TaskFailed);
    EXPECT_THROW(s.delay(1s), TaskFailed);
    s.delay(1s);
  });
}

TEST_F(TasksTest, AFailureGoesUpLevelByLevel) {
  const auto& state = run([](Session& s) {
    s.async("outer", [](Session& t) { t.async<fails>(1s); });
    s.delay(1h);
  });
  EXPECT_EQ(state.outcome_reason,
            "TaskFailed: task outer failed: TaskFailed: task fails failed: std::runtime_error: no luck");
  EXPECT_EQ(ended_at(), 1s);
}

TEST_F(TasksTest, FailInATaskFailsTheParent) {
  const auto& state = run([](Session& s) {
    s.async("child", [](Session& t) { t.fail("broken"); });
    s.delay(1h);
  });
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason, "TaskFailed: task child failed: broken");
}

TEST_F(TasksTest, AbortInATaskEndsThatTaskAlone) {
  run_ok([](Session& s) {
    s.async("child", [](Session& t) { t.abort("enough"); });
    s.await("child");
    note("goes on");
  });
  EXPECT_THAT(trace, ElementsAre("goes on"));
  EXPECT_THAT(row_names(results()), ElementsAre("A Error cancelled async(child)"));
}

// --- Ends of parents -----------------------------------------------------------------------------

TEST_F(TasksTest, AParentThatFailsCancelsItsTasks) {
  A::script.teardown = [](Session&) { note("teardown"); };
  const auto& state = run([](Session& s) {
    s.async<forever>().async("outer", [](Session& t) { t.async<forever>(); });
    s.delay(1s);
    throw std::runtime_error("over");
  });
  EXPECT_EQ(state.outcome_reason, "std::runtime_error: over");
  EXPECT_EQ(ended_at(), 1s);
  EXPECT_THAT(trace, ElementsAre("unwound", "unwound", "teardown"));
}

TEST_F(TasksTest, ACancelledParentCancelsItsTasks) {
  A::script.run = [](Session& s) {
    s.async<forever>();
    s.delay(1h);
  };
  auto& state = start(scenario<A>);
  cancel_after(3s, state);
  run_all();
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(ended_at(), 3s);
  EXPECT_THAT(trace, ElementsAre("unwound"));
}

TEST_F(TasksTest, AScenarioTimeoutReachesTasks) {
  const auto& state = run([](Session& s) { s.async<forever>(); }, {{"scenario_timeout", "2s"}});
  EXPECT_EQ(state.outcome, Outcome::timed_out);
  EXPECT_EQ(ended_at(), 2s);
  EXPECT_THAT(trace, ElementsAre("unwound"));
}

TEST_F(TasksTest, CancelEndsTasksOfThatName) {
  run_ok([this](Session& s) {
    s.async<forever>().async<forever>().async<sleeps>(1s, std::string("slept"));
    s.delay(0ms).cancel("forever").cancel("nobody").await<forever>();
    EXPECT_EQ(elapsed(), 0ms);
    EXPECT_THAT(trace, ElementsAre("unwound", "unwound"));
  });
  EXPECT_EQ(ended_at(), 1s);
}

TEST_F(TasksTest, ATaskCancelledBeforeItsTurnDoesNotRun) {
  run_ok([](Session& s) { s.async<sleeps>(0ms, std::string("ran")).cancel("sleeps"); });
  EXPECT_THAT(trace, ElementsAre());
}

TEST_F(TasksTest, ATaskThatSwallowsItsCancellationIsAbandonedAndTheParentGoesOn) {
  const auto& state = run([](Session& s) {
    s.async("stubborn", [](Session& t) {
      for (;;) {
        try {
          t.delay(1h);
        } catch (...) {
        }
      }
    });
    s.delay(1s).cancel("stubborn").delay(1h);
  });
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_THAT(state.outcome_reason, HasSubstr("task stubborn failed: abandoned"));
  EXPECT_EQ(ended_at(), 1s);
}

TEST_F(TasksTest, AnAbandonedParentWaitsForItsTasks) {
  A::script.run = [](Session& s) {
    s.async<forever>().delay(0ms);
    std::terminate();
  };
  auto& state = start(scenario<A>);
  run_all();
  EXPECT_TRUE(state.abandoned);
  EXPECT_EQ(ended(), 1U);
  EXPECT_THAT(trace, ElementsAre("unwound"));
}

TEST_F(TasksTest, TheSessionOfAnotherTaskIsRefused) {
  const auto& state = run([](Session& s) {
    s.async("child", [&s](Session&) { s.delay(1s); });
    s.delay(1h);
  });
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_THAT(state.outcome_reason, HasSubstr("use the Session& that was passed to the task"));
}

TEST_F(TasksTest, TasksOfANestedScenarioEndWithIt) {
  B::script.run = [](Session& s) {
    s.async<sleeps>(2s, std::string("inner"));
    s.every(
        "beat", [](Session&) { note("beat"); }, 700ms);
  };
  run_ok([this](Session& s) {
    s.async<sleeps>(1h, std::string("outer"));
    s.run_scenario<B>();
    EXPECT_EQ(elapsed(), 2s);
    EXPECT_THAT(trace, ElementsAre("beat", "beat", "inner"));
    s.cancel("sleeps");
  });
  EXPECT_EQ(ended_at(), 2s);
}

TEST_F(TasksTest, TasksOfATeardownAreAwaitedAndInNoRow) {
  A::script.teardown = [](Session& s) {
    s.async("late", [](Session& t) {
      t.delay(1s).add_metric("m", 1ms);
      note("late");
    });
  };
  run_ok([](Session&) {});
  EXPECT_THAT(trace, ElementsAre("late"));
  EXPECT_THAT(row_names(results()), ElementsAre());
}

TEST_F(TasksTest, ATeardownDoesNotWaitForItsTasksLongerThanItsTime) {
  A::script.teardown = [](Session& s) { s.async<forever>(); };
  run_ok([](Session&) {});
  EXPECT_EQ(ended_at(), 5s);
  EXPECT_THAT(trace, ElementsAre("unwound"));
}

// --- cc_spread and every -------------------------------------------------------------------------

TEST_F(TasksTest, SpreadTasksStartAtTheirPlannedInstants) {
  std::vector<Duration> starts;
  run_ok([&](Session& s) {
    s.cc_spread(
         "one", [&](Session&) { starts.push_back(elapsed()); }, 1000, 1s)
        .await("one");
    EXPECT_EQ(elapsed(), 999ms);
  });
  ASSERT_EQ(starts.size(), 1000U);
  for (std::size_t i = 0; i < starts.size(); ++i)
    ASSERT_EQ(starts[i], i * 1ms) << i;
  const auto results = this->results();
  EXPECT_EQ(count(results, "A start_lateness(one)"), 1000U);
  EXPECT_EQ(count(results, "A async(one)"), 1000U);
}

TEST_F(TasksTest, SpreadTasksDoNotDriftWhereTheIntervalDoesNotDivide) {
  std::vector<Duration> starts;
  run_ok([&](Session& s) {
    s.cc_spread(
        "one", [&](Session&) { starts.push_back(elapsed()); }, 3, 1s);
  });
  EXPECT_THAT(starts, ElementsAre(0ns, 333'333'333ns, 666'666'666ns));
}

TEST_F(TasksTest, SpreadTasksGetCopiesOfTheArguments) {
  run_ok([](Session& s) {
    s.cc_spread<sleeps>(2, 1s, 10ms, std::string("copy")).await<sleeps>();
    s.cc_spread<nothing>(0, 1s).cc_spread<nothing>(-1, 1s);
    EXPECT_THROW(s.cc_spread<nothing>(1, -1s), InvalidArgument);
  });
  EXPECT_THAT(trace, ElementsAre("copy", "copy"));
}

TEST_F(TasksTest, EveryCallsWhileTheSessionWaitsUntilItsRunEnds) {
  std::vector<Duration> beats;
  run_ok([&](Session& s) {
    s.every(
        "beat", [&](Session&) { beats.push_back(elapsed()); }, 1s);
    s.delay(3500ms);
  });
  EXPECT_THAT(beats, ElementsAre(1s, 2s, 3s));
  EXPECT_EQ(ended_at(), 3500ms);
  EXPECT_THAT(row_names(results()), ElementsAre());
}

TEST_F(TasksTest, EveryLeavesOutWhatItMissesAndCanBeCancelled) {
  std::vector<Duration> beats;
  run_ok([&](Session& s) {
    s.every(
        "beat",
        [&](Session& t) {
          beats.push_back(elapsed());
          t.delay(2500ms);
        },
        1s);
    s.delay(8200ms).cancel("beat").await("beat");
    EXPECT_EQ(elapsed(), 8200ms);
    s.delay(10s);
    EXPECT_THROW(s.every(
                     "beat", [](Session&) {}, 0s),
                 InvalidArgument);
  });
  EXPECT_THAT(beats, ElementsAre(1s, 4s, 7s));
}

TEST_F(TasksTest, EveryAfterForeverIsNever) {
  run_ok([](Session& s) {
    s.every(
        "beat", [](Session&) { note("beat"); }, Duration::max());
    s.delay(1h);
  });
  EXPECT_THAT(trace, ElementsAre());
}

TEST_F(TasksTest, ADelayEndsInTimeHoweverOftenTasksEnd) {
  run_ok([this](Session& s) {
    s.async("spawner", [](Session& t) {
      for (int i = 0; i < 1000; ++i)
        t.async("short", [](Session&) {}).delay(1ms);
    });
    s.async("pool", [](Session& t) {
      for (int i = 0; i < 100; ++i)
        t.delay(1ms);
    });
    s.delay(50ms);
    EXPECT_EQ(elapsed(), 50ms);
    s.cancel("spawner");
  });
}

TEST_F(TasksTest, AHeartbeatThatFailsFailsTheSession) {
  const auto& state = run([](Session& s) {
    s.every(
        "beat", [](Session&) { throw std::runtime_error("skipped"); }, 1s);
    s.delay(1h);
  });
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(ended_at(), 1s);
}

}  // namespace
}  // namespace chaperon::session
