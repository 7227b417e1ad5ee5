#include "support/scripted_server.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace chaperon::test {

namespace {

constexpr int kForeverMs = -1;
constexpr int kPauseMs = 2;

// Unwinds a script when the server is being destroyed. Not derived from std::exception, so that a script that
// catches those does not catch it.
struct Stopped {};

sockaddr* as_sockaddr(void* address) {
  return static_cast<sockaddr*>(address);
}

// The value of Content-Length in a head, 0 without one.
std::size_t content_length(std::string_view head) {
  std::string lower(head);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto at = lower.find("\ncontent-length:");
  if (at == std::string::npos) return 0;
  const auto digit = std::min(lower.find_first_not_of(' ', at + 16), lower.size());
  std::size_t length = 0;
  std::from_chars(lower.data() + digit, lower.data() + lower.size(), length);
  return length;
}

}  // namespace

// Waits for the socket; false if `timeout_ms` passes first. Throws Stopped at the server's end.
bool Peer::wait_for(short events, int timeout_ms) {
  std::array<pollfd, 2> both{{{server_.stop_.get(), POLLIN, 0}, {socket_.get(), events, 0}}};
  while (::poll(both.data(), both.size(), timeout_ms) < 0 && errno == EINTR) {
  }
  if ((both[0].revents & POLLIN) != 0) throw Stopped();
  return both[1].revents != 0;
}

bool Peer::receive_some() {
  if (!socket_) return false;
  wait_for(POLLIN, kForeverMs);
  std::array<char, 65'536> piece{};
  const ssize_t size = ::recv(socket_.get(), piece.data(), piece.size(), 0);
  if (size <= 0) return false;
  received_.append(piece.data(), static_cast<std::size_t>(size));
  return true;
}

std::string Peer::receive_request() {
  std::size_t size = std::string::npos;
  for (;;) {
    if (const auto blank = received_.find("\r\n\r\n");
        size == std::string::npos && blank != std::string::npos) {
      size = blank + 4 + content_length(std::string_view(received_).substr(0, blank + 2));
    }
    if (received_.size() >= size) break;
    if (!receive_some()) break;
  }
  std::string request = received_.substr(0, size);
  received_.erase(0, request.size());
  if (!request.empty()) server_.record(request);
  return request;
}

std::string Peer::receive(std::size_t size) {
  while (received_.size() < size && receive_some()) {
  }
  std::string bytes = received_.substr(0, size);
  received_.erase(0, bytes.size());
  return bytes;
}

void Peer::send(std::string_view bytes) {
  while (socket_ && !bytes.empty()) {
    const ssize_t size = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(size));
    } else if (errno == EAGAIN) {
      wait_for(POLLOUT, kForeverMs);
    } else {
      return;
    }
  }
}

void Peer::send_slowly(std::string_view bytes, std::size_t per_chunk) {
  for (std::size_t at = 0; at < bytes.size(); at += per_chunk) {
    send(bytes.substr(at, per_chunk));
    if (at + per_chunk < bytes.size()) wait_for(0, kPauseMs);
  }
}

void Peer::shutdown_write() {
  ::shutdown(socket_.get(), SHUT_WR);
}

void Peer::close() {
  // Bytes that are not read would turn the FIN into a reset.
  std::array<char, 65'536> dropped{};
  while (socket_ && ::recv(socket_.get(), dropped.data(), dropped.size(), MSG_DONTWAIT) > 0) {
  }
  received_.clear();
  socket_.reset();
}

void Peer::reset() {
  if (!socket_) return;
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  checked(::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), "SO_LINGER");
  received_.clear();
  socket_.reset();
}

void Peer::stall() {
  for (;;) {
    pollfd stop{.fd = server_.stop_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&stop, 1, kForeverMs) > 0) throw Stopped();
  }
}

void Peer::wait_for_close() {
  while (receive_some())
    received_.clear();
}

ScriptedServer::ScriptedServer(Script script, Listen listen)
    : ScriptedServer(std::vector<Script>{std::move(script)}, listen) {}

