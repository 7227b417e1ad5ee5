// The control API on a socket: who waits for whom.
#include "cluster/control_server.hpp"

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "support/descriptor.hpp"

namespace chaperon::cluster {
namespace {

using test::checked;
using test::Descriptor;
using testing::HasSubstr;
using testing::StartsWith;

// A cluster that does not answer until it is let go.
class SilentControl final : public LoadTestControl {
 public:
  std::vector<QueuedLoadTest> all() override {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return answers_; });
    return {};
  }
  std::optional<QueuedLoadTest> find(const std::string&) override { return std::nullopt; }
  Cancelled cancel(const std::string&, bool) override { return Cancelled::unknown; }
  std::optional<std::string> results(const std::string&, std::string_view) override { return std::nullopt; }
  std::vector<LoadTestRecord> submit(const std::vector<WantedLoadTest>&) override { return {}; }
  MasterStatus status() override { return {.name = "host-1"}; }
  std::string trouble() override { return {}; }

  void await_waiting(unsigned count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }
  void answer() {
    const std::lock_guard lock(mutex_);
    answers_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned waiting_ = 0;
  bool answers_ = false;
};

class ControlServerTest : public testing::Test {
 protected:
  ControlServerTest() { server_.start(); }
  ~ControlServerTest() override { control_.answer(); }

  [[nodiscard]] Descriptor send(const std::string& method, const std::string& target) const {
    const auto url = server_.url();
    Descriptor socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    checked(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
    const auto request = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    checked(static_cast<int>(::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL)), "send");
    return socket;
  }
  // The answer; empty if none comes in time.
  static std::string receive(const Descriptor& socket) {
    std::string text;
    std::vector<char> piece(4096);
    for (ssize_t size = 0; (size = ::recv(socket.get(), piece.data(), piece.size(), 0)) > 0;)
      text.append(piece.data(), static_cast<std::size_t>(size));
    return text;
  }

  SilentControl control_;
  ControlApi api_{ControlAccess("", {}), control_};
  ControlServer server_{api_, {.port = 0}};
};

TEST_F(ControlServerTest, WhetherItWorksIsSaidWhileOthersWaitForNats) {
  std::vector<Descriptor> others;
  for (int i = 0; i < 10; ++i)
    others.push_back(send("GET", "/load_tests"));
  control_.await_waiting(2);
  for (const auto* target : {"/healthcheck", "/version", "http://localhost/healthcheck?x"}) {
    EXPECT_THAT(receive(send("GET", target)), StartsWith("HTTP/1.1 200 ")) << target;
    EXPECT_THAT(receive(send("HEAD", target)), StartsWith("HTTP/1.1 200 ")) << target;
  }
  control_.answer();
  for (const auto& other : others)
    EXPECT_THAT(receive(other), HasSubstr("\"scheduled\": []"));
}

}  // namespace
}  // namespace chaperon::cluster
