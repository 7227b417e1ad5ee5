// What a scenario is told: callbacks, response(), names, timeouts.
#include <string>
#include <vector>

#include "integration/http_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(HttpCallbacks, WithResultGetsTheResponse) {
  const TargetThread target;
  int called = 0;
  run_user(target.url(), [&](Session& s) {
    s.get("/status/201", {.with_result = [&](Session& inner, const Response& response) {
            ++called;
            EXPECT_EQ(&inner, &s);
            EXPECT_EQ(response.status(), 201);
            EXPECT_EQ(response.body(), "201 Created\n");
            inner.assign("seen", true);
          }});
    EXPECT_TRUE(s.assigned<bool>("seen"));
  });
  EXPECT_EQ(called, 1);
}

TEST(HttpCallbacks, WithResultThatTakesJsonGetsTheParsedBody) {
  const TargetThread target;
  std::string token;
  run_user(target.url(), [&](Session& s) {
    s.post("/login", {.json = {{"user", "ann"}}, .with_result = [&](Session&, const Json& json) {
                        token = json.at("data").at("token").get<std::string>();
                      }});
  });
  EXPECT_EQ(token, "token-1");
}

TEST(HttpCallbacks, StatusFrom400IsAnErrorAndAnAnswer) {
  const TargetThread target;
  Error seen;
  int results_seen = 0;
  const auto results = run_user(target.url(), [&](Session& s) {
    for (const auto* path : {"/status/404", "/status/404", "/status/503", "/status/200", "/status/304"}) {
      s.get(path, {.with_result = [&](Session&, const Response&) { ++results_seen; },
                   .on_error = [&](Session&, const Error& error) { seen = error; }});
    }
    s.get("/status/503", {.on_error = [&](Session& inner, const Error&) {
            EXPECT_EQ(inner.response().status(), 503);
            EXPECT_TRUE(inner.response().error().empty());
            EXPECT_FALSE(inner.response().ok());
          }});
  });
  EXPECT_EQ(results_seen, 2);
  EXPECT_EQ(seen.reason, Reason::http);
  EXPECT_EQ(seen.status, 503);
  EXPECT_EQ(seen.name(), "HTTP 503");
  EXPECT_EQ(seen.action, "get(" + target.url() + "/status/503)");
  EXPECT_THAT(seen.message, HasSubstr("503"));
  EXPECT_EQ(results.count("User get(" + target.url() + "/status/404)"), 2U);
  EXPECT_EQ(results.count("User Error HTTP 404 get(" + target.url() + "/status/404)"), 2U);
  EXPECT_EQ(results.count("User Error HTTP 503 get(" + target.url() + "/status/503)"), 2U);
  EXPECT_EQ(results.traffic.responses, 6U);
  EXPECT_EQ(results.traffic.errors, 4U);
  EXPECT_EQ(error_of(results, "HTTP 404", target.url() + "/status/404").count, 2U);
  expect_conservation(results);
}

TEST(HttpCallbacks, WhatACallbackThrowsReachesTheScenario) {
  const TargetThread target;
  const auto results = run_user(target.url(), [](Session& s) {
    EXPECT_THROW(
        s.get("/", {.with_result = [](Session&, const Response&) { throw std::runtime_error("no"); }}),
        std::runtime_error);
    s.get("/");
  });
  EXPECT_EQ(results.count("User get(" + target.url() + "/)"), 2U);
}

TEST(HttpCallbacks, ACallbackMayMakeRequests) {
  const TargetThread target;
  const auto results = run_user(target.url(), [](Session& s) {
    s.get("/outer", {.with_result = [](Session& inner, const Response& response) {
            const auto outer = std::string(response.body());
            inner.get("/inner");
            EXPECT_EQ(response.body(), outer);
            EXPECT_THAT(std::string(inner.response().body()), HasSubstr("/inner"));
          }});
  });
  EXPECT_EQ(results.traffic.responses, 2U);
}

