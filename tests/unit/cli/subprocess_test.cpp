#include "cli/subprocess.hpp"

#include <csignal>

#include <gmock/gmock.h>
#include <unistd.h>

#include "support/temp_dir.hpp"

namespace chaperon::cli {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

ChildOptions shell(const std::string& script) {
  return {.command = {"/bin/sh", "-c", script}, .capture_stderr = true};
}

TEST(Child, OutputAndStatusComeBack) {
  Child child(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(child.read_all(), "out\nerr\n");
  EXPECT_EQ(child.wait(), 3);
  EXPECT_EQ(child.pid(), 0);
}

TEST(Child, LargeOutputDoesNotBlock) {
  Child child(shell("head -c 1000000 /dev/zero"));
  EXPECT_EQ(child.read_all().size(), 1'000'000U);
}

TEST(Child, LinesAreReadOneByOne) {
  Child child(shell("echo one; echo two; printf three"));
  EXPECT_EQ(child.read_line(10s), "one");
  EXPECT_EQ(child.read_line(10s), "two");
  EXPECT_EQ(child.read_line(10s), std::nullopt);
}

TEST(Child, AFirstLineThatDoesNotComeIsNotWaitedForForEver) {
  Child child(shell("exec sleep 600"));
  EXPECT_EQ(child.read_line(10ms), std::nullopt);
  EXPECT_EQ(child.stop(10s), 128 + SIGTERM);
}

TEST(Child, WhoDoesNotListenToTermIsKilled) {
  Child child(shell("trap '' TERM; echo ready; while :; do read line; sleep 1; done"));
  ASSERT_EQ(child.read_line(10s), "ready");
  EXPECT_EQ(child.stop(10ms), 128 + SIGKILL);
}

TEST(Child, IsKilledWithItsOwner) {
  pid_t pid = 0;
  {
    const Child child(shell("exec sleep 600"));
    pid = child.pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(Child, AGroupOfItsOwnIsOutOfReachOfTheTerminal) {
  auto options = shell("ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat");
  options.own_group = true;
  Child child(options);
  const auto pid = child.pid();
  EXPECT_EQ(std::stoi(child.read_all()), pid);
}

TEST(Child, WhatCannotBeStartedIsNamed) {
  EXPECT_THAT(
      [] { const Child child({.command = {"/nonexistent/program"}}); },
      ThrowsMessage<std::runtime_error>("/nonexistent/program cannot be started: No such file or directory"));
}

TEST(FindProgram, SearchesPathAsAShellDoes) {
  const test::TempDir directory;
  test::write_file(directory / "data", "");
  EXPECT_EQ(find_program("sh", "/nonexistent:/bin"), "/bin/sh");
  EXPECT_EQ(find_program("/bin/sh", ""), "/bin/sh");
  EXPECT_EQ(find_program("sh", "/nonexistent"), std::nullopt);
  EXPECT_EQ(find_program("", "/bin"), std::nullopt);
  EXPECT_EQ(find_program("data", directory.path().string()), std::nullopt);  // not executable
  EXPECT_EQ(find_program("bin", "/"), std::nullopt);                         // a directory
}

}  // namespace
}  // namespace chaperon::cli
