// WebSockets of several tasks: who gets a message, who hears of a failure, what a cancellation does.
#include <atomic>
#include <deque>

#include "websocket_fixture.hpp"

namespace chaperon::session_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A server that sends what it is asked for.
class SendingServer {
 public:
  SendingServer()
      : server_([this](Peer& peer) {
          accept_upgrade(peer);
          ++open_;
          for (int at = 0;;) {
            // `send N`: the next N numbers, all at once; every other message comes back.
            const auto frame = receive_frame(peer);
            if (frame.first_byte == 0 || frame.first_byte == kCloseFrame) {
              end(close_text(frame));
              if (frame.first_byte == kCloseFrame) peer.send(server_frame(kCloseFrame, frame.payload));
              return;
            }
            if (frame.first_byte == kPingFrame) peer.send(server_frame(kPongFrame, frame.payload));
            if (frame.first_byte != kTextFrame) continue;
            std::string frames;
            if (frame.payload.starts_with("send ")) {
              for (int n = std::stoi(frame.payload.substr(5)); n > 0; --n)
                frames += server_frame(kTextFrame, std::to_string(at++));
            } else {
              frames = server_frame(kTextFrame, frame.payload);
            }
            peer.send(frames);
          }
        }) {}
  [[nodiscard]] std::string url() const { return server_.url(); }
  [[nodiscard]] std::string ws() const { return ws_url(server_.url()); }
  /// Waits until so many connections have ended; what their close frames said, sorted.
  std::vector<std::string> ends(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 10s, [&] { return ends_.size() >= count; });
    std::ranges::sort(ends_);
    return ends_;
  }
  [[nodiscard]] int open() const { return open_; }

 private:
  void end(std::string text) {
    {
      const std::lock_guard lock(mutex_);
      ends_.push_back(std::move(text));
    }
    changed_.notify_all();
  }
  std::atomic<int> open_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> ends_;
  ScriptedServer server_;
};

class WebSocketTasks : public WebSocketRunTest {
 protected:
  SendingServer server_;
};

// --- Who gets a message ----------------------------------------------------------------------------

TEST_F(WebSocketTasks, TwoReceiversGetMessagesInTurn) {
  std::vector<std::string> first;
  std::vector<std::string> second;
  run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/");
    const auto receive_into = [](std::vector<std::string>& into) {
      return [&into](Session& t) {
        for (int i = 0; i < 10; ++i)
          into.push_back(received(t));
      };
    };
    s.async("first", receive_into(first)).async("second", receive_into(second)).delay(1ms);
    // One by one: each is told of its message before the next comes.
    for (int i = 0; i < 20; ++i) {
      s.ws_send("send 1");
      const auto before = first.size() + second.size();
      while (first.size() + second.size() == before)
        s.delay(1ms);
    }
    s.await({"first", "second"});
  });
  EXPECT_THAT(first, ElementsAre("0", "2", "4", "6", "8", "10", "12", "14", "16", "18"));
  EXPECT_THAT(second, ElementsAre("1", "3", "5", "7", "9", "11", "13", "15", "17", "19"));
}

TEST_F(WebSocketTasks, EachMessageOfAHeapGoesToOneReceiver) {
  std::vector<std::string> all;
  run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/");
    for (int i = 0; i < 10; ++i) {
      s.async("receive", [&](Session& t) {
        for (int n = 0; n < 30; ++n)
          all.push_back(received(t));
      });
    }
    s.ws_send("send 300").await("receive");
  });
  EXPECT_EQ(all.size(), 300U);
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
}

TEST_F(WebSocketTasks, OneListensWhileTheOtherSends) {
  std::vector<std::string> heard;
  run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/", {.name = "room"});
    s.async("listen", [&](Session& t) {
      while (heard.size() < 100)
        heard.push_back(received(t, "room"));
    });
    for (int i = 0; i < 100; ++i)
      s.ws_send("line " + std::to_string(i), {.name = "room"});
    s.await("listen");
  });
  ASSERT_EQ(heard.size(), 100U);
  for (std::size_t i = 0; i < heard.size(); ++i)
    EXPECT_EQ(heard[i], "line " + std::to_string(i));
}

