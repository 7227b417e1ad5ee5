// Servers that misbehave: each gets its reason, a message for a person, and harms nobody else.
#include <future>
#include <string>

#include "integration/http_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kOthers = 3;

// One user asks a bad server and then a good one; others use the good one meanwhile. Checks all that is the
// same whatever the server does wrong.
void expect_failure(const std::string& bad_url, std::string_view reason, std::string_view message,
                    const HttpOptions& how = {}, Json config = Json::object()) {
  const TargetThread good;
  config["base_url"] = good.url();
  const std::string url = bad_url + "/bad";
  int called = 0;
  Error seen;
  const auto results = run_users(
      {.config = std::move(config), .others = kOthers, .other = [](Session& s) { s.get("/a").get("/a"); }},
      [&](Session& s) {
        HttpOptions options = how;
        options.with_result = [](Session&, const Response& r) {
          ADD_FAILURE() << r.status() << " " << r.body();
        };
        options.on_error = [&](Session& inner, const Error& error) {
          ++called;
          seen = error;
          EXPECT_EQ(inner.response().status(), 0);
        };
        s.get(url, options);
        const auto response = s.response();
        EXPECT_EQ(response.status(), 0);
        EXPECT_FALSE(response.ok());
        EXPECT_EQ(response.body(), "");
        EXPECT_TRUE(response.headers().empty());
        EXPECT_EQ(response.error().name(), reason);
        EXPECT_THROW((void)response.json(), DecodeError);
        s.get("/after").expect(200);
      });
  EXPECT_EQ(called, 1);
  EXPECT_EQ(seen.name(), reason);
  EXPECT_EQ(seen.status, 0);
  EXPECT_EQ(seen.action, "get(" + url + ")");
  EXPECT_THAT(seen.message, HasSubstr(std::string(message)));

  const std::string row = "get(" + url + ")";
  EXPECT_EQ(results.count("User Error " + std::string(reason) + " " + row), 1U);
  EXPECT_EQ(results.count("User " + row), 0U);
  const auto group = error_of(results, reason, url);
  EXPECT_EQ(group.count, 1U);
  EXPECT_EQ(group.session, "User");
  EXPECT_EQ(group.action, "get");
  EXPECT_EQ(group.example, seen.message);
  EXPECT_EQ(results.errors.size(), 1U);

  EXPECT_EQ(results.count("User get(" + good.url() + "/after)"), 1U);
  EXPECT_EQ(results.count("Other get(" + good.url() + "/a)"), 2U * kOthers);
  EXPECT_EQ(results.sessions.ok, 1U + kOthers);
  EXPECT_EQ(results.traffic.requests, 2U + 2U * kOthers);
  EXPECT_EQ(results.traffic.errors, 1U);
  EXPECT_EQ(results.traffic.retried, 0U);
  EXPECT_TRUE(results.passed());
  expect_conservation(results);
}

// The server answers with these bytes; the connection is closed behind them unless `open`.
void expect_bad_answer(const std::string& bytes, std::string_view reason, std::string_view message,
                       const HttpOptions& how = {}, Json config = Json::object(), bool open = true) {
  ScriptedServer server([&](Peer& peer) {
    peer.receive_request();
    peer.send(bytes);
    if (open) peer.wait_for_close();
  });
  expect_failure(server.url(), reason, message, how, std::move(config));
  EXPECT_EQ(server.connections(), 1U);
}

// The same, and that the message says whose answer it is.
void expect_malformed(const std::string& bytes, std::string_view message) {
  expect_bad_answer(bytes, "malformed", message);
  expect_bad_answer(bytes, "malformed", "http://127.0.0.1:");
}

TEST(HttpBadServer, UnknownName) {
  // A name of this kind is never looked up (RFC 7686), so that the test needs no network.
  expect_failure("http://nobody.onion", "dns", "nobody.onion");
}

TEST(HttpBadServer, Refused) {
  std::string url;
  { url = ScriptedServer(Script()).url(); }
  expect_failure(url, "refused", "connection refused by " + url.substr(std::string_view("http://").size()));
}

TEST(HttpBadServer, Reset) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.reset();
  });
  expect_failure(server.url(), "reset", "connection reset by " + server.url() + " before it answered");
}

TEST(HttpBadServer, ResetInTheMiddle) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    peer.reset();
  });
  expect_failure(server.url(), "reset",
                 "connection reset by " + server.url() + " in the middle of its answer");
}

TEST(HttpBadServer, Closed) {
  ScriptedServer server([](Peer& peer) { peer.receive_request(); });
  expect_failure(server.url(), "closed", "connection closed by " + server.url() + " before it answered");
}

