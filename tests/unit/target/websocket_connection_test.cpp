#include "target/websocket_connection.hpp"

#include <future>

#include <gtest/gtest.h>

#include "unit/target/target_client.hpp"

namespace chaperon::target {
namespace {

TEST(WebSocketEcho, ReturnsTextAndBinary) {
  const RunningServer server;
  WebSocketClient socket(server);
  socket.connect("/chat");
  socket.send("Grüße");
  EXPECT_EQ(socket.receive(), "Grüße");
  EXPECT_TRUE(socket.stream().got_text());
  socket.send_binary(std::string("\x00\xff", 2));
  EXPECT_EQ(socket.receive(), std::string("\x00\xff", 2));
  EXPECT_TRUE(socket.stream().got_binary());
  socket.send("");
  EXPECT_EQ(socket.receive(), "");
}

TEST(WebSocketEcho, ReturnsManyMessagesInOrder) {
  const RunningServer server;
  WebSocketClient socket(server);
  socket.connect("/");
  for (int i = 0; i < 1000; ++i)
    socket.send(std::to_string(i));
  for (int i = 0; i < 1000; ++i)
    ASSERT_EQ(socket.receive(), std::to_string(i));
}

TEST(WebSocketEcho, ReturnsABigMessageInOneFrame) {
  const RunningServer server;
  WebSocketClient socket(server);
  socket.connect("/chat");
  const std::string big(3'000'000, 'x');
  auto receiving = std::async(std::launch::async, [&socket] {
    beast::flat_buffer buffer;
    socket.stream().read(buffer);
    return beast::buffers_to_string(buffer.data());
  });
  socket.send(big);
  EXPECT_TRUE(receiving.get() == big);
  socket.send("small");
  EXPECT_EQ(socket.receive(), "small");
}

TEST(WebSocketEcho, CompressesIfTheClientOffersIt) {
  const RunningServer server;
  WebSocketClient socket(server);
  socket.offer_deflate();
  const auto response = socket.connect("/chat");
  EXPECT_TRUE(response[http::field::sec_websocket_extensions].starts_with("permessage-deflate"));
  const std::string text(100'000, 'x');
  for (int i = 0; i < 3; ++i) {
    socket.send(text);
    ASSERT_TRUE(socket.receive() == text);
  }
  WebSocketClient plain(server);
  EXPECT_EQ(plain.connect("/chat").count(http::field::sec_websocket_extensions), 0U);
}

TEST(WebSocketEcho, AcceptsTheFirstSubprotocol) {
  const RunningServer server;
  WebSocketClient socket(server);
  socket.stream().set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
    request.set(http::field::sec_websocket_protocol, "chat.v2, chat.v1");
  }));
  EXPECT_EQ(socket.connect("/chat")[http::field::sec_websocket_protocol], "chat.v2");
}

TEST(WebSocketEcho, EndsTheConnectionOnAMessageOverTheLimit) {
  const RunningServer server({.max_body = 1000});
  WebSocketClient socket(server);
  socket.connect("/chat");
  socket.send(std::string(1000, 'x'));
  EXPECT_EQ(socket.receive().size(), 1000U);
  socket.send(std::string(1001, 'x'));
  EXPECT_EQ(socket.receive_to_end(), 0U);
  EXPECT_EQ(socket.stream().reason().code, websocket::close_code::too_big);
}

TEST(WebSocketEcho, ClosesInOrder) {
  const RunningServer server;
  WebSocketClient socket(server);
  socket.connect("/chat");
  socket.stream().close({websocket::close_code::going_away, "bye"});
  EXPECT_EQ(socket.stream().reason().code, websocket::close_code::going_away);
}

TEST(WebSocketEcho, ClosesAfterAsManyMessagesAsThePathSays) {
  const RunningServer server;
  WebSocketClient socket(server);
  socket.connect("/close/2");
  for (const auto* text : {"one", "two"}) {
    socket.send(text);
    EXPECT_EQ(socket.receive(), text);
  }
  EXPECT_EQ(socket.receive_to_end(), 0U);
  EXPECT_EQ(socket.stream().reason().code, websocket::close_code::going_away);
}

TEST(WebSocketEcho, DoesNotCloseWhereThePathHasNoNumber) {
  const RunningServer server;
  for (const auto* path : {"/close/", "/close/x", "/close/-1", "/close"}) {
    WebSocketClient socket(server);
    socket.connect(path);
    socket.send("one");
    EXPECT_EQ(socket.receive(), "one") << path;
  }
}

TEST(WebSocketEcho, AnswersPings) {
  const RunningServer server;
  WebSocketClient socket(server);
  socket.connect("/chat");
  std::string pong;
  socket.stream().control_callback([&pong](websocket::frame_type kind, beast::string_view payload) {
    if (kind == websocket::frame_type::pong) pong = std::string(payload);
  });
  socket.stream().ping("are you there");
  socket.send("x");
  EXPECT_EQ(socket.receive(), "x");
  EXPECT_EQ(pong, "are you there");
}

