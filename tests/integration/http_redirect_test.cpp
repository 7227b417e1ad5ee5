// Redirects: which are followed, how, and what is not sent along.
#include <string>

#include "integration/http_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;

std::string moved(std::string_view status, const std::string& location) {
  return answer("moved", "Location: " + location + "\r\n", status);
}

TEST(HttpRedirect, IsNotFollowedUnlessAsked) {
  const TargetThread target;
  const auto results = run_user(target.url(), [](Session& s) {
    s.get("/redirect/2");
    EXPECT_EQ(s.response().status(), 302);
    EXPECT_TRUE(s.response().ok());
    EXPECT_EQ(s.response().header("Location"), "/redirect/1");
  });
  EXPECT_EQ(results.traffic.requests, 1U);
}

TEST(HttpRedirect, EachHopIsASampleOfItsOwn) {
  const TargetThread target;
  int called = 0;
  const auto results = run_user(target.url(), [&](Session& s) {
    s.get("/redirect/3",
          {.with_result = [&](Session&, const Response&) { ++called; }, .follow_redirects = true});
    EXPECT_EQ(s.response().status(), 200);
    EXPECT_EQ(s.response().json<int>("/redirects_left"), 0);
  });
  EXPECT_EQ(called, 1);
  for (const auto* hop : {"3", "2", "1", "0"}) {
    EXPECT_EQ(results.count("User get(" + target.url() + "/redirect/" + hop + ")"), 1U) << hop;
  }
  EXPECT_EQ(results.count("User connect(" + target.url() + ")"), 1U);
  expect_conservation(results);
}

TEST(HttpRedirect, EndsAfterTen) {
  const TargetThread target;
  const auto results = run_user(target.url(), [](Session& s) {
    s.get("/redirect/11", {.follow_redirects = true});
    EXPECT_EQ(s.response().status(), 302);
    s.get("/redirect/10", {.follow_redirects = true});
    EXPECT_EQ(s.response().status(), 200);
  });
  EXPECT_EQ(results.traffic.requests, 22U);
}

TEST(HttpRedirect, AppliesToTheJsonOfTheLastAnswerOnly) {
  const TargetThread target;
  int left = -1;
  const auto results = run_user(target.url(), [&](Session& s) {
    s.get("/redirect/2",
          {.with_result = [&](Session&, const Json& json) { left = json.at("redirects_left"); },
           .follow_redirects = true});
    s.get("/redirect/1", {.decode = Decode::json, .follow_redirects = true});
    EXPECT_EQ(s.response().status(), 200);
  });
  EXPECT_EQ(left, 0);
  EXPECT_EQ(results.traffic.errors, 0U);
}

TEST(HttpRedirect, JsonThatTheLastRedirectDoesNotHaveIsADecodeError) {
  const TargetThread target;
  bool called = false;
  const auto results = run_user(target.url(), [&](Session& s) {
    s.get("/redirect/11",
          {.with_result = [&](Session&, const Json&) { called = true; }, .follow_redirects = true});
    EXPECT_EQ(s.response().error().reason, Reason::decode);
  });
  EXPECT_FALSE(called);
  EXPECT_EQ(results.count("User Error decode get(" + target.url() + "/redirect/1)"), 1U);
  EXPECT_EQ(results.traffic.requests, 11U);
  expect_conservation(results, 1);
}

// The requests after one `asked` that is answered by a redirect to /next and then by 200.
std::string after_redirect(std::string_view status, const Body& asked) {
  ScriptedServer server(answers({moved(status, "/next"), answer("there")}));
  run_user(server.url(), asked);
  const auto requests = server.requests();
  EXPECT_EQ(requests.size(), 2U) << status;
  return requests.size() < 2 ? std::string() : request_line(requests[1]) + "|" + body_of(requests[1]);
}

