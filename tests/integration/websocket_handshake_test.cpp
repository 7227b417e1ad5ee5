// Servers that do not agree to a WebSocket, or do it wrongly.
#include <algorithm>
#include <atomic>

#include "websocket_fixture.hpp"

namespace chaperon::session_test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A port on which nobody listens.
std::string refusing_url() {
  return ScriptedServer(answering()).url();
}

struct BadHandshake {
  const char* name;
  std::string reason;   ///< as in the row
  std::string message;  ///< part of what a person reads
  test::Script script{};
  WsConnectOptions options{};
};

void PrintTo(const BadHandshake& bad, std::ostream* out) {
  *out << bad.name;
}

test::Script answers_with(std::string bytes) {
  return [bytes = std::move(bytes)](Peer& peer) {
    peer.receive_request();
    peer.send(bytes);
    peer.wait_for_close();
  };
}

// Agrees, but with this head, in which ACCEPT stands for what the client expects.
test::Script agrees_with(std::string head) {
  return [head = std::move(head)](Peer& peer) {
    const auto right = upgrade_answer(peer.receive_request());
    const auto at = right.find("Accept: ") + 8;
    const auto accept = right.substr(at, right.find("\r\n", at) - at);
    auto text = head;
    if (const auto place = text.find("ACCEPT"); place != std::string::npos) text.replace(place, 6, accept);
    peer.send(text + "\r\n");
    peer.wait_for_close();
  };
}

const std::string kGood =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: ACCEPT\r\n";

std::vector<BadHandshake> bad_handshakes() {
  return {
      {.name = "Status200",
       .reason = "HTTP 200",
       .message = "answered 200, not 101: hello",
       .script = answers_with("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")},
      {.name = "Status301",
       .reason = "HTTP 301",
       .message = "answered 301, not 101",
       .script = answers_with("HTTP/1.1 301 Moved\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n")},
      {.name = "Status401",
       .reason = "HTTP 401",
       .message = "answered 401, not 101: log in",
       .script = answers_with("HTTP/1.1 401 No\r\nContent-Length: 6\r\n\r\nlog in")},
      {.name = "Status404",
       .reason = "HTTP 404",
       .message = "answered 404, not 101",
       .script = answers_with("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")},
      {.name = "Status500UntilClose",
       .reason = "HTTP 500",
       .message = "answered 500, not 101: oh",
       .script =
           [](Peer& peer) {
             peer.receive_request();
             peer.send("HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\noh");
           }},
      {.name = "WrongAccept",
       .reason = "malformed",
       .message = "Accept",
       .script = answers_with("HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n")},
      {.name = "NoAccept",
       .reason = "malformed",
       .message = "Accept",
       .script = answers_with("HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")},
      {.name = "OtherProtocol",
       .reason = "malformed",
       .message = "Upgrade",
       .script = agrees_with("HTTP/1.1 101 Yes\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: ACCEPT\r\n")},
      {.name = "NoConnectionHeader",
       .reason = "malformed",
       .message = "Connection",
       .script = agrees_with("HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ACCEPT\r\n")},
      {.name = "UnofferedSubprotocol",
       .reason = "malformed",
       .message = "\"mqtt\", which was not offered (chat)",
       .script = agrees_with(kGood + "Sec-WebSocket-Protocol: mqtt\r\n"),
       .options = {.subprotocols = {"chat"}}},
      {.name = "SubprotocolWithoutOffer",
       .reason = "malformed",
       .message = "\"mqtt\", which was not offered (none was)",
       .script = agrees_with(kGood + "Sec-WebSocket-Protocol: mqtt\r\n")},
      {.name = "UnofferedExtension",
       .reason = "malformed",
       .message = "permessage-deflate",
       .script = agrees_with(kGood + "Sec-WebSocket-Extensions: permessage-deflate\r\n")},
      {.name = "UnknownExtension",
       .reason = "malformed",
       .message = "x-own",
       .script = agrees_with(kGood + "Sec-WebSocket-Extensions: x-own\r\n"),
       .options = {.compression = true}},
      {.name = "Refused", .reason = "refused", .message = "refused"},
      {.name = "Reset",
       .reason = "reset",
       .message = "reset by",
       .script =
           [](Peer& peer) {
             peer.receive_request();
             peer.reset();
           }},
      {.name = "ClosedWithoutAnAnswer",
       .reason = "closed",
       .message = "closed by",
       .script = [](Peer& peer) { peer.receive_request(); }},
      {.name = "ClosedWithinTheAnswer",
       .reason = "closed",
       .message = "closed by",
       .script =
           [](Peer& peer) {
             peer.receive_request();
             peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgra");
           }},
      {.name = "Stalled",
       .reason = "timeout",
       .message = "within",
       .script =
           [](Peer& peer) {
             peer.receive_request();
             peer.stall();
           },
       .options = {.timeout = 100ms}},
      {.name = "StalledWithinTheAnswer",
       .reason = "timeout",
       .message = "within",
       .script =
           [](Peer& peer) {
             peer.receive_request();
             peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgra");
             peer.stall();
           },
       .options = {.timeout = 100ms}},
      {.name = "Garbage",
       .reason = "malformed",
       .message = "an answer that cannot be used",
       .script = answers_with("\x81\x05hello, this is no HTTP\r\n\r\n")},
  };
}

