// How a session ends: abort, fail, expect, exceptions, init and teardown, its timeouts.
#include <stdexcept>

#include "session_fixture.hpp"

namespace chaperon::session {
namespace {

class EndingTest : public SessionTest {};

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(EndingTest, AScenarioThatReturnsIsOkAndInNoListOfEndings) {
  run_ok([](Session&) {});
  EXPECT_EQ(context.endings.groups().size(), 0U);
}

TEST_F(EndingTest, AbortCountsAsCancelledWithItsReason) {
  const auto& state = run([](Session& s) {
    s.delay(5ms);
    s.abort("no room");
  });
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(state.outcome_reason, "no room");
  const auto endings = context.endings.groups();
  ASSERT_EQ(endings.size(), 1U);
  EXPECT_EQ(endings[0].session, "A");
  EXPECT_EQ(endings[0].action, "");
  EXPECT_EQ(endings[0].reason, "cancelled");
  EXPECT_EQ(endings[0].example, "no room");
  EXPECT_EQ(endings[0].session_id, state.id.text());
  EXPECT_EQ(endings[0].first_at, 5ms);
  EXPECT_EQ(endings[0].count, 1U);
}

TEST_F(EndingTest, FailCountsAsFailedWithItsReason) {
  const auto& state = run([](Session& s) { s.fail("cart is empty"); });
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason, "cart is empty");
  EXPECT_EQ(context.endings.groups().at(0).reason, "failed");
}

TEST_F(EndingTest, AbortAndFailAreNoStdExceptionAndStick) {
  const auto& state = run([](Session& s) {
    try {
      s.fail("first");
    } catch (const std::exception&) {
      ADD_FAILURE();
    } catch (const Cancelled& cancelled) {
      EXPECT_EQ(cancelled.reason(), "first");
    }
    // Swallowed: the next wait throws it again, and a second reason changes nothing.
    EXPECT_THROW(s.delay(1s), Cancelled);
    EXPECT_THROW(s.abort("second"), Cancelled);
  });
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason, "first");
  EXPECT_EQ(elapsed(), 0s);
}

TEST_F(EndingTest, ExceptionsSayTheirTypeAndText) {
  const std::vector<std::pair<ScenarioBody, std::string>> cases{
      {[](Session&) { throw std::out_of_range("index 7"); }, "std::out_of_range: index 7"},
      {[](Session&) { throw InvalidArgument("two bodies"); }, "InvalidArgument: two bodies"},
      {[](Session&) { throw std::string("text"); }, "std::string: text"},
      {[](Session&) { throw "literal"; }, "const char*: literal"},
      {[](Session&) { throw 42; }, "an exception of type int"},
  };
  for (const auto& [body, text] : cases) {
    const auto& state = run(body);
    EXPECT_EQ(state.outcome, Outcome::failed);
    EXPECT_EQ(state.outcome_reason, text);
  }
  // Each is a kind of its own.
  EXPECT_EQ(context.endings.groups().size(), 5U);
}

TEST_F(EndingTest, ACancelledThatTheScenarioThrowsIsAnAbort) {
  const auto& state = run([](Session&) { throw Cancelled("by hand"); });
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(state.outcome_reason, "by hand");
}

TEST_F(EndingTest, ExpectWithoutAnAnswerSaysSo) {
  const auto& state = run([](Session& s) { s.expect(200, 201); });
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason,
            "UnexpectedStatus: expect: no answer (no request was made), expected 200 or 201");
}

TEST_F(EndingTest, ExpectAfterAFailedRequestSaysWhy) {
  // There is no I/O in virtual time: the reactor refuses the descriptor.
  const auto& state =
      run([](Session& s) { s.get("/login").expect(200); }, {{"base_url", "http://127.0.0.1:1"}});
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_THAT(state.outcome_reason, StartsWith("UnexpectedStatus: get(/login): no answer ("));
}