TEST_F(WebSocketTasks, AwaitRecvSkipsWhatItIsNotFor) {
  const auto results = run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/").ws_send("send 5").ws_await_recv("4");
    s.ws_send("send 5").ws_await_recv([](const WsMessage& message) { return message.text() == "9"; });
    s.ws_send(R"({"a":1,"b":[2]})").ws_await_recv(Json{{"b", {2}}, {"a", 1}});
    s.ws_send("send 2").delay(20ms);
    std::string text;
    s.ws_await_recv("11", {.with_result = [&](Session&, const WsMessage& m) { text = m.text(); }});
    EXPECT_EQ(text, "11");
    EXPECT_THAT(error_of([&] { s.ws_send("send 3").ws_await_recv("never", {.timeout = 50ms}); }),
                HasSubstr("no message that was waited for within 50 ms"));
  });
  EXPECT_EQ(results.count("A ws_skipped(" + server_.ws() + "/)"), 4U + 4U + 1U + 3U);
  EXPECT_EQ(results.count("A ws_await_recv(" + server_.ws() + "/)"), 4U);
  EXPECT_EQ(results.count("A Error timeout ws_await_recv(" + server_.ws() + "/)"), 1U);
}

TEST_F(WebSocketTasks, AnAwaiterOfOneMessageKeepsItsPlaceWhileItSkips) {
  std::vector<std::string> got;
  run_ok(server_.url(),
         [&](Session& s) {
           s.ws_connect("/");
           s.async("awaits", [&](Session& t) {
             t.ws_await_recv("2");
             got.emplace_back("awaited 2");
           });
           s.delay(1ms);
           s.async("receives", [&](Session& t) { got.push_back(received(t)); });
           s.delay(1ms);
           s.ws_send("send 5").await({"awaits", "receives"});
           EXPECT_EQ(received(s), "4");
         },
         {{"timeout", "2s"}});
  EXPECT_THAT(got, ElementsAre("awaited 2", "3"));
}

// The same with a predicate, which is asked in the task's turn, when the next messages have come already.
TEST_F(WebSocketTasks, APredicateKeepsItsPlaceWhileItSkips) {
  std::vector<std::string> got;
  run_ok(server_.url(),
         [&](Session& s) {
           s.ws_connect("/");
           s.async("awaits", [&](Session& t) {
             t.ws_await_recv([&](const WsMessage& message) {
               got.emplace_back(std::string("asked for ").append(message.text()));
               return message.text() == "2";
             });
           });
           s.delay(1ms);
           s.async("receives", [&](Session& t) { got.push_back(received(t)); });
           s.delay(1ms);
           s.ws_send("send 5").await({"awaits", "receives"});
           EXPECT_EQ(received(s), "4");
         },
         {{"timeout", "2s"}});
  EXPECT_THAT(got, ElementsAre("asked for 0", "asked for 1", "asked for 2", "3"));
}

TEST_F(WebSocketTasks, WhatAPredicateDoesNotDecideGoesToTheNext) {
  // It throws; it is cut off; it closes the connection under itself.
  struct Way {
    const char* name;
    std::function<bool(Session&)> predicate;
    std::vector<std::string> others;
  };
  const std::vector<Way> ways{
      {"throws", [](Session&) -> bool { throw std::runtime_error("own"); }, {"1", "2"}},
      {"is cancelled",
       [](Session& s) {
         s.delay(kForever);
         return true;
       },
       {"1", "2"}},
      {"waits",
       [](Session& s) {
         s.delay(20ms);
         return true;
       },
       {"1", "2"}},
  };
  for (const auto& way : ways) {
    SendingServer server;
    std::vector<std::string> others;
    run_ok(server.url(),
           [&](Session& s) {
             s.ws_connect("/");
             s.async("decides", [&](Session& t) {
               try {
                 t.ws_await_recv([&](const WsMessage&) { return way.predicate(t); });
               } catch (const std::runtime_error&) {
               }
             });
             s.delay(1ms);
             s.async("receives", [&](Session& t) {
               others.push_back(received(t));
               others.push_back(received(t));
             });
             s.delay(1ms);
             s.ws_send("send 3").delay(10ms).cancel(std::string_view(way.name) == "is cancelled" ? "decides"
                                                                                                 : "none");
             s.await({"decides", "receives"});
           },
           {{"timeout", "2s"}});
    EXPECT_EQ(others, way.others) << way.name;
  }
}

