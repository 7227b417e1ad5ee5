// What a cancellation does, wherever it meets a session; sessions used by others than their own.
#include <stdexcept>

#include "session_fixture.hpp"

namespace chaperon::session {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class CancellationTest : public SessionTest {
 protected:
  /// Runs scenario A, cancelled after a second, beside scenario B, which must go on to its end.
  State& run_cancelled(ScenarioBody body) {
    A::script.run = std::move(body);
    B::script.run = [this](Session& s) {
      s.delay(1min);
      other_went_on_ = true;
    };
    auto& state = start(scenario<A>);
    const auto& other = start(scenario<B>);
    cancel_after(1s, state);
    run_all();
    EXPECT_EQ(ended(), 2U);
    EXPECT_EQ(ended_at(), 1s);
    EXPECT_TRUE(other_went_on_);
    EXPECT_EQ(other.outcome, Outcome::ok);
    return state;
  }
  bool other_went_on_ = false;
};

struct WaitsInDestructor {
  Session& session;
  bool* came_back = nullptr;
  ~WaitsInDestructor() {
    session.delay(1h);
    if (came_back != nullptr) *came_back = true;
  }
};

TEST_F(CancellationTest, IsThrownAtTheSuspensionPoint) {
  std::string reason;
  const auto& state = run_cancelled([&](Session& s) {
    try {
      s.delay(1h);
    } catch (const Cancelled& cancelled) {
      reason = cancelled.reason();
      throw;
    }
  });
  EXPECT_EQ(reason, "Ctrl-C");
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(state.outcome_reason, "Ctrl-C");
}

TEST_F(CancellationTest, LetsCatchOfStdExceptionAlone) {
  const auto& state = run_cancelled([](Session& s) {
    try {
      s.delay(1h);
    } catch (const std::exception&) {
      ADD_FAILURE();
    }
  });
  EXPECT_EQ(state.outcome, Outcome::cancelled);
}

TEST_F(CancellationTest, IsSticky) {
  int thrown = 0;
  const auto& state = run_cancelled([&](Session& s) {
    for (int i = 0; i < 100; ++i) {
      try {
        s.delay(1h);
      } catch (const Cancelled&) {
        ++thrown;
      }
    }
  });
  EXPECT_EQ(thrown, 100);
  EXPECT_FALSE(state.abandoned);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
}

TEST_F(CancellationTest, ReachesEveryWaitingCall) {
  const auto& state = run_cancelled([](Session& s) {
    EXPECT_THROW(s.delay(1h), Cancelled);
    EXPECT_THROW(s.delay(0s), Cancelled);
    EXPECT_THROW(s.random_delay(1h), Cancelled);
    EXPECT_THROW(s.get("http://127.0.0.1:1/"), Cancelled);
    EXPECT_THROW(s.blocking([] { ADD_FAILURE(); }), Cancelled);
    EXPECT_THROW(s.call_traced("x", [](Session&) { ADD_FAILURE(); }), Cancelled);
    EXPECT_THROW(s.run_scenario<C>(), Cancelled);
    EXPECT_THROW(s.repeat(
                     "x", [](Session&) {}, 2),
                 Cancelled);
    EXPECT_THROW(s.loop(
                     "x", [](Session&) {}, 1h),
                 Cancelled);
    EXPECT_THROW(s.abort("other"), Cancelled);
    EXPECT_THROW(s.fail("other"), Cancelled);
  });
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(state.outcome_reason, "Ctrl-C");
  EXPECT_EQ(row_names(results()), std::vector<std::string>());
}

TEST_F(CancellationTest, LeavesCallsThatDoNotWaitAlone) {
  run_cancelled([](Session& s) {
    EXPECT_THROW(s.delay(1h), Cancelled);
    s.assign("a", 1).set_config("b", 2).add_metric("n", 1).log_info("x");
    EXPECT_EQ(s.assigned<int>("a") + s.config<int>("b"), 3);
    EXPECT_EQ(s.response().status(), 0);
  });
  EXPECT_EQ(results().count("A n"), 1U);
}

TEST_F(CancellationTest, UnwindsTheStack) {
  struct Flag {
    bool& set;
    ~Flag() { set = true; }
  };
  bool unwound = false;
  run_cancelled([&](Session& s) {
    const Flag flag{unwound};
    s.delay(1h);
  });
  EXPECT_TRUE(unwound);
}

TEST_F(CancellationTest, IsNotThrownWhileTheStackUnwindsAlready) {
  bool came_back = false;
  const auto& state = run_cancelled([&](Session& s) {
    const WaitsInDestructor waits{s, &came_back};
    s.delay(1h);
  });
  EXPECT_TRUE(came_back);
  EXPECT_FALSE(state.abandoned);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
}

TEST_F(CancellationTest, EndsAWaitInADestructorDuringUnwinding) {
  // The stack unwinds for a reason of its own, and the session is cancelled while a destructor waits.
  bool came_back = false;
  const auto& state = run_cancelled([&](Session& s) {
    const WaitsInDestructor waits{s, &came_back};
    throw std::runtime_error("own");
  });
  EXPECT_TRUE(came_back);
  EXPECT_FALSE(state.abandoned);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(state.outcome_reason, "Ctrl-C");
}

TEST_F(CancellationTest, InADestructorAbandonsTheSessionAndTheRestGoesOn) {
  const auto& state = run_cancelled([](Session& s) { const WaitsInDestructor waits{s}; });
  EXPECT_TRUE(state.abandoned);
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason,
            "abandoned: the session was cancelled (Ctrl-C) while it waited in a destructor or a noexcept "
            "function, which nothing can leave by an exception");
}

