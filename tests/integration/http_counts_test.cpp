// What was counted is what the server has seen.
#include <string>

#include "integration/http_fixture.hpp"
#include "support/nginx_server.hpp"

namespace chaperon::test {
namespace {

constexpr std::int64_t kSessions = 50;
constexpr std::int64_t kRequests = 20;

class HttpCounts : public ::testing::TestWithParam<unsigned> {};

TEST_P(HttpCounts, EqualNginxsLog) {
  NginxServer nginx;
  const auto results = run_users(
      {.config = {{"base_url", nginx.url()}}, .users = kSessions, .threads = GetParam()}, [](Session& s) {
        for (int i = 0; i < kRequests; ++i)
          s.get("/");
        s.get("/missing");
        s.head("/");
      });
  EXPECT_EQ(results.generator.loops, GetParam());
  EXPECT_EQ(results.sessions.ok, static_cast<std::uint64_t>(kSessions));
  EXPECT_EQ(results.count("User get(" + nginx.url() + "/)"), 1000U);
  EXPECT_EQ(nginx.count_requests("GET / 200"), 1000U);
  EXPECT_EQ(results.count("User get(" + nginx.url() + "/missing)"), 50U);
  EXPECT_EQ(results.count("User Error HTTP 404 get(" + nginx.url() + "/missing)"), 50U);
  EXPECT_EQ(nginx.count_requests("GET /missing 404"), 50U);
  EXPECT_EQ(results.count("User head(" + nginx.url() + "/)"), 50U);
  EXPECT_EQ(nginx.count_requests("HEAD / 200"), 50U);
  EXPECT_EQ(nginx.count_requests(), 1100U);
  EXPECT_EQ(results.traffic.requests, 1100U);
  EXPECT_EQ(results.traffic.responses, 1100U);
  EXPECT_EQ(results.traffic.errors, 50U);
  EXPECT_EQ(results.count("User connect(" + nginx.url() + ")"), 50U);
  expect_conservation(results);
}

TEST_P(HttpCounts, OfConnectionsEqualTheServers) {
  // Every third answer ends its connection.
  ScriptedServer server([](Peer& peer) {
    for (int i = 0; i < 3; ++i) {
      if (peer.receive_request().empty()) return;
      peer.send(answer("ok", i == 2 ? "Connection: close\r\n" : ""));
    }
  });
  const auto results =
      run_users({.config = {{"base_url", server.url()}}, .users = 10, .threads = GetParam()}, [](Session& s) {
        for (int i = 0; i < 7; ++i)
          s.get("/").expect(200);
      });
  EXPECT_EQ(results.count("User get(" + server.url() + "/)"), 70U);
  EXPECT_EQ(results.count("User connect(" + server.url() + ")"), 30U);
  EXPECT_EQ(server.connections(), 30U);
  EXPECT_EQ(server.requests().size(), 70U);
}

INSTANTIATE_TEST_SUITE_P(Threads, HttpCounts, ::testing::Values(1U, 2U, 4U),
                         [](const auto& param) { return std::to_string(param.param) + "Threads"; });

}  // namespace
}  // namespace chaperon::test
