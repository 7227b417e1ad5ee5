#include "websocket/frame.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "unit/websocket/samples.hpp"

namespace chaperon::websocket {
namespace {

using namespace std::string_literals;
using test::some_bytes;

constexpr Mask kMask{'\x37', '\xfa', '\x21', '\x3d'};

std::string masked_slowly(std::string text, Mask mask) {
  for (std::size_t i = 0; i < text.size(); ++i)
    text[i] = static_cast<char>(text[i] ^ mask[i % 4]);
  return text;
}

TEST(Frame, MaskOfTheRfc) {
  std::string text = "Hello";
  apply_mask(text.data(), text.data(), text.size(), kMask);
  EXPECT_EQ(text, "\x7f\x9f\x4d\x51\x58");
}

TEST(Frame, MasksEachSizeAtEachAlignment) {
  for (std::size_t size = 0; size <= 40; ++size) {
    for (std::size_t from = 0; from < 8; ++from) {
      const std::string text = some_bytes(size);
      std::string memory = "<<<<<<<<"s.substr(0, from) + text + ">>>>>>>>";
      apply_mask(memory.data() + from, memory.data() + from, size, kMask);
      ASSERT_EQ(memory, "<<<<<<<<"s.substr(0, from) + masked_slowly(text, kMask) + ">>>>>>>>");
    }
  }
}

TEST(Frame, MasksToAPlaceBeforeThatOverlaps) {
  for (std::size_t size : {0U, 1U, 7U, 8U, 9U, 100U}) {
    for (std::size_t gap = 0; gap <= 12; ++gap) {
      const std::string text = some_bytes(size);
      std::string memory = std::string(gap, '.') + text;
      apply_mask(memory.data(), memory.data() + gap, size, kMask);
      ASSERT_EQ(memory.substr(0, size), masked_slowly(text, kMask)) << size << " by " << gap;
    }
  }
}

TEST(Frame, HeadsHaveTheShortestLength) {
  struct Case {
    std::uint64_t length;
    std::string head;
  };
  for (const auto& [length, head] : {Case{0, "\x82\x80"s},
                                     {125, "\x82\xfd"s},
                                     {126, "\x82\xfe\x00\x7e"s},
                                     {65535, "\x82\xfe\xff\xff"s},
                                     {65536, "\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00"s},
                                     {0x0123456789abcdef, "\x82\xff\x01\x23\x45\x67\x89\xab\xcd\xef"s}}) {
    std::array<char, kMaxClientHead> bytes{};
    const std::size_t size = write_head(bytes.data(), 0x82, length, kMask);
    EXPECT_EQ(std::string_view(bytes.data(), size), head + std::string(kMask.begin(), kMask.end())) << length;
  }
}

TEST(Frame, CloseCodesThatMayBeSent) {
  for (int code = -1; code <= 70000; ++code) {
    const bool reserved = code == 1004 || code == 1005 || code == 1006 || code == 1015;
    const bool allowed = code >= 1000 && code <= 4999 && !(code >= 1016 && code <= 2999) && !reserved;
    ASSERT_EQ(is_close_code(code), allowed) << code;
  }
}

}  // namespace
}  // namespace chaperon::websocket
