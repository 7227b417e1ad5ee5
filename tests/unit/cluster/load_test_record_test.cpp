// What may become of a load test of the queue.
#include "cluster/load_test_record.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace chaperon::cluster {
namespace {

using testing::HasSubstr;

constexpr Timestamp kNow = 1'769'860'800'123;  // 2026-01-31T12:00:00.123Z

LoadTestRecord scheduled() {
  return {.id = "0123abcd",
          .load_test = "ShopTest",
          .file = "shop.cpp",
          .tags = {"nightly"},
          .options = {.config = {{"token", "geheim"}}, .workers = 2, .seed = UINT64_MAX},
          .submitted_by = "host-1",
          .submitted_at = kNow};
}

TEST(LoadTestRecord, IsTheSameAfterStoring) {
  auto record = scheduled();
  EXPECT_EQ(decode_record(encode(record)), record);
  ASSERT_TRUE(begin(record, 7, kNow + 1));
  ASSERT_TRUE(end(record,
                  {.state = LoadTestState::failed, .message = "1 failed", .exit_code = 1, .results = {"csv"}},
                  kNow + 2));
  EXPECT_EQ(decode_record(encode(record)), record);
}

TEST(LoadTestRecord, WhatIsNoRecordIsNone) {
  for (const auto* text : {"", "{", "{}", "3", R"({"id":"0123abcd"})"})
    EXPECT_FALSE(decode_record(text)) << text;
  auto record = scheduled();
  record.id = "..";
  EXPECT_FALSE(decode_record(encode(record)));
}

TEST(LoadTestRecord, NumbersAreThoseThatCanBe) {
  auto stored = Json::parse(encode(scheduled()));
  const std::map<std::string, std::vector<Json>> wrong{
      {"submitted_at", {INT64_MAX, -1, 1e300, "now", nullptr}},
      {"started_at", {INT64_MIN, 1.5}},
      {"ended_at", {UINT64_MAX, true}},
      {"master", {-1, 1e300}},
      {"exit_code", {std::int64_t{1} << 40, -(std::int64_t{1} << 40), 1e300}},
  };
  for (const auto& [key, values] : wrong) {
    for (const auto& value : values) {
      auto changed = stored;
      changed[key] = value;
      EXPECT_FALSE(decode_record(changed.dump())) << key << " " << value;
    }
  }
  stored["exit_code"] = -1;
  const auto record = decode_record(stored.dump());
  ASSERT_TRUE(record);
  EXPECT_EQ(record->exit_code, -1);
}

TEST(LoadTestRecord, BeginsOnce) {
  auto record = scheduled();
  EXPECT_TRUE(begin(record, 7, kNow));
  EXPECT_EQ(record.state, LoadTestState::running);
  EXPECT_EQ(record.master, 7U);
  EXPECT_EQ(record.started_at, kNow);
  const auto running = record;
  EXPECT_FALSE(begin(record, 8, kNow + 1));
  EXPECT_EQ(record, running);
}

TEST(LoadTestRecord, IsCancelledAtOnceBeforeItBegins) {
  auto record = scheduled();
  EXPECT_EQ(cancel(record, kNow), Cancelled::done);
  EXPECT_EQ(record.state, LoadTestState::cancelled);
  EXPECT_EQ(fate_text(record.state, record.message), "cancelled before it began");
  EXPECT_EQ(record.ended_at, kNow);
  EXPECT_FALSE(begin(record, 7, kNow));
  EXPECT_EQ(cancel(record, kNow), Cancelled::too_late);
}

TEST(LoadTestRecord, OneThatRunsIsCancelledByItsMaster) {
  auto record = scheduled();
  begin(record, 7, kNow);
  EXPECT_EQ(cancel(record, kNow), Cancelled::wanted);
  EXPECT_EQ(record.state, LoadTestState::running);
  EXPECT_TRUE(record.cancel_requested);
  EXPECT_TRUE(end(record, {.state = LoadTestState::cancelled}, kNow));
  EXPECT_EQ(cancel(record, kNow), Cancelled::too_late);
}

TEST(LoadTestRecord, EndsOnceAndOnlyIfItRan) {
  auto record = scheduled();
  EXPECT_FALSE(end(record, {.state = LoadTestState::passed}, kNow));
  begin(record, 7, kNow);
  EXPECT_FALSE(end(record, {.state = LoadTestState::scheduled}, kNow));
  EXPECT_TRUE(end(record, {.state = LoadTestState::passed}, kNow));
  EXPECT_FALSE(end(record, {.state = LoadTestState::failed}, kNow));
  EXPECT_EQ(record.state, LoadTestState::passed);
}

TEST(LoadTestRecord, IsAnErrorOnceItsMasterHasGone) {
  auto record = scheduled();
  EXPECT_FALSE(abandon(record, 8, kNow));
  begin(record, 7, kNow);
  EXPECT_FALSE(abandon(record, 7, kNow));
  EXPECT_TRUE(abandon(record, 8, kNow));
  EXPECT_EQ(record.state, LoadTestState::error);
  EXPECT_THAT(record.message, HasSubstr("the master ended while it ran"));
}

TEST(LoadTestRecord, IsShownWithoutSecrets) {
  const auto json = shown(scheduled(), true);
  EXPECT_EQ(json.at("submitted_at"), "2026-01-31T12:00:00.123Z");
  EXPECT_TRUE(json.at("started_at").is_null());
  EXPECT_EQ(json.at("options").at("config").at("token"), "***");
  EXPECT_FALSE(shown(scheduled(), false).contains("options"));
}

TEST(LoadTestRecord, KnowsIds) {
  EXPECT_TRUE(is_load_test_id("0123abcd"));
  for (const auto* text : {"", "0123abc", "0123abcde", "0123ABCD", "0123abc.", "../..abc"})
    EXPECT_FALSE(is_load_test_id(text)) << text;
}

}  // namespace
}  // namespace chaperon::cluster
