// Connections: kept alive, given up, gone stale, shared; and where the time goes.
#include <future>
#include <string>

#include "integration/http_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;

// How many connections it takes to get `request` answered with `first` and then with 200.
std::size_t connections_after(std::string first) {
  const Script script = [first = std::move(first)](Peer& peer) {
    while (!peer.receive_request().empty())
      peer.send(first);
  };
  ScriptedServer server(script);
  const auto results =
      run_user(server.url(), [](Session& s) { s.get("/").expect(200).get("/").expect(200); });
  EXPECT_EQ(results.count("User get(" + server.url() + "/)"), 2U);
  EXPECT_EQ(results.count("User connect(" + server.url() + ")"), server.connections());
  EXPECT_EQ(results.traffic.retried, 0U);
  return server.connections();
}

TEST(HttpKeepAlive, OneConnectionForManyRequests) {
  ScriptedServer server(always(answer("ok")));
  const auto results = run_user(server.url(), [](Session& s) {
    s.repeat(
        "get", [](Session& inner) { inner.get("/"); }, 50);
    s.post("/p", {.json = {{"a", 1}}}).head("/");
  });
  EXPECT_EQ(server.connections(), 1U);
  EXPECT_EQ(results.count("User connect(" + server.url() + ")"), 1U);
  EXPECT_EQ(results.count("User get(" + server.url() + "/)"), 50U);
}

TEST(HttpKeepAlive, TheAnswerSaysWhetherItGoesOn) {
  EXPECT_EQ(connections_after(answer("ok")), 1U);
  EXPECT_EQ(connections_after(answer("ok", "Connection: keep-alive\r\n")), 1U);
  EXPECT_EQ(connections_after(answer("ok", "Connection: close\r\n")), 2U);
  EXPECT_EQ(connections_after(answer("ok", "Connection: Foo, Close\r\n")), 2U);
  const std::string old = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n";
  EXPECT_EQ(connections_after(old + "\r\nok"), 2U);
  EXPECT_EQ(connections_after(old + "Connection: keep-alive\r\n\r\nok"), 1U);
}

TEST(HttpKeepAlive, AUserHasConnectionsOfItsOwn) {
  ScriptedServer server(always(answer("ok")));
  const auto results = run_users({.config = {{"base_url", server.url()}}, .users = 5},
                                 [](Session& s) { s.get("/").get("/"); });
  EXPECT_EQ(server.connections(), 5U);
  EXPECT_EQ(results.count("User connect(" + server.url() + ")"), 5U);
}

TEST(HttpKeepAlive, SharedConnectionsAreALoops) {
  ScriptedServer server(always(answer("ok")));
  int next = 0;
  int done = 0;
  const auto results =
      run_users({.config = {{"base_url", server.url()}, {"http", {{"share_connections", true}}}}, .users = 5},
                [&](Session& s) {
                  // One user after the other: each finds the connection of the one before.
                  const int mine = next++;
                  while (done != mine)
                    s.delay(1ms);
                  s.get("/").get("/");
                  ++done;
                });
  EXPECT_EQ(results.count("User get(" + server.url() + "/)"), 10U);
  EXPECT_EQ(results.count("User connect(" + server.url() + ")"), 1U);
  EXPECT_EQ(server.connections(), 1U);
}

TEST(HttpKeepAlive, OriginsDoNotMix) {
  ScriptedServer one(always(answer("one")));
  ScriptedServer two(always(answer("two")));
  run_user(one.url(), [&](Session& s) {
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(s.get("/").response().body(), "one");
      EXPECT_EQ(s.get(two.url() + "/").response().body(), "two");
    }
  });
  EXPECT_EQ(one.connections(), 1U);
  EXPECT_EQ(two.connections(), 1U);
}

TEST(HttpKeepAlive, WorksWhereTheFirstAddressOfAHostRefuses) {
  // localhost may be ::1 first, where nobody listens.
  ScriptedServer server(always(answer("ok")));
  const auto url = "http://localhost:" + std::to_string(server.port());
  const auto results = run_user(url, [](Session& s) {
    for (int i = 0; i < 6; ++i)
      s.get("/").expect(200);
  });
  EXPECT_EQ(server.connections(), 1U);
  EXPECT_EQ(results.count("User connect(" + url + ")"), 1U);
  EXPECT_EQ(results.count("User get(" + url + "/)"), 6U);
  EXPECT_EQ(header_of(server.requests().at(0), "Host"), "localhost:" + std::to_string(server.port()));
}

