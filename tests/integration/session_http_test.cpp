// What sessions make of requests: config, cookies, cancellation, teardown.
#include <atomic>
#include <stop_token>
#include <thread>

#include "session_fixture.hpp"

namespace chaperon::session_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class SessionHttpTest : public SessionRunTest {};

TEST_F(SessionHttpTest, SetConfigIsWhatTheNextRequestGoesBy) {
  ScriptedServer first(answering());
  ScriptedServer second(answering());
  A::script.run = [&](Session& s) {
    s.get("/one").expect(200);
    s.set_config("base_url", second.url() + "/base/").get("/two").expect(200);
    s.update_config("http", [](Json& http) { http["headers"] = {{"X-Two", "yes"}}; });
    s.get("three").expect(200);
    s.set_config("http.max_response_size", 1).get("/four");
    EXPECT_EQ(s.response().error().name(), "too_large");
  };
  const auto results = run({{scenario<A>, {}}}, {{"base_url", first.url()}});
  EXPECT_EQ(results.sessions.ok, 1U) << results.endings.at(0).example;
  ASSERT_THAT(first.requests(), SizeIs(1));
  EXPECT_THAT(first.requests()[0], StartsWith("GET /one HTTP/1.1\r\n"));
  ASSERT_THAT(second.requests(), SizeIs(3));
  EXPECT_THAT(second.requests()[0], StartsWith("GET /base/two HTTP/1.1\r\n"));
  EXPECT_THAT(second.requests()[0], Not(HasSubstr("X-Two")));
  EXPECT_THAT(second.requests()[1], StartsWith("GET /base/three HTTP/1.1\r\n"));
  EXPECT_THAT(second.requests()[1], HasSubstr("X-Two: yes\r\n"));
}

TEST_F(SessionHttpTest, OneSessionsConfigIsNoOthers) {
  ScriptedServer mine(answering());
  ScriptedServer theirs(answering());
  std::atomic<bool> changed = false;
  A::script.run = [&](Session& s) {
    s.set_config("base_url", mine.url());
    changed = true;
    changed.notify_all();
    s.repeat(
        "get", [](Session& t) { t.get("/mine"); }, 3);
  };
  B::script.run = [&](Session& s) {
    s.blocking([&] { changed.wait(false); });
    s.get("/theirs");
  };
  const auto results = run({{scenario<A>, {}}, {scenario<B>, {}}}, {{"base_url", theirs.url()}});
  EXPECT_EQ(results.sessions.ok, 2U);
  EXPECT_THAT(mine.requests(), SizeIs(3));
  EXPECT_THAT(theirs.requests(), SizeIs(1));
}

