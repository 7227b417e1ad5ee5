// Large bodies: sent in parts, after 100 Continue, or cut short by an early answer.
#include <future>
#include <string>

#include "integration/http_fixture.hpp"

namespace chaperon::test {
namespace {

constexpr std::size_t kMebibyte = std::size_t{1} << 20;

// Reads a head alone: of a body that is still to be sent.
std::string receive_head(Peer& peer) {
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    const auto byte = peer.receive(1);
    if (byte.empty()) break;
    head += byte;
  }
  return head;
}

TEST(HttpUpload, ALargeBodyArrivesWhole) {
  const TargetThread target;
  const std::string body(8 * kMebibyte, 'u');
  const auto results = run_user(target.url(), [&](Session& s) {
    s.post("/p", {.body = body}).expect(200);
    s.post("/p", {.body = body, .chunked = true}).expect(200);
    s.get("/").expect(200);
  });
  EXPECT_GT(results.traffic.bytes_sent, 16 * kMebibyte);
  EXPECT_EQ(results.count("User connect(" + target.url() + ")"), 1U);
}

TEST(HttpUpload, ASlowReaderGetsAllOfIt) {
  const std::string body(kMebibyte, 's');
  std::string received;
  ScriptedServer server([&](Peer& peer) {
    EXPECT_EQ(receive_head(peer).find("Expect:"), std::string::npos);
    while (received.size() < body.size())
      received += peer.receive(std::min<std::size_t>(10'000, body.size() - received.size()));
    peer.send(answer("ok"));
    peer.wait_for_close();
  });
  run_user(server.url(), [&](Session& s) { s.put("/", {.body = body}).expect(200); });
  EXPECT_EQ(received, body);
}

TEST(HttpExpectContinue, TheBodyFollowsTheServersWord) {
  const std::string body(kMebibyte + 1, 'e');
  std::string received;
  ScriptedServer server([&](Peer& peer) {
    EXPECT_EQ(header_of(receive_head(peer), "Expect"), "100-continue");
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    received = peer.receive(body.size());
    peer.send(answer("stored", "", "201 Created"));
    peer.receive_request();
    peer.send(answer("next"));
    peer.wait_for_close();
  });
  const auto results = run_user(server.url(), [&](Session& s) {
    s.post("/", {.body = body}).expect(201);
    EXPECT_EQ(s.response().body(), "stored");
    const auto timings = s.response().timings();
    EXPECT_LE(timings.dns + timings.connect + timings.sending + timings.waiting + timings.receiving,
              timings.total);
    // The interim answer is not the first byte of the answer: sending goes on until the body is sent.
    EXPECT_GT(timings.waiting, Duration(0));
    s.get("/").expect(200);
  });
  EXPECT_EQ(received, body);
  EXPECT_EQ(server.connections(), 1U);
  EXPECT_EQ(results.traffic.responses, 2U);
}

TEST(HttpExpectContinue, InChunks) {
  const std::string body(2 * kMebibyte, 'e');
  ScriptedServer server([&](Peer& peer) {
    const auto head = receive_head(peer);
    EXPECT_EQ(header_of(head, "Expect"), "100-continue");
    EXPECT_EQ(header_of(head, "Transfer-Encoding"), "chunked");
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    // Chunks of 16 KiB, each with its size (`4000`) and two line ends, and the empty one at the end.
    constexpr std::size_t kChunk = 16 * 1024;
    const auto received = peer.receive(body.size() / kChunk * (4 + 2 + kChunk + 2) + 5);
    EXPECT_TRUE(received.starts_with("4000\r\neeee"));
    EXPECT_TRUE(received.ends_with("\r\n0\r\n\r\n"));
    peer.send(answer("ok"));
    peer.wait_for_close();
  });
  run_user(server.url(), [&](Session& s) { s.post("/", {.body = body, .chunked = true}).expect(200); });
}

TEST(HttpExpectContinue, AFinalAnswerInsteadMeansThatTheBodyIsNotSent) {
  const std::string body(2 * kMebibyte, 'e');
  for (const std::string status : {"417 Expectation Failed", "413 Content Too Large", "200 OK"}) {
    std::promise<std::size_t> more;
    ScriptedServer server({[&](Peer& peer) {
                             receive_head(peer);
                             peer.send(answer("no", "", status));
                             more.set_value(peer.receive(1).size());
                           },
                           always(answer("next"))});
    const auto results = run_user(server.url(), [&](Session& s) {
      s.post("/", {.body = body});
      EXPECT_EQ(s.response().status(), std::stoi(status));
      EXPECT_EQ(s.response().body(), "no");
      s.get("/").expect(200);
    });
    EXPECT_EQ(more.get_future().get(), 0U) << status;
    EXPECT_EQ(server.connections(), 2U) << status;
    EXPECT_EQ(results.traffic.responses, 2U) << status;
    EXPECT_EQ(results.count("User post(" + server.url() + "/)"), 1U);
    expect_conservation(results);
  }
}

TEST(HttpExpectContinue, AServerThatSaysNothingGetsTheBodyAllTheSame) {
  const std::string body(2 * kMebibyte, 'e');
  ScriptedServer server([&](Peer& peer) {
    peer.receive_request();
    peer.send(answer("ok"));
    peer.wait_for_close();
  });
  const auto results = run_user(server.url(), [&](Session& s) { s.post("/", {.body = body}).expect(200); });
  const auto request = server.requests().at(0);
  EXPECT_EQ(header_of(request, "Expect"), "100-continue");
  EXPECT_EQ(body_of(request), body);
  EXPECT_EQ(results.traffic.retried, 0U);
}

TEST(HttpExpectContinue, ACloseInsteadIsAFailure) {
  const std::string body(2 * kMebibyte, 'e');
  ScriptedServer server([&](Peer& peer) { receive_head(peer); });
  const auto results = run_user(server.url(), [&](Session& s) { s.post("/", {.body = body}); });
  EXPECT_EQ(results.count("User Error closed post(" + server.url() + "/)"), 1U);
}

TEST(HttpEarlyAnswer, WhileTheBodyIsBeingSent) {
  const std::string body(32 * kMebibyte, 'b');
  for (const std::string headers : {"", "Connection: close\r\n"}) {
    ScriptedServer server({[&](Peer& peer) {
                             receive_head(peer);
                             peer.send("HTTP/1.1 100 Continue\r\n\r\n");
                             peer.receive(1000);
                             peer.send(answer("enough", headers, "413 Content Too Large"));
                             peer.stall();  // the rest of the body fits in no buffer, so it is never sent
                           },
                           always(answer("next"))});
    const auto results = run_user(server.url(), [&](Session& s) {
      s.post("/", {.body = body});
      EXPECT_EQ(s.response().status(), 413);
      EXPECT_EQ(s.response().body(), "enough");
      s.get("/").expect(200);
    });
    // A connection in the middle of a body carries nothing else.
    EXPECT_EQ(server.connections(), 2U);
    EXPECT_EQ(results.count("User post(" + server.url() + "/)"), 1U);
    EXPECT_EQ(results.count("User Error HTTP 413 post(" + server.url() + "/)"), 1U);
    EXPECT_EQ(results.traffic.responses, 2U);
    expect_conservation(results);
  }
}

TEST(HttpEarlyAnswer, AResetInTheMiddleOfTheBodyIsAFailure) {
  const std::string body(32 * kMebibyte, 'b');
  ScriptedServer server([&](Peer& peer) {
    receive_head(peer);
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    peer.receive(1000);
    peer.reset();
  });
  const auto results = run_user(server.url(), [&](Session& s) {
    s.post("/", {.body = body});
    EXPECT_EQ(s.response().status(), 0);
    EXPECT_EQ(s.response().error().reason, Reason::reset);
  });
  EXPECT_EQ(results.count("User Error reset post(" + server.url() + "/)"), 1U);
  expect_conservation(results);
}

}  // namespace
}  // namespace chaperon::test