// What one request makes of a kept connection that the server closes once the request is there.
Results after_close(const Body& request, std::vector<std::string>& seen) {
  ScriptedServer server({[](Peer& peer) {
                           peer.receive_request();
                           peer.send(answer("first"));
                           peer.receive_request();
                         },
                         always("HTTP/1.1 204 No Content\r\n\r\n")});
  auto results = run_user(server.url(), [&](Session& s) {
    s.get("/first").expect(200);
    request(s);
  });
  seen = server.requests();
  EXPECT_EQ(results.count("User connect(" + server.url() + ")"), server.connections());
  expect_conservation(results);
  return results;
}

TEST(HttpStale, AnIdempotentRequestIsSentOnceMore) {
  for (const std::string method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
    std::vector<std::string> seen;
    const auto results = after_close(
        [&](Session& s) {
          s.request(method, "/second", {.name = "second"}).expect(204);
          const auto timings = s.response().timings();
          EXPECT_GT(timings.connect, Duration(0));
          EXPECT_LE(timings.dns + timings.connect + timings.sending + timings.waiting + timings.receiving,
                    timings.total);
        },
        seen);
    EXPECT_EQ(results.traffic.retried, 1U) << method;
    EXPECT_EQ(results.traffic.requests, 2U) << method;
    EXPECT_EQ(results.traffic.responses, 2U) << method;
    EXPECT_EQ(results.traffic.errors, 0U) << method;
    ASSERT_EQ(seen.size(), 3U) << method;
    EXPECT_EQ(seen[1], seen[2]);
  }
}

TEST(HttpStale, AnotherIsNot) {
  for (const std::string method : {"POST", "PATCH", "PROPFIND"}) {
    std::vector<std::string> seen;
    const auto results = after_close(
        [&](Session& s) {
          s.request(method, "/second", {.name = "second"});
          EXPECT_EQ(s.response().error().reason, Reason::closed) << method;
          s.get("/third").expect(204);
        },
        seen);
    EXPECT_EQ(results.traffic.retried, 0U) << method;
    EXPECT_EQ(results.traffic.errors, 1U) << method;
    EXPECT_EQ(seen.size(), 3U) << method;
  }
}