TEST_F(SessionHttpTest, CookiesCarryOverInASequenceAndComeBackFromANestedScenario) {
  ScriptedServer server([](Peer& peer) {
    int number = 0;
    while (!peer.receive_request().empty()) {
      peer.send("HTTP/1.1 200 OK\r\nSet-Cookie: c" + std::to_string(++number) +
                "=v\r\nContent-Length: 0\r\n\r\n");
    }
  });
  struct Nested {
    static void run(Session& s) { s.get("/nested"); }
  };
  A::script.run = [](Session& s) { s.get("/a").run_scenario<Nested>().get("/a"); };
  B::script.run = [](Session& s) { s.get("/b").delete_cookies().get("/b"); };
  const auto results = run({{sequence<A, B>, {}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.sessions.ok, 1U);
  std::vector<std::string> cookies;
  for (const auto& request : server.requests()) {
    const auto at = request.find("Cookie: ");
    cookies.push_back(at == std::string::npos ? ""
                                              : request.substr(at + 8, request.find("\r\n", at) - at - 8));
  }
  EXPECT_THAT(cookies, ElementsAre("", "c1=v", "c1=v; c2=v", "c1=v; c2=v; c3=v", ""));
  EXPECT_THAT(row_names(results),
              ElementsAre("A+B connect(" + server.url() + ")", "A+B get(" + server.url() + "/a)",
                          "A+B get(" + server.url() + "/b)", "A+B get(" + server.url() + "/nested)",
                          "A+B run_scenario(Nested)"));
}

TEST_F(SessionHttpTest, ExpectNamesRequestStatusAndWhatWasExpected) {
  ScriptedServer server([](Peer& peer) {
    while (!peer.receive_request().empty())
      peer.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  });
  A::script.run = [](Session& s) { s.post("/login").expect(200, 201); };
  const auto results = run({{scenario<A>, {}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.sessions.failed, 1U);
  EXPECT_EQ(results.endings.at(0).example, "UnexpectedStatus: post(/login): 503, expected 200 or 201");
  EXPECT_EQ(results.count("A post(" + server.url() + "/login)"), 1U);
  EXPECT_EQ(results.count("A Error HTTP 503 post(" + server.url() + "/login)"), 1U);
}

TEST_F(SessionHttpTest, AScenarioTimeoutCutsARequestOffAndKeepsWhatWasRecorded) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    peer.receive_request();
    peer.stall();
  });
  A::script.run = [](Session& s) {
    s.get("/fine").get("/stalls");
    ADD_FAILURE();
  };
  const auto results = run({{scenario<A>, {}}}, {{"base_url", server.url()}, {"scenario_timeout", 100}});
  const auto url = server.url();
  EXPECT_EQ(results.sessions.timed_out, 1U);
  EXPECT_EQ(results.endings.at(0).reason, "timed out");
  EXPECT_EQ(results.endings.at(0).example, "scenario_timeout 100 ms, while in get(" + url + "/stalls)");
  EXPECT_THAT(row_names(results), ElementsAre("A Error cancelled get(" + url + "/stalls)",
                                              "A connect(" + url + ")", "A get(" + url + "/fine)"));
  EXPECT_EQ(results.traffic.requests, 2U);
  EXPECT_EQ(results.traffic.responses, 1U);
}

TEST_F(SessionHttpTest, AStopTokenCutsRequestsOff) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.stall();
  });
  std::stop_source stop;
  const std::jthread stopper([&] {
    server.wait_for_requests(20);
    stop.request_stop();
  });
  A::script.run = [](Session& s) { s.get("/"); };
  const auto results =
      run({{20 * scenario<A>, {}}}, {{"base_url", server.url()}}, {.threads = 2, .stop = stop.get_token()});
  EXPECT_TRUE(results.interrupted);
  EXPECT_EQ(results.sessions.cancelled, 20U);
  EXPECT_EQ(results.count("A Error cancelled get(" + server.url() + "/)"), 20U);
  EXPECT_EQ(results.errors.at(0).example, "the run was interrupted, while in get(" + server.url() + "/)");
}

TEST_F(SessionHttpTest, TeardownsRequestsReachTheServerAndAreInNoRow) {
  ScriptedServer server(answering());
  A::script.run = [](Session& s) { s.delay(kForever); };
  A::script.teardown = [](Session& s) { s.del("/user").expect(200); };
  const auto results = run({{scenario<A>, {}}}, {{"base_url", server.url()}, {"scenario_timeout", 50}});
  EXPECT_EQ(results.sessions.timed_out, 1U);
  ASSERT_THAT(server.requests(), SizeIs(1));
  EXPECT_THAT(server.requests()[0], StartsWith("DELETE /user HTTP/1.1\r\n"));
  EXPECT_THAT(row_names(results), ElementsAre());
  EXPECT_EQ(results.traffic.requests, 0U);
  EXPECT_EQ(results.traffic.responses, 0U);
  EXPECT_EQ(results.traffic.errors, 0U);
  EXPECT_THAT(results.errors, SizeIs(0));
}

TEST_F(SessionHttpTest, ARequestInADestructorWhileTheStackUnwindsComesBackAsFailed) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.stall();
  });
  struct LogsOut {
    Session& session;
    std::string& reason;
    ~LogsOut() {
      session.post("/logout");
      reason = session.response().error().name();
    }
  };
  // Cancelled while the destructor's own request is under way, the stack being unwound by an exception.
  std::string reason;
  A::script.run = [&](Session& s) {
    const LogsOut logs_out{s, reason};
    throw std::runtime_error("own");
  };
  const auto results = run({{scenario<A>, {}}}, {{"base_url", server.url()}, {"scenario_timeout", 100}});
  EXPECT_EQ(reason, "cancelled");
  EXPECT_EQ(results.sessions.timed_out, 1U);
  EXPECT_EQ(results.count("A Error cancelled post(" + server.url() + "/logout)"), 1U);
}

