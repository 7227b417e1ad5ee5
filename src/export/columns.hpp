// What every format writes of a row.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <chaperon/results.hpp>

namespace chaperon::exporting {

struct PercentileColumn {
  std::string_view name;
  double percent;
};

/// The exported percentiles, in ascending order.
inline constexpr std::array<PercentileColumn, 15> kPercentileColumns{{{"percentile_10.0", 10},
                                                                      {"percentile_20.0", 20},
                                                                      {"percentile_30.0", 30},
                                                                      {"percentile_40.0", 40},
                                                                      {"percentile_50.0", 50},
                                                                      {"percentile_60.0", 60},
                                                                      {"percentile_75.0", 75},
                                                                      {"percentile_80.0", 80},
                                                                      {"percentile_85.0", 85},
                                                                      {"percentile_90.0", 90},
                                                                      {"percentile_95.0", 95},
                                                                      {"percentile_99.0", 99},
                                                                      {"percentile_99.9", 99.9},
                                                                      {"percentile_99.99", 99.99},
                                                                      {"percentile_99.999", 99.999}}};

/// The columns of values in their order: max, mean, min, then the percentiles.
inline constexpr std::size_t kValueColumns = 3 + kPercentileColumns.size();

/// The names of those columns.
std::array<std::string_view, kValueColumns> value_column_names();

/// The values of those columns: milliseconds for durations.
std::array<double, kValueColumns> column_values(const Metric& metric);

/// A value as text: three decimals for durations, the shortest text that reads back the same for numbers.
std::string value_text(double value, MetricKind kind);

/// The rows with their names, sorted by name in byte order.
std::vector<std::pair<std::string, const Metric*>> sorted_rows(const Results& results);

}  // namespace chaperon::exporting
