// The measure of what a connection costs: a bare epoll loop that opens connections, sends one GET on each,
// reads the answer and closes. No parser, no timeouts, no statistics; bench/connect_cost compares Chaperon's
// CPU with it.
//
//     bare_epoll ADDRESS PORT CONNECTIONS [LIVE]      at most LIVE connections at once (default: all)
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// The length of an answer whose head is complete, or 0.
std::size_t answer_size(std::string_view received) {
  const auto head_end = received.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return 0;
  constexpr std::string_view kField = "Content-Length: ";
  const auto field = received.find(kField);
  if (field == std::string_view::npos) throw std::runtime_error("an answer has no Content-Length");
  std::size_t length = 0;
  const char* digits = received.data() + field + kField.size();
  std::from_chars(digits, received.data() + head_end, length);
  return head_end + 4 + length;
}

// Opens connections, one GET on each, until it has done as many as asked for.
class Loop {
 public:
  Loop(sockaddr_in server, std::size_t connections, std::size_t live)
      : server_(server), to_open_(connections), live_limit_(live), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) throw_errno("epoll_create1");
    char address[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &server.sin_addr, address, sizeof address);
    request_ = "GET / HTTP/1.1\r\nHost: " + std::string(address) + ":" +
               std::to_string(ntohs(server.sin_port)) + "\r\n\r\n";
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() { close(epoll_); }

  // Throws std::exception at the first thing that goes wrong: a measurement with errors in it measures
  // nothing.
  void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      while (to_open_ > 0 && live_ < live_limit_)
        open();
      if (live_ == 0) return;
      const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      if (count < 0 && errno != EINTR) throw_errno("epoll_wait");
      for (const auto& event : std::span(events).first(static_cast<std::size_t>(count < 0 ? 0 : count)))
        handle(event);
    }
  }

 private:
  void open() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) throw_errno("socket");
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&server_), sizeof server_) != 0 &&
        errno != EINPROGRESS) {
      throw_errno("connect");
    }
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.fd = fd}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) throw_errno("epoll_ctl");
    const auto index = static_cast<std::size_t>(fd);
    if (index >= sent_.size()) sent_.resize(index + 1);
    sent_[index] = false;
    --to_open_;
    ++live_;
  }

  void handle(const epoll_event& event) {
    const int fd = event.data.fd;
    const auto index = static_cast<std::size_t>(fd);
    if (!sent_[index] && (event.events & EPOLLOUT) != 0) {
      if (send(fd, request_.data(), request_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request_.size())) {
        throw_errno("send");
      }
      sent_[index] = true;
    }
    if ((event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return;
    const ssize_t size = recv(fd, buffer_.data(), buffer_.size(), 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size < 0) throw_errno("recv");
    const std::string_view received(buffer_.data(), static_cast<std::size_t>(size));
    if (size == 0 || answer_size(received) != received.size()) {
      throw std::runtime_error("an answer did not come in one piece");
    }
    close(fd);
    --live_;
  }

  sockaddr_in server_;
  std::size_t to_open_;
  std::size_t live_limit_;
  std::size_t live_ = 0;
  int epoll_;
  std::string request_;
  std::vector<char> sent_;
  std::array<char, 16384> buffer_;
};

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw std::runtime_error('"' + std::string(text) + "\" is not a number");
  }
  return value;
}

void use_all_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5) {
    std::fputs("usage: bare_epoll ADDRESS PORT CONNECTIONS [LIVE]\n", stderr);
    return 2;
  }
  try {
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(static_cast<in_port_t>(number(argv[2])));
    if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1)
      throw std::runtime_error("the address is not IPv4");
    const auto connections = number(argv[3]);
    use_all_descriptors();
    Loop(server, connections, argc == 5 ? number(argv[4]) : connections).run();
    std::printf("%zu answers\n", connections);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