TEST(HttpCallbacks, JsonThatIsNoneIsADecodeError) {
  ScriptedServer server(always(answer("<html>", "Content-Type: text/html\r\n")));
  Error seen;
  bool called = false;
  const auto results = run_user(server.url(), [&](Session& s) {
    s.get("/j", {.with_result = [&](Session&, const Json&) { called = true; },
                 .on_error = [&](Session&, const Error& error) { seen = error; }});
    EXPECT_EQ(s.response().error().reason, Reason::decode);
    EXPECT_EQ(s.response().status(), 0);
    s.get("/j", {.decode = Decode::json});
    s.get("/j", {.decode = Decode::content});
    EXPECT_EQ(s.response().body(), "<html>");
  });
  EXPECT_FALSE(called);
  EXPECT_EQ(seen.reason, Reason::decode);
  EXPECT_THAT(seen.message, AllOf(HasSubstr("not JSON"), HasSubstr("text/html")));
  EXPECT_EQ(results.count("User Error decode get(" + server.url() + "/j)"), 2U);
  EXPECT_EQ(results.count("User get(" + server.url() + "/j)"), 1U);
  EXPECT_EQ(server.connections(), 1U);
  expect_conservation(results, 2);
}

TEST(HttpCallbacks, JsonThatCannotBeHeldIsADecodeError) {
  ScriptedServer server(always(answer(R"({"x": 1e999})")));
  const auto results = run_user(server.url(), [&](Session& s) {
    s.get("/j", {.decode = Decode::json});
    EXPECT_EQ(s.response().error().reason, Reason::decode);
    EXPECT_THAT(s.response().error().message, HasSubstr("1e999"));
  });
  EXPECT_EQ(results.count("User Error decode get(" + server.url() + "/j)"), 1U);
  expect_conservation(results, 1);
}

TEST(HttpCallbacks, AnErrorsBodyNeedNotBeJson) {
  ScriptedServer server(always(answer("<html>", "", "503 Service Unavailable")));
  const auto results = run_user(server.url(), [&](Session& s) {
    s.get("/", {.decode = Decode::json});
    EXPECT_EQ(s.response().status(), 503);
  });
  EXPECT_EQ(results.count("User Error HTTP 503 get(" + server.url() + "/)"), 1U);
}

TEST(HttpResponse, ShowsWhatTheServerSent) {
  ScriptedServer server(
      always(answer(R"({"a": {"b": [1, "two"]}})", "X-One: 1\r\nX-Two:  2 \r\nx-one: again\r\n")));
  run_user(server.url(), [&](Session& s) {
    EXPECT_EQ(s.response().status(), 0);
    EXPECT_TRUE(s.response().error().empty());
    const auto response = s.post("/r").response();
    EXPECT_TRUE(response.ok());
    EXPECT_EQ(response.header("X-ONE"), "1");
    EXPECT_EQ(response.header("x-two"), "2");
    EXPECT_EQ(response.header("x-three"), "");
    ASSERT_EQ(response.headers().size(), 4U);
    EXPECT_EQ(response.headers()[2].first, "x-one");
    EXPECT_EQ(response.headers()[2].second, "again");
    EXPECT_EQ(response.json<int>("/a/b/0"), 1);
    EXPECT_EQ(response.json<std::string>("/a/b/1"), "two");
    EXPECT_EQ(response.request(), "post(" + server.url() + "/r)");
    EXPECT_THROW((void)response.json<int>("/a/c"), DecodeError);
    EXPECT_THROW((void)response.json<int>("/a/b/1"), DecodeError);
  });
}

TEST(HttpResponse, DecodeErrorsNameTheRequestAndShowTheBody) {
  ScriptedServer server(
      always(answer("<html>upstream", "Content-Type: text/html\r\n", "503 Service Unavailable")));
  run_user(server.url(), [&](Session& s) {
    s.post("/login");
    try {
      (void)s.response().json<std::string>("/data/token");
      ADD_FAILURE() << "HTML was taken for JSON";
    } catch (const DecodeError& e) {
      EXPECT_THAT(e.what(), AllOf(HasSubstr("post(" + server.url() + "/login)"), HasSubstr("\"/data/token\""),
                                  HasSubstr("503 text/html"), HasSubstr("<html>upstream")));
    }
  });
}

