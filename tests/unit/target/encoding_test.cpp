#include "target/encoding.hpp"

#include <gtest/gtest.h>

namespace chaperon::target {
namespace {

TEST(PercentDecoded, DecodesOrRefuses) {
  EXPECT_EQ(percent_decoded("a%20b%2F%2f"), "a b//");
  EXPECT_EQ(percent_decoded("a+b"), "a+b");
  EXPECT_EQ(percent_decoded(""), "");
  for (const char* text : {"%", "%2", "%zz", "%-1", "% 1", "a%"})
    EXPECT_EQ(percent_decoded(text), std::nullopt) << text;
}

// RFC 4648, section 10.
TEST(Base64, HasThePaddingOfTheStandard) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xfb\xff"), "+/8=");
}

TEST(IsUtf8, AcceptsWhatIsWellFormed) {
  for (const char* text : {"", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xe2\x82\xacz"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
}

TEST(IsUtf8, RefusesWhatIsNot) {
  for (const char* text : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2x", "\xe0\x9f\xbf",
                           "\xed\xa0\x80", "\xe2\x82", "\xe2\x82x", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                           "\xf5\x80\x80\x80", "\xf0\x90\x80", "\xff", "abc\xfe"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

TEST(Alphabet, HasARunFromEachLetter) {
  EXPECT_EQ(alphabet().substr(0, 28), "abcdefghijklmnopqrstuvwxyzab");
  EXPECT_GE(alphabet().size(), kAlphabetRun + 25);
}

}  // namespace
}  // namespace chaperon::target
