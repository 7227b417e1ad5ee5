// Where requests go: addresses, sockets, base URLs and what is wrong with them.
#include <string>

#include "integration/http_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// What run_load_test says of a base URL that cannot be used.
std::string refusal(std::string_view base_url) {
  try {
    run_users({.config = {{"base_url", base_url}}}, [](Session& s) { s.get("/"); });
  } catch (const InputError& e) {
    return e.what();
  }
  ADD_FAILURE() << base_url << " was taken";
  return {};
}

TEST(HttpUrl, IPv4) {
  ScriptedServer server(always(answer("four")));
  const auto results =
      run_user(server.url(), [](Session& s) { EXPECT_EQ(s.get("/").response().body(), "four"); });
  EXPECT_EQ(results.count("User get(" + server.url() + "/)"), 1U);
}

TEST(HttpUrl, IPv6) {
  ScriptedServer server(always(answer("six")), Listen::ipv6);
  const auto results =
      run_user(server.url(), [](Session& s) { EXPECT_EQ(s.get("/").response().body(), "six"); });
  EXPECT_EQ(results.count("User get(" + server.url() + "/)"), 1U);
  EXPECT_EQ(results.count("User connect(" + server.url() + ")"), 1U);
  EXPECT_EQ(header_of(server.requests().at(0), "Host"), "[::1]:" + std::to_string(server.port()));
}

TEST(HttpUrl, UnixSocket) {
  ScriptedServer server(always(answer("local")), Listen::unix_socket);
  const auto results = run_user(server.url(), [](Session& s) {
    EXPECT_EQ(s.get("/a?b").response().body(), "local");
    s.get("/a?b").expect(200);
  });
  EXPECT_EQ(results.count("User get(" + server.url() + "/a?b)"), 2U);
  EXPECT_EQ(results.count("User connect(" + server.url() + ")"), 1U);
  EXPECT_EQ(request_line(server.requests().at(0)), "GET /a?b HTTP/1.1");
  EXPECT_EQ(header_of(server.requests().at(0), "Host"), "localhost");
}

TEST(HttpUrl, AUnixSocketThatIsNotThereRefuses) {
  const std::string url = "http+unix://%2Fnowhere%2Fat.sock";
  const auto results = run_user(url, [](Session& s) { s.get("/"); });
  EXPECT_EQ(results.count("User Error refused get(" + url + "/)"), 1U);
  EXPECT_THAT(error_of(results, "refused", url + "/").example, HasSubstr("/nowhere/at.sock"));
}

TEST(HttpUrl, TlsIsUnsupportedAndSaysSo) {
  const TargetThread target;
  Error seen;
  const auto results = run_user(target.url(), [&](Session& s) {
    s.get("https://127.0.0.1:1/x", {.on_error = [&](Session&, const Error& error) { seen = error; }});
    EXPECT_EQ(s.response().status(), 0);
    EXPECT_EQ(s.response().error().reason, Reason::unsupported);
    s.get("https://127.0.0.1:1/x");
    s.post("wss://127.0.0.1:1/x");
    s.get("/").expect(200);
  });
  EXPECT_EQ(seen.reason, Reason::unsupported);
  EXPECT_THAT(seen.message, AllOf(HasSubstr("TLS is not built in yet"), HasSubstr("https://127.0.0.1:1/x")));
  EXPECT_EQ(results.count("User Error unsupported get(https://127.0.0.1:1/x)"), 2U);
  EXPECT_EQ(results.count("User Error unsupported post(wss://127.0.0.1:1/x)"), 1U);
  EXPECT_EQ(results.traffic.requests, 4U);
  expect_conservation(results);
}

TEST(HttpUrl, ATlsBaseUrlIsRefusedBeforeTheRun) {
  EXPECT_THAT(refusal("https://127.0.0.1"), HasSubstr("TLS is not built in yet"));
  EXPECT_THAT(refusal("wss://127.0.0.1"), HasSubstr("TLS is not built in yet"));
}

TEST(HttpUrl, AMalformedBaseUrlIsRefusedBeforeTheRun) {
  EXPECT_THAT(refusal("localhost:5000"), AllOf(HasSubstr("base URL"), HasSubstr("http://HOST[:PORT]")));
  EXPECT_THAT(refusal("http://"), HasSubstr("host is missing"));
  EXPECT_THAT(refusal("http://a:99999"), HasSubstr("99999"));
  EXPECT_THAT(refusal("ftp://a"), HasSubstr("ftp"));
  EXPECT_THAT(refusal("http://[::1"), HasSubstr("bracket"));
  EXPECT_THAT(refusal("http://user:secret@a:x"), ::testing::Not(HasSubstr("secret")));
}

