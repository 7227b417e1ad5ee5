// Reading many percentiles of a row at once.
#pragma once

#include <span>
#include <vector>

#include <chaperon/results.hpp>

namespace chaperon::metrics {

/// The percentiles of a row (`percents` ascend, 0 to 100) in one pass over its histogram; in milliseconds for
/// durations.
std::vector<double> percentiles(const Metric& metric, std::span<const double> percents);

}  // namespace chaperon::metrics
