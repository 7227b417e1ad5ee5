#include "target/routes.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include "target/encoding.hpp"
#include "unit/target/target_client.hpp"

namespace chaperon::target {
namespace {

struct Routes : ::testing::Test {
  RunningServer server;
  Client client{server};
};

std::string alphabet_of(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i)
    text[i] = static_cast<char>('a' + i % 26);
  return text;
}

std::string inflated(const std::string& compressed, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, window_bits), Z_OK);
  std::string out(1 << 20, ' ');
  std::string in = compressed;
  stream.next_in = reinterpret_cast<unsigned char*>(in.data());
  stream.avail_in = static_cast<unsigned>(in.size());
  stream.next_out = reinterpret_cast<unsigned char*>(out.data());
  stream.avail_out = static_cast<unsigned>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST_F(Routes, RootIsAShortText) {
  const auto response = client.get("/");
  EXPECT_EQ(response.result_int(), 200U);
  EXPECT_EQ(response[http::field::content_type], "text/plain; charset=utf-8");
  EXPECT_EQ(response.body(), "Hello from the Chaperon target server.\n");
  EXPECT_EQ(client.get("/?a=b").body(), response.body());
}

TEST_F(Routes, HeadHasTheHeadersOfGetAndNoBody) {
  for (const char* path :
       {"/", "/cookies", "/bytes/1000000", "/chunked/3", "/gzip/10", "/status/404", "/login"}) {
    const auto head = client.request(http::verb::head, path);
    EXPECT_EQ(head.body(), "") << path;
    const auto get = client.get(path);
    EXPECT_EQ(head.result(), get.result()) << path;
    EXPECT_EQ(head[http::field::content_length], get[http::field::content_length]) << path;
    EXPECT_EQ(head[http::field::transfer_encoding], get[http::field::transfer_encoding]) << path;
  }
}

TEST_F(Routes, AnythingElseDescribesTheRequest) {
  const auto response = client.post("/a/b?c=d", "ignored");
  EXPECT_EQ(response.result_int(), 200U);
  EXPECT_EQ(response.body(), R"({"path":"/a/b","method":"POST"})");
  EXPECT_EQ(client.get_json("/quote\"back\\slash"),
            Json({{"path", "/quote\"back\\slash"}, {"method", "GET"}}));
  EXPECT_EQ(client.get_json("/status"), Json({{"path", "/status"}, {"method", "GET"}}));
  EXPECT_EQ(client.get_json("/status/1/2"), Json({{"path", "/status/1/2"}, {"method", "GET"}}));
  EXPECT_EQ(client.get_json("http://127.0.0.1:1/absolute?x"),
            Json({{"path", "/absolute"}, {"method", "GET"}}));
  EXPECT_EQ(Json::parse(client.request(http::verb::options, "*").body()),
            Json({{"path", "*"}, {"method", "OPTIONS"}}));
}

TEST_F(Routes, EchoReturnsWhatWasSent) {
  const auto json =
      Json::parse(client
                      .request(http::verb::put, "/echo?a=1&b",
                               {{"X-One", "1"}, {"X-Two", "2"}, {"X-Two", "3"}}, "Grüße \"x\"\n")
                      .body());
  EXPECT_EQ(json["method"], "PUT");
  EXPECT_EQ(json["path"], "/echo");
  EXPECT_EQ(json["query"], "a=1&b");
  EXPECT_EQ(json["body"], "Grüße \"x\"\n");
  EXPECT_EQ(json["headers"]["X-One"], "1");
  EXPECT_EQ(json["headers"]["X-Two"], "2, 3");
  EXPECT_FALSE(json.contains("body_base64"));
}

TEST_F(Routes, EchoReturnsABinaryBodyAsBase64Too) {
  const auto json = Json::parse(client.post("/echo", std::string("\x00\xff\x1f\x8b", 4)).body());
  EXPECT_EQ(json["body_base64"], "AP8fiw==");
}

TEST_F(Routes, StatusAnswersWithTheStatusAskedFor) {
  for (const unsigned status : {200U, 201U, 301U, 401U, 404U, 429U, 500U, 503U, 599U}) {
    const auto response = client.get("/status/" + std::to_string(status));
    EXPECT_EQ(response.result_int(), status);
    EXPECT_EQ(response.body().substr(0, 3), std::to_string(status));
  }
  EXPECT_EQ(client.get("/status/503").body(), "503 Service Unavailable\n");
  EXPECT_EQ(client.get("/status/503").reason(), "Service Unavailable");
}