TEST_F(WebSocketTasks, AConnectionThatEndsWhileAPredicateDecidesDeliversTheRest) {
  ScriptedServer server([](Peer& peer) {
    accept_upgrade(peer);
    receive_frame(peer);
    peer.send(server_frame(kTextFrame, "0") + server_frame(kTextFrame, "1") + server_frame(kTextFrame, "2") +
              server_frame(kCloseFrame, close_payload(1000)));
    receive_frame(peer);
  });
  std::vector<std::string> others;
  run_ok(server.url(), [&](Session& s) {
    s.ws_connect("/");
    s.async("decides", [&](Session& t) {
      EXPECT_THAT(error_of([&] {
                    t.ws_await_recv([&](const WsMessage&) {
                      t.delay(20ms);
                      return false;
                    });
                  }),
                  HasSubstr("closed the connection: 1000"));
    });
    s.delay(1ms);
    s.async("receives", [&](Session& t) {
      while (others.size() < 2)
        others.push_back(received(t));
    });
    s.delay(1ms);
    s.ws_send("go").await({"decides", "receives"});
  });
  EXPECT_THAT(others, ElementsAre("1", "2"));
}

TEST_F(WebSocketTasks, APredicateThatReceivesByItselfLetsThoseBehindItGoFirst) {
  SendingServer server;
  std::string inner;
  std::string other;
  run_ok(server.url(),
         [&](Session& s) {
           s.ws_connect("/");
           s.async("decides", [&](Session& t) {
             t.ws_await_recv([&](const WsMessage&) {
               inner = received(t);
               return true;
             });
           });
           s.delay(1ms);
           s.async("receives", [&](Session& t) { other = received(t); });
           s.delay(1ms);
           s.ws_send("send 3").await({"decides", "receives"});
         },
         {{"timeout", "2s"}});
  EXPECT_EQ(other, "1");
  EXPECT_EQ(inner, "2");
}

TEST_F(WebSocketTasks, AConnectionThatIsClosedWhileAPredicateDecidesIsToldLikeAnyOther) {
  const auto results = run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/").ws_send("x");
    s.async("decides", [&](Session& t) {
      EXPECT_THAT(error_of([&] {
                    t.ws_await_recv([&](const WsMessage&) {
                      t.delay(20ms);
                      return false;
                    });
                  }),
                  HasSubstr("closed by ws_close"));
    });
    s.delay(5ms).ws_close().await("decides");
  });
  EXPECT_EQ(results.count("A Error closed ws_await_recv(" + ws_url(server_.url()) + "/)"), 1U);
}

TEST_F(WebSocketTasks, DecodingIsARowOfItsOwn) {
  const auto results = run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/").ws_send("{1").ws_send("[1]");
    EXPECT_THAT(error_of([&] { s.ws_recv({.decode = Decode::json}); }), HasSubstr("not JSON: \"{1\""));
    s.ws_recv({.decode = Decode::json, .with_result = [](Session&, const WsMessage& message) {
                 EXPECT_EQ(message.json(), Json::array({1}));
               }});
  });
  EXPECT_EQ(results.count("A Error decode ws_recv(" + server_.ws() + "/)"), 1U);
  EXPECT_EQ(results.count("A ws_recv(" + server_.ws() + "/)"), 1U);
}

// --- Names -----------------------------------------------------------------------------------------

TEST_F(WebSocketTasks, AChildsConnectionHidesItsParents) {
  SendingServer other;
  run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/", {.name = "x"}).ws_send("parent", {.name = "x"});
    s.async("child", [&](Session& t) {
      EXPECT_EQ(received(t, "x"), "parent");
      t.ws_connect(other.url(), {.name = "x"}).ws_send("send 1", {.name = "x"});
      EXPECT_EQ(received(t, "x"), "0");
      t.async("grandchild", [](Session& u) {
        u.ws_send("of the child", {.name = "x"});
        EXPECT_EQ(received(u, "x"), "of the child");
      });
      t.await("grandchild");
    });
    s.await("child");
    // With the child its connection has ended, and no other.
    EXPECT_THAT(other.ends(1), ElementsAre("1000"));
    s.ws_send("still", {.name = "x"});
    EXPECT_EQ(received(s, "x"), "still");
  });
  EXPECT_THAT(server_.ends(1), ElementsAre("1000"));
}