std::string upgrade_request(const std::string& path, const std::string& version) {
  return "GET " + path +
         " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: " +
         version + "\r\n\r\n";
}

TEST(WebSocketUpgrade, IsRefusedWhereAStatusIsAskedFor) {
  const RunningServer server;
  Client client(server);
  client.send(upgrade_request("/status/403", "13"));
  EXPECT_EQ(client.read().body(), "403 Forbidden\n");
  EXPECT_EQ(client.get("/").result_int(), 200U) << "the connection is still good for HTTP";
}

TEST(WebSocketUpgrade, FollowsOrdinaryRequestsOnTheSameConnection) {
  const RunningServer server;
  WebSocketClient socket(server);
  const std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  net::write(socket.stream().next_layer(), net::buffer(request.data(), request.size()));
  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  http::read(socket.stream().next_layer(), buffer, response);
  EXPECT_EQ(response.result_int(), 200U);
  socket.connect("/chat");
  socket.send("x");
  EXPECT_EQ(socket.receive(), "x");
}

TEST(WebSocketUpgrade, OfAnotherVersionIsRefused) {
  const RunningServer server;
  const auto answer = response_to(server, upgrade_request("/chat", "12"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 426 ") || answer.starts_with("HTTP/1.1 400 ")) << answer;
}

TEST(Subscribers, GetWhatIsPublishedInOrder) {
  const RunningServer server;
  std::vector<std::unique_ptr<WebSocketClient>> subscribers;
  for (int i = 0; i < 5; ++i) {
    subscribers.push_back(std::make_unique<WebSocketClient>(server));
    subscribers.back()->connect("/foo");
  }
  WebSocketClient bystander(server);
  bystander.connect("/bar");
  Client publisher(server);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(
        Json::parse(publisher.post("/publications", "message " + std::to_string(i)).body())["subscribers"],
        5);
  }
  for (auto& subscriber : subscribers) {
    for (int i = 0; i < 100; ++i)
      ASSERT_EQ(subscriber->receive(), "message " + std::to_string(i));
    EXPECT_TRUE(subscriber->stream().got_text());
  }
  bystander.send("mine");
  EXPECT_EQ(bystander.receive(), "mine");
}

TEST(Subscribers, SeeConcurrentPublicationsInTheSameOrder) {
  const RunningServer server;
  WebSocketClient one(server);
  WebSocketClient two(server);
  one.connect("/foo");
  two.connect("/foo");
  constexpr int kEach = 200;
  {
    std::vector<std::jthread> publishers;
    for (int p = 0; p < 3; ++p) {
      publishers.emplace_back([&server, p] {
        Client client(server);
        for (int i = 0; i < kEach; ++i)
          client.post("/publications", std::to_string(p) + "/" + std::to_string(i));
      });
    }
  }
  for (int i = 0; i < 3 * kEach; ++i)
    ASSERT_EQ(one.receive(), two.receive());
}

TEST(Subscribers, AreNotEchoedToAndMayLeave) {
  const RunningServer server;
  Client publisher(server);
  {
    WebSocketClient socket(server);
    socket.connect("/foo");
    socket.send("not echoed");
    EXPECT_EQ(publisher.post("/publications", "published").result_int(), 200U);
    EXPECT_EQ(socket.receive(), "published");
    socket.stream().close(websocket::close_code::normal);
  }
  int subscribers = 1;
  while (subscribers != 0)
    subscribers = Json::parse(publisher.post("/publications", "x").body())["subscribers"];
}

TEST(Subscribers, WhoAreTooSlowAreClosed) {
  const RunningServer server({.subscriber_queue = 4});
  WebSocketClient slow(server);
  slow.connect("/foo");
  WebSocketClient prompt(server);
  prompt.connect("/foo");
  Client publisher(server);
  const std::string message(1 << 20, 'x');
  std::size_t published = 0;
  int subscribers = 2;
  while (subscribers == 2 && published < 100) {
    subscribers = Json::parse(publisher.post("/publications", message).body())["subscribers"];
    ++published;
    ASSERT_EQ(prompt.receive().size(), message.size());
  }
  EXPECT_EQ(subscribers, 1);
  EXPECT_LT(slow.receive_to_end(), published);
  EXPECT_EQ(slow.stream().reason().code, websocket::close_code::try_again_later);
}

TEST(Subscribers, MayWaitForMuchIfTheQueueIsLong) {
  const RunningServer server;
  WebSocketClient slow(server);
  slow.connect("/foo");
  Client publisher(server);
  const std::string message(1 << 20, 'x');
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(Json::parse(publisher.post("/publications", message).body())["subscribers"], 1);
  }
  for (int i = 0; i < 30; ++i)
    ASSERT_EQ(slow.receive().size(), message.size());
}

}  // namespace
}  // namespace chaperon::target
