#include "base/random.hpp"

#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace chaperon {
namespace {

TEST(Uuid, IsARandomOneOfVersion4) {
  const std::regex pattern("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  Random random(1);
  std::set<std::string> beginnings;
  for (int i = 0; i < 1000; ++i) {
    const auto text = Uuid::draw(random).text();
    ASSERT_TRUE(std::regex_match(text, pattern)) << text;
    beginnings.insert(text.substr(0, 8));
  }
  EXPECT_EQ(beginnings.size(), 1000U);
}

TEST(Uuid, DependsOnTheSeedAlone) {
  Random first(7);
  Random second(7);
  Random other(8);
  const auto id = Uuid::draw(first);
  EXPECT_EQ(id, Uuid::draw(second));
  EXPECT_NE(id, Uuid::draw(other));
}

}  // namespace
}  // namespace chaperon
