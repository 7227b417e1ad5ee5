// What a request looks like at the server: methods, headers, parameters, bodies.
#include <string>

#include <zlib.h>

#include "integration/http_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Runs one request against the target's /echo and returns what the server saw.
Json echoed(const Body& request) {
  const TargetThread target;
  Json seen;
  run_user(target.url(), [&](Session& s) {
    request(s);
    s.expect(200);
    seen = s.response().json();
  });
  return seen;
}

// Runs one request against a server that keeps its bytes, and returns them.
std::string received(const Body& request) {
  ScriptedServer server(always(answer("ok")));
  run_user(server.url(), request);
  const auto requests = server.requests();
  EXPECT_EQ(requests.size(), 1U);
  return requests.empty() ? std::string() : requests.front();
}

TEST(HttpMethods, EachIsSentAndHasARowOfItsName) {
  const TargetThread target;
  Json counter;
  const auto results = run_user(target.url(), [&](Session& s) {
    s.get("/m").head("/m").post("/m").put("/m").patch("/m").del("/m").options("/m");
    s.request("PROPFIND", "/m").request("get", "/m");
    counter = s.get("/counter").response().json();
  });
  const std::string url = target.url() + "/m";
  for (const auto* action : {"head", "post", "put", "patch", "del", "options", "propfind"}) {
    EXPECT_EQ(results.count("User " + std::string(action) + "(" + url + ")"), 1U) << action;
  }
  EXPECT_EQ(results.count("User get(" + url + ")"), 2U);
  const auto& methods = counter;
  EXPECT_EQ(results.traffic.requests, 10U);
  EXPECT_EQ(results.traffic.responses, 10U);
  EXPECT_THAT(methods.dump(), HasSubstr("PROPFIND"));
  expect_conservation(results);
}

TEST(HttpMethods, TheServerSeesTheMethod) {
  ScriptedServer server(always("HTTP/1.1 204 No Content\r\n\r\n"));
  run_user(server.url(), [](Session& s) {
    s.get("/").head("/").post("/").put("/").patch("/").del("/").options("/").request("PROPFIND", "/dav");
  });
  std::string lines;
  for (const auto& request : server.requests())
    lines += request_line(request) + "\n";
  EXPECT_EQ(lines,
            "GET / HTTP/1.1\nHEAD / HTTP/1.1\nPOST / HTTP/1.1\nPUT / HTTP/1.1\nPATCH / HTTP/1.1\n"
            "DELETE / HTTP/1.1\nOPTIONS / HTTP/1.1\nPROPFIND /dav HTTP/1.1\n");
}

TEST(HttpMethods, WithoutABodyOnlyThoseThatExpectOneSayThatItIsEmpty) {
  ScriptedServer server(always("HTTP/1.1 204 No Content\r\n\r\n"));
  run_user(server.url(), [](Session& s) { s.get("/").post("/").put("/").patch("/").del("/"); });
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 5U);
  EXPECT_EQ(header_of(requests[0], "Content-Length"), std::nullopt);
  EXPECT_EQ(header_of(requests[1], "Content-Length"), "0");
  EXPECT_EQ(header_of(requests[2], "Content-Length"), "0");
  EXPECT_EQ(header_of(requests[3], "Content-Length"), "0");
  EXPECT_EQ(header_of(requests[4], "Content-Length"), std::nullopt);
}

TEST(HttpMethods, WhatIsNoMethodIsRefused) {
  const TargetThread target;
  const auto results = run_user(target.url(), [](Session& s) {
    EXPECT_THROW(s.request("GET /", "/x"), InvalidArgument);
    EXPECT_THROW(s.request("", "/x"), InvalidArgument);
    EXPECT_THROW(s.request("CONNECT", "/x"), InvalidArgument);
    s.get("/");
  });
  EXPECT_EQ(results.traffic.requests, 1U);
}

TEST(HttpHeaders, ThoseOfTheCallReplaceTheSessionsAndTheConfigs) {
  ScriptedServer server(always(answer("ok")));
  run_user(server.url(),
           [](Session& s) {
             s.set_header("X-Session", "session").set_header("X-Both", "session");
             s.get("/1");
             s.get("/2", {.headers = {{"x-session", "call"}, {"X-Config", "call"}, {"X-Many", "1"}}});
             s.set_header("X-Session", "later").get("/3");
           },
           {{"http", {{"headers", {{"X-Config", "config"}, {"X-Both", "config"}, {"X-Number", 7}}}}}});
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(header_of(requests[0], "X-Config"), "config");
  EXPECT_EQ(header_of(requests[0], "X-Number"), "7");
  EXPECT_EQ(header_of(requests[0], "X-Both"), "session");
  EXPECT_EQ(header_of(requests[0], "X-Session"), "session");
  EXPECT_EQ(header_of(requests[1], "x-session"), "call");
  EXPECT_EQ(header_of(requests[1], "X-Session"), std::nullopt);
  EXPECT_EQ(header_of(requests[1], "X-Config"), "call");
  EXPECT_EQ(header_of(requests[1], "X-Many"), "1");
  EXPECT_EQ(header_of(requests[2], "X-Session"), "later");
  EXPECT_EQ(header_of(requests[2], "X-Config"), "config");
}

