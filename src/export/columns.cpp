#include "export/columns.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "metrics/metric.hpp"

namespace chaperon::exporting {

std::array<std::string_view, kValueColumns> value_column_names() {
  std::array<std::string_view, kValueColumns> names{"max", "mean", "min"};
  std::transform(kPercentileColumns.begin(), kPercentileColumns.end(), names.begin() + 3,
                 [](const PercentileColumn& column) { return column.name; });
  return names;
}

std::array<double, kValueColumns> column_values(const Metric& metric) {
  static const auto percents = [] {
    std::array<double, kPercentileColumns.size()> all{};
    std::transform(kPercentileColumns.begin(), kPercentileColumns.end(), all.begin(),
                   [](const PercentileColumn& column) { return column.percent; });
    return all;
  }();
  std::array<double, kValueColumns> values{metric.max(), metric.mean(), metric.min()};
  const auto percentiles = metrics::percentiles(metric, percents);
  std::copy(percentiles.begin(), percentiles.end(), values.begin() + 3);
  return values;
}

std::string value_text(double value, MetricKind kind) {
  if (kind == MetricKind::duration) return fmt::format("{:.3f}", value);
  // A whole number is written as one: not 1e+16, and never -0.
  if (value == static_cast<double>(static_cast<long long>(std::clamp(value, -1e15, 1e15)))) {
    return fmt::format("{}", static_cast<long long>(value));
  }
  return fmt::format("{}", value);
}

std::vector<std::pair<std::string, const Metric*>> sorted_rows(const Results& results) {
  std::vector<std::pair<std::string, const Metric*>> rows;
  rows.reserve(results.metrics.size());
  for (const auto& metric : results.metrics)
    rows.emplace_back(metric.name(), &metric);
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return rows;
}

}  // namespace chaperon::exporting