TEST_F(EndingTest, ARequestWithoutABaseUrlNamesTheRemedy) {
  const auto& state = run([](Session& s) { s.get("/"); });
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason, "RequiredConfigMissing: config key \"base_url\" is missing in session " +
                                      state.id.text() +
                                      " (A), so \"/\" leads nowhere: set it in default_config(), in the "
                                      "scenario table or with --base-url http://HOST[:PORT]");
}

TEST_F(EndingTest, InitRunTeardownComeInOrder) {
  std::vector<std::string> calls;
  A::script.init = [&](Session&) { calls.emplace_back("init"); };
  A::script.teardown = [&](Session&) { calls.emplace_back("teardown"); };
  run_ok([&](Session&) { calls.emplace_back("run"); });
  EXPECT_THAT(calls, ElementsAre("init", "run", "teardown"));
}

TEST_F(EndingTest, WhenInitThrowsRunIsLeftOutAndTeardownRuns) {
  std::vector<std::string> calls;
  A::script.init = [](Session&) { throw std::runtime_error("no database"); };
  A::script.teardown = [&](Session&) { calls.emplace_back("teardown"); };
  const auto& state = run([&](Session&) { calls.emplace_back("run"); });
  EXPECT_THAT(calls, ElementsAre("teardown"));
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason, "std::runtime_error: no database");
}

TEST_F(EndingTest, WhenTeardownThrowsTheOutcomeStaysAndTheErrorIsListed) {
  A::script.teardown = [](Session&) { throw std::runtime_error("not removed"); };
  const auto& state = run([](Session&) {});
  EXPECT_EQ(state.outcome, Outcome::ok);
  const auto errors = context.errors.groups();
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].session, "A");
  EXPECT_EQ(errors[0].action, "teardown");
  EXPECT_EQ(errors[0].target, "A");
  EXPECT_EQ(errors[0].reason, "exception");
  EXPECT_EQ(errors[0].example, "std::runtime_error: not removed");
}

TEST_F(EndingTest, WhenRunAndTeardownThrowTheRunsReasonIsTheOutcome) {
  A::script.teardown = [](Session& s) { s.fail("teardown gave up"); };
  const auto& state = run([](Session&) { throw std::runtime_error("run"); });
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason, "std::runtime_error: run");
  EXPECT_EQ(context.errors.groups().at(0).example, "teardown gave up");
}

TEST_F(EndingTest, AnAbortInTeardownLeavesAnOkSessionOk) {
  A::script.teardown = [](Session& s) { s.abort("teardown gave up"); };
  const auto& state = run([](Session&) {});
  EXPECT_EQ(state.outcome, Outcome::ok);
  EXPECT_EQ(context.endings.groups().size(), 0U);
}

TEST_F(EndingTest, TeardownAfterACancellationWaitsAndActsAsUsual) {
  bool torn_down = false;
  A::script.run = [](Session& s) { s.delay(1h); };
  A::script.teardown = [&](Session& s) {
    s.delay(2s);
    s.call_traced("in teardown", [](Session& t) { t.delay(1s); });
    torn_down = true;
  };
  auto& state = start(scenario<A>);
  cancel_after(1min, state);
  run_all();
  EXPECT_TRUE(torn_down);
  EXPECT_EQ(ended_at(), 1min + 3s);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(state.outcome_reason, "Ctrl-C");
}

TEST_F(EndingTest, TeardownsActionsAreInNoRow) {
  A::script.teardown = [](Session& s) {
    s.call_traced("call", [](Session&) {});
    s.add_metric("number", 1).add_metric("duration", 1ms).time_since(s.now(), "since");
    s.time("time", [] {});
    s.get("/");  // fails: there is no I/O here
    EXPECT_FALSE(s.response().error().empty());
    EXPECT_THROW(s.call_traced("throws", [](Session&) { throw std::runtime_error("x"); }),
                 std::runtime_error);
  };
  run_ok([](Session&) {}, {{"base_url", "http://127.0.0.1:1"}});
  EXPECT_EQ(row_names(results()), std::vector<std::string>());
  EXPECT_EQ(context.errors.groups().size(), 0U);
  EXPECT_EQ(context.counters.requests, 0U);
  EXPECT_EQ(context.counters.errors, 0U);
}

