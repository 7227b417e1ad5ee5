#include "base/log.hpp"

#include <iostream>
#include <regex>
#include <string>

#include <gtest/gtest.h>

namespace chaperon {
namespace {

// What arrives on stderr, with times replaced by T.
template <class F>
std::string logged(F&& f) {
  ::testing::internal::CaptureStderr();
  f();
  stop_log();
  static const std::regex time("[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}");
  return std::regex_replace(::testing::internal::GetCapturedStderr(), time, "T");
}

TEST(Log, LinesBelowTheLevelAreNotWritten) {
  EXPECT_EQ(logged([] {
              start_log(LogLevel::info);
              write_log(LogLevel::debug, "details");
              write_log(LogLevel::info, "one");
              write_log(LogLevel::error, "two");
            }),
            "T info    one\nT error   two\n");
}

TEST(Log, ALineThatStaysBelowIsTakenAwayAndWrittenAgain) {
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
