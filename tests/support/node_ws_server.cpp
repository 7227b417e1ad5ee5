#include "support/node_ws_server.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "support/descriptor.hpp"

namespace chaperon::test {

namespace {

constexpr std::chrono::seconds kPatience{20};

std::vector<std::string> command(WsCompression compression) {
  const char* mode = compression == WsCompression::off             ? "plain"
                     : compression == WsCompression::with_takeover ? "deflate"
                                                                   : "deflate-no-takeover";
  return {"node", CHAPERON_TEST_SUPPORT_DIR "/node_ws_server.js", mode};
}

// The body of the answer to a GET, without a client of ours.
std::string fetch(std::uint16_t port, std::string_view path) {
  const Descriptor socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  checked(::connect(socket.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof address),
          "connect");
  // HTTP/1.0, so that the body ends with the connection.
  const std::string request = "GET " + std::string(path) + " HTTP/1.0\r\n\r\n";
  checked(::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL), "send");
  std::string answer;
  std::array<char, 65'536> piece{};
  for (ssize_t size = 0; (size = ::recv(socket.get(), piece.data(), piece.size(), 0)) > 0;)
    answer.append(piece.data(), static_cast<std::size_t>(size));
  const auto blank = answer.find("\r\n\r\n");
  return blank == std::string::npos ? std::string() : answer.substr(blank + 4);
}

}  // namespace

NodeWsServer::NodeWsServer(WsCompression compression)
    : process_(command(compression), {.environment = {"NODE_PATH=/usr/share/nodejs:/usr/lib/nodejs"}}) {
  const auto line = process_.read_line(kPatience);
  if (!line) {
    throw std::runtime_error("Node's ws did not start: run scripts/setup, which installs it. It said: " +
                             process_.wait(std::chrono::seconds(1)).err);
  }
  port_ = static_cast<std::uint16_t>(std::stoi(*line));
}

NodeWsServer::~NodeWsServer() {
  process_.signal(SIGTERM);
  process_.wait(kPatience);
}

std::string NodeWsServer::url() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

std::string NodeWsServer::ws_url() const {
  return "ws://127.0.0.1:" + std::to_string(port_);
}

std::string NodeWsServer::stats() const {
  return fetch(port_, "/stats");
}

}  // namespace chaperon::test
