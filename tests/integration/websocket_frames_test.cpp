// Servers that agree to a WebSocket and then do not keep to the protocol, or do not read, or send too much.
#include <atomic>
#include <fstream>

#include "unit/websocket/samples.hpp"
#include "websocket_fixture.hpp"

namespace chaperon::session_test {
namespace {

using ::testing::HasSubstr;

constexpr unsigned kRsv1 = 0x40;
constexpr std::string_view kDeflateAgreed = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

struct BadFrames {
  const char* name;
  std::string bytes;    ///< what the server sends after the handshake and a good message
  std::string reason;   ///< as in the row
  std::string message;  ///< part of what a person reads
  std::string close;    ///< what the close frame says that the server gets; empty if it gets none
  bool deflate = false;
  enum class Then : std::uint8_t { wait, close, reset } then = Then::wait;
};

void PrintTo(const BadFrames& bad, std::ostream* out) {
  *out << bad.name;
}

std::vector<BadFrames> bad_frames() {
  using Then = BadFrames::Then;
  std::string masked = server_frame(kTextFrame, "abc");
  masked[1] = static_cast<char>(masked[1] | 0x80);
  masked.insert(2, "mask");
  const auto announced = [](unsigned char highest) {
    std::string frame{static_cast<char>(kBinaryFrame), 127, static_cast<char>(highest)};
    return frame.append(7, '\0');
  };
  test::ServerDeflate deflate;
  const auto bomb = deflate(std::string(40'000'000, 'x'));
  return {
      {"ReservedBits", server_frame(kTextFrame | 0x20U, "x"), "malformed", "reserved bits", "1002"},
      {"CompressedWithoutAgreement", server_frame(kTextFrame | kRsv1, "x"), "malformed", "reserved bits",
       "1002"},
      {"UnknownOpcode", server_frame(0x83, "x"), "malformed", "unknown opcode 3", "1002"},
      {"UnknownControlOpcode", server_frame(0x8b, "x"), "malformed", "unknown opcode 11", "1002"},
      {"Masked", masked, "malformed", "a masked frame", "1002"},
      {"LongControlFrame", server_frame(kPingFrame, std::string(126, 'x')), "malformed",
       "a control frame of more than 125 bytes", "1002"},
      {"FragmentedControlFrame", server_frame(0x09, "x"), "malformed", "a fragmented control frame", "1002"},
      {"ContinuationWithoutStart", server_frame(0x80, "x"), "malformed",
       "a continuation frame without a message", "1002"},
      {"MessageWithinAMessage", server_frame(0x01, "a") + server_frame(0x01, "b"), "malformed",
       "a new message within a fragmented one", "1002"},
      {"InvalidUtf8", server_frame(kTextFrame, "ab\xff"), "malformed", "not UTF-8", "1007"},
      {"HalfACharacter", server_frame(kTextFrame, "ab\xc3"), "malformed", "within a character", "1007"},
      {"LengthOf2To63", announced(0x80), "malformed", "highest bit", "1002"},
      {"LengthOf2To62", announced(0x40), "too_large", "4611686018427387904 bytes", "1009"},
      {"LongFormOfAShortLength", std::string("\x81\x7e\0\x01x", 5), "malformed", "shortest form", "1002"},
      {"CorruptDeflate", server_frame(kTextFrame | kRsv1, "\xff\xff\xff\xff"), "malformed", "inflate", "1007",
       true},
      {"Bomb", server_frame(kTextFrame | kRsv1, bomb), "too_large", "more than", "1009", true},
      {"CloseWithIllegalCode", server_frame(kCloseFrame, close_payload(1005)), "malformed", "1005", "1002"},
      {"CloseWithCode0", server_frame(kCloseFrame, close_payload(0)), "malformed", "code 0", "1002"},
      {"CloseWithOneByte", server_frame(kCloseFrame, "x"), "malformed", "one byte", "1002"},
      {"CloseWithBadReason", server_frame(kCloseFrame, close_payload(1000, "\xff")), "malformed", "not UTF-8",
       "1007"},
      {"CloseWithoutCode", server_frame(kCloseFrame, ""), "closed", "closed the connection", "no code"},
      {"CloseWithCode", server_frame(kCloseFrame, close_payload(1001, "bye")), "closed",
       "closed the connection: 1001 \"bye\"", "1001"},
      {"EndWithoutACloseFrame", "", "closed", "without a close frame", "", false, Then::close},
      {"EndWithinAFrame", server_frame(kTextFrame, "hello").substr(0, 4), "closed", "without a close frame",
       "", false, Then::close},
      {"Reset", "", "reset", "connection reset by", "", false, Then::reset},
  };
}

class WebSocketBadFrames : public WebSocketRunTest, public ::testing::WithParamInterface<BadFrames> {};

TEST_P(WebSocketBadFrames, HaveTheirRowAreToldAndTheOthersGoOn) {
  const auto& bad = GetParam();
  std::atomic<int> seen = 0;
  ScriptedServer server([&](Peer& peer) {
    accept_upgrade(peer, {}, bad.deflate ? kDeflateAgreed : "");
    // The client is in ws_recv when it comes, or still behind, in turn.
    const auto frame = receive_frame(peer);
    EXPECT_EQ(frame.first_byte & ~kRsv1, kTextFrame);
    peer.send(server_frame(kTextFrame, "good") + bad.bytes);
    switch (bad.then) {
      case BadFrames::Then::close:
        peer.close();
        break;
      case BadFrames::Then::reset:
        // Reset is no close in order: what came before may be lost unless the client has it.
        receive_frame(peer);
        peer.reset();
        break;
      case BadFrames::Then::wait:
        EXPECT_EQ(close_text(receive_frame(peer)), bad.close);
        break;
    }
    add_one(seen);
  });
  ScriptedServer good([](Peer& peer) {
    accept_upgrade(peer);
    echo_frames(peer);
  });
  const auto url = ws_url(server.url()) + "/)";
  A::script.run = [&](Session& s) {
    const WsConnectOptions options{.compression = bad.deflate};
    for (const bool waits : {true, false}) {
      s.ws_connect("/", options).ws_send("go");
      if (!waits && bad.then != BadFrames::Then::reset) s.delay(20ms);
      // What came before is received, whatever came behind it.
      s.ws_await_recv("good");
      if (bad.then == BadFrames::Then::reset) s.ws_send("now");
      const auto why = error_of([&] { s.ws_recv(); });
      EXPECT_THAT(why, HasSubstr(bad.message));
      EXPECT_THAT(why, HasSubstr("ws_recv(" + url + ": "));
      Error told;
      s.ws_recv({.on_error = [&](Session&, const Error& error) { told = error; }});
      EXPECT_EQ(told.name(), bad.reason);
      EXPECT_EQ(error_of([&] { s.ws_send("more"); }).substr(8), why.substr(8));
      EXPECT_EQ(error_of([&] { s.ws_ping(); }).substr(8), why.substr(8));
      s.ws_close();
      EXPECT_THROW(s.ws_recv(), WebSocketNotOpen);
    }
    s.ws_connect(good.url()).ws_send("x").ws_await_recv("x");
  };
  B::script.run = [&](Session& s) {
    s.ws_connect(good.url());
    for (int i = 0; i < 20; ++i)
      s.ws_send(std::to_string(i)).ws_await_recv(std::to_string(i));
  };
  const auto results = run({{scenario<A>, {}}, {2 * scenario<B>, {}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.sessions.ok, 3U) << ending(results);
  EXPECT_EQ(results.count("A Error " + bad.reason + " ws_recv(" + url), 4U);
  EXPECT_EQ(results.count("A Error " + bad.reason + " ws_send(" + url), 2U);
  EXPECT_EQ(results.count("A Error " + bad.reason + " ws_ping(" + url), 2U);
  EXPECT_EQ(results.count("A ws_await_recv(" + url), 2U);
  wait_for(seen, 2);
}

INSTANTIATE_TEST_SUITE_P(Servers, WebSocketBadFrames, ::testing::ValuesIn(bad_frames()),
                         [](const auto& test) { return test.param.name; });

class WebSocketFrames : public WebSocketRunTest {};

TEST_F(WebSocketFrames, WhatComesWithTheAnswerIsReceived) {
  // Messages, a ping and the close frame, all in the segment of the handshake's answer.
  bool ponged = false;
  std::string close;
  std::atomic<int> ended = 0;
  ScriptedServer server([&](Peer& peer) {
    accept_upgrade(peer, server_frame(kTextFrame, "one") + server_frame(kPingFrame, "p") +
                             server_frame(0x01, "t") + server_frame(0x80, "wo") +
                             server_frame(kCloseFrame, close_payload(4000)));
    const auto pong = receive_frame(peer);
    ponged = pong.first_byte == kPongFrame && pong.payload == "p";
    close = close_text(receive_frame(peer));
    add_one(ended);
  });
  run_ok(server.url(), [&](Session& s) {
    s.ws_connect("/");
    EXPECT_EQ(received(s), "one");
    EXPECT_EQ(received(s), "two");
    EXPECT_THAT(error_of([&] { s.ws_recv(); }), HasSubstr("closed the connection: 4000"));
  });
  wait_for(ended, 1);
  EXPECT_TRUE(ponged);
  EXPECT_EQ(close, "4000");
}

TEST_F(WebSocketFrames, AMessageInManySegmentsWithControlFramesBetween) {
  const auto words = test::words(600);
  ScriptedServer server([&](Peer& peer) {
    accept_upgrade(peer);
    peer.send_slowly(server_frame(0x01, words.substr(0, 100)) + server_frame(kPingFrame, "1") +
                         server_frame(0x00, words.substr(100, 400)) + server_frame(kPingFrame, "2") +
                         server_frame(0x80, words.substr(500)),
                     5);
    EXPECT_EQ(receive_frame(peer).payload, "1");
    EXPECT_EQ(receive_frame(peer).payload, "2");
    EXPECT_EQ(echo_frames(peer), "1000");
  });
  run_ok(server.url(), [&](Session& s) { s.ws_connect("/").ws_await_recv(words).ws_close(); });
}

TEST_F(WebSocketFrames, AServerThatDoesNotReadTimesSendingOut) {
  std::atomic<bool> read_on = false;
  std::atomic<std::size_t> got = 0;
  ScriptedServer server([&](Peer& peer) {
    accept_upgrade(peer);
    read_on.wait(false);
    for (;;) {
      const auto frame = receive_frame(peer);
      if (frame.first_byte == 0 || frame.first_byte == kCloseFrame) break;
      got += frame.payload.size();
    }
  });
  const std::string big(std::size_t{24} << 20, 'x');
  const auto url = ws_url(server.url()) + "/)";
  const auto results = run_ok(server.url(), [&](Session& s) {
    s.ws_connect("/");
    const auto called = s.now();
    EXPECT_EQ(
        error_of([&] { s.ws_send(big, {.timeout = 100ms}); }),
        "ws_send(" + url +
            ": the server has not read what was sent within 100 ms: part of the message may be on its way");
    EXPECT_GE(s.now() - called, 100ms);
    EXPECT_LT(s.now() - called, 3s);
    // A small one has to wait behind it.
    EXPECT_THAT(error_of([&] { s.ws_send("small", {.timeout = 50ms}); }), HasSubstr("within 50 ms"));
    read_on = true;
    read_on.notify_all();
    // Nothing was cut off: the server gets all of them, whole.
    s.ws_send("last").ws_close();
  });
  EXPECT_EQ(got, big.size() + 5 + 4);
  EXPECT_EQ(results.count("A Error timeout ws_send(" + url), 2U);
  EXPECT_EQ(results.count("A ws_send(" + url), 1U);
}

TEST_F(WebSocketFrames, SendingWaitsForTheServerToRead) {
  std::atomic<bool> read_on = false;
  ScriptedServer server([&](Peer& peer) {
    accept_upgrade(peer);
    read_on.wait(false);
    EXPECT_EQ(echo_frames(peer), "1000");
  });
  const std::string big(std::size_t{15} << 20, 'x');
  run_ok(server.url(), [&](Session& s) {
    s.ws_connect("/");
    s.async("reader", [&](Session& t) {
      t.delay(50ms);
      read_on = true;
      read_on.notify_all();
    });
    const auto called = s.now();
    s.ws_send(big);
    EXPECT_GE(s.now() - called, 40ms);
    EXPECT_EQ(received(s).size(), big.size());
    s.ws_close();
  });
}

TEST_F(WebSocketFrames, AResetWhileSendingIsToldAtOnce) {
  ScriptedServer server([](Peer& peer) {
    accept_upgrade(peer);
    peer.receive(100'000);
    peer.reset();
  });
  const auto results = run_ok(server.url(), [&](Session& s) {
    s.ws_connect("/");
    EXPECT_THAT(error_of([&] { s.ws_send(std::string(std::size_t{24} << 20, 'x')); }),
                HasSubstr("connection reset by"));
    EXPECT_THAT(error_of([&] { s.ws_send("x"); }), HasSubstr("connection reset by"));
  });
  EXPECT_EQ(results.count("A Error reset ws_send(" + ws_url(server.url()) + "/)"), 2U);
}

// Memory that this process has in use, bytes.
std::size_t resident() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t pages = 0;
  statm >> total >> pages;
  return pages * 4096;
}

TEST_F(WebSocketFrames, AFloodHoldsTheServerUpAndNothingIsLost) {
  constexpr std::size_t kMessages = 4'000;
  constexpr std::size_t kSize = 16'384;  // 64 MB in all
  std::atomic<std::size_t> sent = 0;
  ScriptedServer server([&](Peer& peer) {
    accept_upgrade(peer);
    for (std::size_t i = 0; i < kMessages; ++i) {
      auto payload = std::to_string(i) + " ";
      payload.resize(kSize, '.');
      peer.send(server_frame(kTextFrame, payload));
      ++sent;
    }
    EXPECT_EQ(echo_frames(peer), "1000");
  });
  run_ok(server.url(), [&](Session& s) {
    s.ws_connect("/");
    // Until the server is stuck: it has sent nothing for a while.
    const auto before = resident();
    std::size_t last = 0;
    do {
      last = sent;
      s.delay(100ms);
    } while (sent != last || last == 0);
    EXPECT_LT(sent, kMessages) << "the server should have been held up";
    if (!kSanitized) {
      EXPECT_LT(resident(), before + (std::size_t{16} << 20));
    }
    for (std::size_t i = 0; i < kMessages; ++i) {
      const auto text = received(s);
      ASSERT_EQ(text.size(), kSize);
      ASSERT_EQ(text.substr(0, text.find(' ')), std::to_string(i));
    }
    s.ws_close();
  });
  EXPECT_EQ(sent, kMessages);
}

// A server that sends until it is stuck; then the session does something.
class WebSocketFlood : public WebSocketFrames {
 protected:
  Results flood(const std::function<void(Session&)>& then) {
    server_.emplace([this](Peer& peer) {
      accept_upgrade(peer);
      const auto frame = server_frame(kTextFrame, std::string(60'000, '.'));
      for (int i = 0; i < 500; ++i) {
        peer.send(frame);
        ++sent_;
      }
      end_ = echo_frames(peer);
      add_one(ended_);
    });
    return run_ok(server_->url(), [&](Session& s) {
      s.ws_connect("/");
      int last = 0;
      do {
        last = sent_;
        s.delay(50ms);
      } while (sent_ != last || last == 0);
      EXPECT_LT(sent_, 500);
      then(s);
    });
  }
  std::atomic<int> sent_ = 0;
  std::atomic<int> ended_ = 0;
  std::string end_;
  std::optional<ScriptedServer> server_;
};

TEST_F(WebSocketFlood, ItCanBeClosed) {
  flood([](Session& s) { s.ws_close({.timeout = 5s}); });
  wait_for(ended_, 1);
  EXPECT_EQ(end_, "1000");
}

TEST_F(WebSocketFlood, ConnectingAnewClosesIt) {
  NodeWsServer other;
  flood([&](Session& s) {
    s.ws_connect(other.url() + "/echo").ws_send("x").ws_await_recv("x");
    s.blocking([&] { wait_for(ended_, 1); });
  });
  EXPECT_EQ(end_, "1000");
}

TEST_F(WebSocketFlood, AwaitRecvSkipsThemAll) {
  const auto results = flood([](Session& s) { s.ws_send("end").ws_await_recv("end").ws_close(); });
  EXPECT_EQ(results.count("A ws_skipped(" + ws_url(server_->url()) + "/)"), 500U);
}

TEST_F(WebSocketFrames, QueuedMessagesAreDeliveredBeforeTheEndOfTheConnection) {
  std::atomic<bool> ended = false;
  ScriptedServer server([&](Peer& peer) {
    std::string frames;
    for (int i = 0; i < 100; ++i)
      frames += server_frame(kTextFrame, std::to_string(i));
    accept_upgrade(peer, frames);
    peer.close();
    ended = true;
    ended.notify_all();
  });
  const auto results = run_ok(server.url(), [&](Session& s) {
    s.ws_connect("/");
    s.blocking([&] { ended.wait(false); });
    s.delay(10ms);
    for (int i = 0; i < 100; ++i)
      EXPECT_EQ(received(s), std::to_string(i));
    EXPECT_THAT(error_of([&] { s.ws_recv(); }), HasSubstr("without a close frame"));
  });
  EXPECT_EQ(results.count("A ws_recv(" + ws_url(server.url()) + "/)"), 100U);
  EXPECT_EQ(results.count("A Error closed ws_recv(" + ws_url(server.url()) + "/)"), 1U);
}

TEST_F(WebSocketFrames, AServerThatIgnoresTheCloseFrameTimesClosingOut) {
  ScriptedServer server([](Peer& peer) {
    accept_upgrade(peer);
    receive_frame(peer);
    peer.stall();
  });
  const auto url = ws_url(server.url()) + "/)";
  const auto results = run_ok(server.url(), [&](Session& s) {
    s.ws_connect("/");
    const auto called = s.now();
    EXPECT_EQ(error_of([&] { s.ws_close({.timeout = 100ms}); }),
              "ws_close(" + url + ": the server has not closed the connection within 100 ms");
    EXPECT_GE(s.now() - called, 100ms);
    EXPECT_LT(s.now() - called, 3s);
    EXPECT_THROW(s.ws_send("x"), WebSocketNotOpen);
  });
  EXPECT_EQ(results.count("A Error timeout ws_close(" + url), 1U);
}

TEST_F(WebSocketFrames, AServerThatJustEndsTheConnectionHasClosedIt) {
  ScriptedServer server([](Peer& peer) {
    accept_upgrade(peer);
    receive_frame(peer);
  });
  const auto results = run_ok(server.url(), [&](Session& s) { s.ws_connect("/").ws_close(); });
  EXPECT_EQ(results.count("A ws_close(" + ws_url(server.url()) + "/)"), 1U);
}

TEST_F(WebSocketFrames, PongsThatNobodyAskedForAreNoHarm) {
  ScriptedServer server([](Peer& peer) {
    accept_upgrade(peer, server_frame(kPongFrame, "") + server_frame(kPongFrame, "77") +
                             server_frame(kPongFrame, std::string(125, '9')));
    EXPECT_EQ(echo_frames(peer), "1000");
  });
  run_ok(server.url(), [&](Session& s) { s.ws_connect("/").ws_ping().ws_ping().ws_close(); });
}

}  // namespace
}  // namespace chaperon::session_test
