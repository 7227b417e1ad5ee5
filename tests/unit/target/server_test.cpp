#include <filesystem>

#include <boost/asio/local/stream_protocol.hpp>
#include <gtest/gtest.h>

#include "support/temp_dir.hpp"
#include "unit/target/target_client.hpp"

namespace chaperon::target {
namespace {

std::string failure(const Options& options) {
  try {
    const Server server(options);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no failure";
}

TEST(Server, ChoosesAPortAndSaysWhich) {
  const Server server({.port = 0});
  EXPECT_NE(server.port(), 0);
  EXPECT_EQ(server.url(), "http://127.0.0.1:" + std::to_string(server.port()));
}

TEST(Server, SaysWhatToDoIfThePortIsInUse) {
  const Server first({.port = 0});
  const std::string port = std::to_string(first.port());
  EXPECT_EQ(failure({.port = first.port()}),
            "cannot listen on port " + port +
                " of 127.0.0.1: it is in use: choose another with --port, or --port 0 for any that is free");
}

TEST(Server, SaysWhatIsWrongWithAnAddress) {
  EXPECT_NE(failure({.address = "example.org", .port = 0}).find("\"example.org\": it is not an IP address"),
            std::string::npos);
  EXPECT_NE(failure({.address = "203.0.113.1", .port = 0}).find("203.0.113.1"), std::string::npos);
  EXPECT_EQ(failure({.address = "localhost", .port = 0}), "no failure");
}

TEST(Server, ListensOnIpv6) {
  net::io_context context;
  tcp::acceptor probe(context);
  error_code error;
  probe.open(tcp::v6(), error);
  if (!error) probe.bind({net::ip::address_v6::loopback(), 0}, error);
  if (error) GTEST_SKIP() << "this machine has no ::1";
  RunningServer server({.address = "::1"});
  EXPECT_EQ(server.server().url(), "http://[::1]:" + std::to_string(server.port()));
  tcp::socket socket(context);
  socket.connect({net::ip::address_v6::loopback(), server.port()});
  EXPECT_TRUE(socket.is_open());
}

TEST(Server, ListensOnAUnixSocketToo) {
  const test::TempDir directory;
  const std::string path = directory / "socket";
  {
    const RunningServer server({.unix_path = path});
    EXPECT_EQ(Client(server).get("/").result_int(), 200U);
    net::io_context context;
    net::local::stream_protocol::socket socket(context);
    socket.connect(net::local::stream_protocol::endpoint(path));
    const std::string_view request = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    net::write(socket, net::buffer(request.data(), request.size()));
    beast::flat_buffer buffer;
    Response response;
    http::read(socket, buffer, response);
    EXPECT_EQ(response.body(), R"({"path":"/a","method":"GET"})");
    EXPECT_NE(failure({.port = 0, .unix_path = path}).find(path), std::string::npos) << "it is alive";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Server, ReplacesTheSocketFileOfADeadServer) {
  const test::TempDir directory;
  const std::string path = directory / "socket";
  {
    net::io_context context;
    const net::local::stream_protocol::acceptor dead(context, net::local::stream_protocol::endpoint(path));
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_EQ(failure({.port = 0, .unix_path = path}), "no failure");
}

TEST(Server, LeavesFilesAloneThatAreNoSockets) {
  const test::TempDir directory;
  test::write_file(directory / "notes", "mine");
  EXPECT_NE(failure({.port = 0, .unix_path = directory / "notes"}), "no failure");
  EXPECT_EQ(test::read_file(directory / "notes"), "mine");
  EXPECT_NE(failure({.port = 0, .unix_path = std::string(200, 'x')}).find("the path is too long"),
            std::string::npos);
}

TEST(Server, StopClosesEveryConnection) {
  Server server({.port = 0, .threads = 2});
  std::jthread thread([&server] { server.run(); });
  net::io_context context;
  std::vector<tcp::socket> sockets;
  for (int i = 0; i < 5; ++i) {
    sockets.emplace_back(context).connect({net::ip::address_v4::loopback(), server.port()});
    const std::string_view request = "GET /delay/600000 HTTP/1.1\r\nHost: x\r\n\r\n";
    net::write(sockets.back(), net::buffer(request.data(), request.size()));
  }
  server.stop();
  server.stop();
  thread.join();
  for (auto& socket : sockets) {
    std::array<char, 1> byte{};
    error_code error;
    net::read(socket, net::buffer(byte), error);
    EXPECT_TRUE(error);
  }
}

TEST(Server, StopBeforeRunEndsItAtOnce) {
  Server server({.port = 0});
  server.stop();
  server.run();
  server.stop();
}

TEST(Server, StopsWithSubscribersAndMessagesUnderWay) {
  auto server = std::make_unique<RunningServer>();
  std::vector<std::unique_ptr<WebSocketClient>> subscribers;
  for (int i = 0; i < 4; ++i) {
    subscribers.push_back(std::make_unique<WebSocketClient>(*server));
    subscribers.back()->connect("/foo");
  }
  Client publisher(*server);
  for (int i = 0; i < 20; ++i)
    publisher.post("/publications", std::string(1 << 20, 'x'));
  server.reset();
  for (auto& subscriber : subscribers)
    EXPECT_LE(subscriber->receive_to_end(), 20U);
}

}  // namespace
}  // namespace chaperon::target