TEST(HttpHeaders, HostAndUserAgentAreThere) {
  ScriptedServer server(always(answer("ok")));
  run_user(server.url(), [](Session& s) { s.get("/"); });
  const auto request = server.requests().at(0);
  EXPECT_EQ(header_of(request, "Host"), "127.0.0.1:" + std::to_string(server.port()));
  EXPECT_THAT(header_of(request, "User-Agent").value_or(""), StartsWith("chaperon/"));
}

TEST(HttpHeaders, AHostOfOnesOwnReplacesTheUrls) {
  ScriptedServer server(always(answer("ok")));
  const auto get = [](Session& s) { s.get("/"); };
  run_user(server.url(), [](Session& s) { s.get("/", {.headers = {{"Host", "call.test"}}}); });
  run_user(server.url(), [](Session& s) { s.set_header("Host", "session.test").get("/"); });
  run_user(server.url(), get, {{"http", {{"headers", {{"Host", "config.test"}}}}}});
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(header_of(requests[0], "Host"), "call.test");
  EXPECT_EQ(header_of(requests[1], "Host"), "session.test");
  EXPECT_EQ(header_of(requests[2], "Host"), "config.test");
}

TEST(HttpHeaders, WhatCannotBeSentIsRefusedAtTheCall) {
  const TargetThread target;
  const auto results = run_user(target.url(), [](Session& s) {
    // On a connection that is yet to be opened, and on one that is open.
    for (int i = 0; i < 2; ++i) {
      EXPECT_THROW(s.get("/x", {.headers = {{"X-Split", "a\r\nEvil: b"}}}), InvalidArgument);
      EXPECT_THROW(s.get("/x", {.headers = {{"no name", "a"}}}), InvalidArgument);
      EXPECT_THROW(s.get("/x", {.headers = {{"Content-Length", "5"}}}), InvalidArgument);
      EXPECT_THROW(s.get("/x", {.basic_auth = BasicAuth{"a:b", "c"}}), InvalidArgument);
      EXPECT_THROW(s.set_header("X-Split", "a\nb"), InvalidArgument);
      EXPECT_THROW(s.bearer_token("a\nb"), InvalidArgument);
      s.get("/");
    }
  });
  EXPECT_EQ(results.traffic.requests, 2U);
  EXPECT_EQ(results.traffic.responses, 2U);
  EXPECT_EQ(results.count("User get(" + target.url() + "/)"), 2U);
}

TEST(HttpParams, ArePercentEncodedAndArraysRepeatTheirKey) {
  const auto seen = echoed([](Session& s) {
    s.get("/echo", {.params = {{"q", "a b&c=d/é"}, {"tag", {"x", "y", 3}}, {"ok", true}, {"none", nullptr}}});
  });
  EXPECT_EQ(seen.at("query"), "none=&ok=true&q=a%20b%26c%3Dd%2F%C3%A9&tag=x&tag=y&tag=3");
}

TEST(HttpParams, GoBehindAQueryThatIsThere) {
  const auto seen = echoed([](Session& s) { s.get("/echo?a=1", {.params = {{"b", 2}}}); });
  EXPECT_EQ(seen.at("query"), "a=1&b=2");
}

TEST(HttpParams, WhatIsNoObjectOrNoScalarIsRefused) {
  const TargetThread target;
  run_user(target.url(), [](Session& s) {
    EXPECT_THROW(s.get("/", {.params = Json("text")}), InvalidArgument);
    EXPECT_THROW(s.get("/", {.params = {{"a", {{"b", 1}}}}}), InvalidArgument);
    s.get("/");
  });
}

TEST(HttpBody, Json) {
  const auto seen = echoed([](Session& s) { s.post("/echo", {.json = {{"data", "é"}, {"n", {1, 2}}}}); });
  EXPECT_EQ(Json::parse(seen.at("body").get<std::string>()), Json({{"data", "é"}, {"n", {1, 2}}}));
  EXPECT_EQ(seen.at("headers").at("Content-Type"), "application/json");
}

TEST(HttpBody, JsonNullIsABody) {
  const auto seen = echoed([](Session& s) { s.post("/echo", {.json = nullptr}); });
  EXPECT_EQ(seen.at("body"), "null");
}

TEST(HttpBody, Form) {
  const auto seen = echoed([](Session& s) {
    s.post("/echo", {.form = {{"name", "Ann B"}, {"tags", {"a&b", "c"}}}});
  });
  EXPECT_EQ(seen.at("body"), "name=Ann+B&tags=a%26b&tags=c");
  EXPECT_EQ(seen.at("headers").at("Content-Type"), "application/x-www-form-urlencoded");
}