TEST_F(EndingTest, ATeardownLongerThanFiveSecondsIsEnded) {
  bool went_on = false;
  A::script.teardown = [&](Session& s) {
    s.delay(4s).delay(2s);
    went_on = true;
  };
  const auto& state = run([](Session& s) { s.delay(10s); });
  EXPECT_FALSE(went_on);
  EXPECT_EQ(ended_at(), 15s);
  EXPECT_EQ(state.outcome, Outcome::ok);
  const auto errors = context.errors.groups();
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].action, "teardown");
  EXPECT_EQ(errors[0].example, "teardown took longer than 5 s");
}

TEST_F(EndingTest, ATeardownThatSwallowsItsEndIsAbandoned) {
  A::script.teardown = [](Session& s) {
    while (true) {
      try {
        s.delay(1h);
      } catch (...) {
      }
    }
  };
  B::script.run = [](Session& s) { s.delay(1min); };
  const auto& state = start(scenario<A>);
  const auto& other = start(scenario<B>);
  run_all();
  EXPECT_TRUE(state.abandoned);
  EXPECT_EQ(ended_at(), 5s);
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(
      state.outcome_reason,
      "abandoned: the scenario swallowed its cancellation (teardown took longer than 5 s) 100 times: catch "
      "const std::exception&, which lets it pass, rather than everything");
  EXPECT_EQ(other.outcome, Outcome::ok);
}

TEST_F(EndingTest, ASecondSessionsTeardownIsItsOwn) {
  // Both are in teardown at once, each with its own five seconds.
  A::script.run = [](Session& s) { s.delay(1s); };
  A::script.teardown = [](Session& s) { s.delay(10s); };
  start(scenario<A>);
  start(scenario<A>, {{"delay", 2000}});
  run_all();
  EXPECT_EQ(ended_at(0), 6s);
  EXPECT_EQ(ended_at(1), 8s);
}

TEST_F(EndingTest, ATeardownOfJustUnderFiveSecondsIsNot) {
  A::script.teardown = [](Session& s) { s.delay(5s - 1ns); };
  run_ok([](Session&) {});
  EXPECT_EQ(context.errors.groups().size(), 0U);
}

TEST_F(EndingTest, ACancellationDuringTeardownWaitsForItsEnd) {
  bool torn_down = false;
  A::script.teardown = [&](Session& s) {
    s.delay(2s);
    torn_down = true;
  };
  A::script.run = [](Session& s) { s.delay(1s); };
  auto& state = start(scenario<A>);
  cancel_after(2s, state);
  run_all();
  EXPECT_TRUE(torn_down);
  EXPECT_EQ(ended_at(), 3s);
  // Its run had come to its end before.
  EXPECT_EQ(state.outcome, Outcome::ok);
}

TEST_F(EndingTest, ACancellationDuringTeardownEndsASequence) {
  bool next_ran = false;
  A::script.run = [](Session&) {};
  A::script.teardown = [](Session& s) { s.delay(2s); };
  B::script.run = [&](Session&) { next_ran = true; };
  auto& state = start(sequence<A, B>);
  cancel_after(1s, state);
  run_all();
  EXPECT_FALSE(next_ran);
  EXPECT_EQ(ended_at(), 2s);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
}

