// The beginning of a UTF-8 text.
#pragma once

#include <cstddef>
#include <string_view>

namespace chaperon {

/// Whether a byte goes on with a character that began before it.
constexpr bool continues_character(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

/// The first bytes of a text, at most `most` of them, that do not end within a character.
constexpr std::string_view utf8_prefix(std::string_view text, std::size_t most) noexcept {
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 0 && continues_character(text[end]))
    --end;
  return text.substr(0, end);
}

}  // namespace chaperon
