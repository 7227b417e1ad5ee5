// Payloads to send.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/random.hpp"

namespace chaperon::test {

/// Bytes that do not compress, the same for the same size.
inline std::string some_bytes(std::size_t size) {
  Random random(size);
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i)
    bytes.push_back(static_cast<char>(random()));
  return bytes;
}

/// Text that compresses well, the same for the same size and seed.
inline std::string words(std::size_t size, std::uint64_t seed = 1) {
  Random random(seed);
  std::string text;
  while (text.size() < size)
    text += random.below(2) == 0 ? "quick brown fox " : std::to_string(random.below(1000)) + ' ';
  text.resize(size);
  return text;
}

}  // namespace chaperon::test
