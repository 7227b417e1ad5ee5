#include "metrics/metric.hpp"

#include <utility>

#include "metrics/histogram.hpp"
#include "metrics/name.hpp"

namespace chaperon {
namespace {

constexpr double kNanosecondsPerMillisecond = 1e6;

double milliseconds(std::int64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / kNanosecondsPerMillisecond;
}

}  // namespace

inline namespace v1 {

Metric::Metric(std::string session, std::string action, std::string target, std::string error,
               MetricKind kind, std::shared_ptr<const metrics::Histogram> histogram)
    : session_(std::move(session)),
      action_(std::move(action)),
      target_(std::move(target)),
      error_(std::move(error)),
      kind_(kind),
      histogram_(std::move(histogram)) {}

std::string Metric::name() const {
  return metrics::row_name({session_, action_, target_, error_, kind_});
}

std::uint64_t Metric::count() const noexcept {
  return histogram_->count();
}

double Metric::min() const noexcept {
  return kind_ == MetricKind::number ? histogram_->number_min() : milliseconds(histogram_->min());
}

double Metric::max() const noexcept {
  return kind_ == MetricKind::number ? histogram_->number_max() : milliseconds(histogram_->max());
}

double Metric::mean() const noexcept {
  return kind_ == MetricKind::number ? histogram_->number_mean()
                                     : histogram_->mean() / kNanosecondsPerMillisecond;
}

double Metric::percentile(double percent) const noexcept {
  return kind_ == MetricKind::number ? histogram_->number_percentile(percent)
                                     : milliseconds(histogram_->percentile(percent));
}

}  // namespace v1

std::vector<double> metrics::percentiles(const Metric& metric, std::span<const double> percents) {
  std::vector<double> values(percents.size());
  if (metric.kind() == MetricKind::number) {
    metric.histogram().number_percentiles(percents, values);
    return values;
  }
  std::vector<std::int64_t> nanoseconds(percents.size());
  metric.histogram().percentiles(percents, nanoseconds);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = milliseconds(nanoseconds[i]);
  return values;
}

}  // namespace chaperon
