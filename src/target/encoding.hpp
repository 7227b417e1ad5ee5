// The encodings that the target server speaks: percent, Base64, gzip and deflate; and what UTF-8 is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chaperon::target {

/// Decodes %XX (RFC 3986); nothing if some % is not followed by two hex digits.
std::optional<std::string> percent_decoded(std::string_view text);

/// Base64 with padding (RFC 4648, section 4).
std::string base64(std::string_view bytes);

/// Whether the bytes are well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates.
bool is_utf8(std::string_view bytes) noexcept;

enum class Compression : std::uint8_t {
  gzip,     ///< RFC 1952
  deflate,  ///< what HTTP means by deflate: the zlib format, RFC 1950
};

/// The first `size` bytes of the endless alphabet abc…zabc…, compressed. Throws std::bad_alloc.
std::string compressed_alphabet(std::uint64_t size, Compression compression);

/// At least 26 bytes more than `kAlphabetRun` of abc…zabc…, for sending pieces of it without making them:
/// from any of its first 26 bytes on, `kAlphabetRun` bytes follow.
std::string_view alphabet() noexcept;
inline constexpr std::size_t kAlphabetRun = std::size_t{256} << 10;

}  // namespace chaperon::target
