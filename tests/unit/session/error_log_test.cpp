#include "session/error_log.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace chaperon::session {
namespace {

ErrorLog::Failure failure(std::string_view reason, Duration at, std::string_view example = "example") {
  return {.session = "A",
          .action = "get",
          .target = "/",
          .reason = reason,
          .example = example,
          .id = {},
          .at = at};
}

TEST(ErrorLogTest, GroupsByWhatFailuresHaveInCommonAndKeepsTheFirst) {
  ErrorLog log;
  log.add(failure("timeout", 1ms, "first"));
  log.add(failure("timeout", 2ms, "second"));
  log.add(failure("refused", 3ms));
  const auto groups = log.groups();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].reason, "timeout");
  EXPECT_EQ(groups[0].count, 2U);
  EXPECT_EQ(groups[0].example, "first");
  EXPECT_EQ(groups[0].first_at, 1ms);
  EXPECT_EQ(groups[1].reason, "refused");
  EXPECT_EQ(groups[1].count, 1U);
}

TEST(ErrorLogTest, EveryPartOfANameTellsGroupsApart) {
  ErrorLog log;
  log.add({.session = "ab", .action = "c", .target = "d", .reason = "e"});
  log.add({.session = "a", .action = "bc", .target = "d", .reason = "e"});
  log.add({.session = "ab", .action = "c", .target = "de", .reason = ""});
  EXPECT_EQ(log.groups().size(), 3U);
}

TEST(ErrorLogTest, OrdersByCountThenName) {
  ErrorLog log;
  log.add(failure("b", 1ms));
  log.add(failure("a", 1ms));
  for (int i = 0; i < 3; ++i)
    log.add(failure("c", 1ms));
  std::string order;
  for (const auto& group : log.groups())
    order += group.reason;
  EXPECT_EQ(order, "cab");
}

TEST(ErrorLogTest, MergeAddsCountsAndKeepsTheEarlierExample) {
  ErrorLog log;
  log.add(failure("timeout", 5ms, "later"));
  ErrorLog other;
  other.add(failure("timeout", 2ms, "earlier"));
  other.add(failure("timeout", 7ms));
  other.add(failure("reset", 1ms, "only there"));
  log.merge(std::move(other));
  const auto groups = log.groups();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].count, 3U);
  EXPECT_EQ(groups[0].example, "earlier");
  EXPECT_EQ(groups[0].first_at, 2ms);
  EXPECT_EQ(groups[1].example, "only there");
}

TEST(ErrorLogTest, BeyondTheLimitGroupsAreCountedTogetherByReason) {
  ErrorLog log;
  for (std::size_t i = 0; i < ErrorLog::kMostGroups + 500; ++i) {
    const auto target = std::to_string(i);
    log.add({.session = "A", .action = "get", .target = target, .reason = i % 2 == 0 ? "timeout" : "reset"});
  }
  std::uint64_t total = 0;
  std::uint64_t others = 0;
  for (const auto& group : log.groups()) {
    total += group.count;
    if (group.action == "(other)") others += group.count;
  }
  EXPECT_EQ(total, ErrorLog::kMostGroups + 500);
  EXPECT_EQ(others, 500U);
  EXPECT_EQ(log.groups().size(), ErrorLog::kMostGroups + 2);
}

TEST(ErrorLogTest, KindsAreGroupsOfTheirOwnWithCountAndFirstExample) {
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

TEST(ErrorLogTest, MergingKeepsKindsApartAndTheEarlierExample) {
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

TEST(ErrorLogTest, TooManyKindsAreCountedWithoutThem) {
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

TEST(ErrorLogTest, TooManyGroupsAreCountedUnderOther) {
  ErrorLog log;
  for (std::size_t i = 0; i < ErrorLog::kMostGroups + 7; ++i)
    log.add({.session = "A", .action = "get", .target = std::to_string(i), .reason = "timeout"});
  const auto groups = log.groups();
  ASSERT_EQ(groups.size(), ErrorLog::kMostGroups + 1);
  EXPECT_EQ(groups.front().action, "(other)");
  EXPECT_EQ(groups.front().count, 7U);
}

// A log of which each group was added by itself, in that order.
template <class Order>
ErrorLog copied(const ErrorLog& log, Order order) {
  std::vector<std::pair<ErrorGroup, std::string>> groups;
  log.for_each([&](const ErrorGroup& group, std::string_view kind) { groups.emplace_back(group, kind); });
  std::ranges::sort(groups, order, [](const auto& group) { return group.first.action + group.first.target; });
  ErrorLog copy;
  for (auto& [group, kind] : groups)
    copy.add(std::move(group), kind);
  return copy;
}

TEST(ErrorLogTest, GroupsComeOutAndGoIntoAnotherLogWhole) {
  ErrorLog log;
  log.add({.session = "A",
           .action = "get",
           .target = "/",
           .reason = "timeout",
           .kind = "X",
           .example = "1",
           .at = 1s});
  log.add({.session = "A",
           .action = "get",
           .target = "/",
           .reason = "timeout",
           .kind = "X",
           .example = "2",
           .at = 2s});
  log.add({.session = "A",
           .action = "get",
           .target = "/",
           .reason = "timeout",
           .kind = "Y",
           .example = "3",
           .at = 3s});
  const auto groups = copied(log, std::less<>()).groups();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].count, 2U);
  EXPECT_EQ(groups[0].example, "1");
  EXPECT_EQ(groups[0].first_at, 1s);
  EXPECT_EQ(groups[0].session_id, log.groups()[0].session_id);
  EXPECT_EQ(groups[1].example, "3");
}

TEST(ErrorLogTest, AFullLogGoesIntoAnotherWhole) {
  ErrorLog log;
  for (std::size_t i = 0; i < ErrorLog::kMostGroups + 100; ++i) {
    const auto target = std::to_string(i);
    log.add({.action = "get", .target = target, .reason = i % 2 == 0 ? "timeout" : "reset"});
  }
  for (const auto& copy : {copied(log, std::less<>()), copied(log, std::greater<>())}) {
    EXPECT_EQ(copy.groups().size(), ErrorLog::kMostGroups + 2);
    EXPECT_EQ(copy.groups()[0].count, 50U);
    EXPECT_EQ(copy.groups()[1].count, 50U);
    EXPECT_EQ(copy.groups()[2].count, 1U);
  }
}

TEST(ErrorLogTest, AddedGroupsKeepToTheLimits) {
  ErrorLog log;
  for (std::size_t i = 0; i < 2 * ErrorLog::kMostGroups; ++i)
    log.add({.session = "A",
             .action = "get",
             .target = std::to_string(i),
             .reason = "timeout",
             .count = 3,
             .example = "e",
             .session_id = "1"},
            std::to_string(i));
  std::size_t kinds = 0;
  std::uint64_t count = 0;
  log.for_each([&](const ErrorGroup& group, std::string_view kind) {
    if (!kind.empty()) ++kinds;
    count += group.count;
  });
  EXPECT_EQ(log.groups().size(), ErrorLog::kMostGroups + 1);
  EXPECT_EQ(kinds, ErrorLog::kMostKinds);
  EXPECT_EQ(count, 6 * ErrorLog::kMostGroups);
}

}  // namespace
}  // namespace chaperon::session
