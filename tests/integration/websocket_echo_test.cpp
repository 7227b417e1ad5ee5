// WebSockets that work: against Node's ws and the built-in target.
#include <array>
#include <atomic>
#include <memory>
#include <optional>

#include "unit/websocket/samples.hpp"
#include "websocket_fixture.hpp"

namespace chaperon::session_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

enum class Kind : std::uint8_t { node, node_deflate, node_deflate_no_takeover, target };

struct EchoCase {
  Kind kind;
  bool compression;
  const char* name;
};

void PrintTo(const EchoCase& which, std::ostream* out) {
  *out << which.name;
}

/// One of the servers; its URL sends everything back.
class EchoServer {
 public:
  explicit EchoServer(Kind kind) {
    if (kind == Kind::target) {
      target_.emplace();
    } else {
      node_.emplace(kind == Kind::node           ? WsCompression::off
                    : kind == Kind::node_deflate ? WsCompression::with_takeover
                                                 : WsCompression::without_takeover);
    }
  }
  [[nodiscard]] std::string url() const { return node_ ? node_->url() : target_->url(); }
  [[nodiscard]] const NodeWsServer* node() const { return node_ ? &*node_ : nullptr; }

 private:
  std::optional<NodeWsServer> node_;
  std::optional<TargetThread> target_;
};

class WebSocketEcho : public WebSocketRunTest, public ::testing::WithParamInterface<EchoCase> {
 protected:
  EchoServer server_{GetParam().kind};
  WsConnectOptions options_{.compression = GetParam().compression};
};

TEST_P(WebSocketEcho, BracesAreJson) {
  run_ok(server_.url(), [this](Session& s) {
    const Json both = {"subscribe", "/foo"};
    s.ws_connect("/echo", options_);
    s.ws_send({"subscribe", "/foo"}).ws_await_recv({"subscribe", "/foo"});
    s.ws_send({{"stop", 1}}).ws_await_recv({{"stop", 1}}).ws_send(both).ws_await_recv(both);
    s.ws_send({"stop", 1}).ws_recv({.with_result = [](Session&, const WsMessage& message) {
      EXPECT_EQ(message.text(), R"(["stop",1])");
    }});
  });
}

TEST_P(WebSocketEcho, EveryMessageComesBackAsItWas) {
  struct Sample {
    std::string payload;
    bool binary;
  };
  const std::vector<Sample> samples{
      {"hello", false},
      {"", false},
      {"", true},
      {std::string("\0\xff\x80 bytes", 9), true},
      {"Grüße, 世界, 🎉, \u0000 and so on", false},
      {std::string(125, 'a'), false},
      {std::string(126, 'b'), false},
      {std::string(65'535, 'c'), false},
      {std::string(65'536, 'd'), false},
      {test::words(300'000), false},
      {test::some_bytes(300'000), true},
      {test::words(5'000'000), false},
      {test::some_bytes(5'000'000), true},
      {"hello", false},
  };
  const auto results = run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/echo", options_);
    for (const auto& sample : samples) {
      if (sample.binary) {
        s.ws_send(std::as_bytes(std::span(sample.payload)));
      } else {
        s.ws_send(sample.payload);
      }
      s.ws_recv({.with_result = [&](Session&, const WsMessage& message) {
        EXPECT_EQ(message.is_binary(), sample.binary);
        EXPECT_TRUE(message.text() == sample.payload) << "of " << sample.payload.size() << " bytes";
        EXPECT_EQ(message.bytes().size(), sample.payload.size());
        // The clock follows the kernel's, and may step back a little.
        EXPECT_LE(message.arrived_at(), s.now() + 20us);
      }});
    }
    s.ws_close();
  });
  const auto url = ws_url(server_.url()) + "/echo)";
  EXPECT_THAT(row_names(results), ElementsAre("A connect(" + server_.url() + ")", "A ws_close(" + url,
                                              "A ws_connect(" + url, "A ws_recv(" + url, "A ws_send(" + url));
  EXPECT_EQ(results.count("A ws_recv(" + url), samples.size());
  EXPECT_EQ(results.count("A ws_send(" + url), samples.size());
  EXPECT_EQ(results.count("A ws_connect(" + url), 1U);
  if (const auto* node = server_.node(); node != nullptr) {
    const auto stats = stats_when_closed(*node, 1);
    EXPECT_EQ(stats["closes"], (Json{{"1000", 1}}));
    EXPECT_EQ(stats["received"], samples.size());
    EXPECT_EQ(stats["compressed"], GetParam().compression ? 1 : 0);
  }
}

TEST_P(WebSocketEcho, ManyMessagesOnTheirWayComeBackInOrder) {
  constexpr int kMessages = 2'000;
  run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/echo", options_);
    for (int i = 0; i < kMessages; ++i)
      s.ws_send(std::to_string(i));
    for (int i = 0; i < kMessages; ++i) {
      const auto text = received(s);
      ASSERT_EQ(text, std::to_string(i));
    }
    s.ws_close();
  });
}

TEST_P(WebSocketEcho, JsonGoesThereAndBack) {
  const Json sent = {{"type", "chat"}, {"text", "Grüße"}, {"n", {1, 2.5, nullptr}}};
  run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/echo", options_).ws_send(sent);
    s.ws_recv({.with_result = [&](Session&, const Json& json) { EXPECT_EQ(json, sent); }});
    s.ws_send("not json").ws_send("[1,").ws_send(sent).ws_await_recv(sent);
    s.ws_send("text again").ws_await_recv("text again");
  });
}

TEST_P(WebSocketEcho, PingsAreAnswered) {
  const auto results = run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/echo", options_);
    for (int i = 0; i < 10; ++i)
      s.ws_ping();
    s.ws_send("x").ws_ping().ws_await_recv("x").ws_close();
  });
  EXPECT_EQ(results.count("A ws_ping(" + ws_url(server_.url()) + "/echo)"), 11U);
}

