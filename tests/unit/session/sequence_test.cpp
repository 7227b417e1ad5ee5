// Several scenarios in one session.
#include <stdexcept>

#include "session_fixture.hpp"

namespace chaperon::session {
namespace {

class SequenceTest : public SessionTest {};

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(SequenceTest, ASequenceIsCalledAfterItsParts) {
  EXPECT_EQ((sequence<A, B>.name()), "A+B");
  EXPECT_EQ((100 * sequence<A, B, C>).name(), "A+B+C");
  EXPECT_EQ((100 * sequence<A, B>).users(), 100);
  EXPECT_EQ((2 * (3 * scenario<A>)).users(), 6);
  EXPECT_EQ(scenario<A>.users(), 1);
}

TEST_F(SequenceTest, AssignmentsBecomeConfigOfTheNextPart) {
  A::script.run = [](Session& s) {
    s.assign("token", "t").assign_in("ns", {{"b", 2}});
    EXPECT_EQ(s.config<std::string>("token", "none"), "none");
  };
  B::script.run = [](Session& s) {
    EXPECT_EQ(s.config<std::string>("token"), "t");
    EXPECT_EQ(s.config<Json>("ns"), Json({{"a", 1}, {"b", 2}}));
    EXPECT_EQ(s.assigned("token"), "t");
    s.assign("later", 1);
  };
  C::script.run = [](Session& s) { EXPECT_EQ(s.config<int>("later") + s.config<int>("ns.b"), 3); };
  const auto& state = start(sequence<A, B, C>, {{"ns", {{"a", 1}}}});
  run_all();
  EXPECT_EQ(state.outcome, Outcome::ok) << state.outcome_reason;
}

TEST_F(SequenceTest, StateAndChangedConfigCarryOver) {
  struct Cart {
    int items = 0;
  };
  A::script.run = [](Session& s) {
    s.state<Cart>().items = 3;
    s.set_config("n", 2);
  };
  B::script.run = [](Session& s) {
    EXPECT_EQ(s.state<Cart>().items, 3);
    EXPECT_EQ(s.config<int>("n"), 2);
  };
  const auto& state = start(sequence<A, B>, {{"n", 1}});
  run_all();
  EXPECT_EQ(state.outcome, Outcome::ok) << state.outcome_reason;
}

TEST_F(SequenceTest, EachPartHasItsOwnInitAndTeardown) {
  std::vector<std::string> calls;
  const auto note = [&](std::string what) { return [&calls, what](Session&) { calls.push_back(what); }; };
  A::script = {.init = note("init A"), .run = note("run A"), .teardown = note("teardown A")};
  B::script = {.init = note("init B"), .run = note("run B"), .teardown = note("teardown B")};
  start(sequence<A, B>);
  run_all();
  EXPECT_THAT(calls, ElementsAre("init A", "run A", "teardown A", "init B", "run B", "teardown B"));
}

TEST_F(SequenceTest, AFailureEndsASequenceAfterTheTeardownOfItsPart) {
  std::vector<std::string> calls;
  A::script.run = [](Session&) { throw std::runtime_error("A"); };
  A::script.teardown = [&](Session&) { calls.emplace_back("teardown A"); };
  B::script.init = [&](Session&) { calls.emplace_back("init B"); };
  B::script.teardown = [&](Session&) { calls.emplace_back("teardown B"); };
  const auto& state = start(sequence<A, B>);
  run_all();
  EXPECT_THAT(calls, ElementsAre("teardown A"));
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason, "std::runtime_error: A");
}

TEST_F(SequenceTest, RowsOfASequenceBearItsNameAndMessagesThePart) {
  A::script.run = [](Session& s) { s.add_metric("n", 1); };
  B::script.run = [](Session& s) {
    s.add_metric("n", 1);
    EXPECT_THAT(message_of<AssignmentMissing>([&] { static_cast<void>(s.assigned("x")); }),
                HasSubstr("(A+B, in B)"));
  };
  const auto& state = start(sequence<A, B>);
  run_all();
  EXPECT_EQ(state.outcome, Outcome::ok) << state.outcome_reason;
  const auto recorded = results();
  EXPECT_THAT(row_names(recorded), ElementsAre("A+B n"));
  EXPECT_EQ(recorded.count("A+B n"), 2U);
}

TEST_F(SequenceTest, ScenarioTimeoutBoundsTheWholeSequence) {
  A::script.run = [](Session& s) { s.delay(700ms); };
  B::script.run = [](Session& s) { s.delay(700ms); };
  const auto& state = start(sequence<A, B>, {{"scenario_timeout", "1s"}});
  run_all();
  EXPECT_EQ(state.outcome, Outcome::timed_out);
  EXPECT_EQ(ended_at(), 1s);
}

TEST_F(SequenceTest, AnAbortSwallowedInOnePartDoesNotReachTheNext) {
  bool next_ran = false;
  A::script.run = [](Session& s) {
    try {
      s.abort("enough");
    } catch (const Cancelled&) {
    }
  };
  B::script.run = [&](Session&) { next_ran = true; };
  const auto& state = start(sequence<A, B>);
  run_all();
  EXPECT_FALSE(next_ran);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(state.outcome_reason, "enough");
}

}  // namespace
}  // namespace chaperon::session
