// Scenarios that run on another loop for a session that waits for them.
#include <atomic>
#include <set>
#include <thread>

#include "runtime/sanitizers.hpp"
#include "session_fixture.hpp"

namespace chaperon::session_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

#if defined(CHAPERON_ASAN) || defined(CHAPERON_TSAN)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

struct C : Scripted<C> {};

/// With as many loops as the parameter says.
class ScheduleScenario : public SessionRunTest, public ::testing::WithParamInterface<unsigned> {
 protected:
  ~ScheduleScenario() override { C::script = {}; }
  static Results run_loops(Scenarios table, Json config = Json::object()) {
    return run(std::move(table), std::move(config), {.threads = GetParam()});
  }
  static std::string ending(const Results& results) {
    return results.endings.empty() ? "no session ended badly" : results.endings.front().example;
  }
};

INSTANTIATE_TEST_SUITE_P(Loops, ScheduleScenario, ::testing::Values(1U, 2U, 4U));

TEST_P(ScheduleScenario, RunsOnAnotherLoopIfThereIsOne) {
  std::thread::id here;
  std::thread::id there;
  A::script.run = [&](Session& s) {
    here = std::this_thread::get_id();
    s.schedule_scenario<C>();
    EXPECT_EQ(std::this_thread::get_id(), here);
  };
  C::script.run = [&](Session&) { there = std::this_thread::get_id(); };
  const auto results = run_loops({{scenario<A>, {}}});
  EXPECT_EQ(results.sessions.ok, 1U) << ending(results);
  EXPECT_EQ(results.sessions.total(), 1U);
  EXPECT_EQ(here != there, GetParam() > 1);
}

TEST_P(ScheduleScenario, ConfigGoesThereAndAssignmentsAndCookiesComeBack) {
  struct Kept {
    int n = 0;
  };
  ScriptedServer server([](Peer& peer) {
    int number = 0;
    while (!peer.receive_request().empty())
      peer.send("HTTP/1.1 200 OK\r\nSet-Cookie: there" + std::to_string(++number) +
                "=v\r\nContent-Length: 0\r\n\r\n");
  });
  A::script.run = [&](Session& s) {
    s.assign("mine", 1).assign("both", "mine").set_header("X-Mine", "yes");
    s.set_config("own", "set").state<Kept>().n = 7;
    s.get("/a");
    s.schedule_scenario<C>({{"deep", {{"b", 3}}}});
    EXPECT_EQ(s.assigned<int>("mine"), 1);
    EXPECT_EQ(s.assigned<std::string>("both"), "theirs");
    EXPECT_EQ(s.assigned("theirs"), (Json{{"x", {1, 2}}}));
    EXPECT_EQ(s.config<std::string>("own"), "set");
    EXPECT_EQ(s.config<int>("deep.b"), 2);
    EXPECT_EQ(s.state<Kept>().n, 7);
    s.get("/b");
    // The other way: nothing of this session's config.
    s.schedule_scenario<C>({{"alone", true}, {"base_url", server.url()}}, MergeConfig::no);
  };
  C::script.init = [](Session& s) { s.assign("initialised", true); };
  C::script.run = [&](Session& s) {
    EXPECT_EQ(s.name(), "A");
    EXPECT_EQ(s.state<Kept>().n, 0);
    EXPECT_TRUE(s.assigned<bool>("initialised"));
    if (s.config<bool>("alone", false)) {
      EXPECT_THROW(static_cast<void>(s.config<std::string>("own")), RequiredConfigMissing);
      return;
    }
    EXPECT_EQ(s.config<std::string>("own"), "set");
    EXPECT_EQ(s.config<int>("deep.a"), 1);
    EXPECT_EQ(s.config<int>("deep.b"), 3);
    EXPECT_EQ(s.assigned<int>("mine"), 1);
    s.assign("both", "theirs").assign("theirs", {{"x", {1, 2}}});
    s.set_config("own", "theirs");
    s.get("/there");
  };
  const auto results =
      run_loops({{scenario<A>, {}}}, {{"base_url", server.url()}, {"deep", {{"a", 1}, {"b", 2}}}});
  EXPECT_EQ(results.sessions.ok, 1U) << ending(results);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_THAT(requests[1], HasSubstr("Cookie: there1=v\r\n"));
  EXPECT_THAT(requests[1], HasSubstr("X-Mine: yes\r\n"));
  // The first of a connection of its own, and so `there1` again.
  EXPECT_THAT(requests[2], HasSubstr("Cookie: there1=v\r\n"));
  EXPECT_THAT(row_names(results),
              ElementsAre("A connect(" + server.url() + ")", "A get(" + server.url() + "/a)",
                          "A get(" + server.url() + "/b)", "A get(" + server.url() + "/there)",
                          "A schedule_scenario(C)"));
  EXPECT_EQ(results.count("A schedule_scenario(C)"), 2U);
}

