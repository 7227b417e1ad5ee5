// Tasks and HTTP: one pool of connections for a user, cookies of their own, failures during requests.
#include <atomic>

#include "runtime/sanitizers.hpp"
#include "session_fixture.hpp"

namespace chaperon::session_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

#if defined(CHAPERON_ASAN) || defined(CHAPERON_TSAN)
constexpr int kManyTasks = 200;
#else
constexpr int kManyTasks = 1'000;
#endif

class SessionTasks : public SessionRunTest {};

// Answers once `count` requests are under way at the same time, of all connections.
struct Together {
  explicit Together(int n) : count(n) {}
  test::Script script() {
    return [this](Peer& peer) {
      while (!peer.receive_request().empty()) {
        ++under_way;
        under_way.notify_all();
        for (int now = under_way; now < count; now = under_way)
          under_way.wait(now);
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      }
    };
  }
  int count;
  std::atomic<int> under_way = 0;
};

TEST_F(SessionTasks, TwoRequestsAtOnceTakeTwoConnectionsAndLaterOnesReuseThem) {
  Together together(2);
  ScriptedServer server(together.script());
  A::script.run = [](Session& s) {
    s.async("get", [](Session& t) { t.get("/task").expect(200); });
    s.get("/parent").expect(200).await("get");
    for (int i = 0; i < 10; ++i)
      s.get("/later").expect(200);
    for (int i = 0; i < 10; ++i)
      s.async("later", [](Session& t) { t.get("/later task").expect(200); }).await("later");
  };
  const auto results = run({{scenario<A>, {}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.sessions.ok, 1U) << results.endings.at(0).example;
  EXPECT_EQ(server.requests().size(), 22U);
  EXPECT_EQ(server.connections(), 2U);
  EXPECT_EQ(results.count("A connect(" + server.url() + ")"), 2U);
}

TEST_F(SessionTasks, EveryUserHasAPoolOfItsOwn) {
  ScriptedServer server(answering());
  A::script.run = [](Session& s) {
    for (int i = 0; i < 5; ++i)
      s.async("get", [](Session& t) { t.get("/").expect(200); }).await("get");
  };
  const auto results = run({{10 * scenario<A>, {}}}, {{"base_url", server.url()}}, {.threads = 2});
  EXPECT_EQ(results.sessions.ok, 10U);
  EXPECT_EQ(server.requests().size(), 50U);
  EXPECT_EQ(server.connections(), 10U);
}

TEST_F(SessionTasks, CookiesAreCopiesInATask) {
  ScriptedServer server([](Peer& peer) {
    for (std::string request; !(request = peer.receive_request()).empty();) {
      const auto name = request.substr(5, request.find(' ', 5) - 5);
      peer.send("HTTP/1.1 200 OK\r\nSet-Cookie: " + name + "=v; Path=/\r\nContent-Length: 0\r\n\r\n");
    }
  });
  A::script.run = [](Session& s) {
    s.get("/parent");
    s.async("task", [](Session& t) { t.get("/task").get("/task2"); });
    s.await("task").get("/after");
    s.async("deletes", [](Session& t) { t.delete_cookies().get("/deleted"); });
    s.await("deletes").get("/end");
  };
  const auto results = run({{scenario<A>, {}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.sessions.ok, 1U);
  std::vector<std::string> cookies;
  for (const auto& request : server.requests()) {
    const auto at = request.find("Cookie: ");
    cookies.push_back(at == std::string::npos ? ""
                                              : request.substr(at + 8, request.find("\r\n", at) - at - 8));
  }
  EXPECT_THAT(cookies, ElementsAre("", "parent=v", "parent=v; task=v", "parent=v", "", "parent=v; after=v"));
}

TEST_F(SessionTasks, ManyTasksOfOneUserMakeARequestEach) {
  const NginxServer server;
  A::script.run = [](Session& s) {
    for (int i = 0; i < kManyTasks; ++i)
      s.async("get", [](Session& t) { t.get("/").expect(200); });
    s.await("get");
  };
  const auto results = run({{scenario<A>, {}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.sessions.ok, 1U) << results.endings.at(0).example;
  EXPECT_EQ(results.count("A get(" + server.url() + "/)"), std::uint64_t{kManyTasks});
  EXPECT_EQ(results.count("A async(get)"), std::uint64_t{kManyTasks});
  EXPECT_EQ(results.traffic.errors, 0U);
  EXPECT_EQ(server.count_requests(), std::size_t{kManyTasks});
}

TEST_F(SessionTasks, SpreadTasksMakeTheirRequests) {
  const NginxServer server;
  A::script.run = [](Session& s) {
    s.cc_spread(
         "get", [](Session& t) { t.get("/").expect(200); }, 200, 200ms)
        .await("get");
  };
  const auto results = run({{scenario<A>, {}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.sessions.ok, 1U);
  EXPECT_EQ(results.count("A get(" + server.url() + "/)"), 200U);
  EXPECT_EQ(results.count("A start_lateness(get)"), 200U);
  EXPECT_EQ(server.count_requests(), 200U);
}

TEST_F(SessionTasks, AChildThatThrowsWhileItsParentIsInARequestComesAfterIt) {
  std::atomic<bool> thrown = false;
  ScriptedServer server([&](Peer& peer) {
    while (!peer.receive_request().empty()) {
      thrown.wait(false);
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
  });
  A::script.run = [&](Session& s) {
    s.async("child", [&](Session&) {
      thrown = true;
      thrown.notify_all();
      throw std::runtime_error("own");
    });
    s.get("/").expect(200).get("/").expect(200);
    s.await("child");
    ADD_FAILURE();
  };
  const auto results = run({{scenario<A>, {}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.sessions.failed, 1U);
  EXPECT_EQ(results.endings.at(0).example, "TaskFailed: task child failed: std::runtime_error: own");
  EXPECT_EQ(results.count("A get(" + server.url() + "/)"), 2U);
}

TEST_F(SessionTasks, AFailingParentCutsItsTasksRequestsOff) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.wait_for_close();
  });
  A::script.run = [&](Session& s) {
    for (int i = 0; i < 3; ++i)
      s.async("child", [](Session& t) { t.get("/"); });
    s.blocking([&] { server.wait_for_requests(3); });
    throw std::runtime_error("own");
  };
  const auto results = run({{scenario<A>, {}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.sessions.failed, 1U);
  EXPECT_EQ(results.count("A Error cancelled get(" + server.url() + "/)"), 3U);
  EXPECT_EQ(results.count("A Error cancelled async(child)"), 3U);
}

TEST_F(SessionTasks, ATaskThatUsesItsParentsSessionIsTold) {
  ScriptedServer server(answering());
  A::script.run = [](Session& s) {
    s.async("child", [&s](Session&) { s.get("/"); });
    s.await("child");
  };
  const auto results = run({{scenario<A>, {}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.sessions.failed, 1U);
  EXPECT_THAT(results.endings.at(0).example, HasSubstr("WrongSession: "));
  EXPECT_THAT(results.endings.at(0).example, HasSubstr("use the Session& that was passed to the task"));
  EXPECT_EQ(server.requests().size(), 0U);
}

}  // namespace
}  // namespace chaperon::session_test
