#include "websocket/utf8_validator.hpp"

#include <cstddef>
#include <cstring>

namespace chaperon::websocket {

// The ranges are those of RFC 3629, section 4: only the second byte of a character is bounded more tightly
// than the others.
bool Utf8Validator::take(std::uint8_t byte) noexcept {
  if (missing_ > 0) {
    if (byte < lowest_ || byte > highest_) return false;
    --missing_;
    lowest_ = kLowest;
    highest_ = kHighest;
    return true;
  }
  if (byte < 0x80) return true;
  if (byte < 0xc2 || byte > 0xf4) return false;
  if (byte < 0xe0) {
    missing_ = 1;
  } else if (byte < 0xf0) {
    missing_ = 2;
    if (byte == 0xe0) lowest_ = 0xa0;   // below: overlong
    if (byte == 0xed) highest_ = 0x9f;  // above: surrogates
  } else {
    missing_ = 3;
    if (byte == 0xf0) lowest_ = 0x90;   // below: overlong
    if (byte == 0xf4) highest_ = 0x8f;  // above: over U+10FFFF
  }
  return true;
}

bool Utf8Validator::feed(std::string_view bytes) noexcept {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at != end) {
    // Most text is ASCII: eight characters at a time.
    if (missing_ == 0) {
      for (std::uint64_t word = 0; end - at >= static_cast<std::ptrdiff_t>(sizeof word); at += sizeof word) {
        std::memcpy(&word, at, sizeof word);
        if ((word & kHighBits) != 0) break;
      }
      if (at == end) return true;
    }
    if (!take(static_cast<std::uint8_t>(*at++))) return false;
  }
  return true;
}

}  // namespace chaperon::websocket
