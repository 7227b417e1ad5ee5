#include "base/files.hpp"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include "support/temp_dir.hpp"

namespace chaperon {
namespace {

TEST(Files, AFileIsReadWholeWhateverItHolds) {
  const test::TempDir directory;
  const std::string content("a\0b\r\n\xff", 6);
  test::write_file(directory / "some", content);
  test::write_file(directory / "empty", "");
  EXPECT_EQ(read_file(directory / "some"), content);
  EXPECT_EQ(read_file(directory / "empty"), "");
}

TEST(Files, WhatIsNoFileOrIsNotThereGivesNothingAndTheReason) {
  const test::TempDir directory;
  EXPECT_EQ(read_file(directory / "missing"), std::nullopt);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(read_file(directory.path()), std::nullopt);
  EXPECT_EQ(errno, EISDIR);
}

TEST(Files, AFileOfTheKernelThatTellsNoSizeIsRead) {
  EXPECT_NE(read_file("/proc/self/status").value_or("").find("Threads:"), std::string::npos);
}

}  // namespace
}  // namespace chaperon
