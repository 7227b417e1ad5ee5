// Characters as HTTP's grammar classes them: ASCII only, whatever the locale.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace chaperon::http {

/// The value of a char as a number from 0 to 255.
constexpr std::uint8_t byte_of(char c) noexcept {
  return static_cast<std::uint8_t>(c);
}

/// The lower-case form of A to Z; every other character as it is.
constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) noexcept {
  return to_lower(c) >= 'a' && to_lower(c) <= 'z';
}
constexpr bool is_alphanumeric(char c) noexcept {
  return is_alpha(c) || is_digit(c);
}

/// Whether the character is a control character: below 0x20, or DEL.
constexpr bool is_control(char c) noexcept {
  return byte_of(c) < 0x20 || byte_of(c) == 0x7f;
}

/// Whether the character may stand in a token (RFC 9110, section 5.6.2): method, header name, content coding.
constexpr bool is_token_character(char c) noexcept {
  return is_alphanumeric(c) ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

/// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Whether two texts are the same but for the case of ASCII letters.
constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

/// A copy in which A to Z are lower-case.
inline std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    c = to_lower(c);
  return result;
}

/// The text without spaces and tabs at its ends.
constexpr std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view kBlank = " \t";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// A table of 256 answers of `predicate`, for loops over every byte of a message.
template <class Predicate>
constexpr std::array<bool, 256> character_table(Predicate predicate) {
  std::array<bool, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = predicate(static_cast<char>(i));
  return table;
}

}  // namespace chaperon::http