TEST_F(WebSocketTasks, AChildCanCloseItsParentsConnection) {
  run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/");
    s.async("child", [](Session& t) { t.ws_close({.code = 4000, .reason = "child"}); });
    EXPECT_THAT(error_of([&] { s.ws_recv(); }), HasSubstr("was closed by ws_close"));
    s.await("child");
    EXPECT_THROW(s.ws_send("x"), WebSocketNotOpen);
  });
  EXPECT_THAT(server_.ends(1), ElementsAre("4000 child"));
}

TEST_F(WebSocketTasks, ConnectingUnderANameInUseClosesTheFirst) {
  run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/1");
    std::string told;
    s.async("waits", [&](Session& t) {
      t.ws_recv({.on_error = [&](Session&, const Error& error) { told = error.message; }});
    });
    s.delay(1ms);
    s.ws_connect("/2");
    EXPECT_THAT(server_.ends(1), ElementsAre("1000"));
    s.await("waits");
    EXPECT_THAT(told, HasSubstr("ws_connect"));
    s.ws_send("x").ws_await_recv("x");
  });
  EXPECT_THAT(server_.ends(2), ElementsAre("1000", "1000"));
}

TEST_F(WebSocketTasks, WhatWasNeverOpenedIsNamedAndHowToOpenIt) {
  run_ok(server_.url(), [&](Session& s) {
    EXPECT_EQ(error_of([&] { s.ws_recv(); }), "ws_recv: no WebSocket is open: call ws_connect(PATH) first");
    EXPECT_EQ(error_of([&] { s.ws_send("x", {.name = "chat"}); }),
              "ws_send: no WebSocket \"chat\" is open: call ws_connect(PATH, {.name = \"chat\"}) first");
    s.ws_connect("/", {.name = "news"});
    EXPECT_EQ(
        error_of([&] { s.ws_ping({.name = "chat"}); }),
        "ws_ping: no WebSocket \"chat\" is open: call ws_connect(PATH, {.name = \"chat\"}) first; open is "
        "\"news\"");
    EXPECT_THROW(s.ws_close(), WebSocketNotOpen);
    EXPECT_THROW(s.ws_await_recv("x"), WebSocketNotOpen);
  });
}

TEST_F(WebSocketTasks, HttpAndWebSocketOfOneUserAtTheSameTime) {
  NodeWsServer node;
  const auto results = run_ok(node.url(), [&](Session& s) {
    s.ws_connect("/echo");
    s.async("posts", [](Session& t) {
      for (int i = 0; i < 100; ++i)
        t.post("/publications", {.body = "x"}).expect(200);
    });
    s.async("echoes", [](Session& t) {
      for (int i = 0; i < 100; ++i)
        t.ws_send(std::to_string(i)).ws_await_recv(std::to_string(i));
    });
    s.await({"posts", "echoes"});
  });
  EXPECT_EQ(results.count("A post(" + node.url() + "/publications)"), 100U);
  const auto stats = stats_when_closed(node, 1);
  EXPECT_EQ(stats["received"], 100);
  EXPECT_EQ(stats["publications"], 100);
  EXPECT_EQ(stats["http_connections"], 2);
}

// --- Timeouts --------------------------------------------------------------------------------------

struct WsCall {
  const char* name;
  std::function<void(Session&, std::optional<Duration>)> call;
};

// Every call that waits, against a server that does nothing once it has agreed.
std::vector<WsCall> calls() {
  static const std::string big(std::size_t{24} << 20, 'x');
  return {
      {"ws_recv", [](Session& s, auto timeout) { s.ws_recv({.timeout = timeout}); }},
      {"ws_await_recv", [](Session& s, auto timeout) { s.ws_await_recv("x", {.timeout = timeout}); }},
      {"ws_await_recv",
       [](Session& s, auto timeout) {
         s.ws_await_recv([](const WsMessage&) { return true; }, {.timeout = timeout});
       }},
      {"ws_ping", [](Session& s, auto timeout) { s.ws_ping({.timeout = timeout}); }},
      {"ws_send", [](Session& s, auto timeout) { s.ws_send(big, {.timeout = timeout}); }},
      {"ws_close", [](Session& s, auto timeout) { s.ws_close({.timeout = timeout}); }},
      {"ws_connect", [](Session& s, auto timeout) { s.ws_connect("/stall", {.timeout = timeout}); }},
  };
}