TEST(HttpResponse, AKeptOneDoesNotChange) {
  ScriptedServer server(answers({answer("first"), answer("second"), answer("third")}));
  run_user(server.url(), [](Session& s) {
    const auto first = s.get("/1").response();
    const auto body = first.body();
    const auto second = s.get("/2").response();
    s.get("/3");
    EXPECT_EQ(body, "first");
    EXPECT_EQ(first.body(), "first");
    EXPECT_EQ(second.body(), "second");
    EXPECT_EQ(s.response().body(), "third");
  });
}

TEST(HttpExpect, NamesTheRequestAndBothStatuses) {
  const TargetThread target;
  run_user(target.url(), [](Session& s) {
    s.get("/status/204").expect(200, 204);
    try {
      s.post("/status/503").expect(200, 201);
      ADD_FAILURE() << "503 was expected";
    } catch (const UnexpectedStatus& e) {
      EXPECT_STREQ(e.what(), "post(/status/503): 503, expected 200 or 201");
    }
  });
}

TEST(HttpExpect, SaysWhyNoAnswerCame) {
  ScriptedServer server([](Peer& peer) { peer.receive_request(); });
  run_user(server.url(), [&](Session& s) {
    try {
      s.post("/").expect(200);
      ADD_FAILURE() << "no answer was expected";
    } catch (const UnexpectedStatus& e) {
      EXPECT_THAT(e.what(), AllOf(HasSubstr("no answer"), HasSubstr("closed"), HasSubstr("expected 200")));
    }
  });
}

TEST(HttpName, GroupsTheRowsOfAllItsUrls) {
  const TargetThread target;
  const auto results = run_user(target.url(), [](Session& s) {
    for (int i = 0; i < 5; ++i)
      s.get("/items/" + std::to_string(i), {.name = "item"});
    s.get("/status/404", {.name = "item"});
    s.get("/items/1");
    EXPECT_EQ(s.post("/items", {.name = "item"}).response().request(), "post(item)");
  });
  EXPECT_EQ(results.count("User get(item)"), 6U);
  EXPECT_EQ(results.count("User Error HTTP 404 get(item)"), 1U);
  EXPECT_EQ(results.count("User post(item)"), 1U);
  EXPECT_EQ(results.count("User get(" + target.url() + "/items/1)"), 1U);
}

TEST(HttpTimeout, OfTheCallWinsOverTheConfigs) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.stall();
  });
  Error seen;
  const auto results = run_user(
      server.url(),
      [&](Session& s) {
        s.get("/slow", {.timeout = 30ms, .on_error = [&](Session&, const Error& error) { seen = error; }});
        s.set_config("timeout", 20).get("/slow");
      },
      {{"timeout", "infinity"}});
  EXPECT_EQ(seen.reason, Reason::timeout);
  EXPECT_EQ(seen.status, 0);
  EXPECT_THAT(seen.message, HasSubstr(server.url()));
  EXPECT_EQ(results.count("User Error timeout get(" + server.url() + "/slow)"), 2U);
  // A connection whose answer is still to come carries nothing else.
  EXPECT_EQ(server.connections(), 2U);
  expect_conservation(results);
}

TEST(HttpTimeout, BoundsAllRedirectsTogether) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.send(answer("", "Location: /second\r\n", "302 Found"));
    peer.receive_request();
    peer.stall();
  });
  const auto results = run_user(server.url(), [&](Session& s) {
    s.get("/first", {.timeout = 300ms, .follow_redirects = true});
    EXPECT_EQ(s.response().error().reason, Reason::timeout);
  });
  EXPECT_EQ(results.count("User get(" + server.url() + "/first)"), 1U);
  EXPECT_EQ(results.count("User Error timeout get(" + server.url() + "/second)"), 1U);
  expect_conservation(results);
}

TEST(HttpCancelled, WhatACancelCutOffHasARow) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.stall();
  });
  const auto results = run_users({.config = {{"base_url", server.url()}, {"scenario_timeout", 50}}},
                                 [](Session& s) { s.get("/slow"); });
  EXPECT_EQ(results.sessions.timed_out, 1U);
  EXPECT_EQ(results.count("User Error cancelled get(" + server.url() + "/slow)"), 1U);
  expect_conservation(results);
}

}  // namespace
}  // namespace chaperon::test
