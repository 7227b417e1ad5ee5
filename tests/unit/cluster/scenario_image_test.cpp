#include "cluster/scenario_image.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <chaperon/load_test.hpp>

#include "runtime/sanitizers.hpp"

namespace chaperon::cluster {
namespace {

struct First {
  static void run(Session& /*session*/) {}
};
struct Second {
  static void init(Session& /*session*/) {}
  static void run(Session& /*session*/) {}
  static void teardown(Session& /*session*/) {}
};

const auto known = scenario<First>;

class ScenarioImageTest : public ::testing::Test {
 protected:
  const ScenarioImage image_{known.parts()};
};

TEST_F(ScenarioImageTest, OffsetsLeadBack) {
  for (const auto& what : {scenario<First>, scenario<Second>, sequence<First, Second, First>}) {
    const auto parts = what.parts();
    const auto offset = image_.offset_of(parts);
    ASSERT_TRUE(offset);
    const auto back = image_.at(*offset, static_cast<std::uint32_t>(parts.size()));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->data(), parts.data());
    EXPECT_EQ(back->size(), parts.size());
  }
}

TEST_F(ScenarioImageTest, ScenariosOfAnotherImageHaveNoOffset) {
  const std::array<detail::ScenarioPart, 1> here{scenario<First>.parts()[0]};
  EXPECT_FALSE(image_.offset_of(here));
  const std::vector<detail::ScenarioPart> there(3, scenario<First>.parts()[0]);
  EXPECT_FALSE(image_.offset_of(there));
}

TEST_F(ScenarioImageTest, OffsetsThatCannotBeLeadNowhere) {
  const auto parts = sequence<First, Second>.parts();
  const auto good = *image_.offset_of(parts);
  EXPECT_FALSE(image_.at(good, 0));
  EXPECT_FALSE(image_.at(good, 1001));
  EXPECT_FALSE(image_.at(good, std::numeric_limits<std::uint32_t>::max()));
  for (const std::uint64_t off : {1U, 2U, 4U, 7U, 8U, 12U})
    EXPECT_FALSE(image_.at(good + off, 2)) << off;
  constexpr auto kLast = std::numeric_limits<std::uint64_t>::max();
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{8}, kLast, kLast - 7, kLast / 2,
                                     kLast / 2 + 1, std::uint64_t{1} << 40U, std::uint64_t{1} << 47U})
    EXPECT_FALSE(image_.at(offset, 1)) << offset;
}

// Whatever is found has functions in the code and names that can be read.
TEST_F(ScenarioImageTest, AnyOffsetIsSafe) {
#if defined(CHAPERON_ASAN)
  GTEST_SKIP() << "AddressSanitizer forbids to read between objects, which is where most offsets lead";
#endif
  const auto good = *image_.offset_of(scenario<First>.parts());
  std::mt19937_64 random(1);
  volatile char last = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto offset = i % 2 == 0 ? random() : good + (random() % 2'000'000 - 1'000'000) / 8 * 8;
    const auto found = image_.at(offset, static_cast<std::uint32_t>(1 + random() % 3));
    if (!found) continue;
    for (const auto& part : *found) {
      ASSERT_NE(part.run, nullptr);
      if (!part.name.empty()) last = part.name.back();
    }
  }
  static_cast<void>(last);
}

TEST(ScenarioImage, AnImageOfNothingHasNothing) {
  const std::vector<detail::ScenarioPart> heap(1, scenario<First>.parts()[0]);
  const ScenarioImage image(heap);
  EXPECT_FALSE(image.offset_of(scenario<First>.parts()));
  EXPECT_FALSE(image.at(0, 1));
}

}  // namespace
}  // namespace chaperon::cluster
