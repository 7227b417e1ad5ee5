// Which values share a bucket: the log-linear layout of HdrHistogram (Gil Tene, https://hdrhistogram.org).
// Each power of two from 2^10 upwards is split into 2^bits linear buckets, so that a bucket is never wider
// than 2^-bits of its values.
#pragma once

#include <bit>
#include <cassert>
#include <cstdint>

namespace chaperon::metrics {

/// Values below this one (about a microsecond in nanoseconds) have no bucket of this layout; they share one
/// counter.
inline constexpr std::int64_t kSmallestBucketed = 1024;
/// The finest split: 1024 buckets to a power of two, a relative error below 0.1 %.
inline constexpr int kFinestBits = 10;
/// The powers of two from 2^10 to 2^62.
inline constexpr int kOctaves = 53;

/// How many buckets there are at a precision.
constexpr std::uint32_t bucket_count(int bits) noexcept {
  return std::uint32_t{kOctaves} << bits;
}

/// The bucket of a value ≥ kSmallestBucketed. A bucket at one bit less is this one shifted right by one.
constexpr std::uint32_t bucket_of(std::int64_t value, int bits) noexcept {
  assert(value >= kSmallestBucketed);
  const auto v = static_cast<std::uint64_t>(value);
  const int exponent = 63 - std::countl_zero(v);
  // The mantissa's leading one stands for one octave too many.
  return (static_cast<std::uint32_t>(exponent - 11) << bits) +
         static_cast<std::uint32_t>(v >> (exponent - bits));
}

/// The lowest value of a bucket.
constexpr std::int64_t lowest_in(std::uint32_t bucket, int bits) noexcept {
  const int octave = static_cast<int>(bucket >> bits);
  const std::int64_t mantissa = (std::int64_t{1} << bits) + (bucket & ((1U << bits) - 1));
  return mantissa << (octave + 10 - bits);
}

/// The highest value of a bucket: what a percentile reports.
constexpr std::int64_t highest_in(std::uint32_t bucket, int bits) noexcept {
  const int octave = static_cast<int>(bucket >> bits);
  return lowest_in(bucket, bits) + ((std::int64_t{1} << (octave + 10 - bits)) - 1);
}

}  // namespace chaperon::metrics
