// Session: requests that are given up, in virtual time.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "session_fixture.hpp"
#include "support/descriptor.hpp"
#include "support/temp_dir.hpp"

namespace chaperon::session {
namespace {

using ::testing::ElementsAre;

class HttpTimeoutTest : public SessionTest {
 protected:
  HttpTimeoutTest() { reactor.watch_in_silence(); }
  const Json one_second{
      {"base_url", "http://127.0.0.1:1"}, {"timeout", "1s"}, {"http", {{"connect_timeout", "1s"}}}};
};

TEST_F(HttpTimeoutTest, ARequestWhoseTimeoutsComeTogetherIsRecordedOnce) {
  run_ok([](Session& s) { s.get("/"); }, one_second);
  EXPECT_EQ(elapsed(), 1s);
  EXPECT_THAT(row_names(results()), ElementsAre("A Error connect_timeout get(http://127.0.0.1:1/)"));
  EXPECT_EQ(context.errors.groups().at(0).count, 1U);
  EXPECT_EQ(context.counters.requests, 1U);
  EXPECT_EQ(context.counters.errors, 1U);
}

TEST_F(HttpTimeoutTest, ARequestThatFailsAsItsSessionIsCancelledIsRecordedOnce) {
  A::script.run = [](Session& s) { s.get("/"); };
  auto& state = start(scenario<A>, one_second);
  cancel_after(1s, state);
  run_all();
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_THAT(row_names(results()), ElementsAre("A Error connect_timeout get(http://127.0.0.1:1/)"));
  EXPECT_EQ(context.counters.errors, 1U);
}

// A Unix socket whose queue of connections is full.
class FullUnixSocket {
 public:
  FullUnixSocket() {
    path_.copy(address_.sun_path, sizeof address_.sun_path - 1);
    test::checked(::bind(listener_.get(), address(), sizeof address_), "bind");
    test::checked(::listen(listener_.get(), 0), "listen");
    while (true) {
      test::Descriptor filler(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
      if (::connect(filler.get(), address(), sizeof address_) != 0) break;
      fillers_.push_back(std::move(filler));
    }
  }
  /// Makes room for one more connection.
  void accept() { accepted_.emplace_back(::accept(listener_.get(), nullptr, nullptr)); }
  [[nodiscard]] std::string url() const {
    std::string encoded;
    for (const char c : path_)
      encoded += c == '/' ? std::string("%2F") : std::string(1, c);
    return "http+unix://" + encoded;
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&address_); }

  test::TempDir directory_;
  std::string path_ = (directory_.path() / "s").string();
  sockaddr_un address_{.sun_family = AF_UNIX, .sun_path = {}};
  test::Descriptor listener_{::socket(AF_UNIX, SOCK_STREAM, 0)};
  std::vector<test::Descriptor> fillers_;
  std::vector<test::Descriptor> accepted_;
};

class FullSocketTest : public HttpTimeoutTest {
 protected:
  Json config() const {
    return {{"base_url", server.url()}, {"timeout", "2s"}, {"http", {{"connect_timeout", "1s"}}}};
  }
  FullUnixSocket server;
};

TEST_F(FullSocketTest, AUnixSocketWithoutRoomIsTriedUntilTheConnectTimeout) {
  run_ok([](Session& s) { s.get("/"); }, config());
  EXPECT_EQ(elapsed(), 1s);
  const auto errors = context.errors.groups();
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].reason, "connect_timeout");
  EXPECT_EQ(errors[0].example,
            "no connection to " + server.path() +
                " within 1 s (config http.connect_timeout): its queue of connections is full");
}

TEST_F(FullSocketTest, AUnixSocketWithoutRoomIsTriedAgain) {
  class Accept final : public runtime::Timer {
   public:
    explicit Accept(FullUnixSocket& socket) : socket_(socket) {}
    void on_timer() override { socket_.accept(); }

   private:
    FullUnixSocket& socket_;
  };
  Accept accept(server);
  loop.timers().arm(accept, kStart + 500ms);
  run_ok([](Session& s) { s.get("/"); }, config());
  EXPECT_EQ(elapsed(), 2s) << "nobody answers";
  const auto recorded = results();
  const auto* connect = recorded.find("A connect(" + server.url() + ")");
  ASSERT_NE(connect, nullptr);
  EXPECT_GE(connect->min(), 500);
  EXPECT_LE(connect->max(), 510);
}

TEST_F(FullSocketTest, ACancelledSessionDoesNotWaitForRoom) {
  A::script.run = [](Session& s) { s.get("/"); };
  auto& state = start(scenario<A>, config());
  cancel_after(300ms, state);
  run_all();
  EXPECT_EQ(ended_at(), 300ms);
  EXPECT_EQ(state.outcome, Outcome::cancelled);
}

}  // namespace
}  // namespace chaperon::session