TEST(HttpBadServer, Stalled) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.stall();
  });
  expect_failure(server.url(), "timeout", server.url(), {.timeout = 50ms});
}

TEST(HttpBadServer, StalledInTheMiddle) {
  expect_bad_answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "timeout", "no whole answer",
                    {.timeout = 50ms});
}

TEST(HttpBadServer, HalfClosed) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.shutdown_write();
    peer.wait_for_close();
  });
  expect_failure(server.url(), "closed", "connection closed by " + server.url());
}

TEST(HttpBadServer, NeverAccepts) {
  ScriptedServer server(Script(), Listen::full);
  expect_failure(server.url(), "connect_timeout", "127.0.0.1:" + std::to_string(server.port()), {},
                 {{"http", {{"connect_timeout", 50}}}});
}

TEST(HttpBadServer, NeverAcceptsWithinTheTimeoutOfTheRequest) {
  ScriptedServer server(Script(), Listen::full);
  expect_failure(server.url(), "timeout", server.url(), {.timeout = 50ms});
}

TEST(HttpBadServer, BodyShorterThanAnnounced) {
  expect_bad_answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "closed",
                    "before its answer was complete", {}, Json::object(), false);
  expect_bad_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", "closed",
                    "before its answer was complete", {}, Json::object(), false);
  expect_bad_answer("HTTP/1.1 200 OK\r\nContent-Le", "closed", "before its answer was complete", {},
                    Json::object(), false);
}

TEST(HttpBadServer, BodyLongerThanAnnounced) {
  expect_malformed("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntoo long", "longer than it announced");
  expect_malformed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore",
                   "longer than it announced");
}

TEST(HttpBadServer, TwoAnswers) {
  expect_malformed(answer("one") + answer("two"), "more than one answer");
}

TEST(HttpBadServer, ABodyWhereNoneBelongs) {
  expect_malformed("HTTP/1.1 204 No Content\r\n\r\nbody", "longer than it announced");
  expect_malformed("HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nbody", "longer than it announced");
}

TEST(HttpBadServer, TwoContentLengths) {
  expect_malformed("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody", "Content-Length");
  expect_malformed("HTTP/1.1 200 OK\r\nContent-Length: 4, 5\r\n\r\nbody", "Content-Length");
  expect_malformed("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                   "both Content-Length and Transfer-Encoding");
  expect_malformed("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length");
}

TEST(HttpBadServer, EndlessHeader) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.send("HTTP/1.1 200 OK\r\nX-Endless: ");
    for (int i = 0; i < 1000; ++i)
      peer.send(std::string(1000, 'x'));
    peer.wait_for_close();
  });
  expect_failure(server.url(), "too_large", "the head is over the limit");
}

TEST(HttpBadServer, EndlessHeaders) {
  std::string head = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 100'000; ++i)
    head += "A: b\r\n";
  expect_bad_answer(head, "too_large", "http://127.0.0.1:");
}

TEST(HttpBadServer, BareLineFeed) {
  expect_malformed("HTTP/1.1 200 OK\nContent-Length: 0\n\n", "bare LF");
  expect_malformed("HTTP/1.1 200 OK\r\nX: y\nContent-Length: 0\r\n\r\n", "bare LF");
}

TEST(HttpBadServer, NulInAHeader) {
  expect_malformed(std::string("HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n", 46),
                   "cannot be used");
}

TEST(HttpBadServer, GarbageForAStatusLine) {
  expect_malformed("SSH-2.0-OpenSSH_9.2\r\n", "does not begin with HTTP/1.1");
  expect_malformed("HTTP/1.1 abc OK\r\n\r\n", "the status line");
  expect_malformed("HTTP/1.1 099 Low\r\n\r\n", "status code");
  expect_malformed("HTTP/1.1 999 High\r\n\r\n", "status code");
  expect_malformed("HTTP/2.0 200 OK\r\n\r\n", "does not begin with HTTP/1.1");
  expect_malformed("\x15\x03\x01\x00\x02\x02\x16", "TLS");
  expect_malformed("<html>404</html>", "does not begin with HTTP/1.1");
}

TEST(HttpBadServer, FoldedAndNamelessHeaders) {
  expect_malformed("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", "folded");
  expect_malformed("HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n", "header line");
  expect_malformed("HTTP/1.1 200 OK\r\n: no name\r\nContent-Length: 0\r\n\r\n", "without a name");
}

TEST(HttpBadServer, UnknownTransferCoding) {
  expect_malformed("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", "Transfer-Encoding");
  expect_malformed("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                   "Transfer-Encoding");
}

TEST(HttpBadServer, BadChunks) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  expect_malformed(head + "xyz\r\n", "chunk");
  expect_malformed(head + "-1\r\n", "chunk");
  expect_malformed(head + "3\r\nabcd\r\n", "chunk");
  expect_bad_answer(head + "FFFFFFFFFFFFFFFFF\r\n", "too_large", "http.max_response_size");
}