class BadHandshakes : public WebSocketRunTest, public ::testing::WithParamInterface<BadHandshake> {};

TEST_P(BadHandshakes, HaveTheirRowAreToldAndTheOthersGoOn) {
  const auto& bad = GetParam();
  ScriptedServer good([](Peer& peer) {
    accept_upgrade(peer);
    echo_frames(peer);
  });
  std::optional<ScriptedServer> server;
  if (bad.script) server.emplace(bad.script);
  const auto base_url = server ? server->url() : refusing_url();
  const auto action = "ws_connect(" + ws_url(base_url) + "/x)";

  A::script.run = [&](Session& s) {
    const Instant called = s.now();
    try {
      s.ws_connect("/x", bad.options);
      ADD_FAILURE() << "it is open";
    } catch (const WebSocketError& error) {
      EXPECT_THAT(error.what(), StartsWith(action + ": "));
      EXPECT_THAT(error.what(), HasSubstr(bad.message));
      EXPECT_EQ(dynamic_cast<const WebSocketNotOpen*>(&error), nullptr);
    }
    if (bad.options.timeout) {
      EXPECT_GE(s.now() - called, *bad.options.timeout);
      EXPECT_LT(s.now() - called, *bad.options.timeout + 2s);
    }

    auto options = bad.options;
    int told = 0;
    options.on_error = [&](Session& session, const Error& error) {
      EXPECT_EQ(&session, &s);
      EXPECT_EQ(error.name(), bad.reason);
      EXPECT_EQ(error.action, action);
      EXPECT_THAT(error.message, HasSubstr(bad.message));
      ++told;
    };
    s.ws_connect("/x", options);
    EXPECT_EQ(told, 1);

    // Whoever uses it hears why it is not open.
    const auto uses = std::to_array<std::pair<const char*, std::function<void()>>>({
        {"ws_send", [&] { s.ws_send("x"); }},
        {"ws_recv", [&] { s.ws_recv(); }},
        {"ws_await_recv", [&] { s.ws_await_recv("x"); }},
        {"ws_ping", [&] { s.ws_ping(); }},
        {"ws_close", [&] { s.ws_close(); }},
    });
    for (const auto& [name, use] : uses) {
      EXPECT_THROW(use(), WebSocketNotOpen);
      const auto why = error_of(use);
      EXPECT_THAT(why,
                  StartsWith(std::string(name) + ": the WebSocket is not open: " + action + " failed: "));
      EXPECT_THAT(why, HasSubstr(bad.message));
    }
    // The session goes on, as do the others.
    s.ws_connect(good.url() + "/y").ws_send("x").ws_await_recv("x");
  };
  B::script.run = [&](Session& s) {
    s.ws_connect(good.url() + "/y");
    for (int i = 0; i < 20; ++i)
      s.ws_send(std::to_string(i)).ws_await_recv(std::to_string(i));
    s.ws_close();
  };
  const auto results = run({{scenario<A>, {}}, {3 * scenario<B>, {}}}, {{"base_url", base_url}});
  EXPECT_EQ(results.sessions.ok, 4U) << ending(results);
  EXPECT_EQ(results.count("A Error " + bad.reason + " " + action), 2U);
  EXPECT_EQ(results.count("A " + action), 0U);
  EXPECT_EQ(results.count("B ws_await_recv(" + ws_url(good.url()) + "/y)"), 60U);
  const auto group = std::ranges::find(results.errors, bad.reason, &ErrorGroup::reason);
  ASSERT_NE(group, results.errors.end());
  EXPECT_EQ(group->count, 2U);
  EXPECT_THAT(group->example, HasSubstr(bad.message));
}

