#include "cli/subprocess.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stop_token>
#include <thread>

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

TEST(Child, OutputGoesToFilesWhereThatIsWanted) {
  const test::TempDir directory;
  auto options = shell("pwd; echo err >&2");
  options.directory = directory.path().string();
  options.output_file = (directory / "out").string();
  options.error_file = (directory / "err").string();
  Child child(options);
  EXPECT_EQ(child.read_all(), "");
  EXPECT_EQ(test::read_file(directory / "out"), directory.path().string() + "\n");
  EXPECT_EQ(test::read_file(directory / "err"), "err\n");

  options.directory = (directory / "none").string();
  EXPECT_THAT([&] { const Child none(options); },
              ThrowsMessage<std::runtime_error>(HasSubstr("No such file or directory")));
  options.directory.clear();
  options.error_file = (directory / "none/err").string();
  EXPECT_THAT([&] { const Child none(options); },
              ThrowsMessage<std::runtime_error>(HasSubstr("none/err cannot be written")));
}

TEST(Child, ItsEnvironmentIsThatOfThisProcessWithChanges) {
  ::setenv("CHAPERON_TEST_KEPT", "kept", 1);
  ::setenv("CHAPERON_TEST_CHANGED", "before", 1);
  ::setenv("CHAPERON_TEST_REMOVED", "there", 1);
  auto options = shell("echo $CHAPERON_TEST_KEPT $CHAPERON_TEST_CHANGED ${CHAPERON_TEST_REMOVED-gone}");
  options.environment = {{"CHAPERON_TEST_CHANGED", "after"}, {"CHAPERON_TEST_REMOVED", std::nullopt}};
  EXPECT_EQ(Child(options).read_all(), "kept after gone\n");
}

TEST(Child, GetsNoDescriptorThatIsNotForIt) {
  const int open_here = ::dup(STDERR_FILENO);  // as sockets of libraries are, without O_CLOEXEC
  ASSERT_GT(open_here, STDERR_FILENO);
  Child child(shell("test -e /proc/$$/fd/" + std::to_string(open_here) + " && echo there"));
  EXPECT_EQ(child.read_all(), "");
  ::close(open_here);
}

TEST(Child, IsSentSignalsAndSaysWhetherItHasEnded) {
  Child child(shell("trap 'exit 7' INT; echo ready; while true; do sleep 0.01; done"));
  ASSERT_EQ(child.read_line(10s), "ready");
  EXPECT_FALSE(child.ended());
  child.signal(SIGINT);
  EXPECT_EQ(child.wait(), 7);
  EXPECT_TRUE(child.ended());
  child.signal(SIGKILL);  // nobody
}

ChildOptions group(const std::string& script) {
  auto options = shell(script);
  options.own_group = true;
  return options;
}

bool is_alive(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string stat;
  // Who has ended may wait for somebody who looks how.
  return std::getline(file, stat) && stat.find(") Z ") == std::string::npos;
}

TEST(Child, OutputIsReadForALimitedTime) {
  Child quick(group("echo out; exit 3"));
  EXPECT_EQ(quick.read_all_within(10s), "out\n");
  EXPECT_EQ(quick.wait(), 3);

  Child slow(group("echo out; exec sleep 600"));
  EXPECT_EQ(slow.read_all_within(50ms), std::nullopt);
  EXPECT_EQ(slow.wait(), 128 + SIGTERM);

  Child without_output(group("exec sleep 600 >&- 2>&-"));
  EXPECT_EQ(without_output.read_all_within(50ms), std::nullopt);
  EXPECT_EQ(without_output.wait(), 128 + SIGTERM);

  std::stop_source stop;
  stop.request_stop();
  Child stopped(group("exec sleep 600"));
  EXPECT_EQ(stopped.read_all_within(100s, stop.get_token()), std::nullopt);
  EXPECT_EQ(stopped.wait(), 128 + SIGTERM);
}

TEST(Child, ItsWholeGroupEndsWithIt) {
  Child deaf(group("trap '' TERM; sleep 600 & echo $!; while :; do sleep 600; done"));
  const auto pid = deaf.read_line(10s);
  ASSERT_TRUE(pid && is_alive(*pid));
  EXPECT_EQ(deaf.read_all_within(10ms, {}, 10ms), std::nullopt);
  EXPECT_EQ(deaf.wait(), 128 + SIGKILL);
  while (is_alive(*pid))
    std::this_thread::yield();

  // Who has been left behind holds its output, which is not waited for.
  Child gone(group("sleep 600 & echo $!; exit 4"));
  const auto left = gone.read_all_within(100s);
  ASSERT_TRUE(left);
  EXPECT_EQ(gone.wait(), 4);
  while (is_alive(left->substr(0, left->find('\n'))))
    std::this_thread::yield();
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
