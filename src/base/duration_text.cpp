#include "base/duration_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace chaperon {
namespace {

constexpr std::array<std::pair<std::string_view, Duration>, 7> kUnits{{
    {"ns", 1ns},
    {"us", 1us},
    {"µs", 1us},
    {"ms", 1ms},
    {"s", 1s},
    {"m", 1min},
    {"h", 1h},
}};

// `count` units, or nothing if that is negative, not a number, or more than a Duration holds.
std::optional<Duration> scaled(double count, Duration unit) {
  const double nanoseconds = std::round(count * static_cast<double>(unit.count()));
  if (!(nanoseconds >= 0) || nanoseconds >= 9.2e18) return std::nullopt;
  return Duration(static_cast<std::int64_t>(nanoseconds));
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text, Duration bare_unit) {
  if (text == "infinity") return kForever;
  if (text.empty()) return std::nullopt;
  Duration sum{0};
  bool first = true;
  while (!text.empty()) {
    double count = 0;
    if (text.front() < '0' || text.front() > '9') return std::nullopt;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), count, std::chars_format::fixed);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));

    std::size_t length = 0;
    while (length < text.size() && (text[length] < '0' || text[length] > '9'))
      ++length;
    const auto name = text.substr(0, length);
    text.remove_prefix(length);

    Duration unit{0};
    if (name.empty() && first && text.empty()) unit = bare_unit;
    for (const auto& [known, value] : kUnits) {
      if (name == known) unit = value;
    }
    if (unit == Duration::zero()) return std::nullopt;
    const auto part = scaled(count, unit);
    if (!part || *part > Duration::max() - sum) return std::nullopt;
    sum += *part;
    first = false;
  }
  return sum;
}

std::optional<Duration> duration_from_config(const Json& value) {
  if (value.is_number()) return scaled(value.get<double>(), 1ms);
  if (value.is_string()) return parse_duration(value.get_ref<const std::string&>(), 1ms);
  return std::nullopt;
}

std::string duration_text(Duration duration) {
  if (duration == kForever) return "infinity";
  const auto ns = static_cast<double>(duration.count());
  const auto digits = [](double value, std::string_view unit) {
    // Three significant digits; no decimals that say nothing (30 s, not 30.0 s).
    auto text = fmt::format("{:.{}f}", value, value < 9.95 ? 1 : 0);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return fmt::format("{} {}", text, unit);
  };
  if (ns < 1e3) return fmt::format("{} ns", duration.count());
  if (ns < 999.5e3) return digits(ns / 1e3, "µs");
  if (ns < 999.5e6) return digits(ns / 1e6, "ms");
  if (ns < 59.95e9) {
    auto text = fmt::format("{:.1f}", ns / 1e9);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text + " s";
  }
  const auto seconds = std::chrono::round<std::chrono::seconds>(duration).count();
  if (seconds < 3600) {
    return seconds % 60 == 0 ? fmt::format("{} min", seconds / 60)
                             : fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  }
  return fmt::format("{}h{:02}m", seconds / 3600, seconds % 3600 / 60);
}

std::string clock_text(Duration elapsed) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(elapsed).count();
  if (seconds < 3600) return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds % 3600 / 60, seconds % 60);
}

}  // namespace chaperon
