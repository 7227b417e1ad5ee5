#include "cli/text_layout.hpp"

#include <gmock/gmock.h>

namespace chaperon::cli {
namespace {

using testing::ElementsAre;

TEST(TextLayout, WidthCountsCharactersNotBytes) {
  EXPECT_EQ(display_width("12 µs"), 5U);
  EXPECT_EQ(right_aligned("µs", 4), "  µs");
  EXPECT_EQ(left_aligned("µs", 4), "µs  ");
  EXPECT_EQ(left_aligned("long", 2), "long");
}

TEST(TextLayout, ShortenedKeepsBothEnds) {
  EXPECT_EQ(shortened("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(shortened("abcdefghij", 5), "ab…ij");
  EXPECT_EQ(shortened("abcdefghij", 4), "ab…j");
  EXPECT_EQ(shortened("abc", 1), "…");
  EXPECT_EQ(shortened("abc", 0), "");
  EXPECT_EQ(shortened("äöüäöü", 3), "ä…ü");
  EXPECT_EQ(shortened("a%2Fbcdefgh", 6), "a…gh");
  EXPECT_EQ(shortened("a%2Fbcdefgh", 8), "a%2F…fgh");
  EXPECT_EQ(shortened("abcdefg%2Fh", 6), "abc…h");
  EXPECT_EQ(shortened("ab%zzcdefgh", 7), "ab%…fgh");
}

TEST(TextLayout, WrapsAtBlanks) {
  EXPECT_THAT(wrapped("", 10), ElementsAre(""));
  EXPECT_THAT(wrapped("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(wrapped("one   two", 5), ElementsAre("one", "two"));
  EXPECT_THAT(wrapped("abcdefgh ij", 4), ElementsAre("abcd", "efgh", "ij"));
  EXPECT_THAT(wrapped("a\nb c", 10), ElementsAre("a", "b c"));
  EXPECT_THAT(wrapped("ab", 0), ElementsAre("a", "b"));
}

TEST(TextLayout, NamesThatDoNotFitHaveALineEach) {
  EXPECT_EQ(listed({"a.csv", "b.csv"}, 12), "a.csv  b.csv");
  EXPECT_EQ(listed({"a.csv", "b.csv"}, 11), "a.csv\nb.csv");
}

TEST(TextLayout, ControlCharactersCannotSteerTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\r\n\tc\x7f"), "a\\x1b[2Jb\\r\\n\\tc\\x7f");
  EXPECT_EQ(printable("µ ok"), "µ ok");
}

TEST(TextLayout, ColoursOnlyWhereAsked) {
  EXPECT_EQ(coloured("FAILED", Colour::red, false), "FAILED");
  EXPECT_EQ(coloured("FAILED", Colour::red, true), "\x1b[1;31mFAILED\x1b[0m");
}

}  // namespace
}  // namespace chaperon::cli
