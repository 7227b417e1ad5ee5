// Many requests that go wrong at once, are given up, or come at an awkward moment: nothing is lost or counted
// twice.
#include <atomic>
#include <future>
#include <string>

#include "integration/http_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;

std::uint64_t rows(const Results& results, std::string_view error, std::string_view target) {
  std::uint64_t count = 0;
  for (const auto& metric : results.metrics) {
    if (metric.error() == error && metric.action() == "get" && metric.target() == target)
      count += metric.count();
  }
  return count;
}

// Each connection goes wrong in another way, again and again.
class ChaoticServer {
 public:
  ChaoticServer() : server_(Script([this](Peer& peer) { serve(peer, next_++ % kWays); })) {}
  [[nodiscard]] std::string url() const { return server_.url(); }
  [[nodiscard]] std::size_t requests() const { return server_.requests().size(); }
  [[nodiscard]] std::size_t connections() const { return server_.connections(); }

 private:
  static constexpr unsigned kWays = 9;

  static void serve(Peer& peer, unsigned way) {
    if (way == 0) return always(answer("good"))(peer);
    if (peer.receive_request().empty()) return;
    switch (way) {
      case 1:
        return peer.send(answer("last", "Connection: close\r\n"));
      case 2:
        return peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
      case 3:
        return peer.reset();
      case 4:
        return peer.send("nonsense\r\n");
      case 5:
        return peer.send(answer("one") + answer("two"));
      case 6:
        return peer.send(answer("no", "", "503 Service Unavailable"));
      case 7:
        return peer.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
      default:
        return;
    }
  }

  std::atomic<unsigned> next_ = 0;
  ScriptedServer server_;
};

TEST(HttpStress, WhateverGoesWrongIsCountedOnce) {
  ChaoticServer server;
  std::atomic<std::uint64_t> results_seen = 0;
  std::atomic<std::uint64_t> errors_seen = 0;
  const auto results =
      run_users({.config = {{"base_url", server.url()}}, .users = 30, .threads = 2}, [&](Session& s) {
        for (int i = 0; i < 20; ++i) {
          s.get("/x", {.with_result = [&](Session&, const Response&) { ++results_seen; },
                       .on_error = [&](Session&, const Error&) { ++errors_seen; }});
        }
      });
  const auto url = server.url() + "/x";
  EXPECT_EQ(results.sessions.ok, 30U);
  EXPECT_EQ(results.traffic.requests, 600U);
  EXPECT_EQ(results_seen + errors_seen, 600U);
  EXPECT_EQ(results.traffic.errors, errors_seen);
  EXPECT_EQ(results.traffic.responses, results_seen + rows(results, "HTTP 503", url));
  EXPECT_EQ(results.count("User connect(" + server.url() + ")"), server.connections());
  // What was sent once more may or may not have been read the first time.
  EXPECT_GE(server.requests(), results.traffic.requests);
  EXPECT_LE(server.requests(), results.traffic.requests + results.traffic.retried);
  for (const auto* reason : {"closed", "reset", "malformed", "HTTP 503"})
    EXPECT_GT(rows(results, reason, url), 0U) << reason;
  std::uint64_t grouped = 0;
  for (const auto& group : results.errors)
    grouped += group.count;
  EXPECT_EQ(grouped, errors_seen);
  expect_conservation(results);
}

TEST(HttpStress, MoreUsersThanConnectAtOnceAllGetTheirTimeout) {
  ScriptedServer server(Script(), Listen::full);
  const auto results =
      run_users({.config = {{"base_url", server.url()}, {"http", {{"connect_timeout", 50}}}}, .users = 300},
                [](Session& s) { s.get("/"); });
  EXPECT_EQ(results.sessions.ok, 300U);
  EXPECT_EQ(results.traffic.requests, 300U);
  EXPECT_EQ(rows(results, "connect_timeout", server.url() + "/"), 300U);
  EXPECT_EQ(results.traffic.errors, 300U);
  expect_conservation(results);
}

