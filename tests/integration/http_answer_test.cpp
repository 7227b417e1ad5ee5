// How the end of an answer is found, and what stands around it.
#include <string>

#include "integration/http_fixture.hpp"

namespace chaperon::test {
namespace {

TEST(HttpAnswer, InChunksWithExtensionsAndTrailers) {
  ScriptedServer server(
      answers({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
               "5;name=value\r\nhello\r\n1;q=\"a;b\"\r\n \r\nA\r\n0123456789\r\n"
               "0\r\nX-Sum: 16\r\nX-More: 1\r\n\r\n",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", answer("next")}));
  run_user(server.url(), [](Session& s) {
    EXPECT_EQ(s.get("/").response().body(), "hello 0123456789");
    EXPECT_EQ(s.response().header("X-Sum"), "");
    EXPECT_EQ(s.get("/").response().body(), "");
    EXPECT_EQ(s.get("/").response().body(), "next");
  });
  EXPECT_EQ(server.connections(), 1U);
}

TEST(HttpAnswer, ByteByByte) {
  const Script script = [](Peer& peer) {
    peer.receive_request();
    peer.send_slowly(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nT: x\r\n\r\n", 1);
    peer.receive_request();
    peer.send_slowly(answer("whole", "X-Header: here\r\n"), 1);
    peer.wait_for_close();
  };
  ScriptedServer server(script);
  run_user(server.url(), [](Session& s) {
    EXPECT_EQ(s.get("/").response().body(), "abc");
    EXPECT_EQ(s.get("/").response().body(), "whole");
    EXPECT_EQ(s.response().header("x-header"), "here");
  });
  EXPECT_EQ(server.connections(), 1U);
}

TEST(HttpAnswer, LargeOnesOfEveryKind) {
  const TargetThread target;
  const auto results = run_user(target.url(), [](Session& s) {
    EXPECT_EQ(s.get("/bytes/0").response().body().size(), 0U);
    EXPECT_EQ(s.get("/bytes/65536").response().body().size(), 65'536U);
    EXPECT_EQ(s.get("/bytes/5000000").response().body().size(), 5'000'000U);
    EXPECT_EQ(s.get("/chunked/1000").expect(200).response().header("Transfer-Encoding"), "chunked");
    EXPECT_EQ(s.get("/bytes/1").response().body().size(), 1U);
  });
  EXPECT_GT(results.traffic.bytes_received, 5'065'537U);
  EXPECT_EQ(results.count("User connect(" + target.url() + ")"), 1U);
}

TEST(HttpAnswer, UntilTheConnectionCloses) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.send("HTTP/1.1 200 OK\r\n\r\nall of ");
    peer.send("it");
  });
  const auto results = run_user(server.url(), [](Session& s) {
    EXPECT_EQ(s.get("/").response().body(), "all of it");
    EXPECT_EQ(s.get("/").response().body(), "all of it");
  });
  EXPECT_EQ(results.count("User get(" + server.url() + "/)"), 2U);
  EXPECT_EQ(server.connections(), 2U);
  EXPECT_EQ(results.traffic.retried, 0U);
}

TEST(HttpAnswer, OfHttp10UntilTheConnectionCloses) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.send("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold");
  });
  run_user(server.url(), [](Session& s) { EXPECT_EQ(s.get("/").response().body(), "old"); });
}

TEST(HttpAnswer, OfHttp10InChunksEndsItsConnection) {
  ScriptedServer server(
      always("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
             "3\r\nold\r\n0\r\n\r\n"));
  run_user(server.url(), [](Session& s) {
    EXPECT_EQ(s.get("/").response().body(), "old");
    EXPECT_EQ(s.get("/").response().body(), "old");
  });
  EXPECT_EQ(server.connections(), 2U);
}

TEST(HttpAnswer, AllAndTheCloseAtOnce) {
  // Data and FIN come in one event: a large body is read to its end all the same.
  const std::string large(3'000'000, 'x');
  ScriptedServer server([&](Peer& peer) {
    peer.receive_request();
    peer.send(answer(large));
  });
  run_user(server.url(), [&](Session& s) {
    EXPECT_EQ(s.get("/").response().body().size(), large.size());
    EXPECT_EQ(s.get("/").response().body().size(), large.size());
  });
}

TEST(HttpAnswer, InterimOnesGoBefore) {
  ScriptedServer server(answers(
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + answer("final"),
       "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", answer("next")}));
  const auto results = run_user(server.url(), [](Session& s) {
    EXPECT_EQ(s.get("/").response().body(), "final");
    EXPECT_EQ(s.response().status(), 200);
    EXPECT_EQ(s.response().header("Link"), "");
    EXPECT_EQ(s.get("/").response().status(), 204);
    EXPECT_EQ(s.get("/").response().body(), "next");
  });
  EXPECT_EQ(server.connections(), 1U);
  EXPECT_EQ(results.traffic.responses, 3U);
}

