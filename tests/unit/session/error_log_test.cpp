#include "session/error_log.hpp"

#include <string>

#include <gtest/gtest.h>

namespace chaperon::session {
namespace {

TEST(ErrorLog, KindsAreGroupsOfTheirOwnWithCountAndFirstExample) {
  ErrorLog log;
  log.add({.session = "A", .reason = "failed", .kind = "X", .example = "X: 1", .at = 1s});
  log.add({.session = "A", .reason = "failed", .kind = "Y", .example = "Y: 2", .at = 2s});
  log.add({.session = "A", .reason = "failed", .kind = "Y", .example = "Y: 3", .at = 3s});
  const auto groups = log.groups();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].count, 2U);
  EXPECT_EQ(groups[0].example, "Y: 2");
  EXPECT_EQ(groups[0].reason, "failed");
  EXPECT_EQ(groups[1].count, 1U);
  EXPECT_EQ(groups[1].example, "X: 1");
}

TEST(ErrorLog, MergingKeepsKindsApartAndTheEarlierExample) {
  ErrorLog log;
  ErrorLog other;
  log.add({.session = "A", .reason = "failed", .kind = "X", .example = "late", .at = 5s});
  other.add({.session = "A", .reason = "failed", .kind = "X", .example = "early", .at = 1s});
  other.add({.session = "A", .reason = "failed", .kind = "Y", .example = "other", .at = 1s});
  log.merge(std::move(other));
  const auto groups = log.groups();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].count, 2U);
  EXPECT_EQ(groups[0].example, "early");
  EXPECT_EQ(groups[1].example, "other");
}

TEST(ErrorLog, TooManyKindsAreCountedWithoutThem) {
  ErrorLog log;
  constexpr std::size_t kAdded = ErrorLog::kMostKinds + 50;
  for (std::size_t i = 0; i < kAdded; ++i)
    log.add({.session = "A", .reason = "failed", .kind = std::to_string(i), .example = "e"});
  const auto groups = log.groups();
  ASSERT_EQ(groups.size(), ErrorLog::kMostKinds + 1);
  EXPECT_EQ(groups.front().count, 50U);
  EXPECT_EQ(groups.front().session, "A");
  EXPECT_EQ(groups.front().reason, "failed");
}

TEST(ErrorLog, TooManyGroupsAreCountedUnderOther) {
  ErrorLog log;
  for (std::size_t i = 0; i < ErrorLog::kMostGroups + 7; ++i)
    log.add({.session = "A", .action = "get", .target = std::to_string(i), .reason = "timeout"});
  const auto groups = log.groups();
  ASSERT_EQ(groups.size(), ErrorLog::kMostGroups + 1);
  EXPECT_EQ(groups.front().action, "(other)");
  EXPECT_EQ(groups.front().count, 7U);
}

}  // namespace
}  // namespace chaperon::session
