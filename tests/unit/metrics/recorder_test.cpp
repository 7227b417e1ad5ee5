#include "metrics/recorder.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "metrics/metric.hpp"

namespace chaperon::metrics {
namespace {

Name get(std::string_view url, std::string_view error = {}) {
  return {.session = "shopper", .action = "get", .target = url, .error = error};
}
Name number(std::string_view name) {
  return {.session = "shopper", .action = name, .kind = MetricKind::number};
}

std::vector<std::string> names_of(const std::vector<Metric>& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows)
    names.push_back(row.name());
  return names;
}

TEST(Recorder, RecordsUnderAnId) {
  Recorder recorder;
  const auto id = recorder.intern(get("http://h/"));
  recorder.record(id, 3ms);
  recorder.record(recorder.intern(get("http://h/")), 5ms);
  EXPECT_EQ(recorder.histogram(id).count(), 2U);
  EXPECT_EQ(recorder.histogram(id).mean(), 4e6);
}

TEST(Recorder, CountsEventsWithoutDuration) {
  Recorder recorder;
  const auto id = recorder.intern({"chat", "ws_skipped", "ws://h/"});
  recorder.count(id);
  recorder.count(id, 4);
  const auto rows = recorder.snapshot().rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].count(), 5U);
  EXPECT_EQ(rows[0].max(), 0);
}

TEST(Recorder, FilteredActionsAreRecordedNowhere) {
  Recorder recorder({.filter = [](std::string_view action) { return action != "get"; }});
  const auto id = recorder.intern(get("http://h/"));
  EXPECT_EQ(id, kIgnored);
  recorder.record(id, 1ms);
  recorder.record_number(id, 1);
  recorder.count(id);
  EXPECT_EQ(recorder.intern(get("http://h/", "timeout")), kIgnored) << "its errors neither";
  recorder.record(recorder.intern({"s", "post", "http://h/"}), 1ms);
  EXPECT_EQ(names_of(recorder.snapshot().rows()), std::vector<std::string>{"s post(http://h/)"});
}

TEST(Recorder, SnapshotIsACopy) {
  Recorder recorder;
  const auto id = recorder.intern(get("http://h/"));
  recorder.record(id, 1ms);
  const auto snapshot = recorder.snapshot();
  recorder.record(id, 2ms);
  ASSERT_NE(snapshot.find(get("http://h/")), nullptr);
  EXPECT_EQ(snapshot.find(get("http://h/"))->count(), 1U);
  EXPECT_EQ(recorder.histogram(id).count(), 2U);
}

TEST(Recorder, TakeLeavesIdsAndNoSamples) {
  Recorder recorder;
  const auto id = recorder.intern(get("http://h/"));
  recorder.record(id, 1ms);
  EXPECT_GT(recorder.memory(), 0U);
  const auto first = recorder.take();
  EXPECT_EQ(first.find(get("http://h/"))->count(), 1U);
  EXPECT_EQ(recorder.memory(), 0U);
  EXPECT_TRUE(recorder.take().rows().empty());
  recorder.record(id, 7ms);
  const auto second = recorder.take();
  EXPECT_EQ(second.find(get("http://h/"))->count(), 1U);
  EXPECT_EQ(second.find(get("http://h/"))->max(), 7'000'000);
}

TEST(Recorder, BeyondTheLimitOfNamesEverySampleIsCounted) {
  Recorder recorder({.names = {.names = 100}});
  for (int i = 0; i < 1000; ++i) {
    recorder.record(recorder.intern(get("http://h/items/" + std::to_string(i))), 1ms);
    recorder.record(recorder.intern(get("http://h/items/" + std::to_string(i), "timeout")), 1ms);
    recorder.record_number(recorder.intern(number("depth" + std::to_string(i))), i);
  }
  std::uint64_t count = 0;
  const auto rows = recorder.snapshot().rows();
  EXPECT_EQ(rows.size(), 103U);
  for (const auto& row : rows)
    count += row.count();
  EXPECT_EQ(count, 3000U);
  EXPECT_FALSE(recorder.overflow_warning().empty());
  EXPECT_EQ(recorder.take().overflow_warning(), recorder.overflow_warning());
}

