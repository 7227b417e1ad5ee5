#include "export/redact.hpp"

#include <gtest/gtest.h>

namespace chaperon::exporting {
namespace {

TEST(Redacted, HidesSecretsByKey) {
  EXPECT_EQ(redacted({{"basic_auth", {{"user", "ann"}, {"pass", "x"}}},
                      {"password", "x"},
                      {"db_PassWord", 5},
                      {"api_token", "x"},
                      {"clientSecret", {"x", "y", "z"}},
                      {"Proxy-Authorization", "x"},
                      {"delay", 500}}),
            (Json{{"basic_auth", "***"},
                  {"password", "***"},
                  {"db_PassWord", "***"},
                  {"api_token", "***"},
                  {"clientSecret", "***"},
                  {"Proxy-Authorization", "***"},
                  {"delay", 500}}));
}

TEST(Redacted, HidesAtAnyDepth) {
  const Json config = {{"http", {{"headers", {{"AUTHORIZATION", "Bearer x"}, {"Accept", "*/*"}}}}},
                       {"users", Json::array({Json{{"name", "ann"}, {"secret", "x"}}})}};
  const auto hidden = redacted(config);
  EXPECT_EQ(hidden["http"]["headers"], (Json{{"AUTHORIZATION", "***"}, {"Accept", "*/*"}}));
  EXPECT_EQ(hidden["users"][0], (Json{{"name", "ann"}, {"secret", "***"}}));
}

TEST(Redacted, HidesHeadersInListForm) {
  const Json headers = Json::array(
      {Json::array({"Authorization", "Bearer x"}), Json::array({"Accept", "*/*"}),
       Json{{"name", "X-Auth-Token"}, {"value", "x"}}, Json{{"name", "Accept"}, {"value", "text/html"}}});
  EXPECT_EQ(redacted(headers),
            Json::array({Json::array({"Authorization", "***"}), Json::array({"Accept", "*/*"}),
                         Json{{"name", "X-Auth-Token"}, {"value", "***"}},
                         Json{{"name", "Accept"}, {"value", "text/html"}}}));
}

TEST(Redacted, KeepsEverythingElse) {
  const Json value = {
      {"a", nullptr}, {"b", true}, {"c", 1.5}, {"d", {1, "two", {{"e", -3}}}}, {"basic_author", "x"}};
  EXPECT_EQ(redacted(value), value);
  EXPECT_EQ(redacted(Json()), Json());
}

TEST(Redacted, HidesUserInfoOfUrls) {
  EXPECT_EQ(redacted({{"base_url", "http://ann:pw@h:80/a?b=c@d"}})["base_url"], "http://***@h:80/a?b=c@d");
}

TEST(WithoutUserInfo, FindsEachUrlInAText) {
  EXPECT_EQ(without_user_info("http://user:pw@host"), "http://***@host");
  EXPECT_EQ(without_user_info("ws://token@host/x"), "ws://***@host/x");
  EXPECT_EQ(without_user_info("http://u:p@ss@host/"), "http://***@host/");
  EXPECT_EQ(without_user_info("a http://u@h, then https://v:w@i/ end"),
            "a http://***@h, then https://***@i/ end");
  EXPECT_EQ(without_user_info("http://u@h http://v@i"), "http://***@h http://***@i");
}

TEST(WithoutUserInfo, LeavesOtherTextAlone) {
  for (const char* text : {"", "plain", "ann@example.org", "http://host/path@x", "http://host?mail=a@b",
                           "http://host#a@b", "://", "http://", "x://y"}) {
    EXPECT_EQ(without_user_info(text), text);
  }
}

}  // namespace
}  // namespace chaperon::exporting