TEST(HttpUrl, AMissingBaseUrlFailsTheSessionWithTheRemedy) {
  const TargetThread target;
  const auto results =
      run_users({.others = 1, .other = [&](Session& s) { s.get(target.url() + "/").expect(200); }},
                [](Session& s) { s.get("/x"); });
  EXPECT_EQ(results.sessions.failed, 1U);
  EXPECT_EQ(results.sessions.ok, 1U);
  EXPECT_EQ(results.traffic.requests, 1U);
  ASSERT_EQ(results.endings.size(), 1U);
  EXPECT_THAT(results.endings[0].example,
              AllOf(HasSubstr("base_url"), HasSubstr("--base-url"), HasSubstr("\"/x\"")));
}

TEST(HttpUrl, ABaseUrlSetByTheScenarioThatIsMalformedThrowsThere) {
  run_user("", [](Session& s) {
    s.set_config("base_url", "nonsense");
    EXPECT_THROW(s.get("/"), InvalidArgument);
    EXPECT_THROW(s.get("http://"), InvalidArgument);
  });
}

TEST(HttpUrl, TheBaseIsJoinedWithOneSlash) {
  ScriptedServer server(always(answer("ok")));
  const Body ask = [](Session& s) { s.get("a").get("/a").get("//a").get("").get("?q=1"); };
  const std::string lines =
      "GET /v1/a HTTP/1.1\nGET /v1/a HTTP/1.1\nGET /v1/a HTTP/1.1\nGET /v1 HTTP/1.1\nGET /v1?q=1 HTTP/1.1\n";
  const auto results = run_user(server.url() + "/v1", ask);
  std::string seen;
  for (const auto& request : server.requests())
    seen += request_line(request) + "\n";
  EXPECT_EQ(seen, lines);
  EXPECT_EQ(results.count("User get(" + server.url() + "/v1/a)"), 3U);

  ScriptedServer slashed(always(answer("ok")));
  run_user(slashed.url() + "/v1/", [](Session& s) { s.get("a").get("/a"); });
  EXPECT_EQ(request_line(slashed.requests().at(0)), "GET /v1/a HTTP/1.1");
  EXPECT_EQ(request_line(slashed.requests().at(1)), "GET /v1/a HTTP/1.1");

  ScriptedServer bare(always(answer("ok")));
  run_user(bare.url() + "/", [](Session& s) { s.get("/a").get(""); });
  EXPECT_EQ(request_line(bare.requests().at(0)), "GET /a HTTP/1.1");
  EXPECT_EQ(request_line(bare.requests().at(1)), "GET / HTTP/1.1");
}

TEST(HttpUrl, WhatIsNotSafeOnTheWireIsEncoded) {
  ScriptedServer server(always(answer("ok")));
  const auto results = run_user(server.url(), [](Session& s) {
    s.get("/a b/é\"<>?x=ü y#fragment").get("/already%20encoded/100%25").get("/%zz");
  });
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(request_line(requests[0]), "GET /a%20b/%C3%A9%22%3C%3E?x=%C3%BC%20y HTTP/1.1");
  EXPECT_EQ(request_line(requests[1]), "GET /already%20encoded/100%25 HTTP/1.1");
  EXPECT_EQ(request_line(requests[2]), "GET /%25zz HTTP/1.1");
  EXPECT_EQ(results.count("User get(" + server.url() + "/a%20b/%C3%A9%22%3C%3E?x=%C3%BC%20y)"), 1U);
}

TEST(HttpUrl, ALineBreakInAPathCannotSplitARequest) {
  ScriptedServer server(always(answer("ok")));
  run_user(server.url(), [](Session& s) { s.get("/a HTTP/1.1\r\nEvil: 1\r\n\r\nGET /b"); });
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(request_line(requests[0]), "GET /a%20HTTP/1.1%0D%0AEvil:%201%0D%0A%0D%0AGET%20/b HTTP/1.1");
}

TEST(HttpUrl, AFullUrlIgnoresTheBase) {
  ScriptedServer server(always(answer("ok")));
  const auto results =
      run_user("http://127.0.0.1:1/base", [&](Session& s) { s.get(server.url() + "/x?y=1#z"); });
  EXPECT_EQ(request_line(server.requests().at(0)), "GET /x?y=1 HTTP/1.1");
  EXPECT_EQ(results.count("User get(" + server.url() + "/x?y=1)"), 1U);
}

TEST(HttpUrl, RowsHaveNoUserInfo) {
  ScriptedServer server(always(answer("ok")));
  const auto port = std::to_string(server.port());
  const auto results = run_user("http://ann:pw@127.0.0.1:" + port, [](Session& s) { s.get("/"); });
  EXPECT_EQ(results.count("User get(http://127.0.0.1:" + port + "/)"), 1U);
  for (const auto& metric : results.metrics)
    EXPECT_THAT(metric.name(), ::testing::Not(HasSubstr("ann")));
}

}  // namespace
}  // namespace chaperon::test