TEST_P(BadHandshakes, WithoutOnErrorTheSessionFailsAndNoOther) {
  const auto& bad = GetParam();
  std::optional<ScriptedServer> server;
  if (bad.script) server.emplace(bad.script);
  const auto base_url = server ? server->url() : refusing_url();
  A::script.run = [&](Session& s) { s.ws_connect("/x", bad.options); };
  B::script.run = [](Session&) {};
  const auto results = run({{2 * scenario<A>, {}}, {scenario<B>, {}}}, {{"base_url", base_url}});
  EXPECT_EQ(results.sessions.failed, 2U);
  EXPECT_EQ(results.sessions.ok, 1U);
  EXPECT_THAT(ending(results), StartsWith("WebSocketError: ws_connect(" + ws_url(base_url) + "/x): "));
}

INSTANTIATE_TEST_SUITE_P(Servers, BadHandshakes, ::testing::ValuesIn(bad_handshakes()),
                         [](const auto& test) { return test.param.name; });

class WebSocketHandshake : public WebSocketRunTest {};

TEST_F(WebSocketHandshake, AFailedOneClosesItsConnectionAtOnce) {
  std::atomic<int> closed = 0;
  ScriptedServer server([&](Peer& peer) {
    peer.receive_request();
    peer.send("HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    peer.wait_for_close();
    ++closed;
    closed.notify_all();
  });
  run_ok(server.url(), [&](Session& s) {
    EXPECT_THROW(s.ws_connect("/"), WebSocketError);
    s.blocking([&] { closed.wait(0); });
  });
  EXPECT_EQ(closed, 1);
}

TEST_F(WebSocketHandshake, ACancelledOneIsCutOffAndTheServerSeesIt) {
  std::atomic<int> closed = 0;
  ScriptedServer server([&](Peer& peer) {
    peer.receive_request();
    peer.wait_for_close();
    ++closed;
    closed.notify_all();
  });
  A::script.run = [](Session& s) { s.ws_connect("/"); };
  B::script.run = [&](Session& s) { s.blocking([&] { closed.wait(0); }); };
  const auto results =
      run({{scenario<A>, {{"scenario_timeout", 100}}}, {scenario<B>, {}}}, {{"base_url", server.url()}});
  EXPECT_EQ(results.sessions.timed_out, 1U);
  EXPECT_EQ(results.count("A Error cancelled ws_connect(" + ws_url(server.url()) + "/)"), 1U);
  EXPECT_EQ(results.endings.at(0).example,
            "scenario_timeout 100 ms, while in ws_connect(" + ws_url(server.url()) + "/)");
}

TEST_F(WebSocketHandshake, ASlowAnswerInManyPiecesIsGoodEnough) {
  ScriptedServer server([](Peer& peer) {
    peer.send_slowly(upgrade_answer(peer.receive_request()) + "\r\n" + server_frame(kTextFrame, "hello"), 7);
    echo_frames(peer);
  });
  run_ok(server.url(), [](Session& s) { s.ws_connect("/").ws_await_recv("hello").ws_close(); });
}

}  // namespace
}  // namespace chaperon::session_test