TEST(HttpRedirect, MethodAndBodyGoAsBrowsersDo) {
  const Body post = [](Session& s) { s.post("/a", {.body = "b", .follow_redirects = true}); };
  const Body put = [](Session& s) { s.put("/a", {.body = "b", .follow_redirects = true}); };
  const Body head = [](Session& s) { s.head("/a", {.follow_redirects = true}); };
  EXPECT_EQ(after_redirect("301 Moved Permanently", post), "GET /next HTTP/1.1|");
  EXPECT_EQ(after_redirect("302 Found", post), "GET /next HTTP/1.1|");
  EXPECT_EQ(after_redirect("303 See Other", post), "GET /next HTTP/1.1|");
  EXPECT_EQ(after_redirect("307 Temporary Redirect", post), "POST /next HTTP/1.1|b");
  EXPECT_EQ(after_redirect("308 Permanent Redirect", post), "POST /next HTTP/1.1|b");
  EXPECT_EQ(after_redirect("302 Found", put), "PUT /next HTTP/1.1|b");
  EXPECT_EQ(after_redirect("303 See Other", put), "GET /next HTTP/1.1|");
}

TEST(HttpRedirect, AHeadStaysOne) {
  const std::string see_other = "HTTP/1.1 303 See Other\r\nLocation: /next\r\n\r\n";
  ScriptedServer server(answers({see_other, "HTTP/1.1 200 OK\r\n\r\n"}));
  run_user(server.url(), [](Session& s) { s.head("/a", {.follow_redirects = true}); });
  EXPECT_EQ(request_line(server.requests().at(1)), "HEAD /next HTTP/1.1");
}

TEST(HttpRedirect, ParametersAreTheFirstRequestsAlone) {
  ScriptedServer server(answers({moved("302 Found", "/next?c=3"), answer("there")}));
  run_user(server.url(), [](Session& s) { s.get("/a", {.params = {{"b", 2}}, .follow_redirects = true}); });
  EXPECT_EQ(request_line(server.requests().at(0)), "GET /a?b=2 HTTP/1.1");
  EXPECT_EQ(request_line(server.requests().at(1)), "GET /next?c=3 HTTP/1.1");
}

TEST(HttpRedirect, TheLocationMayBeRelative) {
  ScriptedServer server(answers(
      {moved("302 Found", "../c?d"), moved("302 Found", "e"), moved("302 Found", "?f#g"), answer("")}));
  run_user(server.url(), [](Session& s) { s.get("/a/b/x", {.follow_redirects = true}); });
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 4U);
  EXPECT_EQ(request_line(requests[1]), "GET /a/c?d HTTP/1.1");
  EXPECT_EQ(request_line(requests[2]), "GET /a/e HTTP/1.1");
  EXPECT_EQ(request_line(requests[3]), "GET /a/e?f HTTP/1.1");
}

TEST(HttpRedirect, WithoutALocationItIsAnAnswer) {
  ScriptedServer server(always(answer("", "", "302 Found")));
  const auto results = run_user(server.url(), [](Session& s) {
    s.get("/", {.follow_redirects = true});
    EXPECT_EQ(s.response().status(), 302);
  });
  EXPECT_EQ(results.traffic.requests, 1U);
}

TEST(HttpRedirect, AuthorizationStaysWithItsOrigin) {
  ScriptedServer other(always(answer("there")));
  ScriptedServer server(
      answers({moved("302 Found", "/same"), moved("302 Found", other.url() + "/cross"), answer("back")}));
  const auto ask = [&](Session& s) { s.get("/a", {.follow_redirects = true}); };
  run_user(server.url(), [&](Session& s) { s.bearer_token("secret").call("ask", ask); });
  EXPECT_EQ(header_of(server.requests().at(0), "Authorization"), "Bearer secret");
  EXPECT_EQ(header_of(server.requests().at(1), "Authorization"), "Bearer secret");
  EXPECT_EQ(header_of(other.requests().at(0), "Authorization"), std::nullopt);
}

