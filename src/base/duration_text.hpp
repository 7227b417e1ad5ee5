// Durations as people write and read them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <chaperon/duration.hpp>
#include <chaperon/json.hpp>

namespace chaperon {

/// Parses `500ms`, `10s`, `1.5s`, `1m30s`, `2h`, `250us`, `infinity`; a bare number counts `bare_unit`s.
/// Nothing for text that is none of these, is negative, or does not fit.
std::optional<Duration> parse_duration(std::string_view text, Duration bare_unit);

/// A duration in config: a number is milliseconds, a text is as above, `"infinity"` is kForever. Nothing for
/// anything else.
std::optional<Duration> duration_from_config(const Json& value);

/// A duration for people, to three digits: `4.1 ms`, `12 µs`, `30 s`, `1m30s`.
std::string duration_text(Duration duration);

/// Time since a start, as a clock shows it: `0:14`, `12:05`, `1:02:03`.
std::string clock_text(Duration elapsed);

}  // namespace chaperon
