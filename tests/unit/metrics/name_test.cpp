#include "metrics/name.hpp"

#include <string>

#include <gtest/gtest.h>

#include "metrics/name_overflow.hpp"
#include "metrics/name_table.hpp"

namespace chaperon::metrics {
namespace {

Name get(std::string_view url) {
  return {.session = "shopper", .action = "get", .target = url};
}

TEST(RowName, HasTheFourForms) {
  EXPECT_EQ(row_name({"shopper", "get", "http://h/"}), "shopper get(http://h/)");
  EXPECT_EQ(row_name({"shopper", "round_trip"}), "shopper round_trip");
  EXPECT_EQ(row_name({"shopper", "get", "http://h/", "HTTP 503"}), "shopper Error HTTP 503 get(http://h/)");
  EXPECT_EQ(row_name({"shopper", "await_signal", "", "timeout"}), "shopper Error timeout await_signal");
  EXPECT_EQ(row_name({"", "(other)"}), "(other)");
}

TEST(NamePattern, ReplacesWhatLooksLikeAnId) {
  const auto pattern = [](std::string_view url) { return name_pattern(get(url)); };
  EXPECT_EQ(pattern("http://h/items/17"), "get(http://h/items/…)");
  EXPECT_EQ(pattern("http://h/item17.html"), "get(http://h/item….html)");
  EXPECT_EQ(pattern("http://h/u/550e8400-e29b-41d4-a716-446655440000/edit"), "get(http://h/u/…/edit)");
  EXPECT_EQ(pattern("http://h/c/deadbeef01"), "get(http://h/c/…)");
  EXPECT_EQ(pattern("http://h/s/dQw4w9WgXcQ_x7Yb-19"), "get(http://h/s/…)");
  EXPECT_EQ(pattern("http://h/a?page=2&q=shoes&flag"), "get(http://h/a?page=…&q=…&flag)");
  EXPECT_EQ(pattern("http://h?id=2"), "get(http://h?id=…)");
}

TEST(NamePattern, KeepsWhatIsNoId) {
  const auto pattern = [](std::string_view url) { return name_pattern(get(url)); };
  EXPECT_EQ(pattern("http://127.0.0.1:5000/items"), "get(http://127.0.0.1:5000/items)");
  EXPECT_EQ(pattern("http://h/v1/facade/defaced"), "get(http://h/v1/facade/defaced)");
  EXPECT_EQ(pattern("http://h1"), "get(http://h1)");
  EXPECT_EQ(pattern("http://h/a-long-but-readable-segment"), "get(http://h/a-long-but-readable-segment)");
  EXPECT_EQ(pattern(""), "get");
}

TEST(NamePattern, IsOfTheActionWhereThereIsNoTarget) {
  EXPECT_EQ(name_pattern({"s", "order 17 done"}), "order … done");
  EXPECT_EQ(name_pattern({"s", "md5sum", "x9"}), "md5sum(x…)") << "with a target the action stays";
}

TEST(NameTable, GivesEachNameOneId) {
  NameTable table;
  const auto id = table.intern(get("http://h/"));
  EXPECT_EQ(table.intern(get(std::string("http://h/"))), id) << "equal text in another place";
  EXPECT_EQ(table[id], get("http://h/"));
  EXPECT_EQ(table.find(get("http://h/")), id);
  EXPECT_EQ(table.find(get("http://h/x")), kIgnored);
  EXPECT_TRUE(table.overflow_warning().empty());
}

TEST(NameTable, EachPartOfANameCounts) {
  NameTable table;
  const auto id = table.intern({"s", "a", "t", "e"});
  EXPECT_NE(table.intern({"x", "a", "t", "e"}), id);
  EXPECT_NE(table.intern({"s", "x", "t", "e"}), id);
  EXPECT_NE(table.intern({"s", "a", "x", "e"}), id);
  EXPECT_NE(table.intern({"s", "a", "t", "x"}), id);
  EXPECT_NE(table.intern({"a", "s", "t", "e"}), id);
  EXPECT_NE(table.intern({"s", "a", "t", "e", MetricKind::number}), id);
}

TEST(NameTable, KeepsItsOwnText) {
  NameTable table;
  std::string url = "http://h/a/path/that/does/not/fit/into/a/small/string";
  const auto copy = url;
  const auto id = table.intern(get(url));
  std::fill(url.begin(), url.end(), 'x');
  auto moved = std::move(table);
  for (int i = 0; i < 1000; ++i)
    moved.intern({"s", "a", std::to_string(i)});
  EXPECT_EQ(moved[id].target, copy);
  EXPECT_EQ(moved.find(get(copy)), id);
}

TEST(NameTable, BeyondTheLimitIsOther) {
  NameTable table({.names = 2});
  const auto a = table.intern(get("http://h/a"));
  const auto b = table.intern(get("http://h/b"));
  const auto other = table.intern(get("http://h/items/17"));
  EXPECT_NE(a, b);
  EXPECT_EQ(row_name(table[other]), "(other)");
  EXPECT_EQ(table.intern(get("http://h/items/18")), other);
  EXPECT_EQ(table.intern(get("http://h/a")), a) << "a name from before keeps its id";

  const auto errors = table.intern({"s", "get", "http://h/x", "HTTP 503"});
  EXPECT_EQ(row_name(table[errors]), "Error (any) (other)");
  const auto numbers = table.intern({.session = "s", .action = "depth", .kind = MetricKind::number});
  EXPECT_EQ(row_name(table[numbers]), "(other numbers)");
  EXPECT_EQ(table[numbers].kind, MetricKind::number);
}

TEST(NameTable, WarningNamesTheCommonestPatternAndTheRemedy) {
  NameTable table({.names = 10'000});
  for (int i = 0; i < 10'000; ++i)
    table.intern({"s", "get", "http://h/" + std::to_string(i)});
  EXPECT_TRUE(table.overflow_warning().empty());
  table.intern(get("http://h/once"));
  for (int i = 17; i < 30; ++i)
    table.intern({"s", "get", "http://h/items/" + std::to_string(i)});
  EXPECT_EQ(
      table.overflow_warning(),
      "more than 10,000 metric names, such as get(http://h/items/17) of the pattern get(http://h/items/…): "
      "give such "
      "requests a name, as in session.get(path, {.name = \"item\"}); the rest is counted under (other)");
}

TEST(NameTable, WarningWithoutAPatternAndForOtherActions) {
  NameTable table({.names = 0});
  table.intern({"s", "apples"});
  EXPECT_EQ(table.overflow_warning(),
            "more than 0 metric names, such as apples: leave what varies out of the name; the rest is "
            "counted under (other)");
  NameTable deletes({.names = 0});
  deletes.intern({"s", "delete", "http://h/5"});
  EXPECT_NE(deletes.overflow_warning().find("session.del(path, "), std::string::npos)
      << deletes.overflow_warning();
}

TEST(NameTable, EndlessNamesAreTooManyBytes) {
  NameTable table({.names = 10'000, .bytes = 2'000'000});
  const std::string filler(900'000, 'x');
  for (int i = 0; i < 2; ++i)
    table.intern({"s", "get", filler + std::to_string(i)});
  const auto other = table.intern({"s", "get", filler + "2"});
  EXPECT_EQ(row_name(table[other]), "(other)");
  const auto warning = table.overflow_warning();
  EXPECT_EQ(warning.find("metric names of more than 2,000,000 bytes in all, such as get(xxx"), 0U);
  EXPECT_LT(warning.size(), 600U);
}

TEST(NameOverflow, ACommonPatternIsFoundAmongManyRareOnes) {
  NameOverflow overflow;
  for (int i = 0; i < 2000; ++i) {
    std::string word;
    for (int n = i; n > 0; n /= 26)
      word += static_cast<char>('a' + n % 26);
    overflow.add(get("http://h/word/" + word));
    if (i % 10 == 0) overflow.add(get("http://h/items/" + std::to_string(i)));
  }
  EXPECT_NE(overflow.warning("too many").find("of the pattern get(http://h/items/…)"), std::string::npos)
      << overflow.warning("too many");
}

TEST(NameOverflow, MergeAddsCounts) {
  NameOverflow a;
  NameOverflow b;
  for (int i = 0; i < 2; ++i)
    a.add(get("http://h/a/1"));
  for (int i = 0; i < 2; ++i)
    b.add(get("http://h/b/1"));
  b.add(get("http://h/a/2"));
  a.merge(b);
  EXPECT_NE(a.warning("too many").find("get(http://h/a/…)"), std::string::npos);
}

TEST(NameOverflow, CutsALongNameBeforeACharacter) {
  NameOverflow overflow;
  std::string url = "http://h/";
  for (int i = 0; i < 100; ++i)
    url += "ä";
  overflow.add(get(url));
  const auto warning = overflow.warning("too many");
  const auto cut = warning.find("…");
  ASSERT_NE(cut, std::string::npos);
  EXPECT_EQ(warning.substr(cut - 2, 2), "ä");
}

}  // namespace
}  // namespace chaperon::metrics
