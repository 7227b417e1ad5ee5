// Signals between the tasks of a user.
#include <string>
#include <vector>

#include "base/log.hpp"
#include "session_fixture.hpp"

namespace chaperon::session {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SignalsTest : public SessionTest {
 protected:
  static inline std::vector<Json> seen;
  void SetUp() override { seen.clear(); }
  static void see(Session& /*session*/, const Json& value) { seen.push_back(value); }
  static void listen(Session& session, int count) {
    for (int i = 0; i < count; ++i)
      session.await_signal(see);
  }
};

TEST_F(SignalsTest, AParentWaitsForItsTask) {
  run_ok([this](Session& s) {
    s.async("subscribe", [](Session& t) {
      t.delay(2s).signal_parent({"subscribed", "/foo"});
      t.delay(1s);
    });
    s.await_signal({"subscribed", "/foo"});
    EXPECT_EQ(elapsed(), 2s);
  });
}

TEST_F(SignalsTest, SignalsComeInOrderToEveryTaskOfThatName) {
  run_ok([](Session& s) {
    s.async<listen>(3).async<listen>(3);
    s.signal("listen", 1).signal<listen>("two").signal("listen", {{"three", 3}});
  });
  EXPECT_THAT(seen, ElementsAre(1, "two", Json{{"three", 3}}, 1, "two", Json{{"three", 3}}));
}

TEST_F(SignalsTest, AwaitingOneValueLeavesTheOthersInOrder) {
  run_ok([](Session& s) {
    s.async("sender", [](Session& t) { t.signal_parent("a").signal_parent("b").signal_parent("c"); });
    s.await_signal("b").await_signal(see).await_signal(see);
  });
  EXPECT_THAT(seen, ElementsAre("a", "c"));
}

TEST_F(SignalsTest, EqualSignalsAreTakenOneByOne) {
  run_ok([](Session& s) {
    s.async("sender", [](Session& t) { t.signal_parent("x").signal_parent("x"); });
    s.await_signal("x").await_signal("x");
    EXPECT_THROW(s.await_signal("x", 1s), TimeoutError);
  });
}

TEST_F(SignalsTest, ATimeoutListsWhatIsInTheMailbox) {
  run_ok([this](Session& s) {
    s.async("sender", [](Session& t) { t.signal_parent("x").signal_parent({{"k", 1}}); });
    const auto message = message_of<TimeoutError>([&] { s.await_signal({"subscribed", "/foo"}, 3s); });
    EXPECT_EQ(message,
              R"(await_signal: waiting for ["subscribed","/foo"], not there within 3 s; in the mailbox: )"
              R"(["x", {"k":1}])");
    EXPECT_EQ(elapsed(), 3s);
  });
  EXPECT_THAT(row_names(results()), ElementsAre("A Error timeout await_signal", "A async(sender)"));
}

TEST_F(SignalsTest, TheSessionsTimeoutIsTheDefault) {
  run_ok(
      [this](Session& s) {
        EXPECT_THROW(s.await_signal("x"), TimeoutError);
        EXPECT_EQ(elapsed(), 1500ms);
        EXPECT_THROW(s.await_signal(see), TimeoutError);
        EXPECT_EQ(elapsed(), 3s);
      },
      {{"timeout", 1500}});
}

TEST_F(SignalsTest, AwaitSignalOrTimeoutGoesOn) {
  run_ok([this](Session& s) {
    s.async("sender", [](Session& t) { t.delay(1s).signal_parent(5); });
    s.await_signal_or_timeout(2s, see);
    EXPECT_EQ(elapsed(), 1s);
    s.await_signal_or_timeout(2s, see).await_signal_or_timeout(0s);
    EXPECT_EQ(elapsed(), 3s);
  });
  EXPECT_THAT(seen, ElementsAre(5));
  const auto rows = results();
  EXPECT_THAT(row_names(rows), ElementsAre("A Error timeout await_signal", "A async(sender)"));
  EXPECT_EQ(rows.metrics.front().count(), 2U);
}

TEST_F(SignalsTest, TasksReachTheirSiblings) {
  run_ok([](Session& s) {
    s.async<listen>(1).async("sender", [](Session& t) {
      t.async("deeper", [](Session& u) { u.signal("listen", "from below"); });
    });
  });
  EXPECT_THAT(seen, ElementsAre("from below"));
}

TEST_F(SignalsTest, ASignalToATaskThatHasEndedIsAWarning) {
  ::testing::internal::CaptureStderr();
  start_log(LogLevel::warn);
  run_ok([](Session& s) {
    s.async("gone", [](Session&) {}).await("gone");
    s.signal("gone", 1);
  });
  stop_log();
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("signal(gone): no task of that name is running, so the signal is lost"));
}

TEST_F(SignalsTest, WithoutAParentSignalParentIsAnError) {
  run_ok([](Session& s) {
    EXPECT_THAT(message_of<InvalidArgument>([&] { s.signal_parent(1); }), HasSubstr("has no parent"));
  });
}

TEST_F(SignalsTest, NothingIsLostWhileTheReceiverDoesSomethingElse) {
  run_ok([](Session& s) {
    s.async("sender", [](Session& t) {
      for (int i = 0; i < 1000; ++i)
        t.signal_parent(i);
    });
    s.delay(1s);
    for (int i = 0; i < 1000; ++i)
      s.await_signal([i](Session&, const Json& value) { EXPECT_EQ(value, i); });
  });
}

TEST_F(SignalsTest, OtherSignalsDoNotKeepAWaitFromItsTimeout) {
  run_ok([this](Session& s) {
    s.async("noise", [](Session& t) {
      while (true)
        t.signal_parent("noise").delay(1ms);
    });
    EXPECT_THROW(s.await_signal("x", 200ms), TimeoutError);
    EXPECT_EQ(elapsed(), 200ms);
    s.cancel("noise");
  });
}

TEST_F(SignalsTest, ACallbackIsNotCalledForNothing) {
  struct Leaves {
    Session& session;
    ~Leaves() { session.await_signal(see); }
  };
  run([](Session& s) {
    const Leaves leaves{s};
    s.abort("over");
  });
  EXPECT_THAT(seen, ElementsAre());
}

TEST_F(SignalsTest, ACancelledSessionDoesNotWait) {
  A::script.run = [](Session& s) { s.await_signal("never", 1h); };
  auto& state = start(scenario<A>);
  cancel_after(1s, state);
  run_all();
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_EQ(state.outcome_reason, "Ctrl-C, while in await_signal");
  EXPECT_EQ(ended_at(), 1s);
}

TEST_F(SignalsTest, ThereAndBack) {
  run_ok([](Session& s) {
    s.async("echo", [](Session& t) {
      for (int i = 0; i < 100; ++i)
        t.await_signal([](Session& u, const Json& value) { u.signal_parent(value); });
    });
    for (int i = 0; i < 100; ++i)
      s.signal("echo", i).await_signal(Json(i));
  });
}

}  // namespace
}  // namespace chaperon::session
