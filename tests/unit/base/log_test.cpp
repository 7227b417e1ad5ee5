#include "base/log.hpp"

#include <iostream>
#include <regex>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chaperon {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(LogTest, LevelsHaveNames) {
  EXPECT_EQ(parse_log_level("debug"), LogLevel::debug);
  EXPECT_EQ(parse_log_level("info"), LogLevel::info);
  EXPECT_EQ(parse_log_level("warn"), LogLevel::warn);
  EXPECT_EQ(parse_log_level("warning"), LogLevel::warn);
  EXPECT_EQ(parse_log_level("error"), LogLevel::error);
  EXPECT_EQ(parse_log_level("off"), LogLevel::off);
  for (const auto* text : {"", "Debug", "trace", "err"})
    EXPECT_EQ(parse_log_level(text), std::nullopt) << text;
}

TEST(LogTest, WritesFromItsLevelUpBetweenStartAndStop) {
  ::testing::internal::CaptureStderr();
  write_log(LogLevel::error, "before");
  start_log(LogLevel::info);
  EXPECT_EQ(log_level(), LogLevel::info);
  write_log(LogLevel::debug, "too low");
  write_log(LogLevel::info, "{not a format}");
  start_log(LogLevel::error);
  write_log(LogLevel::warn, "now too low");
  write_log(LogLevel::error, "high enough");
  EXPECT_EQ(log_lines_dropped(), 0U);
  stop_log();
  EXPECT_EQ(log_level(), LogLevel::off);
  write_log(LogLevel::error, "after");
  const auto text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr("info    {not a format}\n"));
  EXPECT_THAT(text, HasSubstr("error   high enough\n"));
  for (const auto* absent : {"before", "too low", "after"})
    EXPECT_THAT(text, Not(HasSubstr(absent)));
}

// What arrives on stderr, with times replaced by T.
template <class F>
std::string logged(F&& f) {
  ::testing::internal::CaptureStderr();
  f();
  stop_log();
  static const std::regex time("[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}");
  return std::regex_replace(::testing::internal::GetCapturedStderr(), time, "T");
}

TEST(LogTest, LinesBelowTheLevelAreNotWritten) {
  EXPECT_EQ(logged([] {
              start_log(LogLevel::info);
              write_log(LogLevel::debug, "details");
              write_log(LogLevel::info, "one");
              write_log(LogLevel::error, "two");
            }),
            "T info    one\nT error   two\n");
}

TEST(LogTest, ALineThatStaysBelowIsTakenAwayAndWrittenAgain) {
  EXPECT_EQ(logged([] {
              start_log(LogLevel::info);
              show_below_log(std::cerr, "live");
              write_log(LogLevel::info, "one");
              stop_log();  // waits until it is written
              show_below_log(std::cerr, {});
              start_log(LogLevel::info);
              write_log(LogLevel::info, "two");
            }),
            "\r\x1b[2Klive\r"
            "\r\x1b[2KT info    one\nlive\r"
            "\r\x1b[2K"
            "T info    two\n");
}

}  // namespace
}  // namespace chaperon
