// What a session remembers between requests: cookies and authorization.
#include <string>

#include "integration/http_fixture.hpp"

namespace chaperon::test {
namespace {

// The Cookie headers of what follows one answer with these Set-Cookie lines, a path each.
std::vector<std::optional<std::string>> cookies_after(const std::vector<std::string>& set,
                                                      const std::vector<std::string>& paths,
                                                      const std::string& first = "/dir/first") {
  std::string lines;
  for (const auto& cookie : set)
    lines += "Set-Cookie: " + cookie + "\r\n";
  ScriptedServer server([&](Peer& peer) {
    peer.receive_request();
    peer.send(answer("first", lines));
    always(answer("ok"))(peer);
  });
  run_user(server.url(), [&](Session& s) {
    s.get(first);
    for (const auto& path : paths)
      s.get(path);
  });
  std::vector<std::optional<std::string>> seen;
  for (const auto& request : server.requests())
    seen.push_back(header_of(request, "Cookie"));
  EXPECT_EQ(seen.at(0), std::nullopt);
  seen.erase(seen.begin());
  return seen;
}

using Seen = std::vector<std::optional<std::string>>;

TEST(HttpCookies, AreSentBack) {
  EXPECT_EQ(cookies_after({"a=1; Path=/", "b=two words; Path=/; HttpOnly"}, {"/", "/x"}),
            (Seen{"a=1; b=two words", "a=1; b=two words"}));
}

TEST(HttpCookies, GoToTheirPathAlone) {
  EXPECT_EQ(
      cookies_after({"here=1", "deep=2; Path=/dir/deep"}, {"/dir/x", "/dir/deep/x", "/other", "/directory"}),
      (Seen{"here=1", "deep=2; here=1", std::nullopt, std::nullopt}));
}

TEST(HttpCookies, ThatExpireAreGone) {
  EXPECT_EQ(cookies_after({"a=1; Max-Age=0", "b=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                           "c=3; Max-Age=1000", "d=4; Path=/; Max-Age=-5"},
                          {"/dir/x"}),
            (Seen{"c=3"}));
}

TEST(HttpCookies, ThatAreSecureAreNotSentInPlainText) {
  EXPECT_EQ(cookies_after({"a=1; Secure; Path=/", "b=2; Path=/"}, {"/"}), (Seen{"b=2"}));
}

TEST(HttpCookies, OfAnotherDomainAreRefused) {
  EXPECT_EQ(cookies_after({"a=1; Domain=example.com; Path=/", "b=2; Path=/"}, {"/"}), (Seen{"b=2"}));
}

TEST(HttpCookies, AreReplacedOneByOne) {
  const TargetThread target;
  Json seen;
  run_user(target.url(), [&](Session& s) {
    s.get("/cookies/set?a=1&b=2").get("/cookies/set?b=3&c=4").get("/cookies/set?a=%3BMax-Age%3D0");
    s.get("/cookies");
    seen = s.response().json();
  });
  EXPECT_EQ(seen.value("b", ""), "3");
  EXPECT_EQ(seen.value("c", ""), "4");
}

TEST(HttpCookies, BelongToTheirUser) {
  const TargetThread target;
  int with = 0;
  run_users({.config = {{"base_url", target.url()}}, .users = 5}, [&](Session& s) {
    EXPECT_EQ(s.get("/cookies").response().json(), Json::object());
    s.post("/login");
    with += s.get("/cookies").response().json().contains("sid") ? 1 : 0;
  });
  EXPECT_EQ(with, 5);
}

TEST(HttpCookies, DoNotGoToAnotherHost) {
  ScriptedServer other(always(answer("ok")), Listen::ipv6);
  ScriptedServer server(always(answer("ok", "Set-Cookie: a=1; Path=/\r\n")));
  run_user(server.url(), [&](Session& s) { s.get("/").get(other.url() + "/").get("/"); });
  EXPECT_EQ(header_of(other.requests().at(0), "Cookie"), std::nullopt);
  EXPECT_EQ(header_of(server.requests().at(1), "Cookie"), "a=1");
}

TEST(HttpCookies, AreTakenFromErrorsToo) {
  ScriptedServer server(always(answer("no", "Set-Cookie: a=1; Path=/\r\n", "401 Unauthorized")));
  run_user(server.url(), [&](Session& s) { s.get("/").get("/"); });
  EXPECT_EQ(header_of(server.requests().at(1), "Cookie"), "a=1");
}

TEST(HttpCookies, AreForgottenByDeleteCookies) {
  const TargetThread target;
  run_user(target.url(), [](Session& s) {
    s.get("/cookies/set?a=1").get("/cookies");
    EXPECT_EQ(s.response().json(), Json({{"a", "1"}}));
    s.delete_cookies().get("/cookies");
    EXPECT_EQ(s.response().json(), Json::object());
    s.get("/cookies/set?b=2").get("/cookies");
    EXPECT_EQ(s.response().json(), Json({{"b", "2"}}));
  });
}

TEST(HttpCookies, ACookieHeaderOfOnesOwnStandsInPlaceOfTheJar) {
  ScriptedServer server(always(answer("ok", "Set-Cookie: jar=1; Path=/\r\n")));
  run_user(server.url(), [](Session& s) {
    s.get("/").get("/", {.headers = {{"Cookie", "own=2"}}}).get("/");
    s.set_header("cookie", "own=3").get("/");
  });
  const auto requests = server.requests();
  EXPECT_EQ(header_of(requests.at(1), "Cookie"), "own=2");
  EXPECT_EQ(header_of(requests.at(2), "Cookie"), "jar=1");
  EXPECT_EQ(header_of(requests.at(3), "cookie"), "own=3");
  EXPECT_EQ(header_of(requests.at(3), "Cookie"), std::nullopt);
}

// The Authorization that one request carries.
std::optional<std::string> authorization(const Body& request, Json config = Json::object(),
                                         const std::string& user_info = {}) {
  ScriptedServer server(always(answer("ok")));
  run_user("http://" + user_info + "127.0.0.1:" + std::to_string(server.port()), request, std::move(config));
  return header_of(server.requests().at(0), "Authorization");
}

constexpr const char* kAnn = "Basic YW5uOnB3";      // ann:pw
constexpr const char* kBob = "Basic Ym9iOnB3Og==";  // bob:pw:

TEST(HttpAuthorization, IsSentByWhatIsNearestToTheCall) {
  const Body get = [](Session& s) { s.get("/"); };
  const Body with_option = [](Session& s) { s.get("/", {.basic_auth = BasicAuth{"bob", "pw:"}}); };
  EXPECT_EQ(authorization(get), std::nullopt);
  EXPECT_EQ(authorization(get, {{"basic_auth", "ann:pw"}}), kAnn);
  EXPECT_EQ(authorization(get, {{"basic_auth", {{"user", "ann"}, {"password", "pw"}}}}), kAnn);
  EXPECT_EQ(authorization(get, Json::object(), "ann:pw@"), kAnn);
  EXPECT_EQ(authorization(get, {{"basic_auth", "bob:pw:"}}, "ann:pw@"), kBob);
  EXPECT_EQ(authorization(with_option, {{"basic_auth", "ann:pw"}}), kBob);
  EXPECT_EQ(
      authorization([](Session& s) { s.basic_auth("ann", "pw").get("/"); }, {{"basic_auth", "bob:pw:"}}),
      kAnn);
  EXPECT_EQ(authorization([](Session& s) { s.bearer_token("t0ken").get("/"); }, {{"basic_auth", "ann:pw"}}),
            "Bearer t0ken");
  EXPECT_EQ(authorization([](Session& s) { s.bearer_token("t").basic_auth("ann", "pw").get("/"); }), kAnn);
  EXPECT_EQ(authorization([](Session& s) {
              s.bearer_token("t").get("/", {.headers = {{"Authorization", "Key k"}}});
            }),
            "Key k");
}

TEST(HttpAuthorization, AHeaderGivesWayToWhatIsNearerToTheCall) {
  const Json config{{"http", {{"headers", {{"authorization", "Key config"}}}}}};
  const HttpOptions with_option{.basic_auth = BasicAuth{"bob", "pw:"}};
  EXPECT_EQ(authorization([](Session& s) { s.bearer_token("t").get("/"); }, config), "Bearer t");
  EXPECT_EQ(authorization([](Session& s) { s.basic_auth("ann", "pw").get("/"); }, config), kAnn);
  EXPECT_EQ(authorization([&](Session& s) { s.get("/", with_option); }, config), kBob);
  EXPECT_EQ(
      authorization([&](Session& s) { s.set_header("Authorization", "Key session").get("/", with_option); }),
      kBob);
  EXPECT_EQ(authorization([](Session& s) { s.set_header("Authorization", "Key session").get("/"); }, config),
            "Key session");
  // Of one level the header is what was written out.
  EXPECT_EQ(authorization(
                [](Session& s) { s.bearer_token("t").set_header("Authorization", "Key session").get("/"); }),
            "Key session");
}

TEST(HttpAuthorization, OfAFullUrlIsThatRequestsAlone) {
  ScriptedServer server(always(answer("ok")));
  const auto site = "127.0.0.1:" + std::to_string(server.port());
  run_user(server.url(), [&](Session& s) { s.get("http://a%40b:p%2Fw@" + site + "/").get("/"); });
  EXPECT_EQ(header_of(server.requests().at(0), "Authorization"), "Basic YUBiOnAvdw==");
  EXPECT_EQ(header_of(server.requests().at(1), "Authorization"), std::nullopt);
}

TEST(HttpAuthorization, OfTheBaseUrlStaysWithItsOrigin) {
  ScriptedServer server(always(answer("ok")));
  ScriptedServer other(always(answer("ok")));
  const auto base = "http://ann:pw@127.0.0.1:" + std::to_string(server.port());
  run_user(base, [&](Session& s) {
    s.get("/").get(other.url() + "/").get(server.url() + "/").get("/", {.headers = {{"X-A", "b"}}});
    s.get(other.url() + "/", {.headers = {{"X-A", "b"}}});
  });
  for (const auto& request : server.requests())
    EXPECT_EQ(header_of(request, "Authorization"), kAnn);
  EXPECT_EQ(server.requests().size(), 3U);
  ASSERT_EQ(other.requests().size(), 2U);
  for (const auto& request : other.requests())
    EXPECT_EQ(header_of(request, "Authorization"), std::nullopt);
}

TEST(HttpAuthorization, ABasicAuthOfTheConfigThatCannotBeUsedIsRefusedBeforeTheRun) {
  EXPECT_THROW(run_users({.config = {{"basic_auth", 7}}}, [](Session&) {}), InputError);
  EXPECT_THROW(run_users({.config = {{"basic_auth", "no colon"}}}, [](Session&) {}), InputError);
}

}  // namespace
}  // namespace chaperon::test
