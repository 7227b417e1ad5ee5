#include "metrics/histogram.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace chaperon::metrics {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::array kPercents{10.0, 20.0, 30.0, 40.0, 50.0, 60.0,  75.0,  80.0,
                               85.0, 90.0, 95.0, 99.0, 99.9, 99.99, 99.999};

std::vector<std::int64_t> latencies(std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> milliseconds(1.5, 1.2);
  std::vector<std::int64_t> values(count);
  for (auto& value : values)
    value = static_cast<std::int64_t>(milliseconds(random) * kMillisecond);
  return values;
}

Histogram histogram_of(const std::vector<std::int64_t>& values) {
  Histogram histogram;
  for (const auto value : values)
    histogram.record(value);
  return histogram;
}

// The oracle: nearest rank over all samples, the rank as an exact fraction of thousandths of a percent.
std::int64_t nearest_rank(std::vector<std::int64_t> values, std::uint64_t thousandths) {
  std::sort(values.begin(), values.end());
  const auto rank = std::max<std::uint64_t>(1, (thousandths * values.size() + 99'999) / 100'000);
  return values[rank - 1];
}

void expect_same(const Histogram& a, const Histogram& b) {
  EXPECT_EQ(a.count(), b.count());
  EXPECT_EQ(a.min(), b.min());
  EXPECT_EQ(a.max(), b.max());
  EXPECT_EQ(a.mean(), b.mean());
  EXPECT_EQ(a.precision_bits(), b.precision_bits());
  for (double percent = 0; percent <= 100; percent += 0.125)
    EXPECT_EQ(a.percentile(percent), b.percentile(percent));
}

TEST(Histogram, EmptyIsZeroEverywhere) {
  const Histogram histogram;
  EXPECT_TRUE(histogram.empty());
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.max(), 0);
  EXPECT_EQ(histogram.mean(), 0);
  EXPECT_EQ(histogram.percentile(50), 0);
  EXPECT_EQ(histogram.number_percentile(50), 0);
  EXPECT_EQ(histogram.number_mean(), 0);
  EXPECT_EQ(histogram.memory(), 0U);
}

TEST(Histogram, OneSampleGivesItselfEverywhere) {
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{1}, std::int64_t{1023}, std::int64_t{1024},
                                   4'123'457 * std::int64_t{1}, std::numeric_limits<std::int64_t>::max()}) {
    Histogram histogram;
    histogram.record(value);
    EXPECT_EQ(histogram.min(), value);
    EXPECT_EQ(histogram.max(), value);
    EXPECT_EQ(histogram.mean(), static_cast<double>(value));
    for (const double percent : {0.0, 10.0, 50.0, 99.999, 100.0})
      EXPECT_EQ(histogram.percentile(percent), value);
  }
}

TEST(Histogram, BelowAMicrosecondCountsExactlyInMeanAndMin) {
  Histogram histogram;
  histogram.record(100);
  histogram.record(301);
  histogram.record(5 * kMillisecond);
  EXPECT_EQ(histogram.min(), 100);
  EXPECT_DOUBLE_EQ(histogram.mean(), (100 + 301 + 5e6) / 3);
  EXPECT_EQ(histogram.percentile(50), 1023) << "the highest value of the one bucket below a microsecond";
  EXPECT_EQ(histogram.percentile(100), 5 * kMillisecond);
}

TEST(Histogram, PercentileNeverLeavesMinAndMax) {
  Histogram histogram;
  histogram.record(300, 5);
  EXPECT_EQ(histogram.percentile(50), 300);
  histogram.record(1'000'001);
  EXPECT_EQ(histogram.percentile(99), 1'000'001);
}

TEST(Histogram, PercentileIsTheBucketsHighestValue) {
  Histogram histogram;
  histogram.record(1'000'000, 10);  // in 2^19 … 2^20: buckets of 512
  histogram.record(2'000'000, 10);
  EXPECT_EQ(histogram.percentile(50), 1'000'447);
  EXPECT_EQ(histogram.percentile(50.001), 2'000'000);
}

