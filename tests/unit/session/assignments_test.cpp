// Session: assignments and state<T>.
#include "session_fixture.hpp"

namespace chaperon::session {
namespace {

class AssignmentsTest : public SessionTest {};

TEST_F(AssignmentsTest, AssignTakesAKeyAListAndANamespace) {
  run_ok([](Session& s) {
    s.assign("user", "ann").assign({{"age", 7}, {"list", {1, 2}}}).assign("ns", "key", true);
    EXPECT_EQ(s.assigned("user"), "ann");
    EXPECT_EQ(s.assigned<std::string>("user"), "ann");
    EXPECT_EQ(s.assigned<int>("age"), 7);
    EXPECT_EQ(s.assigned<std::vector<int>>("list"), (std::vector{1, 2}));
    EXPECT_TRUE(s.assigned<bool>("ns.key"));
    EXPECT_EQ(s.assigned("ns"), Json({{"key", true}}));
    s.assign("user", 1);
    EXPECT_EQ(s.assigned<int>("user"), 1);
  });
}

TEST_F(AssignmentsTest, AssignInMergesIntoTheNamespace) {
  run_ok([](Session& s) {
    s.assign_in("ns", {{"a", 1}, {"b", 2}}).assign_in("ns", {{"b", 3}, {"c", 4}});
    EXPECT_EQ(s.assigned("ns"), Json({{"a", 1}, {"b", 3}, {"c", 4}}));
  });
}

TEST_F(AssignmentsTest, UpdateAssignGetsNullForWhatIsMissing) {
  run_ok([](Session& s) {
    for (int i = 1; i <= 3; ++i) {
      s.update_assign("messages", [i](Json& messages) {
        EXPECT_EQ(messages.is_null(), i == 1);
        messages.push_back(i);
      });
    }
    EXPECT_EQ(s.assigned("messages"), Json::parse("[1,2,3]"));
    s.update_assign("ns", "n", [](Json& n) { n = n.is_null() ? 1 : 2; });
    s.update_assign("ns", "n", [](Json& n) { n = n.get<int>() + 10; });
    EXPECT_EQ(s.assigned<int>("ns.n"), 11);
  });
}

TEST_F(AssignmentsTest, DeleteAssignForgetsAndIgnoresWhatIsNotThere) {
  run_ok([](Session& s) {
    s.delete_assign("never").delete_assign("ns", "never");
    s.assign({{"a", 1}, {"b", 2}}).assign_in("ns", {{"x", 1}, {"y", 2}});
    s.delete_assign("a").delete_assign("ns", "x").delete_assign("a", "x").delete_assign("other", "x");
    EXPECT_THROW(static_cast<void>(s.assigned("a")), AssignmentMissing);
    EXPECT_EQ(s.assigned<int>("b"), 2);
    EXPECT_EQ(s.assigned("ns"), Json({{"y", 2}}));
    EXPECT_THROW(static_cast<void>(s.assigned("other")), AssignmentMissing);
  });
}

TEST_F(AssignmentsTest, AMissingAssignmentNamesKeySessionAndRemedy) {
  run_ok([](Session& s) {
    EXPECT_EQ(message_of<AssignmentMissing>([&] { static_cast<void>(s.assigned("token")); }),
              "\"token\" was never assigned in session " + s.id() +
                  " (A): assign() it first, or give a default: assigned<T>(\"token\", default)");
    EXPECT_EQ(s.assigned<std::string>("token", "none"), "none");
    s.assign("token", "t");
    EXPECT_EQ(s.assigned<std::string>("token", "none"), "t");
  });
}

TEST_F(AssignmentsTest, AnAssignmentOfAnotherTypeIsAConfigTypeError) {
  run_ok([](Session& s) {
    s.assign("n", "seven");
    EXPECT_EQ(message_of<ConfigTypeError>([&] { static_cast<void>(s.assigned<int>("n")); }),
              "assignment \"n\" cannot be read as int in session " + s.id() +
                  " (A): it is the string \"seven\", not an integer");
    EXPECT_THROW(static_cast<void>(s.assigned<int>("n", 1)), ConfigTypeError);
  });
}

TEST_F(AssignmentsTest, AssignedIsACopy) {
  run_ok([](Session& s) {
    s.assign("list", Json::array());
    Json copy = s.assigned("list");
    copy.push_back(1);
    EXPECT_EQ(s.assigned("list").size(), 0U);
  });
}

struct Counter {
  static inline int live = 0;
  Counter() { ++live; }
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  ~Counter() { --live; }
  int value = 0;
};
struct Other {
  int value = 5;
};

TEST_F(AssignmentsTest, StateIsMadeAtFirstUseAndIsTheSessionsOwn) {
  A::script.run = [](Session& s) {
    EXPECT_EQ(s.state<Counter>().value, 0);
    s.state<Counter>().value = 7;
    s.delay(1ms);
    EXPECT_EQ(s.state<Counter>().value, 7);
    EXPECT_EQ(s.state<Other>().value, 5);
  };
  B::script.run = [](Session& s) {
    EXPECT_EQ(s.state<Counter>().value, 0);
    s.state<Counter>().value = 8;
    EXPECT_EQ(Counter::live, 2);
    s.delay(2ms);
    EXPECT_EQ(s.state<Counter>().value, 8);
    EXPECT_EQ(Counter::live, 1) << "the other session is over";
  };
  const auto& first = start(scenario<A>);
  const auto& second = start(scenario<B>);
  EXPECT_EQ(Counter::live, 0);
  run_all();
  EXPECT_EQ(first.outcome, Outcome::ok);
  EXPECT_EQ(second.outcome, Outcome::ok);
  EXPECT_EQ(Counter::live, 0);
}

}  // namespace
}  // namespace chaperon::session
