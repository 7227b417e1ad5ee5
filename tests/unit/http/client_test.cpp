// Requests that wait for the generator itself: for a connection slot, for a descriptor. In virtual time,
// against a peer that never answers.
#include "http/client.hpp"

#include <cerrno>
#include <memory>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/virtual_reactor.hpp"
#include "support/descriptor.hpp"

namespace chaperon::http {
namespace {

using ::testing::ElementsAre;

class Request final : public Exchange {
 public:
  Request(Client& client, Pool& its_pool, const Url& url, Instant now) {
    origin = &client.origin(url);
    pool = &its_pool;
    into = &data_;
    start = now;
  }
  std::vector<Duration> waits;
  bool over = false;

 private:
  void append_head(std::string& out) const override { out += "GET / HTTP/1.1\r\n\r\n"; }
  void connected(Duration /*took*/) override {}
  void queued(Duration waited) override { waits.push_back(waited); }
  void finished() override { over = true; }
  detail::ResponseData data_;
};

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() { reactor.watch_in_silence(); }

  Request& start(const Url& to) {
    requests.push_back(std::make_unique<Request>(client, pool, to, clock.now()));
    client.start(*requests.back());
    return *requests.back();
  }
  /// Begins as many connections as may be in their handshake at once.
  void fill_slots(int but = 0) {
    for (int i = but; i < 128; ++i)
      start(url);
  }
  void run_until(Instant end) {
    while (clock.now() < end)
      loop.turn();
  }

  static constexpr Instant kStart = Instant{} + 1h;
  const Url url = parse_url("http://127.0.0.1:1");
  Clock clock{kStart};
  runtime::VirtualReactor reactor{clock};
  runtime::EventLoop loop{clock, reactor};
  std::vector<std::unique_ptr<Request>> requests;  // connections refer to them
  Client client{loop, std::make_shared<net::DnsCache>()};
  Pool pool;
};

// Takes every descriptor that is left.
std::vector<test::Descriptor> all_descriptors() {
  std::vector<test::Descriptor> all;
  for (int next = ::open("/dev/null", O_RDONLY); next >= 0; next = ::open("/dev/null", O_RDONLY))
    all.emplace_back(next);
  EXPECT_EQ(errno, EMFILE);
  return all;
}

TEST_F(ClientTest, AWaitForASlotEndsAsTheConnectionBegins) {
  fill_slots();
  const auto& request = start(url);
  run_until(kStart + 5s);  // the others have had their connect_timeout
  loop.turn();
  EXPECT_THAT(request.waits, ElementsAre(5s));
  EXPECT_EQ(request.start, kStart + 5s);
  EXPECT_FALSE(request.over);
}

TEST_F(ClientTest, ARequestThatIsGivenUpSaysHowLongItHasWaited) {
  fill_slots();
  auto& request = start(url);
  clock.advance_to(kStart + 1s);
  client.abandon(request);
  EXPECT_THAT(request.waits, ElementsAre(1s));
  EXPECT_EQ(request.start, kStart) << "all of it was waiting";
}

TEST_F(ClientTest, AWaitForADescriptorIsOneWaitHoweverOftenItIsTried) {
  auto all = all_descriptors();
  auto& request = start(url);
  run_until(kStart + 100ms);
  EXPECT_TRUE(request.starved);
  EXPECT_THAT(request.waits, ElementsAre());
  all.clear();
  run_until(kStart + 200ms);
  EXPECT_FALSE(request.starved);
  ASSERT_EQ(request.waits.size(), 1U);
  EXPECT_GE(request.waits[0], 100ms);
  EXPECT_LE(request.waits[0], 110ms);
}

TEST_F(ClientTest, WhatWaitsForASlotDoesNotWaitForADescriptor) {
  fill_slots(1);
  auto all = all_descriptors();
  const auto& request = start(url);
  EXPECT_TRUE(request.starved);
  all.clear();
  start(url);
  run_until(kStart + 20ms);
  EXPECT_FALSE(request.starved);
}

}  // namespace
}  // namespace chaperon::http
