#include "base/json.hpp"

#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chaperon/detail/convert.hpp>

namespace chaperon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Json merged(Json base, const Json& overlay) {
  deep_merge(base, overlay);
  return base;
}

TEST(DeepMergeTest, ObjectsMergeAndEverythingElseReplaces) {
  EXPECT_EQ(merged({{"a", {{"x", 1}, {"y", 2}}}, {"b", 3}}, {{"a", {{"y", 20}, {"z", 30}}}, {"c", 4}}),
            Json({{"a", {{"x", 1}, {"y", 20}, {"z", 30}}}, {"b", 3}, {"c", 4}}));
  EXPECT_EQ(merged({{"a", {1, 2, 3}}}, {{"a", {4}}}), Json({{"a", {4}}}));
  EXPECT_EQ(merged({{"a", {{"x", 1}}}}, {{"a", 5}}), Json({{"a", 5}}));
  EXPECT_EQ(merged({{"a", 5}}, {{"a", {{"x", 1}}}}), Json({{"a", {{"x", 1}}}}));
}

TEST(DeepMergeTest, NullReplacesToo) {
  EXPECT_EQ(merged({{"a", {{"x", 1}}}, {"b", 2}}, {{"a", nullptr}}), Json({{"a", nullptr}, {"b", 2}}));
  EXPECT_EQ(merged({{"a", nullptr}}, {{"a", {{"x", 1}}}}), Json({{"a", {{"x", 1}}}}));
  EXPECT_EQ(merged({{"a", 1}}, nullptr), Json(nullptr));
}

TEST(DeepMergeTest, AnEmptyObjectChangesNothing) {
  EXPECT_EQ(merged({{"a", {{"x", 1}}}}, {{"a", Json::object()}}), Json({{"a", {{"x", 1}}}}));
  EXPECT_EQ(merged({{"a", 1}}, Json::object()), Json({{"a", 1}}));
}

TEST(PathTest, SplitsAndJoins) {
  EXPECT_THAT(split_path("a.b.c"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split_path("a"), ElementsAre("a"));
  EXPECT_THAT(split_path(""), ElementsAre(""));
  EXPECT_THAT(split_path(".a."), ElementsAre("", "a", ""));
  EXPECT_EQ(join_path(split_path("a.b.c")), "a.b.c");
}

TEST(PathTest, FindsByPathAndByDottedKey) {
  const Json object = {{"a", {{"b", {{"c", 1}}}}}, {"x.y", 2}, {"n", nullptr}};
  EXPECT_EQ(*find_path(object, "a.b.c"), 1);
  EXPECT_EQ(*find_path(object, Path{"a", "b", "c"}), 1);
  EXPECT_EQ(*find_path(object, Path{"x.y"}), 2);
  EXPECT_TRUE(find_path(object, "n")->is_null());
  for (const auto* missing : {"b", "a.c", "a.b.c.d", "x.y", "", "n.a"})
    EXPECT_EQ(find_path(object, missing), nullptr) << missing;
  EXPECT_EQ(find_path(Json(5), "a"), nullptr);
}

TEST(PathTest, SetsAndMakesWay) {
  Json object = {{"a", 1}};
  set_path(object, Path{"a", "b", "c"}, 2);
  set_path(object, Path{"d"}, {{"e", 3}});
  EXPECT_EQ(object, Json({{"a", {{"b", {{"c", 2}}}}}, {"d", {{"e", 3}}}}));
}

TEST(DescribeTest, SaysWhatAValueIs) {
  EXPECT_EQ(describe("ten"), "the string \"ten\"");
  EXPECT_EQ(describe(7), "the number 7");
  EXPECT_EQ(describe(true), "the boolean true");
  EXPECT_EQ(describe(nullptr), "null");
  EXPECT_EQ(describe(Json::object()), "an object");
  EXPECT_EQ(describe(Json::array()), "an array");
  EXPECT_EQ(describe(std::string(100, 'x')), "the string \"" + std::string(59, 'x') + "…");
}

TEST(DescribeTest, NeverCutsACharacterInTwo) {
  // 58 letters and the quote before it put the first byte of a two-byte character at the last place.
  EXPECT_EQ(describe(std::string(58, 'x') + "ééééé"), "the string \"" + std::string(58, 'x') + "…");
}

TEST(DumpTest, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(dump(Json("a\xff")), "\"a\xef\xbf\xbd\"");
  EXPECT_EQ(dump({{"a", 1}}), "{\"a\":1}");
  EXPECT_EQ(dump({{"a", 1}}, 2), "{\n  \"a\": 1\n}");
}

TEST(JsonAssertTest, AMissingKeyOfAConstObjectThrows) {
  const Json object = {{"a", 1}};
  try {
    static_cast<void>(object["b"]);
    ADD_FAILURE();
  } catch (const std::out_of_range& e) {
    EXPECT_THAT(e.what(), HasSubstr("a JSON value was used that is not there"));
    EXPECT_THAT(e.what(), HasSubstr("ask with contains() or value() first"));
  }
}

}  // namespace
}  // namespace chaperon