TEST(HttpStress, WhatIsCancelledWhileItConnectsOrQueuesIsCounted) {
  ScriptedServer server(Script(), Listen::full);
  const auto results = run_users(
      {.config = {{"base_url", server.url()}, {"scenario_timeout", 50}}, .users = 300, .threads = 2},
      [](Session& s) { s.get("/"); });
  EXPECT_EQ(results.sessions.timed_out, 300U);
  EXPECT_EQ(rows(results, "cancelled", server.url() + "/"), 300U);
  EXPECT_EQ(results.traffic.requests, 300U);
  expect_conservation(results);
}

TEST(HttpStress, MoreUsersThanConnectAtOnceAreAllAnswered) {
  const TargetThread target;
  const auto results = run_users({.config = {{"base_url", target.url()}}, .users = 500},
                                 [](Session& s) { s.get("/").get("/"); });
  EXPECT_EQ(results.sessions.ok, 500U);
  EXPECT_EQ(results.count("User get(" + target.url() + "/)"), 1000U);
  EXPECT_EQ(results.count("User connect(" + target.url() + ")"), 500U);
  EXPECT_EQ(results.traffic.errors, 0U);
  expect_conservation(results);
}

TEST(HttpStress, ATimeoutOfNothingIsOne) {
  const TargetThread target;
  const auto results = run_user(target.url(), [](Session& s) {
    s.get("/", {.timeout = 0ms});
    EXPECT_EQ(s.response().error().reason, Reason::timeout);
    s.get("/").expect(200);
  });
  EXPECT_EQ(results.traffic.requests, 2U);
  expect_conservation(results);
}

TEST(HttpStress, ABodyWithoutAnEndStopsAtTheLimitAndHoldsUpNobody) {
  ScriptedServer endless([](Peer& peer) {
    peer.receive_request();
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    const std::string piece(65'536, 'e');
    for (int i = 0; i < 2000; ++i)
      peer.send(piece);
  });
  const TargetThread target;
  const auto results = run_users({.config = {{"base_url", target.url()}},
                                  .users = 3,
                                  .others = 5,
                                  .other =
                                      [](Session& s) {
                                        for (int i = 0; i < 20; ++i)
                                          s.get("/").expect(200);
                                      }},
                                 [&](Session& s) { s.get(endless.url() + "/"); });
  EXPECT_EQ(results.sessions.ok, 8U);
  EXPECT_EQ(rows(results, "too_large", endless.url() + "/"), 3U);
  EXPECT_EQ(results.count("Other get(" + target.url() + "/)"), 100U);
  expect_conservation(results);
}

TEST(HttpStress, AnAnswerThatEndsWithTheBufferHidesNoOther) {
  // The first answer is what one read takes at most; the second lies behind it when it is read.
  constexpr std::size_t kRead = 65'536;
  std::string first = answer(std::string(kRead - 100, 'a'));
  first = answer(std::string(2 * kRead - 100 - first.size(), 'a'));
  ASSERT_EQ(first.size(), kRead);
  std::promise<void> sent;
  auto all_sent = sent.get_future();
  ScriptedServer server({[&](Peer& peer) {
                           peer.receive_request();
                           peer.send(first + answer("not asked for"));
                           sent.set_value();
                           peer.wait_for_close();
                         },
                         always(answer("asked for"))});
  const auto results = run_users({.config = {{"base_url", server.url()}},
                                  .others = 1,
                                  .other =
                                      [&](Session& s) {
                                        while (server.requests().empty())
                                          s.delay(1ms);
                                        all_sent.wait_for(std::chrono::seconds(20));  // holds up the loop
                                      }},
                                 [](Session& s) {
                                   s.get("/1");
                                   EXPECT_EQ(s.response().error().reason, Reason::malformed);
                                   EXPECT_EQ(s.get("/2").response().body(), "asked for");
                                 });
  EXPECT_EQ(results.sessions.ok, 2U);
  EXPECT_THAT(error_of(results, "malformed", server.url() + "/1").example, HasSubstr("more than one answer"));
}

}  // namespace
}  // namespace chaperon::test
