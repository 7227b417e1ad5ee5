#include "websocket/frame.hpp"

#include <cstring>

namespace chaperon::websocket {
namespace {

// The lowest `count` bytes of a number, the highest of them first.
char* write_big_endian(char* to, std::uint64_t value, unsigned count) noexcept {
  for (unsigned i = count; i > 0; --i)
    *to++ = static_cast<char>(value >> (8 * (i - 1)));
  return to;
}

}  // namespace

std::size_t write_head(char* to, unsigned first_byte, std::uint64_t length, Mask mask) noexcept {
  char* at = to;
  *at++ = static_cast<char>(first_byte);
  if (length < kLength16) {
    *at++ = static_cast<char>(kMasked | length);
  } else if (length <= 0xffff) {
    *at++ = static_cast<char>(kMasked | kLength16);
    at = write_big_endian(at, length, 2);
  } else {
    *at++ = static_cast<char>(kMasked | kLength64);
    at = write_big_endian(at, length, 8);
  }
  std::memcpy(at, mask.data(), mask.size());
  at += mask.size();
  return static_cast<std::size_t>(at - to);
}

void apply_mask(char* to, const char* from, std::size_t size, Mask mask) noexcept {
  std::uint32_t half = 0;
  std::memcpy(&half, mask.data(), sizeof half);
  // The same in memory whatever the order of bytes: both halves are equal.
  const std::uint64_t whole = (std::uint64_t{half} << 32U) | half;
  std::size_t i = 0;
  for (; i + sizeof whole <= size; i += sizeof whole) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + i, sizeof word);
    word ^= whole;
    std::memcpy(to + i, &word, sizeof word);
  }
  for (; i < size; ++i)
    to[i] = static_cast<char>(from[i] ^ mask[i % mask.size()]);
}

}  // namespace chaperon::websocket