TEST_F(CancellationTest, InANoexceptFunctionAbandonsTheSession) {
  const auto& state = run_cancelled([](Session& s) { [&]() noexcept { s.delay(1h); }(); });
  EXPECT_TRUE(state.abandoned);
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_THAT(state.outcome_reason,
              StartsWith("abandoned: the session was cancelled (Ctrl-C) while it waited in a"));
}

TEST_F(CancellationTest, InACatchBlockLeavesItAsAnException) {
  bool kept = false;
  const auto& state = run_cancelled([&](Session& s) {
    try {
      throw std::runtime_error("caught");
    } catch (const std::runtime_error& e) {
      try {
        s.delay(1h);
      } catch (const Cancelled&) {
        kept = std::string_view(e.what()) == "caught";
        throw;
      }
    }
  });
  EXPECT_TRUE(kept);
  EXPECT_FALSE(state.abandoned);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
}

TEST_F(CancellationTest, UnderCatchAllInALoopAbandonsAfterAHundred) {
  int swallowed = 0;
  const auto& state = run_cancelled([&](Session& s) {
    while (true) {
      try {
        s.delay(1h);
      } catch (...) {
        ++swallowed;
      }
    }
  });
  EXPECT_EQ(swallowed, 100);
  EXPECT_TRUE(state.abandoned);
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(
      state.outcome_reason,
      "abandoned: the scenario swallowed its cancellation (Ctrl-C) 100 times: catch const std::exception&, "
      "which lets it pass, rather than everything");
}

TEST_F(CancellationTest, AThrowingDestructorAbandonsTheSession) {
  struct Throws {
    static void out() { throw std::runtime_error("from a destructor"); }
    ~Throws() { out(); }
  };
  A::script.run = [](Session&) { const Throws throws; };
  B::script.run = [](Session& s) { s.delay(1s); };
  const auto& state = start(scenario<A>);
  const auto& other = start(scenario<B>);
  run_all();
  EXPECT_TRUE(state.abandoned);
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason,
            "abandoned: the exception \"from a destructor\" left a destructor or a noexcept function, which "
            "nothing can leave by an exception");
  EXPECT_EQ(other.outcome, Outcome::ok);
  EXPECT_EQ(context.endings.groups().at(0).reason, "failed");
}

TEST_F(CancellationTest, StdTerminateAbandonsTheSession) {
  const auto& state = run([](Session&) { std::terminate(); });
  EXPECT_TRUE(state.abandoned);
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason, "abandoned: std::terminate was called");
}

TEST_F(CancellationTest, AnAbortInADestructorDuringUnwindingAbandonsTheSession) {
  struct Aborts {
    Session& session;
    ~Aborts() { session.abort("from a destructor"); }
  };
  const auto& state = run([](Session& s) {
    const Aborts aborts{s};
    throw std::runtime_error("own");
  });
  EXPECT_TRUE(state.abandoned);
  EXPECT_EQ(state.outcome, Outcome::failed);
}

TEST_F(CancellationTest, TheFirstReasonStays) {
  A::script.run = [](Session& s) { s.delay(1h); };
  auto& state = start(scenario<A>, {{"scenario_timeout", 500}});
  cancel_after(500ms, state, "second");
  run_all();
  EXPECT_EQ(ended_at(), 500ms);
  EXPECT_THAT(state.outcome_reason, ::testing::AnyOf("second", "scenario_timeout 500 ms"));
  EXPECT_EQ(state.outcome == Outcome::timed_out, state.outcome_reason != "second");
}

