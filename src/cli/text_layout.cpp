#include "cli/text_layout.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>

#include <fmt/format.h>

#include "base/utf8.hpp"

namespace chaperon::cli {
namespace {

// Where the character number `count` of a text begins.
std::size_t offset_of(std::string_view text, std::size_t count) noexcept {
  std::size_t at = 0;
  while (at < text.size() && count > 0) {
    ++at;
    while (at < text.size() && continues_character(text[at]))
      ++at;
    --count;
  }
  return at;
}

constexpr std::size_t kEscape = 3;  // bytes of `%2F`

// Where the percent escape begins that a cut at `at` would go through.
std::optional<std::size_t> escape_around(std::string_view text, std::size_t at) noexcept {
  const auto is_hex = [](unsigned char c) { return std::isxdigit(c) != 0; };
  for (std::size_t back = 1; back < kEscape && back <= at; ++back) {
    const auto begin = at - back;
    if (text[begin] == '%' && begin + kEscape <= text.size() &&
        std::all_of(text.begin() + static_cast<std::ptrdiff_t>(begin) + 1,
                    text.begin() + static_cast<std::ptrdiff_t>(begin + kEscape), is_hex))
      return begin;
  }
  return std::nullopt;
}

void wrap_line(std::string_view line, std::size_t width, std::vector<std::string>& lines) {
  while (display_width(line) > width) {
    const auto limit = offset_of(line, width);
    auto end = line.rfind(' ', limit);
    if (end == std::string_view::npos || end == 0) end = limit;
    auto piece = line.substr(0, end);
    while (piece.ends_with(' '))
      piece.remove_suffix(1);
    lines.emplace_back(piece);
    line.remove_prefix(end);
    while (line.starts_with(' '))
      line.remove_prefix(1);
  }
  lines.emplace_back(line);
}

}  // namespace

std::size_t display_width(std::string_view text) noexcept {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues_character(c); }));
}

std::string left_aligned(std::string_view text, std::size_t width) {
  const auto used = display_width(text);
  return std::string(text) + std::string(width > used ? width - used : 0, ' ');
}

std::string right_aligned(std::string_view text, std::size_t width) {
  const auto used = display_width(text);
  return std::string(width > used ? width - used : 0, ' ') + std::string(text);
}

std::string shortened(std::string_view text, std::size_t width) {
  const auto used = display_width(text);
  if (used <= width) return std::string(text);
  if (width == 0) return {};
  const auto tail = (width - 1) / 2;
  const auto head = width - 1 - tail;
  auto head_end = offset_of(text, head);
  auto tail_begin = offset_of(text, used - tail);
  if (const auto escape = escape_around(text, head_end)) head_end = *escape;
  if (const auto escape = escape_around(text, tail_begin)) tail_begin = *escape + kEscape;
  return fmt::format("{}…{}", text.substr(0, head_end), text.substr(tail_begin));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  width = std::max<std::size_t>(width, 1);
  std::vector<std::string> lines;
  while (true) {
    const auto end = text.find('\n');
    wrap_line(text.substr(0, end), width, lines);
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

std::string listed(const std::vector<std::string>& names, std::size_t width) {
  auto line = fmt::format("{}", fmt::join(names, "  "));
  return display_width(line) <= width ? line : fmt::format("{}", fmt::join(names, "\n"));
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      result += "\\n";
    } else if (c == '\r') {
      result += "\\r";
    } else if (c == '\t') {
      result += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result;
}

std::string coloured(std::string_view text, Colour colour, bool on) {
  if (!on) return std::string(text);
  std::string_view code;
  switch (colour) {
    case Colour::bold:
      code = "1";
      break;
    case Colour::red:
      code = "1;31";
      break;
    case Colour::green:
      code = "1;32";
      break;
    case Colour::yellow:
      code = "33";
      break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

}  // namespace chaperon::cli