TEST(HttpAnswer, SlowInterimOnes) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.send_slowly("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + answer("final"), 3);
    peer.wait_for_close();
  });
  run_user(server.url(), [](Session& s) { EXPECT_EQ(s.get("/").response().body(), "final"); });
}

TEST(HttpAnswer, TooManyInterimOnesAreMalformed) {
  std::string many;
  for (int i = 0; i < 17; ++i)
    many += "HTTP/1.1 100 Continue\r\n\r\n";
  ScriptedServer server(always(many + answer("final")));
  const auto results = run_user(server.url(), [](Session& s) { s.get("/"); });
  EXPECT_EQ(results.count("User Error malformed get(" + server.url() + "/)"), 1U);
}

TEST(HttpAnswer, WithoutABodyWhateverItsHeadersSay) {
  // A Content-Length is legal in all of these, and no body follows.
  ScriptedServer server(answers({"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nETag: \"x\"\r\n\r\n",
                                 answer("after 304"), "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n",
                                 answer("after HEAD"), "HTTP/1.1 204 No Content\r\n\r\n", answer("after 204"),
                                 "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
                                 answer("after chunked 304")}));
  const auto results = run_user(server.url(), [](Session& s) {
    EXPECT_EQ(s.get("/").response().status(), 304);
    EXPECT_EQ(s.response().body(), "");
    EXPECT_EQ(s.response().header("Content-Length"), "500");
    EXPECT_EQ(s.get("/").response().body(), "after 304");
    EXPECT_EQ(s.head("/").response().body(), "");
    EXPECT_EQ(s.response().header("Content-Length"), "500");
    EXPECT_EQ(s.get("/").response().body(), "after HEAD");
    EXPECT_EQ(s.get("/").response().status(), 204);
    EXPECT_EQ(s.get("/").response().body(), "after 204");
    EXPECT_EQ(s.get("/").response().status(), 304);
    EXPECT_EQ(s.get("/").response().body(), "after chunked 304");
  });
  EXPECT_EQ(server.connections(), 1U);
  EXPECT_EQ(results.traffic.errors, 0U);
}

TEST(HttpAnswer, AnEmptyOneKeepsTheConnection) {
  ScriptedServer server(always(answer("")));
  run_user(server.url(), [](Session& s) { s.get("/").expect(200).get("/").expect(200); });
  EXPECT_EQ(server.connections(), 1U);
}

TEST(HttpAnswer, OfTheTargetToHead) {
  const TargetThread target;
  run_user(target.url(), [](Session& s) {
    s.head("/bytes/1000").expect(200);
    EXPECT_EQ(s.response().header("Content-Length"), "1000");
    EXPECT_EQ(s.response().body(), "");
    EXPECT_EQ(s.get("/bytes/10").response().body().size(), 10U);
  });
}

}  // namespace
}  // namespace chaperon::test