ScriptedServer::ScriptedServer(std::vector<Script> scripts, Listen listen)
    : scripts_(std::move(scripts)), listen_(listen), stop_(checked(::eventfd(0, EFD_CLOEXEC), "eventfd")) {
  switch (listen) {
    case Listen::ipv4:
      listen_tcp(AF_INET, SOMAXCONN);
      break;
    case Listen::ipv6:
      listen_tcp(AF_INET6, SOMAXCONN);
      break;
    case Listen::unix_socket:
      listen_unix();
      break;
    case Listen::full:
      listen_tcp(AF_INET, 0);
      fill_queue();
      return;
  }
  accepting_ = std::jthread([this] { accept_loop(); });
}

ScriptedServer::~ScriptedServer() {
  ::eventfd_write(stop_.get(), 1);
  if (accepting_.joinable()) accepting_.join();
  threads_.clear();
}

void ScriptedServer::listen_tcp(int family, int backlog) {
  listener_ = Descriptor(checked(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"));
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  void* address = &v4;
  socklen_t size = sizeof v4;
  if (family == AF_INET6) {
    address = &v6;
    size = sizeof v6;
  }
  checked(::bind(listener_.get(), as_sockaddr(address), size), "bind");
  checked(::listen(listener_.get(), backlog), "listen");
  checked(::getsockname(listener_.get(), as_sockaddr(address), &size), "getsockname");
  port_ = ntohs(family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

void ScriptedServer::listen_unix() {
  directory_.emplace();
  unix_path_ = *directory_ / "socket";
  listener_ = Descriptor(checked(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, unix_path_.c_str(), sizeof address.sun_path - 1);
  checked(::bind(listener_.get(), as_sockaddr(&address), sizeof address), "bind " + unix_path_.string());
  checked(::listen(listener_.get(), SOMAXCONN), "listen");
}

// Linux lets a queue hold one connection more than its backlog of 0, and drops further SYNs. TCP_INFO of a
// listening socket has the queue's length in tcpi_unacked.
void ScriptedServer::fill_queue() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port_);
  fillers_.emplace_back(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  checked(::connect(fillers_.back().get(), as_sockaddr(&address), sizeof address), "connect");
  tcp_info info{};
  do {
    socklen_t size = sizeof info;
    checked(::getsockopt(listener_.get(), IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
    std::this_thread::yield();
  } while (info.tcpi_unacked == 0);
}

void ScriptedServer::accept_loop() {
  for (;;) {
    std::array<pollfd, 2> both{{{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}}};
    if (::poll(both.data(), both.size(), kForeverMs) < 0) continue;
    if (both[0].revents != 0) return;
    Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) continue;
    const int on = 1;  // a Unix socket has no such option, nor needs it
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::size_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      number = connections_++;
    }
    changed_.notify_all();
    threads_.emplace_back([this, number, s = std::move(socket)]() mutable { serve(number, std::move(s)); });
  }
}

void ScriptedServer::serve(std::size_t number, Descriptor socket) {
  Peer peer(*this, std::move(socket));
  try {
    if (!scripts_.empty()) scripts_[std::min(number, scripts_.size() - 1)](peer);
    peer.close();
  } catch (const Stopped&) {
    // The destructor waits for this thread.
  }
}

void ScriptedServer::record(std::string request) {
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
  }
  changed_.notify_all();
}

std::string ScriptedServer::url() const {
  switch (listen_) {
    case Listen::ipv6:
      return "http://[::1]:" + std::to_string(port_);
    case Listen::unix_socket: {
      std::string url = "http+unix://";
      for (const char c : unix_path_.string())
        url += c == '/' ? std::string("%2F") : std::string(1, c);
      return url;
    }
    case Listen::ipv4:
    case Listen::full:
      break;
  }
  return "http://127.0.0.1:" + std::to_string(port_);
}

std::vector<std::string> ScriptedServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::size_t ScriptedServer::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

bool ScriptedServer::wait_for_requests(std::size_t count, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return requests_.size() >= count; });
}

bool ScriptedServer::wait_for_connections(std::size_t count, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return connections_ >= count; });
}

}  // namespace chaperon::test
