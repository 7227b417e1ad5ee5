#include "metrics/number.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "metrics/histogram.hpp"

namespace chaperon::metrics {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLargest = std::numeric_limits<double>::max();

TEST(FixedPoint, KeepsTwentyBitsOfTheFraction) {
  EXPECT_EQ(to_fixed_point(0), 0);
  EXPECT_EQ(to_fixed_point(1), 1 << 20);
  EXPECT_EQ(to_fixed_point(0.5), 1 << 19);
  EXPECT_EQ(to_fixed_point(17), 17 << 20);
  EXPECT_EQ(to_fixed_point(-1), -(1 << 20));
  EXPECT_EQ(to_fixed_point(std::ldexp(1.0, -21)), 0);
}

TEST(FixedPoint, Saturates) {
  EXPECT_EQ(to_fixed_point(8796093022207.0), std::int64_t{8796093022207} << 20);
  EXPECT_EQ(to_fixed_point(8796093022208.0), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(to_fixed_point(1e300), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(to_fixed_point(-1e300), std::numeric_limits<std::int64_t>::min());
}

TEST(Numbers, OneNumberGivesItselfEverywhere) {
  for (const double number : {17.0, 0.0, 0.1, -3.5, 1e-9, 123456.789, 1e300, -1e300}) {
    Histogram histogram;
    histogram.record_number(number);
    EXPECT_EQ(histogram.count(), 1U);
    EXPECT_EQ(histogram.number_min(), number);
    EXPECT_EQ(histogram.number_max(), number);
    EXPECT_EQ(histogram.number_mean(), number);
    for (const double percent : {0.0, 10.0, 50.0, 99.999, 100.0})
      EXPECT_EQ(histogram.number_percentile(percent), number);
  }
}

TEST(Numbers, SmallWholeNumbersComeBackUnchanged) {
  Histogram histogram;
  for (int i = 1; i <= 100; ++i)
    histogram.record_number(i);
  EXPECT_EQ(histogram.number_percentile(50), 50);
  EXPECT_EQ(histogram.number_percentile(99), 99);
  EXPECT_EQ(histogram.number_percentile(99.9), 100);
  EXPECT_EQ(histogram.number_percentile(10), 10);
  EXPECT_EQ(histogram.number_mean(), 50.5);

  Histogram larger;
  for (int i = 0; i <= 2047; ++i)
    larger.record_number(i);
  for (int i = 1; i <= 2047; ++i) {
    // i is sample i + 1 of 2048; half a rank less still rounds up to it.
    ASSERT_EQ(larger.number_percentile(100.0 * (i + 0.5) / 2048), i);
  }
}

TEST(Numbers, FractionsAreWithinATenthOfAPercent) {
  Histogram histogram;
  for (int i = 1; i <= 1000; ++i)
    histogram.record_number(i * 0.37);
  EXPECT_NEAR(histogram.number_percentile(50), 500 * 0.37, 500 * 0.37 * 0.001);
  EXPECT_EQ(histogram.number_percentile(100), 370);
  EXPECT_EQ(histogram.number_min(), 0.37);
  EXPECT_NEAR(histogram.number_mean(), 500.5 * 0.37, 1e-10);
}

TEST(Numbers, NegativeOnesKeepExactMinAndMean) {
  Histogram histogram;
  for (const double number : {-10.25, -2.0, 5.0})
    histogram.record_number(number);
  EXPECT_EQ(histogram.number_min(), -10.25);
  EXPECT_EQ(histogram.number_max(), 5);
  EXPECT_DOUBLE_EQ(histogram.number_mean(), -7.25 / 3);
  EXPECT_EQ(histogram.number_percentile(100), 5);

  Histogram all_negative;
  for (const double number : {-3.0, -2.0, -1.0})
    all_negative.record_number(number);
  EXPECT_EQ(all_negative.number_percentile(50), -1) << "one bucket, clamped to the largest";
}

TEST(Numbers, NanIsCountedNowhere) {
  Histogram histogram;
  histogram.record_number(std::nan(""));
  EXPECT_TRUE(histogram.empty());
  histogram.record_number(2);
  histogram.record_number(std::nan(""));
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_EQ(histogram.number_mean(), 2);
}

TEST(Numbers, HugeOnesSaturateAndStayFinite) {
  Histogram histogram;
  for (const double number : {kInfinity, kInfinity, kLargest, kLargest})
    histogram.record_number(number);
  EXPECT_EQ(histogram.number_max(), kLargest);
  EXPECT_EQ(histogram.number_mean(), kLargest);
  EXPECT_EQ(histogram.number_percentile(50), kLargest);
  histogram.record_number(-kInfinity);
  EXPECT_EQ(histogram.number_min(), -kLargest);
  EXPECT_TRUE(std::isfinite(histogram.number_mean()));

  Histogram mixed;
  mixed.record_number(1);
  mixed.record_number(1e200);
  EXPECT_EQ(mixed.number_percentile(50), 1);
  EXPECT_EQ(mixed.number_percentile(100), 8796093022207.0) << "the largest number that has a bucket";
  EXPECT_EQ(mixed.number_max(), 1e200);
}

TEST(Numbers, SumLosesNothingToLargeNumbers) {
  Histogram histogram;
  for (const double number : {1.0, 1e100, 1.0, -1e100})
    histogram.record_number(number);
  EXPECT_EQ(histogram.number_mean(), 0.5);
}

TEST(Numbers, MergeIsTheSameAsRecordingTogether) {
  Histogram whole;
  Histogram fractions;
  Histogram all;
  for (int i = 0; i < 500; ++i) {
    whole.record_number(i);
    fractions.record_number(i + 0.1);
    all.record_number(i);
    all.record_number(i + 0.1);
  }
  const auto median_of_whole = whole.number_percentile(50);
  EXPECT_EQ(median_of_whole, 249);
  auto merged = whole;
  merged.merge(fractions);
  EXPECT_EQ(merged.count(), 1000U);
  EXPECT_EQ(merged.number_min(), 0);
  EXPECT_EQ(merged.number_max(), 499.1);
  EXPECT_DOUBLE_EQ(merged.number_mean(), all.number_mean());
  constexpr std::array kPercents{1.0, 25.0, 50.0, 99.9};
  std::array<double, kPercents.size()> of_merged{};
  merged.number_percentiles(kPercents, of_merged);
  for (std::size_t i = 0; i < kPercents.size(); ++i)
    EXPECT_EQ(of_merged[i], all.number_percentile(kPercents[i]));

  Histogram none;
  none.merge(whole);
  EXPECT_EQ(none.number_percentile(50), median_of_whole) << "still whole numbers";
}

TEST(Numbers, ClearForgetsThem) {
  Histogram histogram;
  histogram.record_number(0.5);
  histogram.clear();
  histogram.record_number(3);
  EXPECT_EQ(histogram.number_min(), 3);
  EXPECT_EQ(histogram.number_mean(), 3);
}

}  // namespace
}  // namespace chaperon::metrics