class StallingServer {
 public:
  StallingServer()
      : server_([](Peer& peer) {
          const auto request = peer.receive_request();
          if (!request.starts_with("GET /stall ")) peer.send(upgrade_answer(request) + "\r\n");
          peer.stall();
        }) {}
  [[nodiscard]] std::string url() const { return server_.url(); }

 private:
  ScriptedServer server_;
};

class WebSocketWaits : public WebSocketRunTest {
 protected:
  StallingServer server_;
  [[nodiscard]] std::string row(const char* reason, const char* action) const {
    return std::string("A Error ") + reason + " " + action + "(" + ws_url(server_.url()) +
           (std::string_view(action) == "ws_connect" ? "/stall)" : "/)");
  }
};

TEST_F(WebSocketWaits, EachCallTimesOutAtItsTime) {
  for (const auto& one : calls()) {
    for (const bool of_config : {false, true}) {
      const auto results = run_ok(server_.url(),
                                  [&](Session& s) {
                                    s.ws_connect("/");
                                    const auto called = s.now();
                                    const auto why = error_of([&] {
                                      one.call(s, of_config ? std::nullopt : std::optional<Duration>(60ms));
                                    });
                                    const auto took = s.now() - called;
                                    EXPECT_THAT(why, StartsWith(std::string(one.name) + "(ws://"));
                                    EXPECT_THAT(why, HasSubstr("within "));
                                    EXPECT_GE(took, 60ms) << one.name;
                                    EXPECT_LT(took, 2s) << one.name;
                                  },
                                  {{"timeout", of_config ? 60 : 10'000}});
      EXPECT_EQ(results.count(row("timeout", one.name)), 1U) << one.name;
    }
  }
}

TEST_F(WebSocketWaits, ACancellationReachesEachCall) {
  for (const auto& one : calls()) {
    A::script.run = [&](Session& s) {
      s.ws_connect("/");
      one.call(s, std::nullopt);
      ADD_FAILURE();
    };
    const auto results = run({{scenario<A>, {}}}, {{"base_url", server_.url()}, {"scenario_timeout", 100}});
    EXPECT_EQ(results.sessions.timed_out, 1U) << one.name;
    EXPECT_THAT(ending(results),
                StartsWith("scenario_timeout 100 ms, while in " + std::string(one.name) + "(ws://"));
    EXPECT_EQ(results.count(row("cancelled", one.name)), 1U) << one.name;
  }
}

TEST_F(WebSocketWaits, AnInterruptReachesEachCall) {
  for (const auto& one : calls()) {
    std::stop_source stop;
    A::script.run = [&](Session& s) {
      s.ws_connect("/");
      s.async("stop", [&](Session& t) {
        t.delay(5ms);
        stop.request_stop();
        t.delay(kForever);
      });
      one.call(s, std::nullopt);
    };
    const auto results =
        run({{scenario<A>, {}}}, {{"base_url", server_.url()}}, {.threads = 1, .stop = stop.get_token()});
    EXPECT_TRUE(results.interrupted);
    EXPECT_EQ(results.sessions.cancelled, 1U) << one.name;
    EXPECT_EQ(results.count(row("cancelled", one.name)), 1U) << one.name;
  }
}

// --- Failures --------------------------------------------------------------------------------------

TEST_F(WebSocketWaits, AChildsFailureWakesItsParentWhereItWaitsForAMessage) {
  const std::vector<WsCall> waits{
      {"ws_recv", [](Session& s, auto) { s.ws_recv(); }},
      {"ws_await_recv", [](Session& s, auto) { s.ws_await_recv("x"); }},
  };
  for (const auto& one : waits) {
    const auto results = run_ok(server_.url(), [&](Session& s) {
      s.ws_connect("/");
      s.async("child", [](Session& t) {
        t.delay(5ms);
        throw std::runtime_error("child's own");
      });
      try {
        one.call(s, std::nullopt);
        ADD_FAILURE();
      } catch (const TaskFailed& failed) {
        EXPECT_EQ(failed.task(), "child");
        EXPECT_THAT(failed.what(), HasSubstr("child's own"));
      }
    });
    EXPECT_EQ(results.count(row("cancelled", one.name)), 1U);
    EXPECT_EQ(results.count("A Error exception async(child)"), 1U);
  }
}

TEST_F(WebSocketTasks, AChildsFailureWhileTheParentIsInARequestComesAtItsNextWait) {
  std::atomic<bool> failed = false;
  ScriptedServer slow([&](Peer& peer) {
    peer.receive_request();
    failed.wait(false);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/").ws_send("kept");
    s.async("child", [&](Session&) {
      failed = true;
      failed.notify_all();
      throw std::runtime_error("own");
    });
    s.get(slow.url()).expect(200);
    EXPECT_THROW(s.ws_recv(), TaskFailed);
    // The message is there still.
    EXPECT_EQ(received(s), "kept");
  });
}

TEST_F(WebSocketTasks, AFailureThatComesTogetherWithAMessageLosesNone) {
  // The child fails in the very turn in which the message comes that its parent waits for.
  const auto results = run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/");
    s.async("child", [](Session& t) {
      t.ws_recv();
      throw std::runtime_error("own");
    });
    s.delay(1ms);
    s.ws_send("send 2");
    std::vector<std::string> got;
    int failures = 0;
    while (got.empty() || failures == 0) {
      try {
        got.push_back(received(s, {}, 1s));
      } catch (const TaskFailed&) {
        ++failures;
      } catch (const WebSocketError& error) {
        ADD_FAILURE() << error.what();
        break;
      }
      if (!got.empty() && failures == 0) {
        EXPECT_THROW(s.delay(100ms), TaskFailed);
        ++failures;
      }
    }
    EXPECT_THAT(got, ElementsAre("1"));
  });
  EXPECT_EQ(results.count("A ws_recv(" + server_.ws() + "/)"), 2U);
}

TEST_F(WebSocketTasks, ATaskThatFailsClosesItsConnectionsAndNoOther) {
  run_ok(server_.url(), [&](Session& s) {
    s.ws_connect("/", {.name = "own"});
    s.async("child", [](Session& t) {
      t.ws_connect("/", {.name = "childs"});
      throw std::runtime_error("own");
    });
    EXPECT_THROW(s.await("child"), TaskFailed);
    EXPECT_THAT(server_.ends(1), ElementsAre("1000"));
    s.ws_send("x", {.name = "own"}).ws_await_recv("x", {.name = "own"});
  });
}

TEST_F(WebSocketTasks, ASignalToATaskThatHasEndedDoesNoHarm) {
  run_ok(server_.url(), [&](Session& s) {
    s.async("child", [](Session& t) { t.ws_connect("/").ws_send("x").ws_await_recv("x"); });
    s.await("child").signal("child", "late");
  });
}

TEST_F(WebSocketTasks, SessionsThatEndSendACloseFrame) {
  A::script.run = [](Session& s) {
    s.ws_connect("/", {.name = "a"}).ws_connect("/", {.name = "b"});
    if (s.config<bool>("fails", false)) throw std::runtime_error("own");
    if (s.config<bool>("aborts", false)) s.abort("enough");
    if (s.config<bool>("waits", false)) s.ws_recv({.name = "a"});
  };
  const auto results = run({{scenario<A>, {}},
                            {scenario<A>, {{"fails", true}}},
                            {scenario<A>, {{"aborts", true}}},
                            {scenario<A>, {{"waits", true}, {"scenario_timeout", 100}}}},
                           {{"base_url", server_.url()}});
  EXPECT_EQ(results.sessions.ok, 1U);
  EXPECT_EQ(results.sessions.failed, 1U);
  EXPECT_EQ(results.sessions.cancelled, 1U);
  EXPECT_EQ(results.sessions.timed_out, 1U);
  EXPECT_EQ(server_.ends(8), std::vector<std::string>(8, "1000"));
}

TEST_F(WebSocketTasks, ASessionThatIsAbandonedWhileItReceivesHearsNoMore) {
  std::atomic<bool> abandoned = false;
  ScriptedServer server([&](Peer& peer) {
    accept_upgrade(peer);
    abandoned.wait(false);
    for (int i = 0; i < 100; ++i)
      peer.send(server_frame(kTextFrame, "late"));
    receive_frame(peer);
  });
  A::script.run = [](Session& s) {
    s.ws_connect("/");
    for (;;) {
      try {
        s.ws_recv();
      } catch (...) {
      }
    }
  };
  // Without a stack to unwind: what waits is on it still.
  A::script.teardown = {};
  B::script.run = [](Session& s) {
    const auto receive = [&]() noexcept { s.ws_recv(); };
    s.ws_connect("/");
    receive();
  };
  struct Last {
    static void run(Session& s) { s.delay(300ms); }
  };
  std::jthread tell;
  const auto results = run({{scenario<A>, {{"scenario_timeout", 50}}},
                            {scenario<B>, {{"scenario_timeout", 50}}},
                            {scenario<Last>, {}}},
                           {{"base_url", server.url()}},
                           {.threads = 1,
                            .on_progress =
                                [&](const Progress& progress) {
                                  if (progress.done < 2) return;
                                  abandoned = true;
                                  abandoned.notify_all();
                                },
                            .progress_interval = 10ms});
  EXPECT_TRUE(abandoned);
  EXPECT_EQ(results.sessions.failed, 2U);
  EXPECT_EQ(results.sessions.ok, 1U);
  abandoned = true;
  abandoned.notify_all();
}

TEST_F(WebSocketTasks, ATeardownCanUseTheConnection) {
  A::script.run = [](Session& s) {
    s.ws_connect("/");
    s.ws_recv();
  };
  std::atomic<int> said = 0;
  A::script.teardown = [&](Session& s) {
    s.ws_send("bye").ws_await_recv("bye").ws_ping().ws_close({.code = 4001});
    s.ws_connect("/").ws_send("again").ws_await_recv("again");
    ++said;
  };
  const auto results = run({{scenario<A>, {}}}, {{"base_url", server_.url()}, {"scenario_timeout", 100}});
  EXPECT_EQ(results.sessions.timed_out, 1U);
  EXPECT_EQ(said, 1);
  EXPECT_THAT(server_.ends(2), ElementsAre("1000", "4001"));
}

TEST_F(WebSocketTasks, ADestructorThatClosesTheConnectionDuringAFailure) {
  struct Closes {
    Session& session;
    ~Closes() { session.ws_close({.code = 4002}); }
  };
  A::script.run = [](Session& s) {
    s.ws_connect("/");
    const Closes closes{s};
    throw std::runtime_error("own");
  };
  B::script.run = [](Session& s) {
    s.ws_connect("/");
    const Closes closes{s};
    s.ws_recv();
  };
  const auto results =
      run({{scenario<A>, {}}, {scenario<B>, {{"scenario_timeout", 50}}}}, {{"base_url", server_.url()}});
  EXPECT_EQ(results.sessions.failed, 1U);
  EXPECT_EQ(results.sessions.timed_out, 1U);
  // While it is being cancelled nothing waits any more: the session's end closes it.
  EXPECT_THAT(server_.ends(2), ElementsAre("1000", "4002"));
}

TEST_F(WebSocketTasks, HeartbeatsOnTheConnectionOfTheirSession) {
  NodeWsServer node;
  run_ok(node.url(), [](Session& s) {
    s.ws_connect("/echo");
    s.every(
        "heartbeat", [](Session& t) { t.ws_send("beat"); }, 5ms);
    for (int i = 0; i < 5; ++i)
      s.ws_await_recv("beat");
    s.cancel("heartbeat").ws_close();
  });
  EXPECT_EQ(stats_when_closed(node, 1)["closes"], (Json{{"1000", 1}}));
}

TEST_F(WebSocketTasks, ManyTasksWithAConnectionEach) {
  NodeWsServer node;
  constexpr int kTasks = kSanitized ? 50 : 300;
  const auto results = run_ok(node.url(), [](Session& s) {
    for (int i = 0; i < kTasks; ++i)
      s.async("task", [](Session& t) { t.ws_connect("/echo").ws_send("x").ws_await_recv("x"); });
    s.await("task");
  });
  EXPECT_EQ(results.count("A ws_connect(" + node.ws_url() + "/echo)"), std::uint64_t{kTasks});
  EXPECT_EQ(stats_when_closed(node, kTasks)["closes"], (Json{{"1000", kTasks}}));
}

}  // namespace
}  // namespace chaperon::session_test
