// A histogram of durations or numbers, to 3 significant digits, whose memory does not grow with the number of
// samples.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "metrics/bucket_counts.hpp"
#include "metrics/memory_budget.hpp"
#include "metrics/number.hpp"

namespace chaperon {
class ByteReader;
class ByteWriter;
}  // namespace chaperon

namespace chaperon::metrics {

/// Count, sum, min and max are exact; percentiles are to 3 significant digits (see bucket_layout.hpp) unless
/// memory ran out. One histogram holds either durations in nanoseconds (`record`) or numbers
/// (`record_number`), not both. Copies are independent. A `budget` argument says who pays for growth; it must
/// be the same at each call.
class Histogram {
 public:
  /// Records `value` `n` times. Values below 1024, negative ones too, share one bucket. Takes a few
  /// nanoseconds.
  void record(std::int64_t value, std::uint64_t n = 1, MemoryBudget* budget = nullptr) {
    if (n == 0) return;
    count_ += n;
    sum_ += Sum{value} * n;
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
    if (value < kSmallestBucketed) {
      below_ += n;
    } else {
      buckets_.add(value, n, budget);
    }
  }

  /// Records a number. NaN is not recorded; an infinity is recorded as the largest finite number.
  void record_number(double number, MemoryBudget* budget = nullptr);

  /// Adds the samples of another histogram. Nothing is lost; the precision becomes that of the coarser one.
  void merge(const Histogram& other, MemoryBudget* budget = nullptr);

  /// Lowers the precision to `bits` buckets to a power of two, as a power of two; no effect if it is that
  /// low. Nothing is lost but the position of values.
  void coarsen_to(int bits, MemoryBudget* budget = nullptr) { buckets_.coarsen_to(bits, budget); }

  /// Forgets all samples; keeps its memory, and its precision.
  void clear() noexcept;

  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// Whether it holds numbers, rather than durations.
  [[nodiscard]] bool has_numbers() const noexcept { return numbers_.has_value(); }

  /// The smallest recorded value, exact; 0 if there is none.
  [[nodiscard]] std::int64_t min() const noexcept { return empty() ? 0 : min_; }
  /// The largest recorded value, exact; 0 if there is none.
  [[nodiscard]] std::int64_t max() const noexcept { return empty() ? 0 : max_; }
  /// The mean of the recorded values, from their exact sum; 0 if there is none.
  [[nodiscard]] double mean() const noexcept;

  /// The value at a percentile (0 to 100, read to six decimals) by nearest rank: the highest value of the
  /// bucket that holds the smallest sample with at least that share of the samples at or below, clamped to
  /// [min, max]; 0 if there is none.
  [[nodiscard]] std::int64_t percentile(double percent) const noexcept;
  /// Several percentiles in one pass: `percents` ascend, `values` has room for as many.
  void percentiles(std::span<const double> percents, std::span<std::int64_t> values) const noexcept;

  /// The same five of recorded numbers. Where only whole numbers were recorded, each percentile is a whole
  /// number.
  [[nodiscard]] double number_min() const noexcept { return numbers_ ? numbers_->min : 0; }
  [[nodiscard]] double number_max() const noexcept { return numbers_ ? numbers_->max : 0; }
  [[nodiscard]] double number_mean() const noexcept { return numbers_ ? numbers_->mean(count_) : 0; }
  [[nodiscard]] double number_percentile(double percent) const noexcept;
  void number_percentiles(std::span<const double> percents, std::span<double> values) const noexcept;

  /// Buckets to a power of two, as a power of two: 10 (an error below 0.1 %), less once memory ran out.
  [[nodiscard]] int precision_bits() const noexcept { return buckets_.precision_bits(); }
  /// Bytes on the heap.
  [[nodiscard]] std::size_t memory() const noexcept { return buckets_.memory(); }

 private:
  // They send and receive exactly this: histogram_codec.hpp.
  friend void encode(ByteWriter& out, const Histogram& histogram);
  friend Histogram decode_histogram(ByteReader& in);

  __extension__ using Sum = __int128;

  // Calls `visit(position in percents, highest value of its bucket)` for each of the percents, which ascend.
  template <class Visit>
  void visit_percentiles(std::span<const double> percents, Visit visit) const noexcept;

  std::uint64_t count_ = 0;
  std::uint64_t below_ = 0;  // of these, below kSmallestBucketed
  Sum sum_ = 0;
  std::int64_t min_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_ = std::numeric_limits<std::int64_t>::min();
  BucketCounts buckets_;
  std::optional<NumberTotals> numbers_;  // once a number was recorded
};

}  // namespace chaperon::metrics
