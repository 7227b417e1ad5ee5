// Progress as JSON.
#include "cluster/progress_json.hpp"

#include <gtest/gtest.h>

#include "cluster/master_status.hpp"

namespace chaperon::cluster {
namespace {

Progress some_progress() {
  return {.elapsed = 14s,
          .waiting = 1,
          .live = 587,
          .done = 13,
          .requests = 12'345,
          .requests_per_second = 12'400.5,
          .messages_per_second = 3,
          .error_share = 0.004,
          .p50 = 4200us,
          .p99 = 31ms,
          .busiest_loop = 0.46,
          .workers = {{.name = "w1",
                       .live = 300,
                       .requests_per_second = 6000,
                       .p50 = 4ms,
                       .p99 = 30ms,
                       .busiest_loop = 0.4,
                       .lost = false},
                      {.name = "w2", .lost = true, .silent = 3s}}};
}

TEST(ProgressJson, ComesBackAsItWas) {
  const auto json = to_json(some_progress());
  EXPECT_EQ(json.at("p50_ms"), 4.2);
  EXPECT_TRUE(json.at("workers")[1].at("p99_ms").is_null());
  const auto progress = progress_of(Json::parse(json.dump()));
  ASSERT_TRUE(progress);
  EXPECT_EQ(to_json(*progress), json);
  EXPECT_EQ(progress->elapsed, 14s);
  EXPECT_EQ(progress->p99, Duration(31ms));
  EXPECT_TRUE(progress->workers[1].lost);
  EXPECT_EQ(progress->workers[1].silent, 3s);
}

TEST(ProgressJson, WhatIsNoProgressIsNone) {
  EXPECT_FALSE(progress_of(Json()));
  EXPECT_FALSE(progress_of(Json::object()));
  auto json = to_json(some_progress());
  for (const auto& live : {Json("many"), Json(1.5), Json(1e300), Json(-1), Json(true)}) {
    json["live"] = live;
    EXPECT_FALSE(progress_of(json)) << live;
  }
}

TEST(ProgressJson, RatesOfAnySizeFit) {
  auto json = to_json(some_progress());
  json["requests_per_second"] = 1e308;
  json["workers"][0]["busiest_loop"] = -1e308;
  const auto progress = progress_of(json);
  ASSERT_TRUE(progress);
  EXPECT_TRUE(progress_of(Json::parse(to_json(*progress).dump())));
}

TEST(ProgressJson, TimesOfAnySizeFit) {
  auto json = to_json(some_progress());
  json["elapsed_ms"] = 1e300;
  json["p50_ms"] = -1e300;
  const auto progress = progress_of(json);
  ASSERT_TRUE(progress);
  EXPECT_GT(progress->elapsed, Duration::zero());
  EXPECT_EQ(progress->p50, Duration::zero());
}

TEST(MasterStatus, ComesBackAsItWas) {
  const MasterStatus status{.name = "host-1",
                            .api = "http://127.0.0.1:8710",
                            .running = "0123abcd",
                            .doing = "waiting",
                            .progress = Json({{"live", 1}})};
  const auto decoded = decode_master_status(encode(status));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(encode(*decoded), encode(status));
  EXPECT_FALSE(decode_master_status("{}"));
  EXPECT_FALSE(decode_master_status("["));
}

}  // namespace
}  // namespace chaperon::cluster
