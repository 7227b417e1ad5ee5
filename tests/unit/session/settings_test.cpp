#include "session/settings.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chaperon/errors.hpp>
#include <chaperon/json.hpp>
#include <chaperon/version.hpp>

namespace chaperon::session {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string error_of(const Json& config) {
  try {
    Settings::from_config(config);
  } catch (const ConfigTypeError& e) {
    return e.what();
  }
  return "none";
}

TEST(SettingsTest, HasDefaults) {
  const auto settings = Settings::from_config(Json::object());
  EXPECT_FALSE(settings.base_url.has_value());
  EXPECT_EQ(settings.base_url_error, "");
  EXPECT_EQ(settings.timeout, 10s);
  EXPECT_EQ(settings.connect_timeout, 5s);
  EXPECT_EQ(settings.max_response_size, 16U * 1024 * 1024);
  EXPECT_FALSE(settings.decompress);
  EXPECT_FALSE(settings.share_connections);
  EXPECT_FALSE(settings.skip_query_params_in_metrics);
  EXPECT_FALSE(settings.store_results);
  EXPECT_EQ(settings.authorization, "");
  EXPECT_EQ(settings.header_block, "User-Agent: chaperon/" CHAPERON_VERSION "\r\n");
}

TEST(SettingsTest, ABaseUrlHasNeitherQueryNorFragment) {
  const auto error = [](const char* url) {
    return Settings::from_config({{"base_url", url}}).base_url_error;
  };
  EXPECT_EQ(error("http://host/api"), "");
  EXPECT_THAT(error("http://u:secret@host/api?key=1"),
              testing::StartsWith("base URL \"http://host/api\" cannot have a query: leave it out"));
  EXPECT_THAT(error("http://host?"), HasSubstr("cannot have a query"));
  EXPECT_THAT(error("http://host/#top"), HasSubstr("cannot have a fragment: leave it out"));
}

TEST(SettingsTest, ReadsEveryKey) {
  const auto settings =
      Settings::from_config({{"base_url", "http://host:81/base"},
                             {"timeout", "infinity"},
                             {"basic_auth", "ann:secret:x"},
                             {"skip_query_params_in_metrics", true},
                             {"store_results", true},
                             {"http",
                              {{"connect_timeout", 250},
                               {"max_response_size", 1000},
                               {"decompress", true},
                               {"share_connections", true},
                               {"headers", {{"X-A", "b"}, {"X-N", 7}, {"user-agent", "mine"}}}}}});
  EXPECT_EQ(settings.base_url->text(), "http://host:81/base");
  EXPECT_EQ(settings.timeout, kForever);
  EXPECT_EQ(settings.connect_timeout, 250ms);
  EXPECT_EQ(settings.max_response_size, 1000U);
  EXPECT_TRUE(settings.decompress);
  EXPECT_TRUE(settings.share_connections);
  EXPECT_TRUE(settings.skip_query_params_in_metrics);
  EXPECT_TRUE(settings.store_results);
  EXPECT_EQ(settings.authorization, "Basic YW5uOnNlY3JldDp4");
  EXPECT_THAT(settings.header_block, HasSubstr("X-A: b\r\n"));
  EXPECT_THAT(settings.header_block, HasSubstr("X-N: 7\r\n"));
  EXPECT_THAT(settings.header_block, HasSubstr("mine\r\n"));
  EXPECT_THAT(settings.header_block, Not(HasSubstr("chaperon/")));
  EXPECT_THAT(settings.header_block, HasSubstr("Accept-Encoding: "));
  EXPECT_THAT(settings.header_block, HasSubstr("Authorization: Basic YW5uOnNlY3JldDp4\r\n"));
}

TEST(SettingsTest, BasicAuthTakesThreeForms) {
  const std::string expected = "Basic dTpw";
  EXPECT_EQ(Settings::from_config({{"basic_auth", "u:p"}}).authorization, expected);
  EXPECT_EQ(Settings::from_config({{"basic_auth", Json::array({"u", "p"})}}).authorization, expected);
  EXPECT_EQ(Settings::from_config({{"basic_auth", {{"user", "u"}, {"password", "p"}}}}).authorization,
            expected);
  for (const Json& wrong :
       {Json("no colon"), Json(7), Json::array({"u"}), Json({{"user", "u"}}), Json::array({1, 2})}) {
    EXPECT_THAT(error_of({{"basic_auth", wrong}}), HasSubstr("write it as \"user:password\"")) << wrong;
  }
}

TEST(SettingsTest, UserInfoOfTheBaseUrlAuthenticatesUnlessBasicAuthDoes) {
  EXPECT_EQ(Settings::from_config({{"base_url", "http://u:p@host"}}).authorization, "Basic dTpw");
  EXPECT_EQ(Settings::from_config({{"base_url", "http://u:p@host"}, {"basic_auth", "x:y"}}).authorization,
            "Basic eDp5");
}

TEST(SettingsTest, ABaseUrlThatCannotBeUsedIsKeptAsAnErrorForWhoeverNeedsIt) {
  const auto settings = Settings::from_config({{"base_url", "https://host"}});
  EXPECT_FALSE(settings.base_url.has_value());
  EXPECT_THAT(settings.base_url_error, HasSubstr("https"));
  EXPECT_NE(Settings::from_config({{"base_url", "host only"}}).base_url_error, "");
}

TEST(SettingsTest, WrongTypesNameTheKey) {
  EXPECT_EQ(error_of({{"timeout", "soon"}}),
            "config key \"timeout\" cannot be used: it is the string \"soon\", not a duration, such as 500 "
            "(milliseconds), \"1.5s\" or \"2m\"");
  EXPECT_THAT(error_of({{"timeout", -1}}), HasSubstr("\"timeout\""));
  EXPECT_THAT(error_of({{"http", {{"connect_timeout", true}}}}), HasSubstr("\"http.connect_timeout\""));
  EXPECT_THAT(error_of({{"http", {{"max_response_size", -1}}}}), HasSubstr("\"http.max_response_size\""));
  EXPECT_THAT(error_of({{"http", {{"decompress", 1}}}}), HasSubstr("\"http.decompress\""));
  EXPECT_THAT(error_of({{"base_url", 7}}), HasSubstr("\"base_url\" cannot be used: it is the number 7"));
  EXPECT_THAT(error_of({{"http", {{"headers", "X: y"}}}}),
              HasSubstr("\"http.headers\" cannot be used: it is the string \"X: y\", not an object"));
}

TEST(SettingsTest, NullIsNotSet) {
  const auto settings = Settings::from_config({{"base_url", nullptr},
                                               {"timeout", nullptr},
                                               {"store_results", nullptr},
                                               {"basic_auth", nullptr},
                                               {"http", nullptr}});
  EXPECT_FALSE(settings.base_url.has_value());
  EXPECT_EQ(settings.timeout, 10s);
  EXPECT_FALSE(settings.store_results);
}

}  // namespace
}  // namespace chaperon::session
