#include "metrics/histogram_codec.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>

#include "metrics/bucket_layout.hpp"
#include "metrics/number.hpp"

namespace chaperon::metrics {
namespace {

// The first byte: the precision in bits, and whether the values are numbers.
constexpr std::uint8_t kNumbers = 0x10;
constexpr std::uint8_t kBits = 0x0F;

void encode_totals(ByteWriter& out, const NumberTotals& totals) {
  out.real(totals.min);
  out.real(totals.max);
  out.long_real(totals.sum);
  out.long_real(totals.lost);
  out.flag(totals.integral);
}

// Takes the totals of `count` numbers.
NumberTotals decode_totals(ByteReader& in, std::uint64_t count) {
  NumberTotals totals;
  totals.min = in.real("the smallest number");
  totals.max = in.real("the largest number");
  totals.sum = in.long_real("the sum of numbers");
  totals.lost = in.long_real("the rest of the sum of numbers");
  totals.integral = in.flag("whether numbers are whole");
  // Twice what the sum can be, for what rounding adds: so it is finite, however many are added up.
  const auto largest = std::max(std::fabs(static_cast<long double>(totals.min)),
                                std::fabs(static_cast<long double>(totals.max)));
  const auto bound = 2 * static_cast<long double>(count) * largest;
  if (!std::isfinite(totals.min) || !std::isfinite(totals.max) || !(std::fabs(totals.sum) <= bound) ||
      !(std::fabs(totals.lost) <= bound)) {
    in.fail("numbers of a histogram are not finite, or their sum is not one of them");
  }
  if (totals.min > totals.max) in.fail("the smallest number is above the largest");
  if (totals.integral && (totals.min != std::trunc(totals.min) || totals.max != std::trunc(totals.max)))
    in.fail("whole numbers have a fraction");
  return totals;
}

// The value that is `distance` above another.
std::int64_t value_above(ByteReader& in, std::int64_t value, std::uint64_t distance) {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (distance > kLargest - static_cast<std::uint64_t>(value))
    in.fail("the largest value of a histogram is out of range");
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(value) + distance);
}

// Whether `count` values, the smallest and the largest among them, can have that sum.
bool can_be_sum(Int128 sum, std::uint64_t count, std::int64_t min, std::int64_t max) noexcept {
  const Int128 others = Int128{count} - 1;
  return sum >= max + others * min && sum <= min + others * max;
}

}  // namespace

void encode(ByteWriter& out, const Histogram& histogram) {
  if (histogram.count_ > kMostSamples)
    throw std::length_error(fmt::format("a histogram of {} samples cannot be sent", histogram.count_));
  const auto bits = static_cast<std::uint8_t>(histogram.precision_bits());
  out.byte(histogram.numbers_ ? bits | kNumbers : bits);
  out.varint(histogram.count_);
  if (histogram.empty()) return;
  out.varint(histogram.below_);
  out.zigzag128(histogram.sum_);
  out.zigzag(histogram.min_);
  out.varint(static_cast<std::uint64_t>(histogram.max_) - static_cast<std::uint64_t>(histogram.min_));
  if (histogram.numbers_) encode_totals(out, *histogram.numbers_);
  // How many there are need not be said: their counts add up to what is not below.
  std::uint32_t next = 0;
  histogram.buckets_.for_each([&](std::uint32_t bucket, std::uint64_t count) {
    out.varint(bucket - next);
    out.varint(count);
    next = bucket + 1;
    return true;
  });
}

Histogram decode_histogram(ByteReader& in) {
  Histogram histogram;
  const std::uint8_t head = in.byte("the precision of a histogram");
  const int bits = head & kBits;
  const bool has_numbers = (head & kNumbers) != 0;
  if (bits > kFinestBits || (head & ~(kBits | kNumbers)) != 0)
    in.fail("the precision of a histogram is out of range");
  histogram.buckets_.coarsen_to(bits, nullptr);

  histogram.count_ = in.varint("the count of a histogram", kMostSamples);
  if (histogram.empty()) {
    if (has_numbers) in.fail("an empty histogram has numbers");
    return histogram;
  }
  histogram.below_ = in.varint("the count of small values", histogram.count_);
  histogram.sum_ = in.zigzag128("the sum of a histogram");
  histogram.min_ = in.zigzag("the smallest value of a histogram");
  histogram.max_ = value_above(in, histogram.min_, in.varint("the largest value of a histogram"));
  if (!can_be_sum(histogram.sum_, histogram.count_, histogram.min_, histogram.max_))
    in.fail("the sum of a histogram is not one of its values");
  if (has_numbers) {
    const auto& numbers = histogram.numbers_.emplace(decode_totals(in, histogram.count_));
    if (to_fixed_point(numbers.min) != histogram.min_ || to_fixed_point(numbers.max) != histogram.max_)
      in.fail("the numbers of a histogram are not its values");
  }

  if ((histogram.below_ > 0) != (histogram.min_ < kSmallestBucketed))
    in.fail("the smallest value of a histogram is not where it counts one");
  std::uint64_t last = 0;
  std::uint64_t next = 0;
  for (std::uint64_t left = histogram.count_ - histogram.below_; left > 0;) {
    const std::uint64_t bucket = next + in.varint("the gap before a bucket", bucket_count(bits) - 1);
    if (bucket >= bucket_count(bits)) in.fail("a bucket is beyond the last");
    const std::uint64_t count = in.varint("the count of a bucket", left);
    if (count == 0) in.fail("a bucket is empty");
    if (next == 0 && histogram.below_ == 0 && bucket_of(histogram.min_, bits) != bucket)
      in.fail("the smallest value of a histogram is not in its first bucket");
    histogram.buckets_.add(lowest_in(static_cast<std::uint32_t>(bucket), bits), count, nullptr);
    left -= count;
    last = bucket;
    next = bucket + 1;
  }
  const bool has_buckets = next > 0;
  if (has_buckets != (histogram.max_ >= kSmallestBucketed) ||
      (has_buckets && bucket_of(histogram.max_, bits) != last)) {
    in.fail("the largest value of a histogram is not in its last bucket");
  }
  return histogram;
}

}  // namespace chaperon::metrics
