#include "http/cookie_date.hpp"

#include <array>
#include <cstddef>

#include "http/ascii.hpp"

namespace chaperon::http {
namespace {

constexpr bool is_delimiter(char c) noexcept {
  const auto b = byte_of(c);
  return b == 0x09 || (b >= 0x20 && b <= 0x2f) || (b >= 0x3b && b <= 0x40) || (b >= 0x5b && b <= 0x60) ||
         (b >= 0x7b && b <= 0x7e);
}

// Takes a number of at least `fewest` and at most `most` digits off the front; nothing, and the text is left
// alone, if there is none or it goes on with another digit.
std::optional<int> take_number(std::string_view& text, std::size_t fewest, std::size_t most) noexcept {
  std::size_t size = 0;
  int value = 0;
  while (size < text.size() && is_digit(text[size])) {
    if (++size > most) return std::nullopt;
    value = 10 * value + (text[size - 1] - '0');
  }
  if (size < fewest) return std::nullopt;
  text.remove_prefix(size);
  return value;
}

struct TimeOfDay {
  int hour = 0;
  int minute = 0;
  int second = 0;
};

std::optional<TimeOfDay> parse_time(std::string_view token) noexcept {
  const auto hour = take_number(token, 1, 2);
  if (!hour || !token.starts_with(':')) return std::nullopt;
  token.remove_prefix(1);
  const auto minute = take_number(token, 1, 2);
  if (!minute || !token.starts_with(':')) return std::nullopt;
  token.remove_prefix(1);
  const auto second = take_number(token, 1, 2);
  if (!second) return std::nullopt;
  return TimeOfDay{.hour = *hour, .minute = *minute, .second = *second};
}

std::optional<int> parse_month(std::string_view token) noexcept {
  constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                     "jul", "aug", "sep", "oct", "nov", "dec"};
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (equal_ignoring_case(token.substr(0, 3), kMonths[i])) return static_cast<int>(i) + 1;
  }
  return std::nullopt;
}

using Clock = std::chrono::system_clock;

Clock::time_point to_clock(std::chrono::sys_seconds time) noexcept {
  using std::chrono::ceil;
  using std::chrono::floor;
  using std::chrono::seconds;
  // The clock counts nanoseconds in 64 bits and ends in 2262.
  if (time > floor<seconds>(Clock::time_point::max())) return Clock::time_point::max();
  if (time < ceil<seconds>(Clock::time_point::min())) return Clock::time_point::min();
  return time;
}

}  // namespace

std::optional<Clock::time_point> parse_cookie_date(std::string_view text) noexcept {
  std::optional<TimeOfDay> time;
  std::optional<int> day;
  std::optional<int> month;
  std::optional<int> year;
  while (!text.empty()) {
    std::size_t size = 0;
    while (size < text.size() && !is_delimiter(text[size]))
      ++size;
    std::string_view token = text.substr(0, size);
    text.remove_prefix(size == text.size() ? size : size + 1);
    if (token.empty()) continue;
    // The first token that fits each, in the RFC's order.
    if (!time && (time = parse_time(token))) continue;
    if (!day && (day = take_number(token, 1, 2))) continue;
    if (!month && (month = parse_month(token))) continue;
    if (!year) year = take_number(token, 2, 4);
  }
  if (!time || !day || !month || !year) return std::nullopt;
  if (*year >= 70 && *year <= 99) *year += 1900;
  if (*year <= 69) *year += 2000;
  if (*year < 1601 || time->hour > 23 || time->minute > 59 || time->second > 59) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return to_clock(std::chrono::sys_days{date} + std::chrono::hours(time->hour) +
                  std::chrono::minutes(time->minute) + std::chrono::seconds(time->second));
}

}  // namespace chaperon::http
