#include "cli/number_text.hpp"

#include <array>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

namespace chaperon::cli {

std::string count_text(std::uint64_t count) {
  auto text = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return text;
}

std::string count_text(std::uint64_t count, const char* singular, const char* plural) {
  return fmt::format("{} {}", count_text(count), count == 1 ? singular : plural);
}

std::string rate_text(double per_second) {
  if (!(per_second > 0)) return "0";
  if (per_second < 0.00995) return fmt::format("{:.1g}", per_second);
  if (per_second < 0.995) return fmt::format("{:.2f}", per_second);
  if (per_second < 99.95) return fmt::format("{:.1f}", per_second);
  if (per_second < 999.5) return fmt::format("{:.0f}", per_second);
  if (per_second < 99.95e3) return fmt::format("{:.1f}k", per_second / 1e3);
  if (per_second < 999.5e3) return fmt::format("{:.0f}k", per_second / 1e3);
  return fmt::format("{:.1f}M", per_second / 1e6);
}

std::string latency_text(double milliseconds) {
  if (!(milliseconds > 0)) return "0 ms";
  if (milliseconds < 0.0095) return fmt::format("{:.1f} µs", milliseconds * 1e3);
  if (milliseconds < 0.9995) return fmt::format("{:.0f} µs", milliseconds * 1e3);
  if (milliseconds < 9.95) return fmt::format("{:.1f} ms", milliseconds);
  if (milliseconds < 999.5) return fmt::format("{:.0f} ms", milliseconds);
  if (milliseconds < 59.95e3) return fmt::format("{:.1f} s", milliseconds / 1e3);
  const auto seconds = static_cast<std::int64_t>(std::llround(std::min(milliseconds / 1e3, 3.6e9)));
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{:02}m", seconds / 3600, seconds % 3600 / 60);
}

std::string latency_text(Duration duration) {
  return latency_text(static_cast<double>(duration.count()) / 1e6);
}

std::string plain_number_text(double number) {
  if (std::isfinite(number) && std::abs(number) < 1e15 && std::nearbyint(number) == number) {
    const auto text = count_text(static_cast<std::uint64_t>(std::abs(number)));
    return number < 0 ? "-" + text : text;
  }
  return fmt::format("{:.4g}", number);
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits{"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.5) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, value < 9.95 ? 1 : 0, kUnits[unit]);
}

std::string percent_text(double share) {
  const double percent = share * 100;
  if (!(percent > 0)) return "0%";
  if (percent < 0.01) return "<0.01%";
  if (percent < 0.995) return fmt::format("{:.2f}%", percent);
  if (percent < 9.95) return fmt::format("{:.1f}%", percent);
  if (percent >= 99.5 && percent < 100) return percent < 99.95 ? fmt::format("{:.1f}%", percent) : ">99.9%";
  return fmt::format("{:.0f}%", percent);
}

}  // namespace chaperon::cli
