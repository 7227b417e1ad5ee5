// The heads of frames and the codes of close frames (RFC 6455, sections 5.2 and 7.4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace chaperon::websocket {

/// What a frame is.
enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Whether the frame is a control frame, which may stand between the fragments of a message.
constexpr bool is_control(Opcode opcode) noexcept {
  return opcode >= Opcode::close;
}

/// The most bytes that the payload of a control frame may have.
inline constexpr std::size_t kMaxControlPayload = 125;
/// The most bytes that the reason of a close frame may have; its code takes two.
inline constexpr std::size_t kMaxCloseReason = kMaxControlPayload - 2;

/// The code of a close frame that has none.
inline constexpr int kNoCloseCode = 1005;

/// Whether a close frame may carry that code: those for use on the wire, in the registry of RFC 6455 (1000 to
/// 1003, 1007 to 1014), for libraries (3000 to 3999) and for applications (4000 to 4999).
constexpr bool is_close_code(int code) noexcept {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/// The first byte of a frame's head. RSV1 marks a message that is compressed.
inline constexpr unsigned kFinal = 0x80;
inline constexpr unsigned kCompressed = 0x40;
inline constexpr unsigned kReserved = 0x70;
inline constexpr unsigned kOpcodeMask = 0x0f;

/// The second byte of a frame's head, whose last seven bits are the length, or say where it is.
inline constexpr unsigned kMasked = 0x80;
inline constexpr unsigned kLengthMask = 0x7f;
inline constexpr unsigned kLength16 = 126;  ///< the length is in the next two bytes
inline constexpr unsigned kLength64 = 127;  ///< the length is in the next eight bytes

/// The most bytes that a head takes without its mask, and with it.
inline constexpr std::size_t kMaxServerHead = 10;
inline constexpr std::size_t kMaxClientHead = 14;

/// The four bytes of a mask as they lie in memory.
using Mask = std::array<char, 4>;

/// Writes the head of a client's frame to `to`, which has room for kMaxClientHead bytes: the first byte as
/// given, the length in its shortest form, the mask. Returns how many bytes it is.
std::size_t write_head(char* to, unsigned first_byte, std::uint64_t length, Mask mask) noexcept;

/// Masks a payload (RFC 6455, section 5.3) from one place to another, which may be the same or overlap it if
/// it begins before it.
void apply_mask(char* to, const char* from, std::size_t size, Mask mask) noexcept;

}  // namespace chaperon::websocket
