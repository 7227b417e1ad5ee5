#include "metrics/snapshot.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

namespace chaperon::metrics {

Snapshot::Snapshot(NameLimits limits, std::size_t memory)
    : names_(limits), budget_(memory), histograms_(names_.size()) {}

void Snapshot::add(const Name& name, Histogram histogram) {
  const auto id = names_.intern(name);
  if (id >= histograms_.size()) histograms_.resize(names_.size());
  auto& mine = histograms_[id];
  if (mine.empty()) {
    budget_.give_back(mine.memory());
    mine = std::move(histogram);
    budget_.take_anyway(mine.memory());
  } else {
    mine.merge(histogram, &budget_);
  }
}

void Snapshot::merge(Snapshot&& other) {
  for (MetricId id = 0; id < other.histograms_.size(); ++id) {
    if (other.histograms_[id].empty()) continue;
    // Moved out one by one, so that two copies of everything never exist.
    add(other.names_[id], std::exchange(other.histograms_[id], {}));
  }
  names_.merge_overflow(other.names_);
  other = Snapshot();
}

const Histogram* Snapshot::find(const Name& name) const {
  const auto id = names_.find(name);
  return id == kIgnored || histograms_[id].empty() ? nullptr : &histograms_[id];
}

template <class Take>
std::vector<Metric> Snapshot::make_rows(Take take) const {
  std::vector<std::pair<std::string, MetricId>> order;
  for (MetricId id = 0; id < histograms_.size(); ++id) {
    if (!histograms_[id].empty()) order.emplace_back(row_name(names_[id]), id);
  }
  std::sort(order.begin(), order.end());
  std::vector<Metric> rows;
  rows.reserve(order.size());
  for (const auto& [text, id] : order) {
    const auto name = names_[id];
    rows.emplace_back(std::string(name.session), std::string(name.action), std::string(name.target),
                      std::string(name.error), name.kind, std::make_shared<const Histogram>(take(id)));
  }
  return rows;
}

std::vector<Metric> Snapshot::rows() const& {
  return make_rows([&](MetricId id) { return histograms_[id]; });
}

std::vector<Metric> Snapshot::rows() && {
  auto rows = make_rows([&](MetricId id) { return std::exchange(histograms_[id], {}); });
  *this = Snapshot();
  return rows;
}

Snapshot Snapshot::coarse(int bits) const {
  Snapshot copy;
  for_each([&](const Name& name, const Histogram& histogram) {
    auto coarser = histogram;
    coarser.coarsen_to(bits);
    copy.add(name, std::move(coarser));
  });
  return copy;
}

std::string Snapshot::precision_warning(std::string_view why) const {
  std::size_t coarse = 0;
  int bits = kFinestBits;
  for (const auto& histogram : histograms_) {
    if (histogram.empty() || histogram.precision_bits() == kFinestBits) continue;
    ++coarse;
    bits = std::min(bits, histogram.precision_bits());
  }
  if (coarse == 0) return {};
  return fmt::format("percentiles of {} {} are off by up to {:.2g} % instead of 0.1 %: {}", coarse,
                     coarse == 1 ? "row" : "rows", 100.0 / (1 << bits), why);
}

}  // namespace chaperon::metrics