TEST_P(ScheduleScenario, CookiesThatWereDeletedThereAreGoneHere) {
  ScriptedServer server([](Peer& peer) {
    while (!peer.receive_request().empty())
      peer.send("HTTP/1.1 200 OK\r\nSet-Cookie: c=v\r\nContent-Length: 0\r\n\r\n");
  });
  A::script.run = [](Session& s) { s.get("/a").schedule_scenario<C>().get("/b"); };
  C::script.run = [](Session& s) { s.delete_cookies(); };
  const auto results = run_loops({{scenario<A>, {}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.sessions.ok, 1U);
  EXPECT_THAT(server.requests().at(1), ::testing::Not(HasSubstr("Cookie")));
}

TEST_P(ScheduleScenario, AFailureThereIsATaskFailedHere) {
  std::atomic<int> torn_down = 0;
  A::script.run = [](Session& s) {
    s.assign("mine", 1);
    try {
      s.schedule_scenario<C>();
      ADD_FAILURE();
    } catch (const TaskFailed& failed) {
      EXPECT_STREQ(failed.what(), "schedule_scenario(C) failed: std::runtime_error: own error");
      EXPECT_EQ(failed.task(), "C");
      EXPECT_THROW(std::rethrow_exception(failed.cause()), std::runtime_error);
    }
    EXPECT_EQ(s.assigned<int>("mine"), 1);
    s.schedule_scenario<C>();
  };
  C::script.run = [](Session&) { throw std::runtime_error("own error"); };
  C::script.teardown = [&](Session&) { ++torn_down; };
  const auto results = run_loops({{scenario<A>, {}}});
  EXPECT_EQ(results.sessions.failed, 1U);
  EXPECT_EQ(results.sessions.total(), 1U);
  EXPECT_EQ(ending(results), "TaskFailed: schedule_scenario(C) failed: std::runtime_error: own error");
  EXPECT_EQ(results.count("A Error exception schedule_scenario(C)"), 2U);
  EXPECT_EQ(torn_down, 2);
}

TEST_P(ScheduleScenario, AnAbortThereEndsTheSessionHere) {
  A::script.run = [](Session& s) {
    s.schedule_scenario<C>();
    ADD_FAILURE();
  };
  C::script.run = [](Session& s) { s.abort("enough"); };
  const auto results = run_loops({{scenario<A>, {}}});
  EXPECT_EQ(results.sessions.cancelled, 1U);
  EXPECT_EQ(results.sessions.total(), 1U);
  EXPECT_EQ(ending(results), "enough");
}

TEST_P(ScheduleScenario, ACancellationHereReachesThere) {
  std::atomic<int> ended = 0;
  A::script.run = [](Session& s) { s.schedule_scenario<C>(); };
  C::script.run = [](Session& s) { s.delay(kForever); };
  C::script.teardown = [&](Session& s) {
    s.delay(1ms);
    ++ended;
  };
  const auto results = run_loops({{20 * scenario<A>, {{"scenario_timeout", 50}}}});
  EXPECT_EQ(results.sessions.timed_out, 20U);
  EXPECT_EQ(results.sessions.total(), 20U);
  EXPECT_EQ(ended, 20) << "the end of what runs there is waited for";
  EXPECT_EQ(ending(results), "scenario_timeout 50 ms, while in schedule_scenario");
  EXPECT_EQ(results.count("A Error cancelled schedule_scenario(C)"), 20U);
}

TEST_P(ScheduleScenario, ATaskThatFailsMeanwhileCancelsIt) {
  std::atomic<int> ended = 0;
  A::script.run = [](Session& s) {
    s.async("child", [](Session& t) {
      t.delay(10ms);
      throw std::runtime_error("own");
    });
    EXPECT_THROW(s.schedule_scenario<C>(), TaskFailed);
  };
  C::script.run = [](Session& s) { s.delay(kForever); };
  C::script.teardown = [&](Session&) { ++ended; };
  const auto results = run_loops({{scenario<A>, {}}});
  EXPECT_EQ(results.sessions.ok, 1U) << ending(results);
  EXPECT_EQ(ended, 1);
}

TEST_P(ScheduleScenario, AnInterruptReachesBoth) {
  std::stop_source stop;
  std::atomic<int> ended = 0;
  std::atomic<int> running = 0;
  A::script.run = [](Session& s) { s.schedule_scenario<C>(); };
  C::script.run = [&](Session& s) {
    if (++running == 10) stop.request_stop();
    s.delay(kForever);
  };
  C::script.teardown = [&](Session&) { ++ended; };
  const auto results =
      run({{10 * scenario<A>, {}}}, Json::object(), {.threads = GetParam(), .stop = stop.get_token()});
  EXPECT_TRUE(results.interrupted);
  EXPECT_EQ(results.sessions.cancelled, 10U);
  EXPECT_EQ(ended, 10);
}

// An abandoned session is gone, but what it has scheduled runs on another loop, and comes back to it.
TEST_P(ScheduleScenario, AnAbandonedSessionIsWaitedForToo) {
  std::atomic<int> ended = 0;
  A::script.run = [](Session& s) {
    const auto schedule = [&]() noexcept { s.schedule_scenario<C>(); };
    schedule();
  };
  C::script.run = [](Session& s) { s.delay(kForever); };
  C::script.teardown = [&](Session& s) {
    s.delay(20ms);
    ++ended;
  };
  const auto results = run_loops({{5 * scenario<A>, {{"scenario_timeout", 50}}}});
  EXPECT_EQ(results.sessions.failed, 5U);
  EXPECT_EQ(results.sessions.total(), 5U);
  EXPECT_THAT(ending(results), HasSubstr("abandoned"));
  EXPECT_EQ(ended, 5);
}

TEST_P(ScheduleScenario, OneThatIsAbandonedThereFailsHere) {
  A::script.run = [](Session& s) {
    EXPECT_THROW(s.schedule_scenario<C>(), TaskFailed);
    C::script.run = {};
    s.schedule_scenario<C>();
  };
  C::script.run = [](Session&) { std::terminate(); };
  const auto results = run_loops({{scenario<A>, {}}});
  EXPECT_EQ(results.sessions.ok, 1U) << ending(results);
}

TEST_P(ScheduleScenario, TasksAndSchedulesWithinIt) {
  std::atomic<int> reached = 0;
  A::script.run = [](Session& s) { s.schedule_scenario<B>(); };
  B::script.run = [](Session& s) {
    for (int i = 0; i < 5; ++i)
      s.async("task", [](Session& t) { t.schedule_scenario<C>(); });
    s.await("task").schedule_scenario<C>();
  };
  C::script.run = [&](Session& s) { s.async("inner", [&](Session&) { ++reached; }); };
  const auto results = run_loops({{10 * scenario<A>, {}}});
  EXPECT_EQ(results.sessions.ok, 10U) << ending(results);
  EXPECT_EQ(reached, 60);
  EXPECT_EQ(results.count("A schedule_scenario(C)"), 60U);
  EXPECT_EQ(results.count("A schedule_scenario(B)"), 10U);
  EXPECT_EQ(results.count("A async(task)"), 50U);
  EXPECT_EQ(results.count("A async(inner)"), 60U);
}

TEST_P(ScheduleScenario, ManySessionsAtOnceWithExactCounts) {
  constexpr int kSessions = kSanitized ? 50 : 200;
  constexpr int kTimes = 5;
  constexpr int kRequests = 4;
  const NginxServer server;
  A::script.run = [](Session& s) {
    for (int i = 0; i < kTimes; ++i) {
      s.schedule_scenario<C>({{"n", i}});
      EXPECT_EQ(s.assigned<int>("n"), i);
      EXPECT_EQ(s.assigned<std::string>("for"), s.id());
      s.assign("count", s.assigned<int>("count") + 1);
    }
    EXPECT_EQ(s.assigned<int>("count"), 2 * kTimes);
  };
  A::script.init = [](Session& s) { s.assign("for", s.id()).assign("count", 0); };
  C::script.run = [](Session& s) {
    for (int i = 0; i < kRequests; ++i)
      s.get("/").expect(200);
    s.assign("n", s.config<int>("n")).assign("count", s.assigned<int>("count") + 1);
  };
  const auto results = run_loops({{kSessions * scenario<A>, {}}, {kSessions * scenario<A>, "named", {}}},
                                 {{"base_url", server.url()}});
  EXPECT_EQ(results.sessions.ok, 2U * kSessions) << ending(results);
  EXPECT_EQ(results.sessions.total(), 2U * kSessions);
  for (const std::string name : {"A", "named"}) {
    EXPECT_EQ(results.count(name + " schedule_scenario(C)"), std::uint64_t{kSessions} * kTimes);
    EXPECT_EQ(results.count(name + " get(" + server.url() + "/)"),
              std::uint64_t{kSessions} * kTimes * kRequests);
  }
  EXPECT_EQ(server.count_requests(), std::size_t{2} * kSessions * kTimes * kRequests);
}

TEST_P(ScheduleScenario, InATeardownItsRequestsAreInNoRow) {
  ScriptedServer server(answering());
  A::script.teardown = [](Session& s) { s.schedule_scenario<C>(); };
  C::script.run = [](Session& s) { s.get("/x").expect(200); };
  const auto results = run_loops({{scenario<A>, {}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.sessions.ok, 1U) << ending(results);
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_THAT(row_names(results), ElementsAre());
}

TEST_P(ScheduleScenario, ASequenceGoesAsAWhole) {
  A::script.run = [](Session& s) {
    s.schedule_scenario(sequence<B, C>, {{"from", "here"}});
    EXPECT_EQ(s.assigned<std::string>("of_c"), "here of b");
    EXPECT_THROW(s.schedule_scenario(2 * scenario<C>), InvalidArgument);
  };
  B::script.run = [](Session& s) { s.assign("of_b", s.config<std::string>("from") + " of b"); };
  C::script.run = [](Session& s) { s.assign("of_c", s.config<std::string>("of_b")); };
  const auto results = run_loops({{scenario<A>, {}}});
  EXPECT_EQ(results.sessions.ok, 1U) << ending(results);
  EXPECT_EQ(results.count("A schedule_scenario(B+C)"), 1U);
}

}  // namespace
}  // namespace chaperon::session_test
