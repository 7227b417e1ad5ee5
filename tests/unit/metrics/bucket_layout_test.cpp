#include "metrics/bucket_layout.hpp"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace chaperon::metrics {
namespace {

TEST(BucketLayout, FirstAndLastValueHaveTheFirstAndLastBucket) {
  for (int bits = 0; bits <= kFinestBits; ++bits) {
    EXPECT_EQ(bucket_of(kSmallestBucketed, bits), 0U);
    EXPECT_EQ(bucket_of(std::numeric_limits<std::int64_t>::max(), bits), bucket_count(bits) - 1);
    EXPECT_EQ(lowest_in(0, bits), kSmallestBucketed);
    EXPECT_EQ(highest_in(bucket_count(bits) - 1, bits), std::numeric_limits<std::int64_t>::max());
  }
}

TEST(BucketLayout, BucketsFollowEachOtherWithoutGap) {
  for (int bits = 0; bits <= kFinestBits; ++bits) {
    for (std::uint32_t bucket = 0; bucket + 1 < bucket_count(bits); ++bucket) {
      ASSERT_EQ(highest_in(bucket, bits) + 1, lowest_in(bucket + 1, bits)) << bits << ' ' << bucket;
    }
  }
}

TEST(BucketLayout, BothEndsOfABucketAreInIt) {
  for (int bits = 0; bits <= kFinestBits; ++bits) {
    for (std::uint32_t bucket = 0; bucket < bucket_count(bits); ++bucket) {
      ASSERT_EQ(bucket_of(lowest_in(bucket, bits), bits), bucket);
      ASSERT_EQ(bucket_of(highest_in(bucket, bits), bits), bucket);
    }
  }
}

TEST(BucketLayout, ABucketIsNarrowerThanATenthOfAPercent) {
  for (std::uint32_t bucket = 0; bucket < bucket_count(kFinestBits); ++bucket) {
    const auto low = lowest_in(bucket, kFinestBits);
    ASSERT_LT(static_cast<double>(highest_in(bucket, kFinestBits) - low), 0.001 * static_cast<double>(low));
  }
}

TEST(BucketLayout, OneBitLessJoinsNeighbours) {
  for (int bits = 1; bits <= kFinestBits; ++bits) {
    for (std::uint32_t bucket = 0; bucket < bucket_count(bits); ++bucket) {
      ASSERT_EQ(bucket_of(lowest_in(bucket, bits), bits - 1), bucket >> 1);
    }
  }
}

}  // namespace
}  // namespace chaperon::metrics