TEST(Histogram, RankIsExactWhereFloatingPointIsNot) {
  Histogram histogram;
  histogram.record(kMillisecond, 999);
  histogram.record(50 * kMillisecond);
  EXPECT_LT(histogram.percentile(99.9), 2 * kMillisecond)
      << "rank 999 of 1000; 99.9 / 100 * 1000 > 999 in doubles";
  EXPECT_EQ(histogram.percentile(99.90001), 50 * kMillisecond);

  Histogram large;
  large.record(kMillisecond, 99'999);
  large.record(50 * kMillisecond);
  EXPECT_LT(large.percentile(99.999), 2 * kMillisecond);
}

TEST(Histogram, RankIsExactForCountsBeyond64BitProducts) {
  Histogram histogram;
  constexpr std::uint64_t kMany = std::uint64_t{1} << 60;
  histogram.record(kMillisecond, kMany);
  histogram.record(50 * kMillisecond, kMany);
  EXPECT_LT(histogram.percentile(50), 2 * kMillisecond);
  EXPECT_EQ(histogram.percentile(50.000001), 50 * kMillisecond);
}

TEST(Histogram, PercentOutOfRangeIsTheNearestInRange) {
  const auto histogram = histogram_of({5000, 70'000, 900'000});
  EXPECT_EQ(histogram.percentile(-1), histogram.percentile(0));
  EXPECT_EQ(histogram.percentile(101), 900'000);
  EXPECT_EQ(histogram.percentile(std::numeric_limits<double>::quiet_NaN()), histogram.percentile(0));
}

TEST(Histogram, PercentilesAreWithinATenthOfAPercentOfTheSamples) {
  for (const std::size_t count : {2U, 10U, 63U, 64U, 65U, 1000U, 30'000U}) {
    const auto values = latencies(count, static_cast<unsigned>(count));
    const auto histogram = histogram_of(values);
    for (const double percent : kPercents) {
      const auto exact = nearest_rank(values, static_cast<std::uint64_t>(percent * 1000 + 0.5));
      const auto found = histogram.percentile(percent);
      EXPECT_GE(found, exact) << count << " samples, p" << percent;
      EXPECT_LT(static_cast<double>(found), static_cast<double>(exact) * 1.001)
          << count << " samples, p" << percent;
    }
  }
}

TEST(Histogram, OnePassGivesTheSamePercentiles) {
  const auto histogram = histogram_of(latencies(5000, 7));
  std::array<std::int64_t, kPercents.size()> values{};
  histogram.percentiles(kPercents, values);
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(values[i], histogram.percentile(kPercents[i]));
}

TEST(Histogram, MeanIsExactBeyond64BitSums) {
  Histogram histogram;
  histogram.record(std::numeric_limits<std::int64_t>::max(), 3);
  EXPECT_EQ(histogram.mean(), static_cast<double>(std::numeric_limits<std::int64_t>::max()));
  Histogram mixed;  // a double's sum would lose the ones
  mixed.record(std::int64_t{1} << 62, 2);
  mixed.record(2, 2);
  EXPECT_EQ(mixed.mean(), static_cast<double>((std::int64_t{1} << 61) + 1));
}

TEST(Histogram, RecordingNTimesIsRecordingN) {
  Histogram once;
  Histogram many;
  for (const std::int64_t value : {500, 5000, 1'234'567}) {
    once.record(value, 7);
    for (int i = 0; i < 7; ++i)
      many.record(value);
  }
  expect_same(once, many);
  once.record(1, 0);
  expect_same(once, many);
}

TEST(Histogram, NegativeValuesShareTheLowestBucket) {
  const auto histogram = histogram_of({-5'000'000, 2000, 2000});
  EXPECT_EQ(histogram.min(), -5'000'000);
  EXPECT_EQ(histogram.max(), 2000);
  EXPECT_DOUBLE_EQ(histogram.mean(), (-5e6 + 4000) / 3);
  EXPECT_EQ(histogram.percentile(10), 1023);
}

TEST(Histogram, MergeIsTheSameAsRecordingTogether) {
  // Sparse into sparse, sparse into chunks, chunks into sparse, chunks into chunks, empty into either.
  for (const std::size_t first : {0U, 5U, 5000U}) {
    for (const std::size_t second : {0U, 7U, 7000U}) {
      const auto a = latencies(first, 1);
      const auto b = latencies(second, 2);
      auto merged = histogram_of(a);
      merged.merge(histogram_of(b));
      auto all = a;
      all.insert(all.end(), b.begin(), b.end());
      expect_same(merged, histogram_of(all));
    }
  }
}

TEST(Histogram, MergeIntoItselfDoubles) {
  auto histogram = histogram_of(latencies(1000, 3));
  const auto median = histogram.percentile(50);
  histogram.merge(histogram);
  EXPECT_EQ(histogram.count(), 2000U);
  EXPECT_EQ(histogram.percentile(50), median);
}

TEST(Histogram, CopiesAreIndependent) {
  for (const std::size_t count : {3U, 3000U}) {
    const auto original = histogram_of(latencies(count, 4));
    auto copy = original;
    expect_same(copy, original);
    copy.record(900 * kMillisecond, 10'000);
    EXPECT_EQ(original.count(), count);
    EXPECT_NE(copy.percentile(50), original.percentile(50));
    const auto moved = std::move(copy);
    EXPECT_EQ(moved.count(), count + 10'000);
  }
}

TEST(Histogram, ClearForgetsSamplesAndKeepsMemory) {
  for (const std::size_t count : {30U, 3000U}) {
    auto histogram = histogram_of(latencies(count, 5));
    const auto memory = histogram.memory();
    histogram.clear();
    EXPECT_TRUE(histogram.empty());
    EXPECT_EQ(histogram.percentile(99), 0);
    EXPECT_EQ(histogram.max(), 0);
    const auto values = latencies(count, 5);
    for (const auto value : values)
      histogram.record(value);
    EXPECT_EQ(histogram.memory(), memory);
    expect_same(histogram, histogram_of(values));
  }
}

TEST(Histogram, FewBucketsTakeLittleMemoryAndManySamplesNoMore) {
  Histogram histogram;
  histogram.record(500);
  EXPECT_EQ(histogram.memory(), 0U);
  histogram.record(kMillisecond);
  EXPECT_LE(histogram.memory(), 64U);
  const auto values = latencies(20'000, 6);
  for (const auto value : values)
    histogram.record(value);
  const auto memory = histogram.memory();
  for (int i = 0; i < 10; ++i) {
    for (const auto value : values)
      histogram.record(value);
  }
  EXPECT_EQ(histogram.memory(), memory);
  EXPECT_LT(memory, 300U * 1024);
}

// --- memory budget -------------------------------------------------------------------------------

TEST(HistogramBudget, CountsExactlyWhatHistogramsHold) {
  MemoryBudget budget(1U << 20);
  Histogram a;
  Histogram b;
  for (const auto value : latencies(3000, 8)) {
    a.record(value, 1, &budget);
    b.record(value / 100, 1, &budget);
    ASSERT_EQ(budget.used(), a.memory() + b.memory());
  }
  a.merge(b, &budget);
  EXPECT_EQ(budget.used(), a.memory() + b.memory());
  EXPECT_EQ(a.precision_bits(), kFinestBits);
}

TEST(HistogramBudget, CoarsensInsteadOfGrowingPastTheLimit) {
  for (const std::size_t limit : {0U, 100U, 1000U, 3000U, 10'000U, 40'000U}) {
    MemoryBudget budget(limit);
    Histogram histogram;
    Histogram unlimited;
    for (const auto value : latencies(20'000, 9)) {
      histogram.record(value, 1, &budget);
      unlimited.record(value);
      ASSERT_EQ(budget.used(), histogram.memory());
      ASSERT_LE(histogram.memory(), limit + 1024)
          << "beyond the limit only the list of the coarsest histogram";
    }
    EXPECT_LT(histogram.precision_bits(), kFinestBits);
    EXPECT_EQ(histogram.count(), unlimited.count());
    EXPECT_EQ(histogram.mean(), unlimited.mean());
    EXPECT_EQ(histogram.min(), unlimited.min());
    EXPECT_EQ(histogram.max(), unlimited.max());
    const double error = 1.0 / (1 << histogram.precision_bits());
    for (const double percent : kPercents) {
      const auto exact = static_cast<double>(unlimited.percentile(percent));
      const auto found = static_cast<double>(histogram.percentile(percent));
      EXPECT_GE(found, exact * 0.999) << limit << " bytes, p" << percent;
      EXPECT_LE(found, exact * (1 + error) + 1) << limit << " bytes, p" << percent;
    }
  }
}

TEST(HistogramBudget, ACoarseHistogramKeepsEverySampleCountable) {
  MemoryBudget none(0);
  Histogram histogram;
  for (int exponent = 0; exponent < 63; ++exponent)
    histogram.record(std::int64_t{1} << exponent, 1, &none);
  EXPECT_EQ(histogram.precision_bits(), 0);
  EXPECT_EQ(histogram.count(), 63U);
  // 2^k is the k+1st of 63 samples; at one bucket to a power of two it reads as 2^(k+1) - 1.
  for (int exponent = 10; exponent < 62; ++exponent) {
    const double percent = 100.0 * (exponent + 1) / 63;
    EXPECT_EQ(histogram.percentile(percent - 0.001), (std::int64_t{1} << (exponent + 1)) - 1);
  }
}

TEST(HistogramBudget, MergedPrecisionIsThatOfTheCoarser) {
  const auto values = latencies(5000, 10);
  MemoryBudget small(4000);
  Histogram coarse;
  for (const auto value : values)
    coarse.record(value, 1, &small);
  ASSERT_LT(coarse.precision_bits(), kFinestBits);
  const auto fine = histogram_of(values);

  auto into_fine = fine;
  into_fine.merge(coarse);
  auto into_coarse = coarse;
  into_coarse.merge(fine);
  expect_same(into_fine, into_coarse);
  EXPECT_EQ(into_fine.precision_bits(), coarse.precision_bits());
  EXPECT_EQ(into_fine.count(), 10'000U);
  for (const double percent : kPercents)
    EXPECT_EQ(into_fine.percentile(percent), coarse.percentile(percent));
}

TEST(HistogramBudget, AnotherHistogramIsPaidFromWhatIsLeft) {
  MemoryBudget budget(20'000);
  Histogram first;
  for (const auto value : latencies(20'000, 11))
    first.record(value, 1, &budget);
  Histogram second;
  for (const auto value : latencies(20'000, 12))
    second.record(value, 1, &budget);
  EXPECT_EQ(second.count(), 20'000U);
  EXPECT_EQ(budget.used(), first.memory() + second.memory());
  EXPECT_LE(budget.used(), 20'000U + 2 * 1024);
}

TEST(MemoryBudget, TakesAllOrNothing) {
  MemoryBudget budget(10);
  EXPECT_TRUE(budget.take(10));
  EXPECT_FALSE(budget.take(1));
  budget.take_anyway(5);
  EXPECT_EQ(budget.used(), 15U);
  EXPECT_FALSE(budget.take(1)) << "past the limit nothing is left";
  budget.give_back(12);
  EXPECT_FALSE(budget.take(8));
  EXPECT_EQ(budget.used(), 3U);
  EXPECT_TRUE(budget.take(7));
}

}  // namespace
}  // namespace chaperon::metrics
