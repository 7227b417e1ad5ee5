#include "net/dns_cache.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace chaperon::net {
namespace {

constexpr Instant kNow = Instant{} + 1h;

SharedResolution found(std::string_view ip) {
  auto resolution = std::make_shared<Resolution>();
  resolution->addresses.push_back(*Address::from_ip(ip, 0));
  return resolution;
}
SharedResolution not_found() {
  auto resolution = std::make_shared<Resolution>();
  resolution->error = "no such host";
  return resolution;
}

struct Asked {
  SharedResolution told;
  int times = 0;
  DnsCache::Waiter waiter() {
    return [this](const SharedResolution& resolution) {
      told = resolution;
      ++times;
    };
  }
};

TEST(DnsCacheTest, WhoeverAsksFirstLooksItUpAndAllHearOfIt) {
  DnsCache cache;
  Asked first;
  Asked second;
  const auto answer = cache.ask("host", kNow, first.waiter());
  EXPECT_EQ(answer.known, nullptr);
  EXPECT_TRUE(answer.look_up);
  const auto joined = cache.ask("host", kNow, second.waiter());
  EXPECT_EQ(joined.known, nullptr);
  EXPECT_FALSE(joined.look_up);
  const auto resolution = found("10.0.0.1");
  cache.store("host", resolution, kNow + 1s);
  EXPECT_EQ(first.told, resolution);
  EXPECT_EQ(second.told, resolution);
  EXPECT_EQ(first.times + second.times, 2);
}

TEST(DnsCacheTest, WhatIsKnownIsKeptUntilItExpires) {
  DnsCache cache;
  Asked asked;
  cache.ask("host", kNow, asked.waiter());
  const auto resolution = found("10.0.0.1");
  cache.store("host", resolution, kNow + 1s);
  Asked later;
  const auto fresh = cache.ask("host", kNow + 1s - 1ns, later.waiter());
  EXPECT_EQ(fresh.known, resolution);
  EXPECT_FALSE(fresh.look_up);
  const auto stale = cache.ask("host", kNow + 1s, later.waiter());
  EXPECT_EQ(stale.known, nullptr);
  EXPECT_TRUE(stale.look_up);
  EXPECT_EQ(later.times, 0);
  cache.store("host", found("10.0.0.2"), kNow + 2s);
  EXPECT_EQ(later.times, 1);
  EXPECT_EQ(asked.times, 1);
}

TEST(DnsCacheTest, AFailureIsToldButNotKept) {
  DnsCache cache;
  Asked asked;
  cache.ask("host", kNow, asked.waiter());
  cache.store("host", not_found(), kNow + 1h);
  EXPECT_EQ(asked.told->error, "no such host");
  EXPECT_TRUE(cache.ask("host", kNow, asked.waiter()).look_up);
}

TEST(DnsCacheTest, NamesAreApart) {
  DnsCache cache;
  Asked a;
  Asked b;
  EXPECT_TRUE(cache.ask("a", kNow, a.waiter()).look_up);
  EXPECT_TRUE(cache.ask("b", kNow, b.waiter()).look_up);
  cache.store("a", found("10.0.0.1"), kNow + 1s);
  EXPECT_EQ(a.times, 1);
  EXPECT_EQ(b.times, 0);
}

TEST(DnsCacheTest, AWaiterMayAskAgain) {
  DnsCache cache;
  bool asked_again = false;
  cache.ask("host", kNow, [&](const SharedResolution&) {
    asked_again = cache.ask("host", kNow, [](const SharedResolution&) {}).look_up;
  });
  cache.store("host", not_found(), kNow);
  EXPECT_TRUE(asked_again);
}

TEST(DnsCacheTest, OneOfManyThreadsLooksItUp) {
  DnsCache cache;
  std::atomic<int> look_ups = 0;
  std::atomic<int> told = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        if (cache.ask("host", kNow, [&](const SharedResolution&) { ++told; }).look_up) ++look_ups;
      });
    }
  }
  EXPECT_EQ(look_ups, 1);
  cache.store("host", found("10.0.0.1"), kNow + 1s);
  EXPECT_EQ(told, 8);
}

}  // namespace
}  // namespace chaperon::net
