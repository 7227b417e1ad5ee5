// Session: run_scenario.
#include <stdexcept>

#include "session_fixture.hpp"

namespace chaperon::session {
namespace {

class RunScenarioTest : public SessionTest {};

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(RunScenarioTest, RunScenarioRunsInitRunTeardownAndIsARow) {
  std::vector<std::string> calls;
  B::script.init = [&](Session&) { calls.emplace_back("init"); };
  B::script.run = [&](Session& s) {
    calls.emplace_back("run");
    s.delay(5ms).add_metric("inside", 1);
  };
  B::script.teardown = [&](Session& s) {
    calls.emplace_back("teardown");
    s.add_metric("in teardown", 1);
  };
  run_ok([&](Session& s) {
    s.run_scenario<B>();
    calls.emplace_back("back");
    s.add_metric("after", 1);
  });
  EXPECT_THAT(calls, ElementsAre("init", "run", "teardown", "back"));
  const auto recorded = results();
  // All under the root's name; what teardown does is in no row.
  EXPECT_THAT(row_names(recorded), ElementsAre("A after", "A inside", "A run_scenario(B)"));
  EXPECT_EQ(recorded.find("A run_scenario(B)")->max(), 5.0);
}

TEST_F(RunScenarioTest, RunScenarioMergesItsConfigAndRestoresIt) {
  B::script.run = [](Session& s) {
    EXPECT_EQ(s.config<Json>("a"), Json({{"x", 1}, {"y", 20}, {"z", 30}}));
    EXPECT_EQ(s.config<int>("kept"), 7);
    s.set_config("kept", 8).set_config("new", 9);
    EXPECT_EQ(s.config<int>("kept"), 8);
  };
  run_ok(
      [](Session& s) {
        s.run_scenario<B>({{"a", {{"y", 20}, {"z", 30}}}});
        EXPECT_EQ(s.config<Json>("a"), Json({{"x", 1}, {"y", 2}}));
        EXPECT_EQ(s.config<int>("kept"), 7);
        EXPECT_EQ(s.config<int>("new", 0), 0);
      },
      {{"a", {{"x", 1}, {"y", 2}}}, {"kept", 7}});
}

TEST_F(RunScenarioTest, RunScenarioStartsFromTheSessionsChangedConfig) {
  B::script.run = [](Session& s) {
    EXPECT_EQ(s.config<int>("n"), 2);
    s.set_config("n", 3);
  };
  run_ok(
      [](Session& s) {
        s.set_config("n", 2).run_scenario<B>().run_scenario<B>(nullptr).run_scenario<B>({{"m", 1}});
        EXPECT_EQ(s.config<int>("n"), 2);
      },
      {{"n", 1}});
}

TEST_F(RunScenarioTest, RunScenarioInPlaceOfTheConfigSeesNothingElse) {
  B::script.run = [](Session& s) {
    EXPECT_EQ(s.config<int>("mine"), 1);
    EXPECT_EQ(s.config<int>("n", 0), 0);
  };
  C::script.run = [](Session& s) {
    EXPECT_THROW(static_cast<void>(s.config<int>("n")), RequiredConfigMissing);
  };
  run_ok(
      [](Session& s) {
        s.run_scenario<B>({{"mine", 1}}, MergeConfig::no).run_scenario<C>(nullptr, MergeConfig::no);
        EXPECT_EQ(s.config<int>("n"), 5);
      },
      {{"n", 5}});
}

TEST_F(RunScenarioTest, RunScenarioSwitchesTheSettingsOfRequestsAndBack) {
  A::script.run = [](Session& s) {
    s.run_scenario<B>({{"timeout", 50}}).run_scenario<B>({{"timeout", "1m"}}, MergeConfig::no);
  };
  auto& state = start(scenario<A>, {{"timeout", 100}, {"http", {{"decompress", true}}}});
  std::vector<std::pair<Duration, bool>> seen;
  B::script.run = [&](Session&) { seen.emplace_back(state.settings().timeout, state.settings().decompress); };
  run_all();
  EXPECT_EQ(state.outcome, Outcome::ok) << state.outcome_reason;
  EXPECT_THAT(seen,
              ElementsAre(std::pair<Duration, bool>(50ms, true), std::pair<Duration, bool>(1min, false)));
  EXPECT_EQ(state.settings().timeout, 100ms);
}

TEST_F(RunScenarioTest, AssignmentsAndStateComeBackFromRunScenario) {
  struct Cart {
    int items = 0;
  };
  B::script.run = [](Session& s) {
    EXPECT_EQ(s.assigned<int>("before"), 1);
    s.assign("before", 2).assign("token", "t");
    s.state<Cart>().items += 3;
  };
  run_ok([](Session& s) {
    s.assign("before", 1).state<Cart>().items = 1;
    s.run_scenario<B>();
    EXPECT_EQ(s.assigned<int>("before"), 2);
    EXPECT_EQ(s.assigned("token"), "t");
    EXPECT_EQ(s.state<Cart>().items, 4);
    // Not config: that is what sequences do.
    EXPECT_EQ(s.config<std::string>("token", "none"), "none");
  });
}

TEST_F(RunScenarioTest, AnExceptionPassesRunScenarioAfterItsTeardown) {
  std::vector<std::string> calls;
  B::script.run = [&](Session& s) {
    s.set_config("n", 2);
    throw std::runtime_error("inside");
  };
  B::script.teardown = [&](Session&) { calls.emplace_back("teardown of B"); };
  A::script.teardown = [&](Session&) { calls.emplace_back("teardown of A"); };
  run_ok(
      [&](Session& s) {
        EXPECT_EQ(message_of<std::runtime_error>([&] { s.run_scenario<B>(); }), "inside");
        calls.emplace_back("caught");
        EXPECT_EQ(s.config<int>("n"), 1);
      },
      {{"n", 1}});
  EXPECT_THAT(calls, ElementsAre("teardown of B", "caught", "teardown of A"));
  EXPECT_THAT(row_names(results()), ElementsAre("A Error exception run_scenario(B)"));
}

TEST_F(RunScenarioTest, WhenTheNestedInitThrowsItsRunIsLeftOut) {
  std::vector<std::string> calls;
  B::script.init = [](Session&) { throw std::runtime_error("init"); };
  B::script.run = [&](Session&) { calls.emplace_back("run"); };
  B::script.teardown = [&](Session&) { calls.emplace_back("teardown"); };
  const auto& state = run([](Session& s) { s.run_scenario<B>(); });
  EXPECT_THAT(calls, ElementsAre("teardown"));
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason, "std::runtime_error: init");
}

TEST_F(RunScenarioTest, RunScenarioTakesASequence) {
  B::script.run = [](Session& s) { s.assign("token", "t"); };
  C::script.run = [](Session& s) { EXPECT_EQ(s.config<std::string>("token"), "t"); };
  run_ok([](Session& s) {
    s.run_scenario(sequence<B, C>);
    EXPECT_EQ(s.config<std::string>("token", "none"), "none");
    EXPECT_EQ(s.assigned("token"), "t");
  });
  EXPECT_THAT(row_names(results()), ElementsAre("A run_scenario(B+C)"));
}

TEST_F(RunScenarioTest, AFailureEndsANestedSequence) {
  bool ran = false;
  B::script.run = [](Session&) { throw std::runtime_error("B"); };
  C::script.run = [&](Session&) { ran = true; };
  run_ok([](Session& s) { EXPECT_THROW(s.run_scenario(sequence<B, C>), std::runtime_error); });
  EXPECT_FALSE(ran);
}

TEST_F(RunScenarioTest, RunScenarioRefusesSeveralUsersAndAConfigThatIsNoObject) {
  run_ok([](Session& s) {
    EXPECT_EQ(message_of<InvalidArgument>([&] { s.run_scenario(2 * scenario<B>); }),
              "run_scenario(B): 2 users cannot run within one session: give it without a number");
    EXPECT_EQ(message_of<InvalidArgument>([&] { s.run_scenario<B>(Json("text")); }),
              "run_scenario(B): its config is the string \"text\", not an object");
  });
  EXPECT_EQ(row_names(results()), std::vector<std::string>());
}

TEST_F(RunScenarioTest, MessagesNameTheScenarioThatRunsNow) {
  std::string in_c;
  C::script.run = [&](Session& s) {
    in_c = message_of<RequiredConfigMissing>([&] { static_cast<void>(s.config<int>("missing")); });
  };
  B::script.run = [&](Session& s) {
    s.run_scenario<C>();
    EXPECT_THAT(message_of<AssignmentMissing>([&] { static_cast<void>(s.assigned("x")); }),
                HasSubstr("(A, in B)"));
  };
  run_ok([](Session& s) {
    s.run_scenario<B>();
    EXPECT_THAT(message_of<AssignmentMissing>([&] { static_cast<void>(s.assigned("x")); }), HasSubstr("(A)"));
  });
  EXPECT_THAT(in_c, HasSubstr("(A, in C)"));
}

TEST_F(RunScenarioTest, RunScenarioNestsTwice) {
  C::script.run = [](Session& s) {
    EXPECT_EQ(s.config<Json>("n"), Json({{"a", 1}, {"b", 2}, {"c", 3}}));
    s.delay(1ms);
  };
  B::script.run = [](Session& s) {
    s.run_scenario<C>({{"n", {{"c", 3}}}});
    EXPECT_EQ(s.config<Json>("n"), Json({{"a", 1}, {"b", 2}}));
  };
  run_ok(
      [](Session& s) {
        s.run_scenario<B>({{"n", {{"b", 2}}}});
        EXPECT_EQ(s.config<Json>("n"), Json({{"a", 1}}));
      },
      {{"n", {{"a", 1}}}});
  const auto recorded = results();
  EXPECT_THAT(row_names(recorded), ElementsAre("A run_scenario(B)", "A run_scenario(C)"));
  EXPECT_EQ(recorded.find("A run_scenario(B)")->max(), 1.0);
}

TEST_F(RunScenarioTest, ANestedTeardownAfterACancellationHasItsOwnTimeAndTheCancellationGoesOn) {
  std::vector<std::pair<std::string, Duration>> calls;
  B::script.run = [](Session& s) { s.delay(1h); };
  B::script.teardown = [&](Session& s) {
    s.delay(4s);
    calls.emplace_back("B", elapsed());
  };
  A::script.teardown = [&](Session& s) {
    s.delay(3s);
    calls.emplace_back("A", elapsed());
  };
  A::script.run = [](Session& s) {
    s.run_scenario<B>();
    ADD_FAILURE() << "the cancellation was forgotten";
  };
  auto& state = start(scenario<A>, {{"scenario_timeout", 1000}});
  run_all();
  EXPECT_THAT(calls, ElementsAre(std::pair<std::string, Duration>("B", 5s),
                                 std::pair<std::string, Duration>("A", 8s)));
  EXPECT_EQ(state.outcome, Outcome::timed_out);
  EXPECT_EQ(state.outcome_reason, "scenario_timeout 1 s");
}

TEST_F(RunScenarioTest, ANestedTeardownThatFailsDoesNotChangeHowTheSessionEnds) {
  B::script.run = [](Session& s) { s.delay(1h); };
  B::script.teardown = [](Session& s) { s.fail("teardown"); };
  const auto& state = run([](Session& s) { s.run_scenario<B>(); }, {{"scenario_timeout", 1000}});
  EXPECT_EQ(state.outcome, Outcome::timed_out);
  EXPECT_EQ(state.outcome_reason, "scenario_timeout 1 s");
}

TEST_F(RunScenarioTest, ACancellationDuringANestedTeardownComesAfterIt) {
  bool torn_down = false;
  bool went_on = false;
  B::script.teardown = [&](Session& s) {
    s.delay(2s);
    torn_down = true;
  };
  A::script.run = [&](Session& s) {
    s.run_scenario<B>();
    s.delay(1ns);
    went_on = true;
  };
  auto& state = start(scenario<A>);
  cancel_after(1s, state);
  run_all();
  EXPECT_TRUE(torn_down);
  EXPECT_FALSE(went_on);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(ended_at(), 2s);
}

TEST_F(RunScenarioTest, AScenarioMayRunAnotherWithinItsTeardown) {
  bool inner_torn_down = false;
  B::script.run = [](Session& s) { s.delay(1s).add_metric("in B", 1); };
  B::script.teardown = [&](Session&) { inner_torn_down = true; };
  A::script.teardown = [](Session& s) { s.run_scenario<B>(); };
  run_ok([](Session&) {});
  EXPECT_TRUE(inner_torn_down);
  EXPECT_EQ(row_names(results()), std::vector<std::string>());
}

}  // namespace
}  // namespace chaperon::session