TEST(HttpRedirect, SoDoesAnAuthorizationHeader) {
  ScriptedServer other(always(answer("there")));
  ScriptedServer server(always(moved("302 Found", other.url() + "/cross")));
  run_user(server.url(), [](Session& s) {
    s.get("/call", {.headers = {{"authorization", "Key 1"}, {"X-Kept", "yes"}}, .follow_redirects = true});
    s.set_header("Authorization", "Key 2").get("/session", {.follow_redirects = true});
  });
  run_user(server.url(), [](Session& s) { s.get("/config", {.follow_redirects = true}); },
           {{"http", {{"headers", {{"Authorization", "Key 3"}}}}}});
  EXPECT_EQ(header_of(server.requests().at(0), "authorization"), "Key 1");
  EXPECT_EQ(header_of(server.requests().at(1), "Authorization"), "Key 2");
  EXPECT_EQ(header_of(server.requests().at(2), "Authorization"), "Key 3");
  ASSERT_EQ(other.requests().size(), 3U);
  for (const auto& request : other.requests()) {
    EXPECT_EQ(header_of(request, "Authorization"), std::nullopt);
    EXPECT_EQ(header_of(request, "authorization"), std::nullopt);
  }
  EXPECT_EQ(header_of(other.requests()[0], "X-Kept"), "yes");
}

TEST(HttpRedirect, BasicAuthOfTheUrlStaysWithItsOrigin) {
  ScriptedServer server(answers({moved("302 Found", "/same"), answer("there")}));
  const auto with_user = "http://ann:pw@127.0.0.1:" + std::to_string(server.port()) + "/a";
  run_user("", [&](Session& s) { s.get(with_user, {.follow_redirects = true}); });
  EXPECT_EQ(header_of(server.requests().at(0), "Authorization"), "Basic YW5uOnB3");
  EXPECT_EQ(header_of(server.requests().at(1), "Authorization"), "Basic YW5uOnB3");
}

TEST(HttpRedirect, CookiesAreTakenFromEachHop) {
  ScriptedServer server(answers({answer("moved", "Location: /b\r\nSet-Cookie: a=1\r\n", "302 Found"),
                                 answer("there", "Set-Cookie: b=2\r\n"), answer("")}));
  run_user(server.url(), [](Session& s) { s.get("/a", {.follow_redirects = true}).get("/c"); });
  EXPECT_EQ(header_of(server.requests().at(1), "Cookie"), "a=1");
  EXPECT_EQ(header_of(server.requests().at(2), "Cookie"), "a=1; b=2");
}

// What a server says never throws: a Location that cannot be followed is a failure of the request.
TEST(HttpRedirect, ALocationThatCannotBeFollowedIsAnError) {
  ScriptedServer server(answers({moved("302 Found", "https://127.0.0.1:1/secure"),
                                 moved("302 Found", "http://"), moved("302 Found", "ftp://127.0.0.1/"),
                                 moved("302 Found", "http+unix://%2Ftmp%2Fx.sock/"), answer("on")}));
  std::vector<Error> errors;
  const auto results = run_user(server.url(), [&](Session& s) {
    for (const auto* path : {"/https", "/empty", "/ftp", "/unix"}) {
      s.get(path, {.with_result = [](Session&, const Response&) { ADD_FAILURE() << "a broken redirect"; },
                   .on_error = [&](Session&, const Error& error) { errors.push_back(error); },
                   .follow_redirects = true});
      EXPECT_EQ(s.response().status(), 0) << path;
      EXPECT_FALSE(s.response().error().empty()) << path;
    }
    s.get("/on").expect(200);
  });
  ASSERT_EQ(errors.size(), 4U);
  EXPECT_EQ(errors[0].reason, Reason::unsupported);
  EXPECT_THAT(errors[0].message, HasSubstr("TLS"));
  for (std::size_t i = 1; i < errors.size(); ++i) {
    EXPECT_EQ(errors[i].reason, Reason::malformed) << errors[i].message;
    EXPECT_THAT(errors[i].message, HasSubstr("Location"));
  }
  EXPECT_EQ(results.count("User Error unsupported get(https://127.0.0.1:1/secure)"), 1U);
  EXPECT_EQ(results.count("User get(" + server.url() + "/https)"), 1U);
  for (const auto* path : {"/empty", "/ftp", "/unix"}) {
    EXPECT_EQ(results.count("User Error malformed get(" + server.url() + path + ")"), 1U) << path;
    EXPECT_EQ(results.count("User get(" + server.url() + path + ")"), 0U) << path;
  }
  expect_conservation(results, 3);
}

}  // namespace
}  // namespace chaperon::test
