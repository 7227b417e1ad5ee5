// Whether what comes in pieces is UTF-8.
#pragma once

#include <cstdint>
#include <string_view>

namespace chaperon::websocket {

/// Checks a text that comes in pieces, which may end within a character (RFC 3629: no overlong forms, no
/// surrogates, nothing over U+10FFFF).
class Utf8Validator {
 public:
  /// Goes on with the next bytes. False as soon as what came cannot be the beginning of any text; after that
  /// the validator is of no use.
  [[nodiscard]] bool feed(std::string_view bytes) noexcept;
  /// Whether the text may end here: not within a character.
  [[nodiscard]] bool complete() const noexcept { return missing_ == 0; }

 private:
  bool take(std::uint8_t byte) noexcept;

  static constexpr std::uint8_t kLowest = 0x80;
  static constexpr std::uint8_t kHighest = 0xbf;

  std::uint8_t missing_ = 0;  // bytes that the character under way still needs
  std::uint8_t lowest_ = kLowest;
  std::uint8_t highest_ = kHighest;  // between which the next of them must be
};

/// Whether a whole text is UTF-8.
inline bool is_utf8(std::string_view text) noexcept {
  Utf8Validator validator;
  return validator.feed(text) && validator.complete();
}

}  // namespace chaperon::websocket