TEST_P(WebSocketEcho, FiftySessionsCountWhatTheServerCounts) {
  constexpr int kSessions = kSanitized ? 20 : 50;
  constexpr int kEchoes = kSanitized ? 50 : 200;
  A::script.run = [&](Session& s) {
    s.ws_connect("/echo", options_);
    for (int i = 0; i < kEchoes; ++i) {
      const auto text = s.id() + " " + std::to_string(i);
      s.ws_send(text).ws_await_recv(text);
    }
    s.ws_close();
  };
  const auto results = run({{kSessions * scenario<A>, {}}}, {{"base_url", server_.url()}}, {.threads = 2});
  EXPECT_EQ(results.sessions.ok, static_cast<std::uint64_t>(kSessions)) << ending(results);
  const auto url = "(" + ws_url(server_.url()) + "/echo)";
  const std::uint64_t echoes = std::uint64_t{kSessions} * kEchoes;
  EXPECT_EQ(results.count("A ws_send" + url), echoes);
  EXPECT_EQ(results.count("A ws_await_recv" + url), echoes);
  EXPECT_EQ(results.count("A ws_skipped" + url), 0U);
  EXPECT_EQ(results.count("A ws_connect" + url), static_cast<std::uint64_t>(kSessions));
  EXPECT_EQ(results.count("A ws_close" + url), static_cast<std::uint64_t>(kSessions));
  EXPECT_EQ(results.traffic.errors, 0U);
  if (const auto* node = server_.node(); node != nullptr) {
    const auto stats = stats_when_closed(*node, kSessions);
    EXPECT_EQ(stats["received"], echoes);
    EXPECT_EQ(stats["sent"], echoes);
    EXPECT_EQ(stats["closes"], (Json{{"1000", kSessions}}));
    EXPECT_EQ(stats["http_connections"], kSessions);
  }
}

