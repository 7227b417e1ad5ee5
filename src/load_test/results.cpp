#include <algorithm>

#include <chaperon/results.hpp>

namespace chaperon {
inline namespace v1 {

const Metric* Results::find(std::string_view name) const noexcept {
  const auto found =
      std::ranges::find_if(metrics, [name](const Metric& metric) { return metric.name() == name; });
  return found == metrics.end() ? nullptr : &*found;
}

std::uint64_t Results::count(std::string_view name) const noexcept {
  const Metric* metric = find(name);
  return metric == nullptr ? 0 : metric->count();
}

bool Results::passed() const noexcept {
  return internal_error.empty() && incomplete.empty() && sessions.failed == 0 && sessions.timed_out == 0 &&
         (traffic.requests == 0 || traffic.responses > 0);
}

}  // namespace v1
}  // namespace chaperon
