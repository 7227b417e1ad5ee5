#include "net/resolver.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/epoll_reactor.hpp"

namespace chaperon::net {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Request final : public ResolveRequest {
 public:
  explicit Request(runtime::Reactor& reactor) : reactor_(reactor) {}
  SharedResolution answer;
  int times = 0;
  void resolved(const SharedResolution& resolution) override {
    answer = resolution;
    ++times;
    // Else the loop would wait for I/O that never comes.
    reactor_.wake();
  }

 private:
  runtime::Reactor& reactor_;
};

// Names that are answered without a network: localhost from /etc/hosts, .onion never by DNS (RFC 7686).
class ResolverTest : public ::testing::Test {
 protected:
  void wait_for(const Request& request) {
    while (request.times == 0)
      loop.turn();
  }
  Clock clock;
  runtime::EpollReactor reactor{clock};
  runtime::EventLoop loop{clock, reactor};
  std::shared_ptr<DnsCache> cache = std::make_shared<DnsCache>();
  Resolver resolver{loop, cache};
};

TEST_F(ResolverTest, ReadsTheHostsFile) {
  Request request(reactor);
  ASSERT_EQ(resolver.resolve("localhost", request), nullptr);
  wait_for(request);
  ASSERT_FALSE(request.answer->addresses.empty()) << request.answer->error;
  EXPECT_EQ(request.answer->error, "");
  for (const auto& address : request.answer->addresses)
    EXPECT_THAT(address.text(), AnyOf("127.0.0.1:0", "[::1]:0"));
  // From the cache, at once.
  Request again(reactor);
  EXPECT_EQ(resolver.resolve("localhost", again), request.answer);
  EXPECT_EQ(again.times, 0);
}

TEST_F(ResolverTest, AnAnswerMayBeKeptForEver) {
  Resolver keeping(loop, cache, kForever);
  Request request(reactor);
  ASSERT_EQ(keeping.resolve("localhost", request), nullptr);
  wait_for(request);
  Request again(reactor);
  EXPECT_EQ(keeping.resolve("localhost", again), request.answer);
}

TEST_F(ResolverTest, FindsANameWhenDescriptorsAreUsedUp) {
  std::vector<int> all;
  for (int descriptor = ::open("/dev/null", O_RDONLY); descriptor >= 0;
       descriptor = ::open("/dev/null", O_RDONLY))
    all.push_back(descriptor);
  ASSERT_EQ(errno, EMFILE);
  Request request(reactor);
  ASSERT_EQ(resolver.resolve("localhost", request), nullptr);
  wait_for(request);
  for (const int descriptor : all)
    ::close(descriptor);
  EXPECT_FALSE(request.answer->addresses.empty()) << request.answer->error;
}

TEST_F(ResolverTest, AnUnknownNameIsAnErrorThatNamesItAndTheRemedy) {
  Request request(reactor);
  ASSERT_EQ(resolver.resolve("nowhere.onion", request), nullptr);
  wait_for(request);
  EXPECT_TRUE(request.answer->addresses.empty());
  EXPECT_THAT(request.answer->error, StartsWith("host \"nowhere.onion\" could not be resolved: "));
  EXPECT_THAT(request.answer->error, HasSubstr("; check its spelling and this machine's DNS"));
}

TEST_F(ResolverTest, ConcurrentRequestsForOneNameAreJoined) {
  Request first(reactor);
  Request second(reactor);
  ASSERT_EQ(resolver.resolve("localhost", first), nullptr);
  ASSERT_EQ(resolver.resolve("localhost", second), nullptr);
  wait_for(first);
  wait_for(second);
  EXPECT_EQ(first.answer, second.answer);
  EXPECT_EQ(first.times + second.times, 2);
}

TEST_F(ResolverTest, ARequestThatIsGoneHearsNothing) {
  Request stays(reactor);
  ASSERT_EQ(resolver.resolve("localhost", stays), nullptr);
  {
    Request goes(reactor);
    ASSERT_EQ(resolver.resolve("localhost", goes), nullptr);
  }
  Request stops(reactor);
  ASSERT_EQ(resolver.resolve("localhost", stops), nullptr);
  stops.stop();
  wait_for(stays);
  EXPECT_EQ(stops.times, 0);
}

TEST_F(ResolverTest, ARequestMayAskAgainWhenItIsTold) {
  class Asking final : public ResolveRequest {
   public:
    Asking(Resolver& resolver, Request& next) : resolver_(resolver), next_(next) {}
    void resolved(const SharedResolution& /*resolution*/) override {
      EXPECT_EQ(resolver_.resolve("nowhere.onion", next_), nullptr);
    }

   private:
    Resolver& resolver_;
    Request& next_;
  };
  Request next(reactor);
  Asking asking(resolver, next);
  ASSERT_EQ(resolver.resolve("nowhere.onion", asking), nullptr);
  wait_for(next);
  EXPECT_EQ(next.times, 1);
}

TEST_F(ResolverTest, AResolverThatIsDestroyedTellsNobody) {
  Request request(reactor);
  {
    Resolver other(loop, cache);
    ASSERT_EQ(other.resolve("localhost", request), nullptr);
  }
  loop.turn();
  EXPECT_EQ(request.times, 0);
  // The look-up is not left pending for others.
  Request later(reactor);
  if (const auto known = resolver.resolve("localhost", later); known == nullptr) wait_for(later);
}

TEST_F(ResolverTest, AnAnswerIsKeptForASecondAtLeast) {
  Resolver impatient(loop, cache, Duration(0));
  Request request(reactor);
  ASSERT_EQ(impatient.resolve("localhost", request), nullptr);
  wait_for(request);
  Request asked(reactor);
  const auto now = clock.now();
  const auto ask = [&](Instant at) {
    return cache->ask("localhost", at, [](const SharedResolution&) {}).known;
  };
  EXPECT_EQ(ask(now), request.answer);
  EXPECT_EQ(ask(now + 1s), nullptr);
}

}  // namespace
}  // namespace chaperon::net
