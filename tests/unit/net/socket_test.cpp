#include "net/socket.hpp"

#include <array>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "support/descriptor.hpp"
#include "support/scripted_server.hpp"

namespace chaperon::net {
namespace {

using test::Listen;
using test::Peer;
using test::ScriptedServer;

bool wait_until(const Socket& socket, short events) {
  pollfd waiting{.fd = socket.descriptor(), .events = events, .revents = 0};
  return ::poll(&waiting, 1, 10'000) == 1;
}

Address address_of(const ScriptedServer& server) {
  return *Address::from_ip("127.0.0.1", server.port());
}

Socket connected(const Address& peer) {
  Socket socket;
  EXPECT_EQ(socket.open(peer.family()), 0);
  const int error = socket.connect(peer);
  EXPECT_TRUE(error == 0 || error == EINPROGRESS) << error;
  EXPECT_TRUE(wait_until(socket, POLLOUT));
  EXPECT_EQ(socket.connect_error(), 0);
  return socket;
}

TEST(SocketTest, IsNonBlockingClosedOnExecAndWithoutDelay) {
  Socket socket;
  EXPECT_FALSE(socket.is_open());
  ASSERT_EQ(socket.open(AF_INET), 0);
  EXPECT_TRUE(socket.is_open());
  EXPECT_NE(::fcntl(socket.descriptor(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(socket.descriptor(), F_GETFD) & FD_CLOEXEC, 0);
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  ASSERT_EQ(::getsockopt(socket.descriptor(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
  EXPECT_EQ(no_delay, 1);
}

TEST(SocketTest, OpensNoUnknownFamily) {
  Socket socket;
  EXPECT_EQ(socket.open(12345), EAFNOSUPPORT);
  EXPECT_FALSE(socket.is_open());
}

TEST(SocketTest, SendsTwoPartsAsOneAndReceives) {
  ScriptedServer server([](Peer& peer) {
    peer.send(peer.receive(10));
    peer.wait_for_close();
  });
  auto socket = connected(address_of(server));
  const auto sent = socket.send("hello", "world");
  EXPECT_EQ(sent.bytes, 10U);
  EXPECT_EQ(sent.error, 0);
  std::string received;
  while (received.size() < 10) {
    ASSERT_TRUE(wait_until(socket, POLLIN));
    std::array<char, 64> buffer{};
    const auto result = socket.receive(buffer);
    ASSERT_EQ(result.error, 0);
    received.append(buffer.data(), result.bytes);
  }
  EXPECT_EQ(received, "helloworld");
  std::array<char, 1> byte{};
  const auto nothing = socket.receive(byte);
  EXPECT_TRUE(nothing.would_block());
  EXPECT_EQ(nothing.bytes, 0U);
}

TEST(SocketTest, NoBytesWithoutAnErrorMeansThatThePeerHasShutDown) {
  ScriptedServer server([](Peer& peer) { peer.close(); });
  auto socket = connected(address_of(server));
  ASSERT_TRUE(wait_until(socket, POLLIN));
  std::array<char, 8> buffer{};
  const auto result = socket.receive(buffer);
  EXPECT_EQ(result.bytes, 0U);
  EXPECT_EQ(result.error, 0);
}

TEST(SocketTest, AResetIsAnError) {
  ScriptedServer server([](Peer& peer) {
    peer.receive(1);
    peer.reset();
  });
  auto socket = connected(address_of(server));
  ASSERT_EQ(socket.send("x").error, 0);
  ASSERT_TRUE(wait_until(socket, POLLIN));
  std::array<char, 8> buffer{};
  EXPECT_EQ(socket.receive(buffer).error, ECONNRESET);
  // No SIGPIPE.
  EXPECT_EQ(socket.send("x").error, EPIPE);
  EXPECT_EQ(socket.send("x", "y").error, EPIPE);
}

TEST(SocketTest, AFullBufferWouldBlockAfterAPartWasSent) {
  ScriptedServer server([](Peer& peer) { peer.stall(); });
  auto socket = connected(address_of(server));
  const std::string much(std::size_t{1} << 20, 'x');
  std::size_t sent = 0;
  IoResult result;
  for (int i = 0; i < 1000 && result.error == 0; ++i) {
    result = socket.send(much);
    sent += result.bytes;
  }
  EXPECT_TRUE(result.would_block());
  EXPECT_GT(sent, 0U);
}

TEST(SocketTest, ConnectingToAClosedPortIsRefused) {
  Address nobody;
  {
    ScriptedServer server(std::vector<test::Script>{});
    nobody = address_of(server);
  }
  Socket socket;
  ASSERT_EQ(socket.open(AF_INET), 0);
  int error = socket.connect(nobody);
  if (error == EINPROGRESS) {
    ASSERT_TRUE(wait_until(socket, POLLOUT));
    error = socket.connect_error();
  }
  EXPECT_EQ(error, ECONNREFUSED);
}

TEST(SocketTest, ConnectsToAUnixSocketAndByIPv6) {
  for (const auto listen : {Listen::unix_socket, Listen::ipv6}) {
    ScriptedServer server([](Peer& peer) { peer.wait_for_close(); }, listen);
    const auto peer = listen == Listen::unix_socket ? *Address::from_unix_path(server.unix_path().string())
                                                    : *Address::from_ip("::1", server.port());
    auto socket = connected(peer);
    EXPECT_TRUE(server.wait_for_connections(1));
  }
}

TEST(SocketTest, BindChoosesTheLocalAddress) {
  ScriptedServer server([](Peer& peer) { peer.wait_for_close(); });
  Socket socket;
  ASSERT_EQ(socket.open(AF_INET), 0);
  ASSERT_EQ(socket.bind(*Address::from_ip("127.9.8.7", 0)), 0);
  const int error = socket.connect(address_of(server));
  ASSERT_TRUE(error == 0 || error == EINPROGRESS) << error;
  ASSERT_TRUE(wait_until(socket, POLLOUT));
  sockaddr_in local{};
  socklen_t size = sizeof local;
  ASSERT_EQ(::getsockname(socket.descriptor(), reinterpret_cast<sockaddr*>(&local), &size), 0);
  EXPECT_EQ(Address::from_sockaddr(reinterpret_cast<sockaddr*>(&local))->with_port(0).text(), "127.9.8.7:0");
  Socket other;
  ASSERT_EQ(other.open(AF_INET), 0);
  EXPECT_EQ(other.bind(*Address::from_ip("192.0.2.1", 0)), EADDRNOTAVAIL);
}

TEST(SocketTest, MovesAndCloses) {
  Socket first;
  ASSERT_EQ(first.open(AF_INET), 0);
  const int descriptor = first.descriptor();
  Socket second(std::move(first));
  EXPECT_FALSE(first.is_open());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(second.descriptor(), descriptor);
  second.close();
  second.close();
  EXPECT_FALSE(second.is_open());
  EXPECT_EQ(::fcntl(descriptor, F_GETFD), -1);
}

TEST(ReasonOfTest, TellsWhatAnErrnoMeans) {
  EXPECT_EQ(reason_of(0), Reason::none);
  EXPECT_EQ(reason_of(ECONNREFUSED), Reason::refused);
  EXPECT_EQ(reason_of(ENOENT), Reason::refused);
  EXPECT_EQ(reason_of(ECONNRESET), Reason::reset);
  EXPECT_EQ(reason_of(EPIPE), Reason::reset);
  EXPECT_EQ(reason_of(ETIMEDOUT), Reason::connect_timeout);
  EXPECT_EQ(reason_of(EADDRNOTAVAIL), Reason::no_ports);
  EXPECT_EQ(reason_of(EMFILE), Reason::no_descriptors);
  EXPECT_EQ(reason_of(ENFILE), Reason::no_descriptors);
  EXPECT_EQ(reason_of(ENOMEM), Reason::no_descriptors);
  EXPECT_EQ(reason_of(EHOSTUNREACH), Reason::unreachable);
  EXPECT_EQ(reason_of(ENETUNREACH), Reason::unreachable);
}

}  // namespace
}  // namespace chaperon::net
