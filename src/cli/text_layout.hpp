// Text in columns: widths, shortening, wrapping, colours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace chaperon::cli {

/// What Chaperon writes to a terminal is at most this wide.
inline constexpr std::size_t kColumns = 98;

/// How many columns a text takes: its UTF-8 characters, each counted as one.
std::size_t display_width(std::string_view text) noexcept;

/// The text with spaces behind it, or before it, up to a width; longer ones as they are.
std::string left_aligned(std::string_view text, std::size_t width);
std::string right_aligned(std::string_view text, std::size_t width);

/// A text of at most `width` columns: what is too long loses its middle to an ellipsis. Percent escapes
/// (`%2F`) stay or go as a whole.
std::string shortened(std::string_view text, std::size_t width);

/// Lines of at most `width` columns, broken at spaces where there are any; at least one line. Line breaks
/// within the text start a new line.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

/// Names in one line, or each on a line of its own where that would be wider than `width`.
std::string listed(const std::vector<std::string>& names, std::size_t width);

/// A text with control characters made visible (`\n`, `\x1b`), so that what a server sent cannot steer the
/// terminal.
std::string printable(std::string_view text);

enum class Colour : std::uint8_t { bold, red, green, yellow };

/// The text in a colour, by ANSI escape codes, if `on`.
std::string coloured(std::string_view text, Colour colour, bool on);

}  // namespace chaperon::cli