TEST_F(EndingTest, ACancellationAtTheEndOfAnOverlongTeardownCounts) {
  bool next_ran = false;
  State* state = nullptr;
  A::script.run = [](Session&) {};
  A::script.teardown = [&](Session& s) {
    try {
      s.delay(10s);
    } catch (const Cancelled&) {
      // Its five seconds are up, and now the session itself is cancelled.
      loop.on_loop_stack([&] { state->cancel(Outcome::cancelled, "Ctrl-C"); });
    }
  };
  B::script.run = [&](Session&) { next_ran = true; };
  state = &start(sequence<A, B>);
  run_all();
  EXPECT_FALSE(next_ran);
  EXPECT_EQ(state->outcome, Outcome::cancelled);
  EXPECT_EQ(state->outcome_reason, "Ctrl-C");
}

TEST_F(EndingTest, ScenarioTimeoutCancelsAndKeepsWhatWasRecorded) {
  const auto& state = run(
      [](Session& s) {
        s.add_metric("before", 1);
        s.call_traced("waiting", [](Session& t) { t.delay(1h); });
      },
      {{"scenario_timeout", "30s"}});
  EXPECT_EQ(state.outcome, Outcome::timed_out);
  EXPECT_EQ(state.outcome_reason, "scenario_timeout 30 s");
  EXPECT_EQ(ended_at(), 30s);
  EXPECT_THAT(row_names(results()), ElementsAre("A Error cancelled call(waiting)", "A before"));
  const auto endings = context.endings.groups();
  ASSERT_EQ(endings.size(), 1U);
  EXPECT_EQ(endings[0].reason, "timed out");
  EXPECT_EQ(endings[0].example, "scenario_timeout 30 s");
}

TEST_F(EndingTest, ScenarioTimeoutCountsFromTheStartOfInitAfterTheStartDelay) {
  A::script.init = [](Session& s) { s.delay(20ms); };
  const auto& state = run([](Session& s) { s.delay(1h); }, {{"delay", 500}, {"scenario_timeout", 100}});
  EXPECT_EQ(state.outcome, Outcome::timed_out);
  EXPECT_EQ(ended_at(), 600ms);
}

TEST_F(EndingTest, AScenarioThatEndsBeforeItsTimeoutIsOk) {
  run_ok([](Session& s) { s.delay(99ms); }, {{"scenario_timeout", 100}});
}

// --- The end of state<T>

struct Throwing {
  Throwing() = default;
  Throwing(const Throwing&) = default;
  Throwing& operator=(const Throwing&) = default;
  ~Throwing() { throw_it(); }
  static void throw_it() { throw std::runtime_error("not closed"); }
};

struct Noted {
  static inline std::vector<std::string> log;
  std::string name;
  Session* session = nullptr;
  ~Noted() {
    if (session != nullptr) session->delay(1s);
    if (!name.empty()) log.push_back(name);
  }
};

TEST_F(EndingTest, AStateWhoseDestructorThrowsEndsItsSessionAlone) {
  A::script.run = [](Session& s) { static_cast<void>(s.state<Throwing>()); };
  B::script.run = [](Session& s) { s.delay(1s); };
  const auto& failing = start(scenario<A>);
  const auto& other = start(scenario<B>);
  run_all();
  EXPECT_EQ(failing.outcome, Outcome::failed);
  EXPECT_TRUE(failing.abandoned);
  EXPECT_THAT(failing.outcome_reason, HasSubstr("not closed"));
  EXPECT_EQ(other.outcome, Outcome::ok);
}

TEST_F(EndingTest, StateIsDestroyedOnceTheOutcomeIsKnown) {
  Noted::log.clear();
  A::script.run = [](Session& s) {
    s.state<Noted>().name = "cancelled";
    s.state<Noted>().session = &s;
    s.delay(1h);
  };
  auto& state = start(scenario<A>);
  cancel_after(5s, state);
  run_all();
  // It may wait, as a teardown may.
  EXPECT_EQ(ended_at(), 6s);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(state.outcome_reason, "Ctrl-C");
  EXPECT_FALSE(state.abandoned);
  EXPECT_THAT(Noted::log, ElementsAre("cancelled"));
}

