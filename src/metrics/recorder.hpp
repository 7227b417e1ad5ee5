// Where the sessions of one event loop record what they measure.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <chaperon/duration.hpp>

#include "metrics/histogram.hpp"
#include "metrics/memory_budget.hpp"
#include "metrics/name_table.hpp"
#include "metrics/snapshot.hpp"

namespace chaperon::metrics {

struct RecorderOptions {
  NameLimits names{};
  /// Bytes for histograms: the process's share of this loop. Beyond it they get coarser instead of growing.
  std::size_t memory = kDefaultMemory;
  /// Whether actions of that name are recorded; all are without one.
  std::function<bool(std::string_view action)> filter{};
};

/// The histograms of one loop. Belongs to one thread; ids are valid as long as the recorder is.
class Recorder {
 public:
  explicit Recorder(RecorderOptions options = {});

  /// The id of a metric; kIgnored if the filter refuses its action, that of a row `(other)` if there are too
  /// many. Allocates nothing for a name that it knows.
  MetricId intern(const Name& name);

  /// Records a duration under an id of kind duration; nothing under kIgnored. Takes a few nanoseconds.
  void record(MetricId id, Duration duration) {
    if (id == kIgnored) return;
    assert(names_[id].kind == MetricKind::duration);
    histograms_[id].record(duration.count(), 1, &budget_);
  }
  /// Records a number under an id of kind number; nothing under kIgnored, and no NaN.
  void record_number(MetricId id, double number) {
    if (id == kIgnored) return;
    assert(names_[id].kind == MetricKind::number);
    histograms_[id].record_number(number, &budget_);
  }
  /// Counts `n` events that have no duration of their own, such as skipped messages: samples of zero.
  void count(MetricId id, std::uint64_t n = 1) {
    if (id == kIgnored) return;
    assert(names_[id].kind == MetricKind::duration);
    histograms_[id].record(0, n, &budget_);
  }

  /// The histogram of an id other than kIgnored, until the next call of intern() or take().
  [[nodiscard]] const Histogram& histogram(MetricId id) const { return histograms_[id]; }

  /// A copy of what was recorded so far.
  [[nodiscard]] Snapshot snapshot() const;
  /// What was recorded since the start or the last take(). The ids stay valid.
  [[nodiscard]] Snapshot take();

  /// Bytes that the histograms hold on the heap.
  [[nodiscard]] std::size_t memory() const noexcept { return budget_.used(); }
  /// One sentence if there were more names than the limit: the commonest pattern among them and the remedy.
  /// Else empty.
  [[nodiscard]] std::string overflow_warning() const { return names_.overflow_warning(); }

 private:
  std::function<bool(std::string_view)> filter_;
  NameLimits limits_;
  MemoryBudget budget_;
  NameTable names_;
  std::vector<Histogram> histograms_;  // by id
};

}  // namespace chaperon::metrics
