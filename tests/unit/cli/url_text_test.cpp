#include "cli/url_text.hpp"

#include <gtest/gtest.h>

namespace chaperon::cli {
namespace {

TEST(UrlText, ComparableFormsAreEqualForTheSameServer) {
  EXPECT_EQ(comparable_url("HTTP://ann:pw@Host:80/A#x"), "http://host/A");
  EXPECT_EQ(comparable_url("ws://host:80/A"), "http://host/A");
  EXPECT_EQ(comparable_url("wss://host:443/"), "https://host/");
  EXPECT_EQ(comparable_url("http://host:8080/"), "http://host:8080/");
  EXPECT_EQ(comparable_url("HTTP+UNIX://%2FRun%2Fapp.sock/A"), "http+unix://%2FRun%2Fapp.sock/A");
  EXPECT_EQ(origin_of("http://h:1/a/b?c"), "http://h:1");
  EXPECT_EQ(origin_of("http://h?c"), "http://h");
}

TEST(UrlText, PasswordsAreNotShown) {
  EXPECT_EQ(without_password("http://ann:p@ss@h/a@b"), "http://***@h/a@b");
  EXPECT_EQ(without_password("http://h/a@b"), "http://h/a@b");
}

}  // namespace
}  // namespace chaperon::cli