TEST_F(Routes, StatusesWithoutBodyHaveNone) {
  for (const unsigned status : {204U, 205U, 304U}) {
    const auto response = client.get("/status/" + std::to_string(status));
    EXPECT_EQ(response.result_int(), status);
    EXPECT_EQ(response.body(), "");
    EXPECT_EQ(response.count(http::field::content_length), status == 205 ? 1U : 0U);
  }
  EXPECT_EQ(client.get("/").result_int(), 200U) << "the connection is still in step";
}

TEST_F(Routes, StatusBelow200IsAnInterimAnswer) {
  client.send("GET /status/103 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto text = client.read_to_end();
  EXPECT_EQ(text.substr(0, 28), "HTTP/1.1 103 \r\n\r\nHTTP/1.1 20") << text;
  EXPECT_TRUE(text.ends_with("103 went before\n")) << text;
}

TEST_F(Routes, ArgumentsOutOfRangeAre400AndSayWhy) {
  for (const char* path :
       {"/status/100", "/status/600", "/status/abc", "/status/", "/status/-1", "/status/200x",
        "/status/99999999999999999999", "/bytes/1073741825", "/chunked/1000001", "/delay/600001", "/delay/-1",
        "/redirect/x", "/gzip/67108865", "/deflate/"}) {
    const auto response = client.get(path);
    EXPECT_EQ(response.result_int(), 400U) << path;
    EXPECT_NE(response.body().find("must be a number from "), std::string::npos) << response.body();
  }
}

TEST_F(Routes, BytesAreTheAlphabet) {
  for (const std::size_t size : {0U, 1U, 26U, 1000U, 262'144U, 262'145U, 3'000'000U}) {
    const auto response = client.get("/bytes/" + std::to_string(size));
    EXPECT_EQ(response[http::field::content_length], std::to_string(size));
    EXPECT_TRUE(response.body() == alphabet_of(size)) << size;
  }
}

TEST_F(Routes, ManyEmptyBodiesInOnePipeline) {
  std::string requests;
  for (int i = 0; i < 1000; ++i)
    requests += "GET /bytes/0 HTTP/1.1\r\nHost: x\r\n\r\n";
  client.send(requests);
  for (int i = 0; i < 1000; ++i)
    ASSERT_EQ(client.read().result_int(), 200U) << i;
}

TEST_F(Routes, ChunkedSendsThatManyChunks) {
  client.send("GET /chunked/2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto text = client.read_to_end();
  EXPECT_NE(text.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\n\r\n8\r\nchunk 1\n\r\n8\r\nchunk 2\n\r\n0\r\n\r\n")) << text;
}

TEST_F(Routes, ChunkedOfAnyNumber) {
  EXPECT_EQ(client.get("/chunked/0").body(), "");
  const auto body = client.get("/chunked/20000").body();
  EXPECT_EQ(std::count(body.begin(), body.end(), '\n'), 20'000);
  EXPECT_TRUE(body.ends_with("chunk 20000\n"));
  EXPECT_EQ(client.get("/").result_int(), 200U) << "the connection is still in step";
}

TEST_F(Routes, CompressedOnlyWhenAskedFor) {
  const auto plain = client.get("/gzip/1000");
  EXPECT_EQ(plain.count(http::field::content_encoding), 0U);
  EXPECT_EQ(plain.body(), alphabet_of(1000));
  EXPECT_EQ(client.get("/gzip/1000", {{"Accept-Encoding", "br, gzip;q=0"}}).body(), alphabet_of(1000));

  const auto gzip = client.get("/gzip/300000", {{"Accept-Encoding", "br, GZip;q=0.5"}});
  EXPECT_EQ(gzip[http::field::content_encoding], "gzip");
  EXPECT_LT(gzip.body().size(), 10'000U);
  EXPECT_TRUE(inflated(gzip.body(), 15 + 16) == alphabet_of(300'000));

  const auto deflate = client.get("/deflate/300000", {{"Accept-Encoding", "deflate"}});
  EXPECT_EQ(deflate[http::field::content_encoding], "deflate");
  EXPECT_TRUE(inflated(deflate.body(), 15) == alphabet_of(300'000));
  EXPECT_EQ(inflated(client.get("/gzip/0", {{"Accept-Encoding", "gzip"}}).body(), 15 + 16), "");
}

TEST_F(Routes, CookiesAreSetAndShown) {
  const auto response = client.get("/cookies/set?a=1&b=x%20y;Path=/b;Max-Age=0&empty=");
  std::vector<std::string> lines;
  const auto [first, last] = response.equal_range(http::field::set_cookie);
  for (auto field = first; field != last; ++field)
    lines.emplace_back(field->value());
  EXPECT_EQ(lines, (std::vector<std::string>{"a=1; Path=/", "b=x y;Path=/b;Max-Age=0", "empty=; Path=/"}));
  EXPECT_EQ(client.get_json("/cookies", {{"Cookie", "a=1; b=x=y"}, {"Cookie", "c="}}),
            Json({{"a", "1"}, {"b", "x=y"}, {"c", ""}}));
  EXPECT_EQ(client.get_json("/cookies"), Json::object());
}

TEST_F(Routes, CookiesThatAreNoneAreRefused) {
  for (const char* path :
       {"/cookies/set", "/cookies/set?", "/cookies/set?a", "/cookies/set?=1", "/cookies/set?a=1&b",
        "/cookies/set?a=%0d%0aX:%20y", "/cookies/set?a=%zz", "/cookies/set?a=%2"}) {
    const auto response = client.get(path);
    EXPECT_EQ(response.result_int(), 400U) << path;
    EXPECT_EQ(response.count(http::field::set_cookie), 0U) << path;
  }
}

TEST_F(Routes, RedirectCountsDown) {
  const auto response = client.get("/redirect/2");
  EXPECT_EQ(response.result_int(), 302U);
  EXPECT_EQ(response[http::field::location], "/redirect/1");
  EXPECT_EQ(client.get("/redirect/0").result_int(), 200U);
}

TEST_F(Routes, LoginGivesANewTokenEachTime) {
  const auto first = client.post("/login", R"({"user":"ann"})");
  EXPECT_EQ(Json::parse(first.body())["data"]["token"], "token-1");
  EXPECT_EQ(first[http::field::set_cookie], "sid=session-1; Path=/; HttpOnly");
  EXPECT_EQ(client.get_json("/login")["data"]["token"], "token-2");
}

TEST_F(Routes, DelayAnswersAfterwards) {
  EXPECT_EQ(client.get_json("/delay/20"), Json({{"delay_ms", 20}}));
  EXPECT_EQ(client.get_json("/delay/0"), Json({{"delay_ms", 0}}));
}

TEST_F(Routes, CounterCountsByMethodAndPath) {
  client.get("/a?x=1");
  client.get("/a?x=2");
  client.post("/a", "");
  client.get("/counter");
  WebSocketClient socket(server);
  socket.connect("/chat?room=1");
  EXPECT_EQ(client.get_json("/counter"), Json({{"GET /a", 2}, {"POST /a", 1}, {"WS /chat", 1}}));

  EXPECT_EQ(client.get("/counter/reset").result_int(), 405U);
  EXPECT_EQ(client.get_json("/counter").size(), 3U);
  EXPECT_EQ(client.post("/counter/reset", "").result_int(), 200U);
  EXPECT_EQ(client.get_json("/counter"), Json::object());
}

TEST_F(Routes, PublicationsNeedTextAndPost) {
  EXPECT_EQ(Json::parse(client.post("/publications", "hello").body()), Json({{"subscribers", 0}}));
  EXPECT_EQ(client.post("/publications", "\xff").result_int(), 400U);
  EXPECT_EQ(client.get_json("/publications"), Json({{"path", "/publications"}, {"method", "GET"}}));
}

TEST(SplitTarget, KnowsAllForms) {
  const auto parts = [](std::string_view text) {
    const auto target = split_target(text);
    return std::string(target.path) + "|" + std::string(target.query);
  };
  EXPECT_EQ(parts("/a"), "/a|");
  EXPECT_EQ(parts("/a?b?c"), "/a|b?c");
  EXPECT_EQ(parts("/a?"), "/a|");
  EXPECT_EQ(parts("http://host:1/a?b"), "/a|b");
  EXPECT_EQ(parts("http://host"), "/|");
  EXPECT_EQ(parts("http://host?q"), "/|q");
  EXPECT_EQ(parts("/a?url=http://x/y"), "/a|url=http://x/y");
  EXPECT_EQ(parts("*"), "*|");
}

}  // namespace
}  // namespace chaperon::target
