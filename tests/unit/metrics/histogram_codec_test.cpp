#include "metrics/histogram_codec.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chaperon::metrics {
namespace {

using testing::HasSubstr;

constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
constexpr auto kMax = std::numeric_limits<std::int64_t>::max();

std::string bytes_of(const Histogram& histogram) {
  std::string bytes;
  ByteWriter out(bytes);
  encode(out, histogram);
  return bytes;
}

Histogram histogram_of(std::string_view bytes) {
  ByteReader in(bytes);
  auto histogram = decode_histogram(in);
  in.end();
  return histogram;
}

void expect_same(const Histogram& a, const Histogram& b) {
  EXPECT_EQ(a.count(), b.count());
  EXPECT_EQ(a.min(), b.min());
  EXPECT_EQ(a.max(), b.max());
  EXPECT_EQ(a.mean(), b.mean());
  EXPECT_EQ(a.has_numbers(), b.has_numbers());
  EXPECT_EQ(a.number_min(), b.number_min());
  EXPECT_EQ(a.number_max(), b.number_max());
  EXPECT_EQ(a.number_mean(), b.number_mean());
  EXPECT_EQ(a.precision_bits(), b.precision_bits());
  for (double percent = 0; percent <= 100; percent += 0.5) {
    EXPECT_EQ(a.percentile(percent), b.percentile(percent));
    EXPECT_EQ(a.number_percentile(percent), b.number_percentile(percent));
  }
  EXPECT_EQ(bytes_of(a), bytes_of(b));
}

// Of a random shape: narrow or wide, few or many, small values or none, whole or coarse.
Histogram random_durations(std::mt19937_64& random) {
  Histogram histogram;
  std::lognormal_distribution<double> shape(static_cast<double>(random() % 20),
                                            static_cast<double>(1 + random() % 3));
  MemoryBudget little(1000 + random() % 5000);
  MemoryBudget* budget = random() % 3 == 0 ? &little : nullptr;
  for (auto left = 1 + random() % 1000; left > 0; --left)
    histogram.record(static_cast<std::int64_t>(shape(random) * 10), 1 + random() % 3, budget);
  return histogram;
}

Histogram random_numbers(std::mt19937_64& random) {
  Histogram histogram;
  std::normal_distribution<double> shape(static_cast<double>(random() % 100), 50);
  const bool whole = random() % 2 == 0;
  for (auto left = 1 + random() % 1000; left > 0; --left) {
    const double number = shape(random);
    histogram.record_number(whole ? std::trunc(number) : number);
  }
  return histogram;
}

TEST(HistogramCodec, HistogramsComeBack) {
  std::mt19937_64 random(4711);
  for (int i = 0; i < 100; ++i) {
    for (const auto& histogram : {random_durations(random), random_numbers(random)})
      expect_same(histogram_of(bytes_of(histogram)), histogram);
  }
  expect_same(histogram_of(bytes_of({})), {});
}

TEST(HistogramCodec, TheEndsOfTheRangeComeBack) {
  Histogram durations;
  for (const std::int64_t value : {kMin, std::int64_t{0}, std::int64_t{1023}, std::int64_t{1024}, kMax})
    durations.record(value, 1000);
  expect_same(histogram_of(bytes_of(durations)), durations);
  Histogram numbers;
  for (const double number : {-1e308, -0.0, 1e-300, 1e308, std::numeric_limits<double>::infinity()})
    numbers.record_number(number);
  expect_same(histogram_of(bytes_of(numbers)), numbers);
  for (const std::int64_t value : {kMin, kMax, std::int64_t{1023}, std::int64_t{1024}}) {
    Histogram one;
    one.record(value, kMostSamples);
    expect_same(histogram_of(bytes_of(one)), one);
  }
  Histogram too_many;
  too_many.record(1, kMostSamples + 1);
  EXPECT_THROW(bytes_of(too_many), std::length_error);
}

TEST(HistogramCodec, MergingReceivedOnesIsMergingTheOriginals) {
  std::mt19937_64 random(17);
  for (const auto make : {random_durations, random_numbers}) {
    Histogram originals;
    Histogram received;
    for (int i = 0; i < 50; ++i) {
      const auto histogram = make(random);
      originals.merge(histogram);
      received.merge(histogram_of(bytes_of(histogram)));
    }
    expect_same(received, originals);
  }
}

TEST(HistogramCodec, TakesTwoBytesOrSoForABucket) {
  Histogram histogram;
  for (std::int64_t i = 0; i < 1000; ++i)
    histogram.record(1'000'000 + i * 1000);
  EXPECT_LE(bytes_of(histogram).size(), 2 * 1000 + 30U);
}

TEST(HistogramCodec, TheLargestIsAsLargeAsAnnounced) {
  // As many buckets as possible with six bytes of count: 2^35 samples and more; five for the others: 2^28.
  Histogram histogram;
  std::uint64_t left = kMostSamples - (std::uint64_t{bucket_count(kFinestBits)} << 28U);
  for (std::uint32_t bucket = 0; bucket < bucket_count(kFinestBits); ++bucket) {
    constexpr std::uint64_t kMore = (std::uint64_t{1} << 35U) - (std::uint64_t{1} << 28U);
    const std::uint64_t more = left >= kMore ? kMore : 0;
    histogram.record(lowest_in(bucket, kFinestBits), (std::uint64_t{1} << 28U) + more);
    left -= more;
  }
  const auto bytes = bytes_of(histogram);
  EXPECT_LT(bytes.size(), 327U << 10U);
  EXPECT_GT(bytes.size(), 325U << 10U);
  expect_same(histogram_of(bytes), histogram);
}

TEST(HistogramCodec, EveryBeginningIsRefused) {
  std::mt19937_64 random(3);
  for (const auto& histogram : {Histogram(), random_durations(random), random_numbers(random)}) {
    const std::string bytes = bytes_of(histogram);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_THROW(histogram_of(std::string_view(bytes).substr(0, size)), MalformedBytes);
  }
}

TEST(HistogramCodec, AFlippedBitIsRefusedOrAnotherHistogram) {
  std::mt19937_64 random(5);
  for (const auto& histogram : {random_durations(random), random_numbers(random)}) {
    const std::string bytes = bytes_of(histogram);
    for (std::size_t bit = 0; bit < 8 * std::min<std::size_t>(bytes.size(), 300); ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      try {
        const auto other = histogram_of(flipped);
        // Not always `flipped`: a longer mantissa than this machine has is rounded.
        expect_same(histogram_of(bytes_of(other)), other);
        EXPECT_LE(other.min(), other.percentile(0));
        EXPECT_EQ(other.max(), other.percentile(100));
        EXPECT_LE(static_cast<double>(other.min()), other.mean());
        EXPECT_GE(static_cast<double>(other.max()), other.mean());
      } catch (const MalformedBytes&) {
      }
    }
  }
}

// What a histogram consists of.
struct Parts {
  std::uint8_t head = kFinestBits;
  std::uint64_t count = 3;
  std::uint64_t below = 1;
  Int128 sum = 1 + 1500 + 2500;
  std::int64_t min = 1;
  std::uint64_t distance = 2499;
  std::vector<std::uint64_t> buckets{bucket_of(1500, kFinestBits), 1,
                                     bucket_of(2500, kFinestBits) - bucket_of(1500, kFinestBits) - 1, 1};
};

// What is wrong with a histogram of which one part is wrong.
std::string complaint(const std::function<void(Parts&)>& spoil) {
  Parts parts;
  spoil(parts);
  std::string bytes;
  ByteWriter out(bytes);
  out.byte(parts.head);
  out.varint(parts.count);
  out.varint(parts.below);
  out.zigzag128(parts.sum);
  out.zigzag(parts.min);
  out.varint(parts.distance);
  for (const auto number : parts.buckets)
    out.varint(number);
  try {
    histogram_of(bytes);
    return {};
  } catch (const MalformedBytes& e) {
    return e.what();
  }
}

TEST(HistogramCodec, PartsThatDoNotGoTogetherAreRefused) {
  EXPECT_EQ(complaint([](Parts&) {}), "");
  EXPECT_THAT(complaint([](Parts& parts) { parts.head = 11; }), HasSubstr("precision"));
  EXPECT_THAT(complaint([](Parts& parts) { parts.head = 0x20; }), HasSubstr("precision"));
  EXPECT_THAT(complaint([](Parts& parts) { parts.count = kMostSamples + 1; }),
              HasSubstr("count of a histogram"));
  EXPECT_THAT(complaint([](Parts& parts) { parts.below = 4; }), HasSubstr("small values"));
  EXPECT_THAT(complaint([](Parts& parts) { parts.below = 0; }), HasSubstr("smallest value"));
  EXPECT_THAT(complaint([](Parts& parts) { parts.sum = 7500; }), HasSubstr("sum"));
  EXPECT_THAT(complaint([](Parts& parts) { parts.sum = 2000; }), HasSubstr("sum"));
  EXPECT_THAT(complaint([](Parts& parts) { parts.distance = kMax; }), HasSubstr("out of range"));
  EXPECT_THAT(complaint([](Parts& parts) { parts.distance = 2490; }), HasSubstr("last bucket"));
  EXPECT_THAT(complaint([](Parts& parts) { parts.buckets[2] = bucket_count(kFinestBits); }),
              HasSubstr("gap"));
  EXPECT_THAT(complaint([](Parts& parts) { parts.buckets[2] = bucket_count(kFinestBits) - 1; }),
              HasSubstr("beyond"));
  EXPECT_THAT(complaint([](Parts& parts) { parts.buckets[1] = 0; }), HasSubstr("empty"));
  EXPECT_THAT(complaint([](Parts& parts) { parts.buckets[1] = 3; }), HasSubstr("count of a bucket"));
  EXPECT_THAT(
      complaint([](Parts& parts) {
        parts = {
            .below = 0, .sum = 1024 + 1500 + 2500, .min = 1024, .distance = 1476, .buckets = parts.buckets};
        parts.buckets[1] = 2;
      }),
      HasSubstr("first bucket"));
}

// What is wrong with a histogram of the numbers 1 and 3 of which that is said.
std::string complaint(double min, double max, long double sum, long double lost, bool integral) {
  std::string bytes;
  ByteWriter out(bytes);
  out.byte(kFinestBits | 0x10);
  out.varint(2);
  out.varint(0);
  out.zigzag128(to_fixed_point(1) + to_fixed_point(3));
  out.zigzag(to_fixed_point(1));
  out.varint(static_cast<std::uint64_t>(to_fixed_point(2)));
  out.real(min);
  out.real(max);
  out.long_real(sum);
  out.long_real(lost);
  out.flag(integral);
  const auto first = bucket_of(to_fixed_point(1), kFinestBits);
  for (const auto number : {first, 1U, bucket_of(to_fixed_point(3), kFinestBits) - first - 1, 1U})
    out.varint(number);
  try {
    histogram_of(bytes);
    return {};
  } catch (const MalformedBytes& e) {
    return e.what();
  }
}

TEST(HistogramCodec, NumbersThatDoNotGoTogetherAreRefused) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(complaint(1, 3, 4, 0, true), "");
  EXPECT_THAT(complaint(1, kInfinity, 4, 0, true), HasSubstr("not finite"));
  EXPECT_THAT(complaint(kNan, 3, 4, 0, true), HasSubstr("not finite"));
  EXPECT_THAT(complaint(1, 3, kNan, 0, true), HasSubstr("not finite"));
  EXPECT_THAT(complaint(1, 3, 4, kInfinity, true), HasSubstr("not finite"));
  EXPECT_THAT(complaint(1, 3, 1000, 0, true), HasSubstr("sum"));
  EXPECT_THAT(complaint(3, 1, 4, 0, true), HasSubstr("above the largest"));
  EXPECT_THAT(complaint(1.00000001, 3, 4, 0, true), HasSubstr("fraction"));
  EXPECT_THAT(complaint(1, 4, 5, 0, true), HasSubstr("not its values"));
}

}  // namespace
}  // namespace chaperon::metrics
