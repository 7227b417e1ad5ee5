#include "metrics/recorder.hpp"

#include <utility>

namespace chaperon::metrics {

Recorder::Recorder(RecorderOptions options)
    : filter_(std::move(options.filter)),
      limits_(options.names),
      budget_(options.memory),
      names_(limits_),
      histograms_(names_.size()) {}

MetricId Recorder::intern(const Name& name) {
  if (filter_ && !filter_(name.action)) return kIgnored;
  const auto id = names_.intern(name);
  if (id >= histograms_.size()) histograms_.resize(names_.size());
  return id;
}

Snapshot Recorder::snapshot() const {
  Snapshot snapshot(limits_);
  for (MetricId id = 0; id < histograms_.size(); ++id) {
    if (!histograms_[id].empty()) snapshot.add(names_[id], histograms_[id]);
  }
  snapshot.merge_overflow(names_);
  return snapshot;
}

Snapshot Recorder::take() {
  Snapshot snapshot(limits_);
  for (MetricId id = 0; id < histograms_.size(); ++id) {
    if (!histograms_[id].empty()) snapshot.add(names_[id], std::exchange(histograms_[id], {}));
  }
  snapshot.merge_overflow(names_);
  // What is left has no samples; its memory goes too, so that the budget starts anew.
  for (auto& histogram : histograms_)
    histogram = {};
  budget_ = MemoryBudget(budget_.limit());
  return snapshot;
}

}  // namespace chaperon::metrics
