#include "target/connection.hpp"

#include <filesystem>
#include <future>
#include <memory>

#include <gtest/gtest.h>

#include "unit/target/target_client.hpp"

namespace chaperon::target {
namespace {

std::string status_line(const std::string& answer) {
  return answer.substr(0, answer.find("\r\n"));
}

TEST(Connection, StaysOpenForManyRequests) {
  const RunningServer server;
  Client client(server);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(client.get("/").result_int(), 200U);
    ASSERT_EQ(client.post("/a", "b").result_int(), 200U);
  }
}

TEST(Connection, ClosesWhenAskedTo) {
  const RunningServer server;
  for (const char* path : {"/", "/a", "/bytes/3", "/chunked/1", "/status/204", "/delay/1"}) {
    const auto answer =
        response_to(server, "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
  }
}

TEST(Connection, SpeaksHttp10) {
  const RunningServer server;
  EXPECT_TRUE(response_to(server, "GET / HTTP/1.0\r\n\r\n").ends_with("server.\n"));
  const auto chunked = response_to(server, "GET /chunked/2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(chunked.find("Transfer-Encoding"), std::string::npos);
  EXPECT_TRUE(chunked.ends_with("\r\n\r\nchunk 1\nchunk 2\n")) << chunked;
  const auto kept = response_to(server,
                                "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
                                "GET /status/103 HTTP/1.0\r\n\r\n");
  EXPECT_NE(kept.find("Connection: keep-alive\r\n"), std::string::npos) << kept;
  EXPECT_EQ(kept.find("HTTP/1.1 103"), std::string::npos) << "HTTP/1.0 knows no interim answers: " << kept;
  EXPECT_TRUE(kept.ends_with("103 went before\n")) << kept;
}

TEST(Connection, AnswersAPipelineInOrder) {
  const RunningServer server;
  Client client(server);
  client.send(
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /delay/10 HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
      "GET /bytes/100000 HTTP/1.1\r\nHost: x\r\n\r\n"
      "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /status/404 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read().body().substr(0, 5), "Hello");
  EXPECT_EQ(Json::parse(client.read().body()), Json({{"delay_ms", 10}}));
  EXPECT_EQ(Json::parse(client.read().body())["body"], "abc");
  EXPECT_EQ(client.read().body().size(), 100'000U);
  EXPECT_EQ(client.read(true).result_int(), 200U);
  EXPECT_EQ(client.read().result_int(), 404U);
}

TEST(Connection, AnswersALongPipelineWhoseAnswersFillTheSocket) {
  const RunningServer server;
  Client client(server);
  constexpr int kRequests = 40'000;
  // Both directions at once, or both sides would block in the end.
  const auto sending = std::async(std::launch::async, [&client] {
    std::string requests;
    for (int i = 0; i < kRequests; ++i) {
      requests += "GET /" + std::string(100, 'x') + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
    }
    client.send(requests);
  });
  for (int i = 0; i < kRequests; ++i) {
    const auto body = client.read().body();
    ASSERT_NE(body.find("x" + std::to_string(i) + "\""), std::string::npos) << body;
  }
}

TEST(Connection, TakesARequestByteByByte) {
  const RunningServer server;
  Client client(server);
  client.socket().set_option(tcp::no_delay(true));
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  for (const char c : request)
    client.send({&c, 1});
  EXPECT_EQ(Json::parse(client.read().body())["body"], "abcde");
}

TEST(Connection, TakesALargeBody) {
  const RunningServer server;
  Client client(server);
  const std::string body(5'000'000, 'x');
  EXPECT_TRUE(Json::parse(client.post("/echo", body).body())["body"] == body);
}

TEST(Connection, RefusesABodyOverTheLimit) {
  const RunningServer server({.max_body = 1000});
  EXPECT_EQ(status_line(response_to(server, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n")),
            "HTTP/1.1 413 Payload Too Large");
  // The answer must arrive although the server does not read what follows before it closes.
  EXPECT_EQ(status_line(response_to(server, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" +
                                                std::string(1'000'000, 'x'))),
            "HTTP/1.1 413 Payload Too Large");
  EXPECT_EQ(
      status_line(response_to(server, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                          std::string("3e9\r\n") + std::string(1001, 'x') + "\r\n0\r\n\r\n")),
      "HTTP/1.1 413 Payload Too Large");
  EXPECT_EQ(Client(server).post("/", std::string(1000, 'x')).result_int(), 200U);
}

TEST(Connection, AnswersExpectationsBeforeTheBody) {
  const RunningServer server({.max_body = 1000});
  Client client(server);
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.read().result_int(), 100U);
  client.send("abc");
  EXPECT_EQ(Json::parse(client.read().body())["body"], "abc");

  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(client.read().result_int(), 200U) << "the body was there, so there is nothing to wait for";

  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n");
  EXPECT_EQ(client.read().result_int(), 413U);
}

TEST(Connection, AnswersMalformedRequestsWith400AndCloses) {
  const RunningServer server;
  for (const char* request :
       {"garbage\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"}) {
    const auto answer = response_to(server, request);
    EXPECT_EQ(status_line(answer), "HTTP/1.1 400 Bad Request") << request;
    EXPECT_NE(answer.find("\"error\""), std::string::npos) << answer;
  }
}

TEST(Connection, AnswersWhatCameBeforeAMalformedRequest) {
  const RunningServer server;
  const auto answer = response_to(server, "GET / HTTP/1.1\r\nHost: x\r\n\r\ngarbage\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK")) << answer;
  EXPECT_NE(answer.find("HTTP/1.1 400 Bad Request"), std::string::npos) << answer;
}

TEST(Connection, BoundsTheHeadAndTheLinesBetweenChunks) {
  const RunningServer server;
  EXPECT_EQ(status_line(response_to(server, "GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(70'000, 'x'))),
            "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(
      status_line(response_to(server, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                                          std::string(200'000, 'x'))),
      "HTTP/1.1 400 Bad Request");
}

TEST(Connection, AnswersARequestThatEndsTooSoon) {
  const RunningServer server;
  Client client(server);
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  client.socket().shutdown(tcp::socket::shutdown_send);
  EXPECT_EQ(status_line(client.read_to_end()), "HTTP/1.1 400 Bad Request");
}

TEST(Connection, DelaysDoNotHoldUpOthers) {
  const RunningServer server;
  std::vector<std::unique_ptr<Client>> waiting;
  for (int i = 0; i < 50; ++i) {
    waiting.push_back(std::make_unique<Client>(server));
    waiting.back()->send("GET /delay/600000 HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  Client client(server);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(Client(server).get("/").result_int(), 200U);
  EXPECT_EQ(client.get("/").result_int(), 200U);
}

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                       std::filesystem::directory_iterator());
}

TEST(Connection, NoticesDuringADelayThatTheClientHasGone) {
  const RunningServer server;
  Client client(server);
  client.get("/");
  const auto before = open_descriptors();
  {
    Client impatient(server);
    impatient.send("GET /delay/600000 HTTP/1.1\r\nHost: x\r\n\r\n");
    while (client.get("/counter").body().find("/delay") == std::string::npos) {
    }
    EXPECT_GT(open_descriptors(), before + 1) << "the server's end and the client's";
  }
  while (open_descriptors() > before)
    client.get("/");
}

TEST(Connection, AnswersBeforeADelayDoNotWait) {
  const RunningServer server;
  Client client(server);
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /delay/600000 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read().result_int(), 200U);
}

TEST(Connection, GoesOnAfterADelayWithWhatCameMeanwhile) {
  const RunningServer server;
  Client client(server);
  client.send("GET /delay/30 HTTP/1.1\r\nHost: x\r\n\r\n");
  client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /delay/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read().body(), R"({"delay_ms":30})");
  EXPECT_EQ(client.read().body(), R"({"path":"/a","method":"GET"})");
  EXPECT_EQ(client.read().body(), R"({"delay_ms":1})");
}

TEST(Connection, ClientsMayLeaveAtAnyPoint) {
  const RunningServer server;
  for (const char* request :
       {"", "GET", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /bytes/1073741824 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /chunked/1000000 HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"}) {
    Client client(server);
    client.send(request);
    client.socket().set_option(net::socket_base::linger(true, 0));
  }
  EXPECT_EQ(Client(server).get("/").result_int(), 200U);
}

}  // namespace
}  // namespace chaperon::target