TEST_F(CancellationTest, ASessionThatFailsLeavesTheOthersRunning) {
  A::script.run = [](Session& s) {
    s.delay(1ms);
    throw std::runtime_error("no");
  };
  B::script.run = [](Session& s) { s.delay(1s); };
  std::vector<State*> others;
  for (int i = 0; i < 10; ++i) {
    start(scenario<A>);
    others.push_back(&start(scenario<B>));
  }
  run_all();
  EXPECT_EQ(ended(), 20U);
  for (const auto* other : others)
    EXPECT_EQ(other->outcome, Outcome::ok);
  EXPECT_EQ(context.endings.groups().at(0).count, 10U);
}

TEST_F(CancellationTest, SixtyFourActionsWithoutAWaitLetTheOthersRun) {
  // Else a session that never waits could not be cancelled.
  int calls = 0;
  State* state = nullptr;
  A::script.run = [&](Session& s) {
    s.repeat(
        "n", [&](Session&) { ++calls; }, 1'000'000'000);
  };
  B::script.run = [&](Session&) { loop.on_loop_stack([&] { state->cancel(Outcome::cancelled, "enough"); }); };
  state = &start(scenario<A>);
  start(scenario<B>);
  run_all();
  EXPECT_EQ(calls, 64);
  EXPECT_EQ(state->outcome, Outcome::cancelled);
}

class WrongSessionTest : public SessionTest {};

TEST_F(WrongSessionTest, ASessionUsedByAnotherThrowsWrongSessionWithTheRemedy) {
  Session* kept = nullptr;
  A::script.run = [&](Session& s) {
    kept = &s;
    s.delay(1s);
  };
  B::script.run = [&](Session& s) {
    s.delay(1ms);
    EXPECT_EQ(message_of<WrongSession>([&] { kept->delay(1ms); }),
              "session " + kept->id() +
                  " (A) was used from outside its own task: use the Session& that was passed to the task");
    EXPECT_THROW(kept->get("/"), WrongSession);
    EXPECT_THROW(kept->assign("a", 1), WrongSession);
    EXPECT_THROW(static_cast<void>(kept->assigned("a")), WrongSession);
    EXPECT_THROW(kept->update_assign("a", [](Json&) {}), WrongSession);
    EXPECT_THROW(kept->delete_assign("a"), WrongSession);
    EXPECT_THROW(kept->set_config("a", 1), WrongSession);
    EXPECT_THROW(static_cast<void>(kept->config<int>("a", 1)), WrongSession);
    EXPECT_THROW(kept->update_config("a", [](Json&) {}), WrongSession);
    EXPECT_THROW(static_cast<void>(kept->state<int>()), WrongSession);
    EXPECT_THROW(kept->call_traced("x", [](Session&) {}), WrongSession);
    EXPECT_THROW(kept->run_scenario<C>(), WrongSession);
    EXPECT_THROW(kept->random_delay(1s), WrongSession);
    EXPECT_THROW(kept->add_metric("n", 1), WrongSession);
    EXPECT_THROW(kept->add_metric("n", 1ms), WrongSession);
    EXPECT_THROW(kept->time_since(s.now(), "n"), WrongSession);
    EXPECT_THROW(kept->blocking([] {}), WrongSession);
    EXPECT_THROW(static_cast<void>(kept->response()), WrongSession);
    EXPECT_THROW(kept->set_header("a", "b"), WrongSession);
    EXPECT_THROW(kept->bearer_token("t"), WrongSession);
    EXPECT_THROW(kept->basic_auth("u", "p"), WrongSession);
    EXPECT_THROW(kept->delete_cookies(), WrongSession);
    EXPECT_THROW(kept->abort("x"), WrongSession);
    EXPECT_THROW(kept->fail("x"), WrongSession);
  };
  const auto& first = start(scenario<A>);
  const auto& second = start(scenario<B>);
  run_all();
  EXPECT_EQ(first.outcome, Outcome::ok) << first.outcome_reason;
  EXPECT_EQ(second.outcome, Outcome::ok) << second.outcome_reason;
}

TEST_F(WrongSessionTest, TheBodyOfBlockingMustNotUseTheSession) {
  A::script.run = [](Session& s) {
    EXPECT_THROW(s.blocking([&] { s.add_metric("n", 1); }), WrongSession);
    EXPECT_THROW(s.blocking([&] { s.delay(1ms); }), WrongSession);
  };
  const auto& state = start(scenario<A>);
  while (ended() < 1)
    loop.turn();
  EXPECT_EQ(state.outcome, Outcome::ok) << state.outcome_reason;
}

}  // namespace
}  // namespace chaperon::session