TEST_F(EndingTest, ACancellationDuringTheEndOfStateChangesNothing) {
  Noted::log.clear();
  A::script.run = [](Session& s) {
    s.state<Noted>().name = "ok";
    s.state<Noted>().session = &s;
  };
  auto& state = start(scenario<A>);
  cancel_after(500ms, state);
  run_all();
  EXPECT_EQ(ended_at(), 1s);
  EXPECT_EQ(state.outcome, Outcome::ok);
  EXPECT_THAT(Noted::log, ElementsAre("ok"));
}

// What is left on the stack of an abandoned session may refer to its state.
TEST_F(EndingTest, AnAbandonedSessionsStateStays) {
  Noted::log.clear();
  const auto& state = run([](Session& s) {
    s.state<Noted>().name = "abandoned";
    const auto fail = [] { throw std::runtime_error("not allowed out"); };
    [&]() noexcept { fail(); }();
  });
  EXPECT_TRUE(state.abandoned);
  EXPECT_THAT(Noted::log, ElementsAre());
}

TEST_F(EndingTest, ASessionStartsAfterItsDelay) {
  run_ok([this](Session&) { EXPECT_EQ(elapsed(), 1500ms); }, {{"delay", "1.5s"}});
}

TEST_F(EndingTest, ASessionStartsAfterARandomDelayOfItsOwn) {
  std::vector<Duration> starts;
  A::script.run = [&](Session&) { starts.push_back(elapsed()); };
  for (std::uint64_t seed = 1; seed <= 100; ++seed)
    start(scenario<A>, {{"delay", 100}, {"random_delay", 10}}, {}, seed);
  run_all();
  ASSERT_EQ(starts.size(), 100U);
  EXPECT_GT(starts.front(), 100ms);
  EXPECT_LE(starts.back(), 110ms);
  EXPECT_GT(starts.back() - starts.front(), 9ms);
}

TEST_F(EndingTest, StartDelaysOfNoEndAreNoOverflow) {
  bool ran = false;
  A::script.run = [&](Session&) { ran = true; };
  auto& state = start(scenario<A>, {{"delay", "infinity"}, {"random_delay", 1000}});
  cancel_after(24h, state);
  run_all();
  EXPECT_FALSE(ran);
  EXPECT_EQ(ended_at(), 24h);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
}

TEST_F(EndingTest, NullUnsetsWhatAnEntryInherits) {
  run_ok([](Session& s) { s.delay(1h); }, {{"delay", nullptr},
                                           {"random_delay", nullptr},
                                           {"scenario_timeout", nullptr},
                                           {"timeout", nullptr},
                                           {"base_url", nullptr},
                                           {"http", {{"connect_timeout", nullptr}, {"headers", nullptr}}},
                                           {"basic_auth", nullptr}});
  EXPECT_EQ(elapsed(), 1h);
}

TEST_F(EndingTest, ASessionCancelledBeforeItsStartRunsNothing) {
  std::vector<std::string> calls;
  A::script.init = [&](Session&) { calls.emplace_back("init"); };
  A::script.run = [&](Session&) { calls.emplace_back("run"); };
  A::script.teardown = [&](Session&) { calls.emplace_back("teardown"); };
  auto& at_once = start(scenario<A>);
  auto& in_delay = start(scenario<A>, {{"delay", 1000}});
  at_once.cancel(Outcome::cancelled, "Ctrl-C");
  cancel_after(500ms, in_delay);
  run_all();
  EXPECT_EQ(calls, std::vector<std::string>());
  EXPECT_EQ(at_once.outcome, Outcome::cancelled);
  EXPECT_EQ(at_once.outcome_reason, "Ctrl-C");
  EXPECT_EQ(in_delay.outcome, Outcome::cancelled);
  EXPECT_EQ(at_once.run_began, Instant{});
  EXPECT_EQ(in_delay.run_began, Instant{});
}

}  // namespace
}  // namespace chaperon::session
