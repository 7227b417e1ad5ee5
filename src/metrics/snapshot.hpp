// What was recorded, apart from where it was recorded: it can be moved between threads and merged.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <chaperon/results.hpp>

#include "metrics/histogram.hpp"
#include "metrics/memory_budget.hpp"
#include "metrics/name_table.hpp"

namespace chaperon::metrics {

/// Bytes that the histograms of a process may hold, unless told otherwise.
inline constexpr std::size_t kDefaultMemory = std::size_t{64} << 20;

/// Histograms by name. Move only.
class Snapshot {
 public:
  /// `memory` is in bytes; when a merge needs more, histograms get coarser.
  explicit Snapshot(NameLimits limits = {}, std::size_t memory = kDefaultMemory);

  /// Adds the samples of one metric. Beyond the limit of names they go to a row `(other)`.
  void add(const Name& name, Histogram histogram);
  /// Adds everything in another snapshot: no sample is lost.
  void merge(Snapshot&& other);
  /// Takes over what a table had no place for, so that the warning speaks of it.
  void merge_overflow(const NameTable& names) { names_.merge_overflow(names); }

  /// The histogram of a name; nullptr if there is none or it is empty.
  [[nodiscard]] const Histogram* find(const Name& name) const;

  /// A copy whose histograms have `bits` as precision_bits() at most, and nothing of what found no place.
  [[nodiscard]] Snapshot coarse(int bits) const;

  /// Calls `visit(name, histogram)` for each metric that has samples.
  template <class Visit>
  void for_each(Visit visit) const {
    for (MetricId id = 0; id < histograms_.size(); ++id) {
      if (!histograms_[id].empty()) visit(names_[id], histograms_[id]);
    }
  }

  /// The rows in the byte order of their names, none for an empty histogram.
  [[nodiscard]] std::vector<Metric> rows() const&;
  /// The same without a copy.
  [[nodiscard]] std::vector<Metric> rows() &&;

  /// Bytes that the histograms hold on the heap.
  [[nodiscard]] std::size_t memory() const noexcept { return budget_.used(); }
  /// One sentence if there were more names than the limit: the commonest pattern among them and the remedy.
  /// Else empty.
  [[nodiscard]] std::string overflow_warning() const { return names_.overflow_warning(); }
  /// One sentence if percentiles are coarser than 3 significant digits, because of `why`. Else empty.
  [[nodiscard]] std::string precision_warning(std::string_view why = kMemoryRanOut) const;

  /// Why percentiles are coarser than they should be in a single process.
  static constexpr std::string_view kMemoryRanOut =
      "metrics reached their limit of memory: record fewer distinct names, or choose some with --metrics";

 private:
  template <class Take>
  std::vector<Metric> make_rows(Take take) const;

  NameTable names_;
  MemoryBudget budget_;
  std::vector<Histogram> histograms_;  // by id
};

}  // namespace chaperon::metrics