TEST(HttpBadServer, UnaskedUpgrade) {
  expect_malformed("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                   "101");
}

TEST(HttpBadServer, BodyOverTheLimit) {
  const Json limit{{"http", {{"max_response_size", 1000}}}};
  const std::string large(1001, 'x');
  expect_bad_answer(answer(large), "too_large", "http.max_response_size", {}, limit);
  expect_bad_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + large + "\r\n0\r\n\r\n",
                    "too_large", "http.max_response_size", {}, limit);
  expect_bad_answer("HTTP/1.1 200 OK\r\n\r\n" + large, "too_large", "http.max_response_size", {}, limit,
                    false);
}

TEST(HttpBadServer, BodyAtTheLimit) {
  const std::string exact(1000, 'x');
  ScriptedServer server(always(answer(exact)));
  run_user(server.url(), [&](Session& s) { EXPECT_EQ(s.get("/").response().body(), exact); },
           {{"http", {{"max_response_size", 1000}}}});
}

TEST(HttpBadServer, AnnouncesMoreThanThereIsMemory) {
  expect_bad_answer("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n", "too_large",
                    "http.max_response_size");
  expect_malformed("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n", "Content-Length");
}

// Holds up the loop between the first user's connect and the next look at the sockets, until the server has
// done what it does too early: so both come in one event.
Results early(const Script& first, std::string* url, std::future<void> done) {
  ScriptedServer server({first, always(answer("again"))});
  *url = server.url();
  return run_users({.config = {{"base_url", server.url()}},
                    .others = 1,
                    .other = [&](Session&) { done.wait_for(std::chrono::seconds(20)); }},
                   [](Session& s) { s.get("/early", {.timeout = 5s}); });
}

TEST(HttpBadServer, AnswersBeforeTheRequestIsSent) {
  std::promise<void> done;
  std::string url;
  const auto results = early(
      [&](Peer& peer) {
        peer.send(answer("too early"));
        done.set_value();
        peer.wait_for_close();
      },
      &url, done.get_future());
  EXPECT_EQ(results.count("User Error malformed get(" + url + "/early)"), 1U);
  EXPECT_THAT(error_of(results, "malformed", url + "/early").example,
              HasSubstr("before the request was sent"));
  expect_conservation(results);
}

TEST(HttpBadServer, AnswersBeforeTheRequestIsSentAndHalfCloses) {
  std::promise<void> done;
  std::string url;
  const auto results = early(
      [&](Peer& peer) {
        peer.send(answer("too early"));
        peer.shutdown_write();
        done.set_value();
        peer.wait_for_close();
      },
      &url, done.get_future());
  EXPECT_EQ(results.count("User Error malformed get(" + url + "/early)"), 1U);
}

TEST(HttpBadServer, HalfClosesBeforeTheRequestIsSent) {
  std::promise<void> done;
  std::string url;
  const auto results = early(
      [&](Peer& peer) {
        peer.shutdown_write();
        done.set_value();
        peer.wait_for_close();
      },
      &url, done.get_future());
  EXPECT_EQ(results.count("User Error closed get(" + url + "/early)"), 1U);
}

TEST(HttpBadServer, ClosesBeforeTheRequestIsSent) {
  std::promise<void> done;
  std::string url;
  const auto results = early(
      [&](Peer& peer) {
        peer.close();
        done.set_value();
      },
      &url, done.get_future());
  // The request meets a closed socket: a FIN or a reset, whichever is read first.
  EXPECT_EQ(results.count("User Error closed get(" + url + "/early)") +
                results.count("User Error reset get(" + url + "/early)"),
            1U);
  EXPECT_EQ(results.count("User Error timeout get(" + url + "/early)"), 0U);
}

TEST(HttpBadServer, FailuresOfManyAreAllCounted) {
  std::string url;
  { url = ScriptedServer(Script()).url(); }
  const auto results = run_users({.config = {{"base_url", url}}, .users = 20, .threads = 2}, [](Session& s) {
    for (int i = 0; i < 50; ++i)
      s.get("/");
  });
  EXPECT_EQ(results.count("User Error refused get(" + url + "/)"), 1000U);
  EXPECT_EQ(error_of(results, "refused", url + "/").count, 1000U);
  EXPECT_EQ(results.sessions.ok, 20U);
  EXPECT_FALSE(results.passed());
  expect_conservation(results);
}

}  // namespace
}  // namespace chaperon::test
