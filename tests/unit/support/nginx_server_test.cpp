#include "support/nginx_server.hpp"

#include <array>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace chaperon::test {
namespace {

std::string get(const NginxServer& server, const std::string& path) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(server.port());
  const Descriptor socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  checked(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
  const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
  EXPECT_EQ(::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  std::array<char, 4096> piece{};
  for (ssize_t size = 0; (size = ::recv(socket.get(), piece.data(), piece.size(), 0)) > 0;) {
    answer.append(piece.data(), static_cast<std::size_t>(size));
  }
  return answer;
}

TEST(NginxServer, ServesAndCounts) {
  const NginxServer server;
  EXPECT_EQ(server.count_requests(), 0U);
  write_file(server.document_root() / "dir/item.json", "{}");
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(get(server, "/").starts_with("HTTP/1.1 200 OK\r\n"));
  const std::string root = get(server, "/");
  EXPECT_EQ(root.size() - root.find("\r\n\r\n") - 4, 240U);
  EXPECT_TRUE(get(server, "/dir/item.json").ends_with("\r\n\r\n{}"));
  EXPECT_TRUE(get(server, "/missing").starts_with("HTTP/1.1 404 "));
  EXPECT_EQ(server.count_requests(), 23U);
  EXPECT_EQ(server.count_requests("GET / 200"), 21U);
  EXPECT_EQ(server.requests().back(), "GET /missing 404");
}

TEST(NginxServer, RunsBesideOthers) {
  const NginxServer one;
  const NginxServer two;
  EXPECT_NE(one.port(), two.port());
  get(one, "/?a=1");
  EXPECT_EQ(one.requests(), std::vector<std::string>{"GET /?a=1 200"});
  EXPECT_EQ(two.count_requests(), 0U);
}

}  // namespace
}  // namespace chaperon::test