TEST(Recorder, MemoryStaysWithinItsBudget) {
  constexpr std::size_t kLimit = 200'000;
  constexpr std::size_t kNames = 50;
  Recorder recorder({.memory = kLimit});
  std::vector<MetricId> ids;
  for (std::size_t i = 0; i < kNames; ++i)
    ids.push_back(recorder.intern(get("http://h/" + std::string(i, 'x'))));
  std::uint64_t value = 1;
  for (int round = 0; round < 2000; ++round) {
    for (const auto id : ids) {
      value = value * 6364136223846793005U + 1442695040888963407U;
      recorder.record(id, Duration(1000 + static_cast<std::int64_t>(value >> 36U)));
    }
    ASSERT_LE(recorder.memory(), kLimit + kNames * 1024);
  }
  const auto snapshot = recorder.take();
  std::uint64_t count = 0;
  for (const auto& row : snapshot.rows())
    count += row.count();
  EXPECT_EQ(count, kNames * 2000);
  EXPECT_NE(snapshot.precision_warning().find("limit of memory"), std::string::npos);
  EXPECT_EQ(recorder.memory(), 0U);
}

TEST(Snapshot, MergeLosesNothing) {
  Recorder a;
  Recorder b;
  a.record(a.intern(get("http://h/")), 1ms);
  a.record(a.intern(get("http://h/a")), 2ms);
  b.record(b.intern(get("http://h/b")), 3ms);
  b.record(b.intern(get("http://h/")), 5ms);
  b.record_number(b.intern(number("depth")), 17);
  auto merged = a.take();
  merged.merge(b.take());
  merged.merge(Snapshot());
  EXPECT_EQ(merged.find(get("http://h/"))->count(), 2U);
  EXPECT_EQ(merged.find(get("http://h/"))->mean(), 3e6);
  EXPECT_EQ(merged.find(get("http://h/a"))->count(), 1U);
  EXPECT_EQ(merged.find(get("http://h/b"))->count(), 1U);
  EXPECT_EQ(merged.find(number("depth"))->number_max(), 17);
  EXPECT_EQ(merged.find(get("http://h/none")), nullptr);
  EXPECT_EQ(merged.precision_warning(), "");
  EXPECT_EQ(merged.overflow_warning(), "");
}

TEST(Snapshot, ShowsEachMetricThatHasSamples) {
  Histogram histogram;
  histogram.record(1000);
  Snapshot snapshot;
  snapshot.add({.session = "A", .action = "get", .target = "/"}, histogram);
  snapshot.add({.session = "A", .action = "get", .target = "/empty"}, {});
  std::vector<std::string> seen;
  snapshot.for_each([&](const Name& name, const Histogram& shown) {
    seen.push_back(row_name(name));
    EXPECT_EQ(shown.count(), 1U);
  });
  EXPECT_EQ(seen, std::vector<std::string>{"A get(/)"});
}

TEST(Snapshot, IsMovedBetweenThreads) {
  Snapshot merged;
  for (int i = 0; i < 3; ++i) {
    Snapshot taken;
    std::thread([&taken, i] {
      Recorder recorder;
      recorder.record(recorder.intern(get("http://h/")), std::chrono::milliseconds(i + 1));
      taken = recorder.take();
    }).join();
    merged.merge(std::move(taken));
  }
  EXPECT_EQ(merged.find(get("http://h/"))->count(), 3U);
  EXPECT_EQ(merged.find(get("http://h/"))->max(), 3'000'000);
}

TEST(Snapshot, MergeKeepsTheLimitOfNames) {
  Snapshot merged({.names = 150});
  for (int part = 0; part < 3; ++part) {
    Recorder recorder;
    for (int i = 0; i < 100; ++i) {
      recorder.record(recorder.intern(get("http://h/items/" + std::to_string(part * 100 + i))), 1ms);
    }
    merged.merge(recorder.take());
  }
  std::uint64_t count = 0;
  const auto rows = merged.rows();
  for (const auto& row : rows)
    count += row.count();
  EXPECT_EQ(count, 300U);
  EXPECT_EQ(rows.size(), 151U);
  EXPECT_EQ(rows.front().name(), "(other)");
  EXPECT_EQ(rows.front().count(), 150U);
  EXPECT_NE(merged.overflow_warning().find("more than 150 metric names"), std::string::npos);
}

