#include "target/publications.hpp"

#include <gtest/gtest.h>

namespace chaperon::target {
namespace {

struct Listener : Subscriber {
  bool deliver(const std::shared_ptr<const std::string>& message) override {
    if (heard.size() == limit) return false;
    heard.push_back(*message);
    return true;
  }
  std::size_t limit = 100;
  std::vector<std::string> heard;
};

TEST(Publications, ReachEveryoneWhoIsThere) {
  Publications publications;
  EXPECT_EQ(publications.publish("nobody hears"), 0U);
  const auto one = std::make_shared<Listener>();
  const auto two = std::make_shared<Listener>();
  publications.subscribe(one);
  EXPECT_EQ(publications.publish("a"), 1U);
  publications.subscribe(two);
  EXPECT_EQ(publications.publish("b"), 2U);
  publications.unsubscribe(one.get());
  publications.unsubscribe(one.get());
  EXPECT_EQ(publications.publish("c"), 1U);
  publications.clear();
  EXPECT_EQ(publications.publish("d"), 0U);
  EXPECT_EQ(one->heard, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(two->heard, (std::vector<std::string>{"b", "c"}));
}

TEST(Publications, DropThoseWhoseQueueIsFull) {
  Publications publications;
  const auto full = std::make_shared<Listener>();
  full->limit = 1;
  publications.subscribe(full);
  EXPECT_EQ(publications.publish("a"), 1U);
  EXPECT_EQ(publications.publish("b"), 0U);
  EXPECT_EQ(full.use_count(), 1);
}

}  // namespace
}  // namespace chaperon::target
