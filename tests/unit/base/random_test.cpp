#include "base/random.hpp"

#include <array>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace chaperon {
namespace {

TEST(RandomTest, IsTheGeneratorThatItsAuthorsDescribe) {
  // xoshiro256** seeded by splitmix64(0): computed with the reference implementations.
  Random random(0);
  EXPECT_EQ(random(), 11091344671253066420U);
  EXPECT_EQ(random(), 13793997310169335082U);
  EXPECT_EQ(random(), 1900383378846508768U);
}

TEST(RandomTest, TheSameSeedGivesTheSameDraws) {
  Random a(7);
  Random b(7);
  Random c(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const auto draw = a();
    EXPECT_EQ(draw, b());
    differs = differs || draw != c();
  }
  EXPECT_TRUE(differs);
}

TEST(RandomTest, BelowStaysBelowAndReachesEveryValue) {
  Random random(1);
  std::array<int, 10> seen{};
  for (int i = 0; i < 10'000; ++i)
    ++seen.at(random.below(10));
  for (const int count : seen) {
    EXPECT_GT(count, 850);
    EXPECT_LT(count, 1150);
  }
  EXPECT_EQ(random.below(1), 0U);
  EXPECT_EQ(random.below(0), 0U);
}

TEST(RandomTest, UpToIsAboveZeroAndReachesItsMaximum) {
  Random random(1);
  std::set<Duration> seen;
  for (int i = 0; i < 200; ++i)
    seen.insert(random.up_to(3ns));
  EXPECT_EQ(seen, (std::set<Duration>{1ns, 2ns, 3ns}));
  EXPECT_EQ(random.up_to(0ns), 0ns);
  EXPECT_EQ(random.up_to(-1s), 0ns);
  EXPECT_GT(random.up_to(kForever), 0ns);
}

TEST(RandomTest, EachUserHasASeedOfItsOwn) {
  std::set<std::uint64_t> seeds;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (std::uint64_t user = 0; user < 1000; ++user)
      seeds.insert(derive_seed(seed, user));
  }
  EXPECT_EQ(seeds.size(), 10'000U);
  EXPECT_EQ(derive_seed(4711, 3), derive_seed(4711, 3));
}

TEST(UuidTest, IsOfVersion4AndWrittenAsUsual) {
  EXPECT_EQ((Uuid{.high = 0x0123456789abcdefU, .low = 0xfedcba9876543210U}.text()),
            "01234567-89ab-cdef-fedc-ba9876543210");
  Random random(1);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto text = Uuid::draw(random).text();
    ASSERT_EQ(text.size(), 36U);
    EXPECT_EQ(text[14], '4');
    EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
    seen.insert(text);
  }
  EXPECT_EQ(seen.size(), 1000U);
}

}  // namespace
}  // namespace chaperon
