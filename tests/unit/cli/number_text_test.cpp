#include "cli/number_text.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace chaperon::cli {
namespace {

TEST(NumberText, CountsHaveThousandsSeparators) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1,000");
  EXPECT_EQ(count_text(184022), "184,022");
  EXPECT_EQ(count_text(12345678), "12,345,678");
  EXPECT_EQ(count_text(std::numeric_limits<std::uint64_t>::max()), "18,446,744,073,709,551,615");
  EXPECT_EQ(count_text(1, "session", "sessions"), "1 session");
  EXPECT_EQ(count_text(0, "session", "sessions"), "0 sessions");
}

TEST(NumberText, RatesHaveThreeDigitsAtMost) {
  EXPECT_EQ(rate_text(0), "0");
  EXPECT_EQ(rate_text(-1), "0");
  EXPECT_EQ(rate_text(0.004), "0.004");
  EXPECT_EQ(rate_text(0.25), "0.25");
  EXPECT_EQ(rate_text(0.997), "1.0");
  EXPECT_EQ(rate_text(16.52), "16.5");
  EXPECT_EQ(rate_text(99.96), "100");
  EXPECT_EQ(rate_text(328.4), "328");
  EXPECT_EQ(rate_text(999.6), "1.0k");
  EXPECT_EQ(rate_text(12'400), "12.4k");
  EXPECT_EQ(rate_text(6'093), "6.1k");
  EXPECT_EQ(rate_text(124'000), "124k");
  EXPECT_EQ(rate_text(1'200'000), "1.2M");
}

TEST(NumberText, Latencies) {
  EXPECT_EQ(latency_text(0.0), "0 ms");
  EXPECT_EQ(latency_text(0.0012), "1.2 µs");
  EXPECT_EQ(latency_text(0.412), "412 µs");
  EXPECT_EQ(latency_text(0.9996), "1.0 ms");
  EXPECT_EQ(latency_text(4.1), "4.1 ms");
  EXPECT_EQ(latency_text(9.96), "10 ms");
  EXPECT_EQ(latency_text(31.4), "31 ms");
  EXPECT_EQ(latency_text(999.6), "1.0 s");
  EXPECT_EQ(latency_text(10'000.0), "10.0 s");
  EXPECT_EQ(latency_text(30'200.0), "30.2 s");
  EXPECT_EQ(latency_text(59'960.0), "1m00s");
  EXPECT_EQ(latency_text(125'000.0), "2m05s");
  EXPECT_EQ(latency_text(3'720'000.0), "1h02m");
  EXPECT_EQ(latency_text(Duration(1500us)), "1.5 ms");
}

TEST(NumberText, NumbersWithoutAUnitAreUnchanged) {
  EXPECT_EQ(plain_number_text(17), "17");
  EXPECT_EQ(plain_number_text(-17), "-17");
  EXPECT_EQ(plain_number_text(12'345), "12,345");
  EXPECT_EQ(plain_number_text(0.125), "0.125");
  EXPECT_EQ(plain_number_text(1.5e21), "1.5e+21");
  EXPECT_EQ(plain_number_text(std::numeric_limits<double>::infinity()), "inf");
}

TEST(NumberText, Bytes) {
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1000), "1.0 kB");
  EXPECT_EQ(bytes_text(41'200'000), "41 MB");
  EXPECT_EQ(bytes_text(999'999), "1.0 MB");
  EXPECT_EQ(bytes_text(std::numeric_limits<std::uint64_t>::max()), "18 EB");
}

TEST(NumberText, SharesAreNeverRoundedToNothingOrAll) {
  EXPECT_EQ(percent_text(0), "0%");
  EXPECT_EQ(percent_text(0.0046), "0.46%");
  EXPECT_EQ(percent_text(0.00001), "<0.01%");
  EXPECT_EQ(percent_text(0.046), "4.6%");
  EXPECT_EQ(percent_text(0.46), "46%");
  EXPECT_EQ(percent_text(0.997), "99.7%");
  EXPECT_EQ(percent_text(0.99999), ">99.9%");
  EXPECT_EQ(percent_text(1), "100%");
}

}  // namespace
}  // namespace chaperon::cli
