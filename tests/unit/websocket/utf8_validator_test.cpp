#include "websocket/utf8_validator.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace chaperon::websocket {
namespace {

using namespace std::string_literals;

// How many bytes go in, one by one, before the validator refuses; npos if it takes them all.
std::size_t refused_at(std::string_view text) {
  Utf8Validator validator;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!validator.feed(text.substr(i, 1))) return i;
  }
  return std::string_view::npos;
}

std::string encoded(std::uint32_t c) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xc0 | c >> 6), byte(0x80 | (c & 0x3f))};
  if (c < 0x10000) return {byte(0xe0 | c >> 12), byte(0x80 | (c >> 6 & 0x3f)), byte(0x80 | (c & 0x3f))};
  return {byte(0xf0 | c >> 18), byte(0x80 | (c >> 12 & 0x3f)), byte(0x80 | (c >> 6 & 0x3f)),
          byte(0x80 | (c & 0x3f))};
}

TEST(Utf8Validator, TakesEachCharacterAndNoSurrogate) {
  for (std::uint32_t c = 0; c <= 0x110000; ++c) {
    const bool valid = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
    ASSERT_EQ(is_utf8(encoded(c)), valid) << std::hex << c;
  }
}

TEST(Utf8Validator, OfAllShortTextsTakesThoseOfTheStandard) {
  // Of one or two bytes there is nothing else but ASCII and two-byte characters.
  for (unsigned a = 0; a < 256; ++a) {
    ASSERT_EQ(is_utf8(std::string{static_cast<char>(a)}), a < 0x80) << a;
    for (unsigned b = 0; b < 256; ++b) {
      const std::string text{static_cast<char>(a), static_cast<char>(b)};
      const bool two = a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf;
      ASSERT_EQ(is_utf8(text), two || (a < 0x80 && b < 0x80)) << a << " " << b;
    }
  }
}

TEST(Utf8Validator, RefusesAtTheFirstByteThatCannotBe) {
  struct Case {
    std::string text;
    std::size_t at;
  };
  for (const auto& [text, at] : {Case{"a\x80", 1},
                                 {"\xc0\x80", 0},          // overlong, two bytes
                                 {"\xc1\xbf", 0},          // overlong, two bytes
                                 {"\xe0\x9f\xbf", 1},      // overlong, three bytes
                                 {"\xf0\x8f\xbf\xbf", 1},  // overlong, four bytes
                                 {"\xed\xa0\x80", 1},      // U+D800
                                 {"\xed\xbf\xbf", 1},      // U+DFFF
                                 {"\xf4\x90\x80\x80", 1},  // U+110000
                                 {"\xf5\x80\x80\x80", 0},  // over U+13FFFF
                                 {"\xff", 0},
                                 {"\xfe", 0},
                                 {"\xe2\x82z", 2},  // a character broken off
                                 {"\xf0\x9f\x98z", 3},
                                 {"\xc3\xc3\xa4", 1},
                                 {"\xe2"
                                  "12345678\x82\xac",
                                  1}}) {
    EXPECT_EQ(refused_at(text), at) << testing::PrintToString(text);
    EXPECT_FALSE(is_utf8(text)) << testing::PrintToString(text);
    // Behind enough ASCII for the fast path, and at each place within its eight bytes.
    for (std::size_t before = 0; before <= 17; ++before) {
      EXPECT_EQ(refused_at(std::string(before, 'x') + text), before + at);
      EXPECT_FALSE(is_utf8(std::string(before, 'x') + text + std::string(20, 'y')));
    }
  }
}

TEST(Utf8Validator, GoesOnInPieces) {
  const std::string text = "κόσμε, 世界, 😀 and 20 characters of ASCII ä";
  for (std::size_t i = 0; i <= text.size(); ++i) {
    for (std::size_t k = i; k <= text.size(); ++k) {
      Utf8Validator validator;
      ASSERT_TRUE(validator.feed(std::string_view(text).substr(0, i)));
      ASSERT_TRUE(validator.feed(std::string_view(text).substr(i, k - i)));
      ASSERT_TRUE(validator.feed(std::string_view(text).substr(k)));
      ASSERT_TRUE(validator.complete());
    }
  }
}

TEST(Utf8Validator, IsNotCompleteWithinACharacter) {
  for (const std::string& text : {"\xc3"s, "\xe2\x82"s, "\xe2"s, "\xf0\x9f\x98"s, "12345678\xf0"s}) {
    Utf8Validator validator;
    EXPECT_TRUE(validator.feed(text));
    EXPECT_FALSE(validator.complete()) << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace chaperon::websocket
