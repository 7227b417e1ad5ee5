// Numbers without a unit (`add_metric(name, 17)`) as a histogram keeps them. This is the one place that knows
// how.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace chaperon::metrics {

/// Numbers are bucketed as fixed point: value · 2^20. Integers up to 2047 then have a bucket of their own.
inline constexpr int kFractionBits = 20;

/// The fixed-point form of a number that is not NaN, rounded down; beyond ±2^43 it saturates.
inline std::int64_t to_fixed_point(double number) noexcept {
  constexpr double kLimit = 8796093022208.0;  // 2^43: times 2^20 it is the first that int64 does not hold
  if (number >= kLimit) return std::numeric_limits<std::int64_t>::max();
  if (number <= -kLimit) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(std::floor(std::ldexp(number, kFractionBits)));
}

/// What the buckets lose of the recorded numbers.
struct NumberTotals {
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  // Neumaier's compensated sum, in long double so that no count of finite numbers overflows it.
  long double sum = 0;
  long double lost = 0;
  bool integral = true;  ///< whether each of them was a whole number

  /// Adds a finite number.
  void add(double number) noexcept {
    min = std::min(min, number);
    max = std::max(max, number);
    integral = integral && number == std::trunc(number);
    add_to_sum(number);
  }

  /// Adds what another one has added.
  void merge(const NumberTotals& other) noexcept {
    min = std::min(min, other.min);
    max = std::max(max, other.max);
    integral = integral && other.integral;
    const auto others_lost = other.lost;
    add_to_sum(other.sum);
    lost += others_lost;
  }

  /// The mean of the `count` (> 0) numbers added.
  [[nodiscard]] double mean(std::uint64_t count) const noexcept {
    return std::clamp(static_cast<double>((sum + lost) / static_cast<long double>(count)), min, max);
  }

  /// The number that a bucket stands for, given the bucket's highest fixed-point value: where only whole
  /// numbers were added it is the highest of those, so that small ones come back as they went in.
  [[nodiscard]] double from_bucket(std::int64_t highest) const noexcept {
    const double number = integral ? static_cast<double>(highest >> kFractionBits)
                                   : std::ldexp(static_cast<double>(highest), -kFractionBits);
    return std::clamp(number, min, max);
  }

 private:
  void add_to_sum(long double number) noexcept {
    const long double total = sum + number;
    lost += std::fabs(sum) >= std::fabs(number) ? (sum - total) + number : (number - total) + sum;
    sum = total;
  }
};

}  // namespace chaperon::metrics