TEST_P(WebSocketEcho, SeveralConnectionsOfOneSession) {
  run_ok(server_.url(), [&](Session& s) {
    const auto connect = [&](std::string_view name) {
      auto options = options_;
      options.name = name;
      s.ws_connect("/echo", options);
    };
    connect("chat");
    connect("");
    connect("presence");
    s.ws_send("c", {.name = "chat"}).ws_send("p", {.name = "presence"}).ws_send("d");
    EXPECT_EQ(received(s, "presence"), "p");
    EXPECT_EQ(received(s), "d");
    EXPECT_EQ(received(s, "chat"), "c");
    s.ws_close({.name = "chat"}).ws_ping({.name = "presence"}).ws_ping();
    EXPECT_THAT(error_of([&] { s.ws_send("x", {.name = "chat"}); }),
                HasSubstr("the WebSocket \"chat\" is not open: it was closed by ws_close"));
  });
  if (const auto* node = server_.node(); node != nullptr) {
    const auto stats = stats_when_closed(*node, 3);
    EXPECT_EQ(stats["closes"], (Json{{"1000", 3}})) << "those that the session left open are closed as well";
  }
}

INSTANTIATE_TEST_SUITE_P(Servers, WebSocketEcho,
                         ::testing::Values(EchoCase{Kind::node, false, "Node"},
                                           EchoCase{Kind::node_deflate, true, "NodeTakeover"},
                                           EchoCase{Kind::node_deflate_no_takeover, true, "NodeNoTakeover"},
                                           EchoCase{Kind::target, false, "Target"},
                                           EchoCase{Kind::target, true, "TargetDeflate"}),
                         [](const auto& test) { return test.param.name; });

// --- Node's ws alone -------------------------------------------------------------------------------

class WebSocketNode : public WebSocketRunTest {
 protected:
  NodeWsServer server_;
};

TEST_F(WebSocketNode, CompressionThatTheServerDoesNotWantIsNone) {
  run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/echo", {.compression = true}).ws_send("x").ws_await_recv("x").ws_close();
  });
  EXPECT_EQ(stats_when_closed(server_, 1)["compressed"], 0);
}

TEST_F(WebSocketNode, TheServersPingsAreAnsweredWhateverTheSessionDoes) {
  run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/ping?n=20");
    s.delay(1ms);
    s.ws_await_recv("ponged");
  });
  EXPECT_EQ(stats_when_closed(server_, 1)["pongs"], 20);
}

TEST_F(WebSocketNode, CloseCodesAndReasonsReachTheServer) {
  struct Close {
    int code;
    std::string reason;
    const char* seen;
  };
  const std::string long_reason(200, 'x');
  const std::vector<Close> closes{{1000, "", "1000"},
                                  {1001, "going", "1001 going"},
                                  {3000, "", "3000"},
                                  {4999, "Grüße", "4999 Grüße"},
                                  {4000, long_reason, nullptr}};
  run_ok(server_.url(), [&](Session& s) {
    for (const auto& close : closes)
      s.ws_connect("/echo").ws_close({.code = close.code, .reason = close.reason});
    s.ws_connect("/echo");
    for (const int code : {0, 999, 1004, 1005, 1006, 1015, 2000, 5000, -1})
      EXPECT_THROW(s.ws_close({.code = code}), InvalidArgument) << code;
    s.ws_ping();
  });
  const auto stats = stats_when_closed(server_, closes.size() + 1);
  Json expected = Json::object();
  for (const auto& close : closes)
    expected[close.seen != nullptr ? close.seen : "4000 " + std::string(123, 'x')] = 1;
  expected["1000"] = 2;
  EXPECT_EQ(stats["closes"], expected);
}

TEST_F(WebSocketNode, TheServersCloseIsToldWithCodeAndReason) {
  const auto url = server_.ws_url() + "/close-after?n=2&code=4123&reason=enough)";
  const auto results = run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/close-after?n=2&code=4123&reason=enough").ws_send("1").ws_send("2");
    // What came before the close is received first, also long after it.
    s.delay(20ms);
    EXPECT_EQ(received(s), "1");
    EXPECT_EQ(received(s), "2");
    const auto why = "ws://127.0.0.1:" + server_.url().substr(17) + " closed the connection: 4123 \"enough\"";
    EXPECT_EQ(error_of([&] { s.ws_recv(); }), "ws_recv(" + url + ": " + why);
    EXPECT_EQ(error_of([&] { s.ws_send("3"); }), "ws_send(" + url + ": " + why);
    EXPECT_EQ(error_of([&] { s.ws_ping(); }), "ws_ping(" + url + ": " + why);
    EXPECT_EQ(error_of([&] { s.ws_await_recv("3"); }), "ws_await_recv(" + url + ": " + why);
    s.ws_close();
    // Connected again, all is well.
    s.ws_connect("/echo").ws_send("x").ws_await_recv("x");
  });
  for (const auto* action : {"ws_recv", "ws_send", "ws_ping", "ws_await_recv"})
    EXPECT_EQ(results.count(std::string("A Error closed ") + action + "(" + url), 1U) << action;
  EXPECT_EQ(results.count("A ws_close(" + url), 1U);
  EXPECT_EQ(results.count("A ws_recv(" + url), 2U);
}

