#include "metrics/histogram.hpp"

#include <cassert>
#include <cmath>

namespace chaperon::metrics {
namespace {

// The nearest rank: ceil(percent / 100 · count), at least 1. In whole numbers, because 99.9 / 100 · 1000 is
// more than 999 in floating point.
std::uint64_t rank_of(double percent, std::uint64_t count) noexcept {
  __extension__ using Wide = unsigned __int128;
  constexpr std::uint64_t kWhole = 100'000'000;  // 100 percent in millionths of a percent
  const double bounded = percent > 0 ? std::min(percent, 100.0) : 0.0;
  const auto millionths = static_cast<std::uint64_t>(std::llround(bounded * 1e6));
  const auto rank = static_cast<std::uint64_t>((Wide{millionths} * count + (kWhole - 1)) / kWhole);
  return std::max<std::uint64_t>(rank, 1);
}

}  // namespace

template <class Visit>
void Histogram::visit_percentiles(std::span<const double> percents, Visit visit) const noexcept {
  assert(std::is_sorted(percents.begin(), percents.end()));
  std::size_t next = 0;
  std::uint64_t seen = below_;
  const auto visit_up_to_seen = [&](std::int64_t highest) {
    while (next < percents.size() && rank_of(percents[next], count_) <= seen)
      visit(next++, highest);
    return next < percents.size();
  };
  if (!visit_up_to_seen(kSmallestBucketed - 1)) return;
  buckets_.for_each([&](std::uint32_t bucket, std::uint64_t count) {
    seen += count;
    return visit_up_to_seen(highest_in(bucket, buckets_.precision_bits()));
  });
}

void Histogram::record_number(double number, MemoryBudget* budget) {
  if (std::isnan(number)) return;
  constexpr double kLargest = std::numeric_limits<double>::max();
  number = std::clamp(number, -kLargest, kLargest);
  assert(numbers_ || empty());
  if (!numbers_) numbers_.emplace();
  numbers_->add(number);
  record(to_fixed_point(number), 1, budget);
}

void Histogram::merge(const Histogram& other, MemoryBudget* budget) {
  if (other.empty()) return;
  assert(empty() || numbers_.has_value() == other.numbers_.has_value());
  if (other.numbers_) {
    if (!numbers_) numbers_.emplace();
    numbers_->merge(*other.numbers_);
  }
  count_ += other.count_;
  below_ += other.below_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  buckets_.coarsen_to(other.precision_bits(), budget);
  other.buckets_.for_each([&](std::uint32_t bucket, std::uint64_t count) {
    buckets_.add(lowest_in(bucket, other.precision_bits()), count, budget);
    return true;
  });
}

void Histogram::clear() noexcept {
  buckets_.clear();
  numbers_.reset();
  count_ = below_ = 0;
  sum_ = 0;
  min_ = std::numeric_limits<std::int64_t>::max();
  max_ = std::numeric_limits<std::int64_t>::min();
}

double Histogram::mean() const noexcept {
  if (empty()) return 0;
  return static_cast<double>(static_cast<long double>(sum_) / static_cast<long double>(count_));
}

std::int64_t Histogram::percentile(double percent) const noexcept {
  std::int64_t value = 0;
  percentiles({&percent, 1}, {&value, 1});
  return value;
}

void Histogram::percentiles(std::span<const double> percents, std::span<std::int64_t> values) const noexcept {
  assert(values.size() >= percents.size());
  std::fill(values.begin(), values.end(), 0);
  visit_percentiles(
      percents, [&](std::size_t at, std::int64_t highest) { values[at] = std::clamp(highest, min_, max_); });
}

double Histogram::number_percentile(double percent) const noexcept {
  double value = 0;
  number_percentiles({&percent, 1}, {&value, 1});
  return value;
}

void Histogram::number_percentiles(std::span<const double> percents,
                                   std::span<double> values) const noexcept {
  assert(values.size() >= percents.size());
  std::fill(values.begin(), values.end(), 0);
  if (!numbers_) return;
  visit_percentiles(
      percents, [&](std::size_t at, std::int64_t highest) { values[at] = numbers_->from_bucket(highest); });
}

}  // namespace chaperon::metrics