TEST_F(SessionHttpTest, ASessionTakenOffItsLoopHasItsConnectionsClosed) {
  std::atomic<bool> closed = false;
  ScriptedServer server([&](Peer& peer) {
    peer.receive_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    peer.wait_for_close();
    closed = true;
    closed.notify_all();
  });
  A::script.run = [](Session& s) {
    s.get("/").expect(200);
    std::terminate();
  };
  // The run lasts until the server has seen the end of the connection.
  B::script.run = [&](Session& s) { s.blocking([&] { closed.wait(false); }); };
  const auto results = run({{scenario<A>, {}}, {scenario<B>, {}}}, {{"base_url", server.url()}});
  EXPECT_TRUE(closed);
  EXPECT_EQ(results.sessions.failed, 1U);
  EXPECT_EQ(results.sessions.ok, 1U);
}

TEST_F(SessionHttpTest, AFailingSessionLeavesTheOthersRunning) {
  NginxServer server;
  A::script.run = [](Session& s) { s.get("/").expect(404); };
  B::script.run = [](Session& s) {
    s.repeat(
        "get", [](Session& t) { t.get("/").expect(200); }, 50);
  };
  const auto results =
      run({{20 * scenario<A>, {}}, {20 * scenario<B>, {}}}, {{"base_url", server.url()}}, {.threads = 2});
  EXPECT_EQ(results.sessions.failed, 20U);
  EXPECT_EQ(results.sessions.ok, 20U);
  EXPECT_EQ(results.count("B get(" + server.url() + "/)"), 1000U);
  EXPECT_EQ(server.count_requests(), 1020U);
}

TEST_F(SessionHttpTest, CountsAreTheServersWithAnyNumberOfLoops) {
  for (const unsigned threads : {1U, 2U, 4U}) {
    NginxServer server;
    A::script.run = [](Session& s) {
      s.repeat(
          "get", [](Session& t) { t.get("/"); }, 50);
    };
    const auto results = run({{100 * scenario<A>, {}}}, {{"base_url", server.url()}}, {.threads = threads});
    EXPECT_EQ(results.sessions.ok, 100U);
    EXPECT_EQ(results.count("A get(" + server.url() + "/)"), 5000U);
    EXPECT_EQ(results.count("A connect(" + server.url() + ")"), 100U);
    EXPECT_EQ(results.traffic.requests, 5000U);
    EXPECT_EQ(results.traffic.responses, 5000U);
    EXPECT_EQ(server.count_requests("GET / 200"), 5000U);
    EXPECT_EQ(server.count_requests(), 5000U);
  }
}

TEST_F(SessionHttpTest, StoreResultsKeepsWhatCame) {
  ScriptedServer server(answering("Content-Type: application/json\r\n", R"({"n":1})"));
  std::string id;
  A::script.run = [&](Session& s) {
    id = s.id();
    s.get("/x");
  };
  const auto results = run({{scenario<A>, {{"store_results", true}}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.stored, Json::array({{{"session", "A"},
                                          {"id", id},
                                          {"action", "get(" + server.url() + "/x)"},
                                          {"result", {{"status", 200}, {"body", {{"n", 1}}}}}}}));
}

TEST_F(SessionHttpTest, StoreResultsIsBounded) {
  ScriptedServer server(answering({}, std::string(std::size_t{15} << 20, 'x')));
  A::script.run = [&](Session& s) {
    for (int i = 0; i < 6; ++i)
      s.get("/x");
  };
  const auto results = run({{scenario<A>, {{"store_results", true}}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.stored.size(), 4U);
  EXPECT_THAT(results.warnings, ElementsAre("2 answers were not kept for store_results: a loop keeps at most "
                                            "100,000, and 64 MiB of their bodies"));
}

}  // namespace
}  // namespace chaperon::session_test