TEST_F(WebSocketNode, SubprotocolsCookiesAndHeadersGoWithTheHandshake) {
  run_ok(server_.url(), [&](Session& s) {
    s.post("/publications", {.body = "x"}).expect(200);
    s.set_header("X-Test", "session");
    s.ws_connect("/echo", {.subprotocols = {"other", "agree.v2", "agree.v1"}});
    EXPECT_EQ(s.response().status(), 101);
    EXPECT_EQ(s.response().header("Sec-WebSocket-Protocol"), "agree.v2");
    s.ws_connect("/echo", {.headers = {{"X-Test", "own"}}});
    for (const std::vector<std::string>& bad :
         {std::vector<std::string>{"a b"}, std::vector<std::string>{""}, std::vector<std::string>{"a", "a"}})
      EXPECT_THROW(s.ws_connect("/echo", {.subprotocols = bad}), InvalidArgument);
  });
  const auto upgrades = stats_when_closed(server_, 2)["upgrades"];
  const auto host = server_.url().substr(7);
  EXPECT_EQ(upgrades, (Json::array({{{"url", "/echo"},
                                     {"cookie", "visited=yes"},
                                     {"host", host},
                                     {"test", "session"},
                                     {"subprotocol", "agree.v2"}},
                                    {{"url", "/echo"},
                                     {"cookie", "visited=yes"},
                                     {"host", host},
                                     {"test", "own"},
                                     {"subprotocol", ""}}})));
}

TEST_F(WebSocketNode, AnotherServerByItsUrl) {
  NodeWsServer other;
  run_ok(server_.url(), [&](Session& s) {
    s.ws_connect(other.ws_url() + "/echo").ws_send("x").ws_await_recv("x");
    s.ws_connect(other.url() + "/echo").ws_send("y").ws_await_recv("y");
    EXPECT_THAT(error_of([&] { s.ws_connect("wss://127.0.0.1:1/"); }), HasSubstr("TLS"));
  });
  EXPECT_EQ(stats_when_closed(other, 2)["received"], 2);
}

TEST_F(WebSocketNode, AMessageOverTheLimitIsTooLarge) {
  const auto results = run_ok(server_.url(),
                              [&](Session& s) {
                                s.ws_connect("/echo").ws_send(std::string(1001, 'x'));
                                EXPECT_THAT(error_of([&] { s.ws_recv(); }), HasSubstr("1001 bytes"));
                              },
                              {{"http", {{"max_response_size", 1000}}}});
  EXPECT_EQ(results.count("A Error too_large ws_recv(" + server_.ws_url() + "/echo)"), 1U);
  EXPECT_EQ(stats_when_closed(server_, 1)["closes"], (Json{{"1009", 1}}));
}

TEST_F(WebSocketNode, TimeOfArrivalIsThatOfTheMessageAndNotOfItsReceiver) {
  run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/burst?n=2");
    Instant first{};
    s.ws_recv({.with_result = [&](Session&, const WsMessage& message) { first = message.arrived_at(); }});
    s.delay(50ms);
    const auto called = s.now();
    s.ws_recv({.with_result = [&](Session&, const WsMessage& message) {
      EXPECT_GE(message.arrived_at(), first);
      EXPECT_LT(message.arrived_at(), called);
    }});
  });
}

}  // namespace
}  // namespace chaperon::session_test