TEST(Snapshot, OtherRowsMergeIntoOtherRows) {
  Snapshot merged;
  for (int part = 0; part < 2; ++part) {
    Recorder recorder({.names = {.names = 0}});
    recorder.record(recorder.intern(get("http://h/items/1")), 1ms);
    recorder.record(recorder.intern(get("http://h/items/1", "timeout")), 1ms);
    merged.merge(recorder.take());
  }
  EXPECT_EQ(names_of(merged.rows()), (std::vector<std::string>{"(other)", "Error (any) (other)"}));
  EXPECT_EQ(merged.rows()[0].count(), 2U);
  EXPECT_FALSE(merged.overflow_warning().empty()) << "the warning comes along";
}

TEST(Snapshot, MergeKeepsTheBudgetOfMemory) {
  Snapshot merged({}, 20'000);
  std::uint64_t value = 1;
  for (int part = 0; part < 4; ++part) {
    Recorder recorder;
    const auto id = recorder.intern(get("http://h/"));
    for (int i = 0; i < 3000; ++i) {
      value = value * 6364136223846793005U + 1442695040888963407U;
      recorder.record(id, Duration(1000 + static_cast<std::int64_t>(value >> (40U + part))));
    }
    merged.merge(recorder.take());
  }
  EXPECT_EQ(merged.find(get("http://h/"))->count(), 12'000U);
  EXPECT_LT(merged.find(get("http://h/"))->precision_bits(), 10);
  EXPECT_EQ(merged.memory(), merged.find(get("http://h/"))->memory());
}

TEST(Snapshot, RowsAreInByteOrder) {
  Recorder recorder;
  for (const std::string_view session : {"b", "a", "B", "\xC3\xA4", "a b"}) {
    recorder.record(recorder.intern({session, "get", "x"}), 1ms);
    recorder.record(recorder.intern({session, "get", "x", "reset"}), 1ms);
  }
  recorder.intern({"never", "recorded"});
  const std::vector<std::string> expected{
      "B Error reset get(x)",   "B get(x)",   "a Error reset get(x)",
      "a b Error reset get(x)", "a b get(x)", "a get(x)",
      "b Error reset get(x)",   "b get(x)",   "\xC3\xA4 Error reset get(x)",
      "\xC3\xA4 get(x)"};
  EXPECT_EQ(names_of(recorder.snapshot().rows()), expected);
  auto taken = recorder.take();
  EXPECT_EQ(names_of(std::as_const(taken).rows()), expected);
  EXPECT_EQ(names_of(std::move(taken).rows()), expected);
}

TEST(Metric, DurationsAreMilliseconds) {
  Recorder recorder;
  const auto id = recorder.intern(get("http://h/", "HTTP 503"));
  recorder.record(id, 1500us);
  recorder.record(id, 2500us);
  const auto row = recorder.take().rows().at(0);
  EXPECT_EQ(row.session(), "shopper");
  EXPECT_EQ(row.action(), "get");
  EXPECT_EQ(row.target(), "http://h/");
  EXPECT_EQ(row.error(), "HTTP 503");
  EXPECT_EQ(row.kind(), MetricKind::duration);
  EXPECT_EQ(row.name(), "shopper Error HTTP 503 get(http://h/)");
  EXPECT_EQ(row.count(), 2U);
  EXPECT_EQ(row.min(), 1.5);
  EXPECT_EQ(row.max(), 2.5);
  EXPECT_EQ(row.mean(), 2);
  EXPECT_EQ(row.percentile(100), 2.5);
  EXPECT_NEAR(row.percentile(50), 1.5, 0.0015);
  EXPECT_EQ(percentiles(row, std::vector{50.0, 100.0}), (std::vector{row.percentile(50), 2.5}));
}

TEST(Metric, NumbersHaveNoUnit) {
  Recorder recorder;
  const auto id = recorder.intern(number("depth"));
  recorder.record_number(id, 17);
  recorder.record_number(id, 18);
  const auto row = recorder.take().rows().at(0);
  EXPECT_EQ(row.kind(), MetricKind::number);
  EXPECT_EQ(row.name(), "shopper depth");
  EXPECT_EQ(row.min(), 17);
  EXPECT_EQ(row.max(), 18);
  EXPECT_EQ(row.mean(), 17.5);
  EXPECT_EQ(percentiles(row, std::vector{50.0, 99.0}), (std::vector{17.0, 18.0}));
}

}  // namespace
}  // namespace chaperon::metrics
