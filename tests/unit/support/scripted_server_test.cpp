#include "support/scripted_server.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace chaperon::test {
namespace {

Descriptor connect_to(const ScriptedServer& server) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(server.port());
  Descriptor socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  checked(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
  return socket;
}

void send_text(const Descriptor& socket, std::string_view text) {
  ASSERT_EQ(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

// All that comes until the peer closes; ` <reset>` is appended if it ends so.
std::string receive_all(const Descriptor& socket) {
  std::string all;
  std::array<char, 4096> piece{};
  for (;;) {
    const ssize_t size = ::recv(socket.get(), piece.data(), piece.size(), 0);
    if (size < 0) return all + " <" + (errno == ECONNRESET ? "reset" : std::strerror(errno)) + ">";
    if (size == 0) return all;
    all.append(piece.data(), static_cast<std::size_t>(size));
  }
}

TEST(ScriptedServer, AnswersARequestAndRecordsIt) {
  const ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
  });
  const Descriptor socket = connect_to(server);
  send_text(socket, "POST /a HTTP/1.1\r\ncontent-LENGTH:  3\r\n\r\n");
  send_text(socket, "abc");
  EXPECT_EQ(receive_all(socket), "HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(server.requests(), std::vector<std::string>{"POST /a HTTP/1.1\r\ncontent-LENGTH:  3\r\n\r\nabc"});
  EXPECT_EQ(server.connections(), 1U);
}

TEST(ScriptedServer, TellsRequestsInOneSegmentApart) {
  const ScriptedServer server([](Peer& peer) {
    while (!peer.receive_request().empty())
      peer.send("x");
  });
  const Descriptor socket = connect_to(server);
  send_text(socket, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3");
  ::shutdown(socket.get(), SHUT_WR);
  EXPECT_EQ(receive_all(socket), "xxx");
  EXPECT_EQ(server.requests(),
            (std::vector<std::string>{"GET /1 HTTP/1.1\r\n\r\n", "GET /2 HTTP/1.1\r\n\r\n", "GET /3"}));
}

TEST(ScriptedServer, RunsAScriptPerConnection) {
  const ScriptedServer server(
      {[](Peer& peer) { peer.send("first"); }, [](Peer& peer) { peer.send("rest"); }});
  EXPECT_EQ(receive_all(connect_to(server)), "first");
  EXPECT_EQ(receive_all(connect_to(server)), "rest");
  EXPECT_EQ(receive_all(connect_to(server)), "rest");
  EXPECT_TRUE(server.wait_for_connections(3));
  EXPECT_FALSE(server.wait_for_connections(4, std::chrono::milliseconds(1)));
}

TEST(ScriptedServer, ClosesInOrderThoughNotAllWasRead) {
  const ScriptedServer server([](Peer& peer) {
    peer.receive(1);
    peer.send("enough");
    peer.close();
    peer.send("nothing");
    EXPECT_EQ(peer.receive_request(), "");
  });
  const Descriptor socket = connect_to(server);
  send_text(socket, "far more than one byte");
  EXPECT_EQ(receive_all(socket), "enough");
}

TEST(ScriptedServer, ResetsAndHalfCloses) {
  const ScriptedServer server({[](Peer& peer) {
                                 peer.receive(1);
                                 peer.reset();
                               },
                               [](Peer& peer) {
                                 peer.shutdown_write();
                                 peer.receive_request();
                               }});
  const Descriptor first = connect_to(server);
  send_text(first, "x");
  EXPECT_EQ(receive_all(first), " <reset>");
  const Descriptor second = connect_to(server);
  EXPECT_EQ(receive_all(second), "");
  send_text(second, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(server.wait_for_requests(1));
}

TEST(ScriptedServer, SendsSlowly) {
  const ScriptedServer server([](Peer& peer) { peer.send_slowly("abcdefg", 3); });
  const Descriptor socket = connect_to(server);
  EXPECT_EQ(receive_all(socket), "abcdefg");
}

TEST(ScriptedServer, ListensOnAUnixSocketAndOnIpv6) {
  const ScriptedServer server([](Peer& peer) { peer.send("hello"); }, Listen::unix_socket);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, server.unix_path().c_str(), sizeof address.sun_path - 1);
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(receive_all(socket), "hello");
  EXPECT_TRUE(server.url().starts_with("http+unix://%2F")) << server.url();

  try {
    const ScriptedServer v6([](Peer&) {}, Listen::ipv6);
    EXPECT_EQ(v6.url(), "http://[::1]:" + std::to_string(v6.port()));
  } catch (const std::system_error& error) {
    GTEST_SKIP() << "this machine has no ::1: " << error.what();
  }
}

TEST(ScriptedServer, WithAFullQueueLetsNobodyConnect) {
  const ScriptedServer server(Script{}, Listen::full);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(server.port());
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  ASSERT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), -1);
  EXPECT_EQ(errno, EINPROGRESS);
  pollfd connected{.fd = socket.get(), .events = POLLOUT, .revents = 0};
  EXPECT_EQ(::poll(&connected, 1, 100), 0) << "a handshake on the loopback would be over by now";
}

TEST(ScriptedServer, EndsWhateverItsScriptsDo) {
  auto server = std::make_unique<ScriptedServer>(
      std::vector<Script>{[](Peer& peer) { peer.stall(); }, [](Peer& peer) { peer.receive_request(); },
                          [](Peer& peer) { peer.send(std::string(std::size_t{64} << 20, 'x')); },
                          [](Peer& peer) { peer.wait_for_close(); }});
  std::vector<Descriptor> sockets;
  for (int i = 0; i < 4; ++i)
    sockets.push_back(connect_to(*server));
  ASSERT_TRUE(server->wait_for_connections(4));
  server.reset();
  EXPECT_EQ(receive_all(sockets.front()), "");
}

}  // namespace
}  // namespace chaperon::test