TEST(HttpStale, ARequestWithItsBodyIsSentOnceMore) {
  std::vector<std::string> seen;
  const std::string body(50'000, 'b');
  const auto results = after_close([&](Session& s) { s.put("/second", {.body = body}).expect(204); }, seen);
  EXPECT_EQ(results.traffic.retried, 1U);
}

TEST(HttpStale, ABodyThatWaitsForContinueIsSentOnceMore) {
  std::vector<std::string> seen;
  const std::string body(std::size_t{2} << 20, 'b');
  const auto results = after_close([&](Session& s) { s.put("/second", {.body = body}).expect(204); }, seen);
  EXPECT_EQ(results.traffic.retried, 1U);
  EXPECT_EQ(body_of(seen.at(2)), body);
}

TEST(HttpStale, OnceOnly) {
  // The second connection is closed in the same way: that is a failure, and not tried a third time.
  ScriptedServer server({[](Peer& peer) {
                           peer.receive_request();
                           peer.send(answer("first"));
                           peer.receive_request();
                         },
                         [](Peer& peer) { peer.receive_request(); }});
  const auto results = run_user(server.url(), [&](Session& s) { s.get("/1").get("/2"); });
  EXPECT_EQ(results.traffic.retried, 1U);
  EXPECT_EQ(results.count("User Error closed get(" + server.url() + "/2)"), 1U);
  EXPECT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(server.connections(), 2U);
  expect_conservation(results);
}

TEST(HttpStale, AResetIsTreatedAlike) {
  ScriptedServer server({[](Peer& peer) {
                           peer.receive_request();
                           peer.send(answer("first"));
                           peer.receive_request();
                           peer.reset();
                         },
                         always(answer("again"))});
  const auto results = run_user(server.url(), [&](Session& s) { s.get("/1").get("/2").expect(200); });
  EXPECT_EQ(results.traffic.retried, 1U);
  EXPECT_EQ(results.traffic.errors, 0U);
}

TEST(HttpStale, ACloseAfterTheFirstByteIsAFailure) {
  ScriptedServer server({[](Peer& peer) {
                           peer.receive_request();
                           peer.send(answer("first"));
                           peer.receive_request();
                           peer.send("H");
                         },
                         always(answer("again"))});
  const auto results = run_user(server.url(), [&](Session& s) { s.get("/1").get("/2"); });
  EXPECT_EQ(results.traffic.retried, 0U);
  EXPECT_EQ(results.count("User Error closed get(" + server.url() + "/2)"), 1U);
}

TEST(HttpStale, ACloseWhileIdleIsNoRetry) {
  std::promise<void> closed;
  ScriptedServer server({[&](Peer& peer) {
                           peer.receive_request();
                           peer.send(answer("first"));
                           peer.close();
                           closed.set_value();
                         },
                         always(answer("again"))});
  const auto results = run_user(server.url(), [&](Session& s) {
    s.get("/1").expect(200);
    // The loop learns of the close before the fiber goes on.
    s.blocking([&] { closed.get_future().wait(); });
    s.post("/2").expect(200);
  });
  EXPECT_EQ(results.traffic.retried, 0U);
  EXPECT_EQ(results.traffic.errors, 0U);
  EXPECT_EQ(server.connections(), 2U);
  EXPECT_EQ(results.count("User connect(" + server.url() + ")"), 2U);
}

TEST(HttpStale, WhatComesUnaskedWhileIdleEndsTheConnection) {
  std::promise<void> sent;
  std::promise<void> go_on;
  ScriptedServer server({[&](Peer& peer) {
                           peer.receive_request();
                           peer.send(answer("first"));
                           go_on.get_future().wait();
                           peer.send(answer("", "", "408 Request Timeout"));
                           sent.set_value();
                           peer.wait_for_close();
                         },
                         always(answer("again"))});
  const auto results = run_user(server.url(), [&](Session& s) {
    s.get("/1").expect(200);
    s.blocking([&] {
      go_on.set_value();
      sent.get_future().wait();
    });
    s.get("/2").expect(200);
  });
  EXPECT_EQ(results.traffic.retried, 0U);
  EXPECT_EQ(results.traffic.errors, 0U);
  EXPECT_EQ(server.connections(), 2U);
}

TEST(HttpTimings, ConnectAndDnsBelongToTheRequestThatOpenedTheConnection) {
  ScriptedServer server(always(answer("ok")));
  const auto url = "http://localhost:" + std::to_string(server.port());
  run_user(url, [](Session& s) {
    const auto sum = [](const Timings& t) { return t.dns + t.connect + t.sending + t.waiting + t.receiving; };
    const auto first = s.get("/").response().timings();
    EXPECT_GT(first.connect, Duration(0));
    EXPECT_GT(first.dns, Duration(0));
    EXPECT_GT(first.waiting, Duration(0));
    EXPECT_LE(sum(first), first.total);
    const auto second = s.get("/").response().timings();
    EXPECT_EQ(second.connect, Duration(0));
    EXPECT_EQ(second.dns, Duration(0));
    EXPECT_GT(second.waiting, Duration(0));
    EXPECT_LE(sum(second), second.total);
  });
}

TEST(HttpTimings, AnAddressNeedsNoDns) {
  ScriptedServer server(always(answer("ok")));
  run_user(server.url(), [](Session& s) { EXPECT_EQ(s.get("/").response().timings().dns, Duration(0)); });
}

TEST(HttpTimings, TheTotalIsWhatTheRowHas) {
  ScriptedServer server(always(answer("ok")));
  Timings timings;
  const auto results = run_user(server.url(), [&](Session& s) { timings = s.get("/").response().timings(); });
  const auto* row = results.find("User get(" + server.url() + "/)");
  ASSERT_NE(row, nullptr);
  using Milliseconds = std::chrono::duration<double, std::milli>;
  EXPECT_DOUBLE_EQ(row->max(), Milliseconds(timings.total).count());
}

TEST(HttpTimings, AFailureHasATotal) {
  ScriptedServer server([](Peer& peer) { peer.receive_request(); });
  run_user(server.url(), [](Session& s) { EXPECT_GT(s.get("/").response().timings().total, Duration(0)); });
}

}  // namespace
}  // namespace chaperon::test