TEST(HttpBody, BytesAsTheyAre) {
  const std::string bytes("a\0b\r\n\xff", 6);
  const auto request = received([&](Session& s) { s.put("/", {.body = bytes}); });
  EXPECT_EQ(body_of(request), bytes);
  EXPECT_EQ(header_of(request, "Content-Type"), std::nullopt);
  EXPECT_EQ(header_of(request, "Content-Length"), "6");
}

TEST(HttpBody, AnEmptyOneAndOneOfAGet) {
  const auto empty = received([](Session& s) { s.del("/", {.body = ""}); });
  EXPECT_EQ(header_of(empty, "Content-Length"), "0");
  const auto of_get = received([](Session& s) { s.get("/", {.body = "find"}); });
  EXPECT_EQ(body_of(of_get), "find");
}

TEST(HttpBody, AContentTypeOfOnesOwnWins) {
  const auto seen = echoed([](Session& s) {
    s.post("/echo", {.headers = {{"content-type", "application/vnd.api+json"}}, .json = {{"a", 1}}});
  });
  EXPECT_EQ(seen.at("headers").at("content-type"), "application/vnd.api+json");
  EXPECT_FALSE(seen.at("headers").contains("Content-Type"));
}

TEST(HttpBody, Multipart) {
  const auto request = received([](Session& s) {
    s.post("/", {.multipart = {{.name = "title", .content = "Holiday"},
                               {.name = "photo", .content = "\x89PNG", .filename = "a \"b\".png"},
                               {.name = "note", .content = "{}", .content_type = "application/json"}}});
  });
  const auto type = header_of(request, "Content-Type").value_or("");
  ASSERT_THAT(type, StartsWith("multipart/form-data; boundary="));
  const auto boundary = type.substr(type.find('=') + 1);
  EXPECT_EQ(body_of(request), "--" + boundary +
                                  "\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nHoliday\r\n--" +
                                  boundary +
                                  "\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a "
                                  "%22b%22.png\"\r\nContent-Type: "
                                  "application/octet-stream\r\n\r\n\x89PNG\r\n--" +
                                  boundary +
                                  "\r\nContent-Disposition: form-data; name=\"note\"\r\nContent-Type: "
                                  "application/json\r\n\r\n{}\r\n--" +
                                  boundary + "--\r\n");
}

std::string gunzip(std::string bytes) {
  std::string text(1 << 16, '\0');
  z_stream stream{};
  inflateInit2(&stream, MAX_WBITS + 16);
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

TEST(HttpBody, GzipOfAnotherBody) {
  const auto request = received([](Session& s) {
    s.post("/", {.json = {{"text", std::string(5000, 'x')}}, .gzip = true});
  });
  EXPECT_EQ(gunzip(body_of(request)), "{\"text\":\"" + std::string(5000, 'x') + "\"}");
  EXPECT_EQ(header_of(request, "Content-Encoding"), "gzip");
  EXPECT_EQ(header_of(request, "Content-Type"), "application/json");
  EXPECT_LT(body_of(request).size(), 200U);
}

TEST(HttpBody, GzipAsABodyByItself) {
  const auto request = received([](Session& s) { s.post("/", {.gzip = "some text"}); });
  EXPECT_EQ(gunzip(body_of(request)), "some text");
  EXPECT_EQ(header_of(request, "Content-Encoding"), "gzip");
}

TEST(HttpBody, Chunked) {
  std::string large(100'000, 'c');
  const auto seen = echoed([&](Session& s) { s.post("/echo", {.body = large, .chunked = true}); });
  EXPECT_EQ(seen.at("body"), large);
  EXPECT_EQ(seen.at("headers").at("Transfer-Encoding"), "chunked");
  EXPECT_FALSE(seen.at("headers").contains("Content-Length"));
}

TEST(HttpBody, AnEmptyChunkedOne) {
  const auto seen = echoed([](Session& s) { s.post("/echo", {.body = "", .chunked = true}); });
  EXPECT_EQ(seen.at("body"), "");
  EXPECT_EQ(seen.at("headers").at("Transfer-Encoding"), "chunked");
}

TEST(HttpBody, TwoAreRefused) {
  const TargetThread target;
  const auto results = run_user(target.url(), [](Session& s) {
    try {
      s.post("/two", {.json = {{"a", 1}}, .body = "b"});
      ADD_FAILURE() << "two bodies were sent";
    } catch (const InvalidArgument& e) {
      EXPECT_THAT(e.what(), HasSubstr("has 2 bodies"));
      EXPECT_THAT(e.what(), HasSubstr("/two"));
    }
    EXPECT_THROW(s.post("/two", {.form = {{"a", 1}}, .multipart = {{"n", "c"}}, .gzip = "x"}),
                 InvalidArgument);
    s.get("/");
  });
  EXPECT_EQ(results.traffic.requests, 1U);
}

}  // namespace
}  // namespace chaperon::test
