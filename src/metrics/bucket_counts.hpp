// The counters of a histogram: sparse while few buckets are in use, in chunks once there are many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "metrics/bucket_layout.hpp"
#include "metrics/memory_budget.hpp"

namespace chaperon::metrics {

/// Counts values ≥ kSmallestBucketed by bucket. It starts without memory, keeps up to 64 buckets in a sorted
/// list, and then allocates chunks of 128 neighbouring counters at their first hit. When the budget is used
/// up it halves its precision instead of growing, so counts are always exact and only the position of a value
/// gets coarser.
class BucketCounts {
 public:
  /// Counts `value` (≥ kSmallestBucketed) `n` times. Growth is paid from `budget`; without one there is no
  /// limit.
  void add(std::int64_t value, std::uint64_t n, MemoryBudget* budget) {
    const auto bucket = bucket_of(value, bits_);
    if (!directory_.empty()) {
      if (const auto chunk = directory_[bucket / kChunk]; chunk != kNoChunk) [[likely]] {
        counters_[std::size_t{chunk} * kChunk + bucket % kChunk] += n;
        return;
      }
    }
    add_slowly(value, n, budget);
  }

  /// Lowers the precision to `bits` (no effect if it is that low already); memory shrinks and goes back to
  /// `budget`.
  void coarsen_to(int bits, MemoryBudget* budget);

  /// Sets all counts to zero and keeps memory and precision.
  void clear() noexcept;

  /// The buckets to a power of two, as a power of two: 10 at first.
  [[nodiscard]] int precision_bits() const noexcept { return bits_; }

  /// Bytes on the heap.
  [[nodiscard]] std::size_t memory() const noexcept {
    return entries_.capacity() * sizeof(Entry) + directory_.capacity() * sizeof(std::uint16_t) +
           counters_.capacity() * sizeof(std::uint64_t);
  }

  /// Calls `visit(bucket, count)` for each bucket in use, in ascending order, until it returns false.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& entry : entries_) {
      if (!visit(entry.bucket, entry.count)) return;
    }
    for (std::size_t at = 0; at < directory_.size(); ++at) {
      if (directory_[at] == kNoChunk) continue;
      const auto* counters = &counters_[std::size_t{directory_[at]} * kChunk];
      for (std::size_t i = 0; i < kChunk; ++i) {
        if (counters[i] != 0 && !visit(static_cast<std::uint32_t>(at * kChunk + i), counters[i])) return;
      }
    }
  }

 private:
  struct Entry {
    std::uint32_t bucket = 0;
    std::uint64_t count = 0;
  };

  static constexpr std::size_t kChunk = 128;
  static constexpr std::uint16_t kNoChunk = 0xFFFF;
  // One bucket to each power of two fits, so that the coarsest histogram always has room in the list.
  static constexpr std::size_t kMostEntries = 64;
  static_assert(kMostEntries >= kOctaves);

  void add_slowly(std::int64_t value, std::uint64_t n, MemoryBudget* budget);
  bool grow_list(MemoryBudget* budget);
  bool change_to_chunks(MemoryBudget* budget);
  bool add_chunk(std::size_t position, MemoryBudget* budget);
  void coarsen_list();
  void coarsen_chunks();

  int bits_ = kFinestBits;
  std::vector<Entry> entries_;            // by bucket; empty once there are chunks
  std::vector<std::uint16_t> directory_;  // position of a chunk in the layout → its place in counters_
  std::vector<std::uint64_t> counters_;   // chunks in the order in which they were first hit
};

}  // namespace chaperon::metrics
