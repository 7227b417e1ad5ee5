#include "support/process.hpp"

#include <csignal>

#include <gtest/gtest.h>

#include "support/temp_dir.hpp"

namespace chaperon::test {
namespace {

using namespace std::chrono_literals;

CommandResult shell(const std::string& script, const ProcessOptions& options = {},
                    std::chrono::milliseconds timeout = 60s) {
  return run_command({"/bin/sh", "-c", script}, options, timeout);
}

TEST(RunCommand, ReturnsExitCodeAndBothOutputs) {
  const auto result = shell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
  EXPECT_FALSE(result.timed_out);
}

TEST(RunCommand, ReadsMoreThanAPipeHoldsOnBothOutputs) {
  const auto result =
      shell("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; head -c 1000000 /dev/zero");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out.size(), 2'000'000U);
  EXPECT_EQ(result.err.size(), 1'000'000U);
}

TEST(RunCommand, KillsTheWholeGroupWhenTheTimeEnds) {
  const auto result = shell("echo started; sleep 600 & sleep 600", {}, 200ms);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_code, 128 + SIGKILL);
  EXPECT_EQ(result.out, "started\n");
}

TEST(RunCommand, DoesNotWaitForThoseWhoInheritedItsOutput) {
  const auto result = shell("sleep 600 & echo $!");
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(result.exit_code, 0);
  ::kill(std::stoi(result.out), SIGKILL);
}

TEST(RunCommand, SetsEnvironmentDirectoryAndAnEmptyInput) {
  const TempDir directory;
  const auto result = shell("echo $CHAPERON_TEST; test -n \"$PATH\" && pwd; cat",
                            {.environment = {"CHAPERON_TEST=a=b"}, .directory = directory.path()});
  EXPECT_EQ(result.out, "a=b\n" + directory.path().string() + "\n");
}

TEST(RunCommand, SaysWhatCannotBeStarted) {
  try {
    run_command({"/nonexistent/program"});
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent/program"), std::string::npos);
  }
}

TEST(Process, IsReadLineByLineAndSignalled) {
  Process process(
      {"/bin/sh", "-c",
       "trap 'echo interrupted; exit 130' INT; echo one; echo two; while :; do sleep 0.01; done"});
  EXPECT_EQ(process.read_line(60s), "one");
  EXPECT_EQ(process.read_line(60s), "two");
  EXPECT_EQ(process.read_line(1ms), std::nullopt);
  EXPECT_TRUE(process.running());
  process.signal(SIGINT);
  const auto result = process.wait(60s);
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_EQ(result.out, "interrupted\n");
  EXPECT_FALSE(process.running());
}

TEST(Process, HasNoLineAfterTheEndOfItsOutput) {
  Process process({"/bin/sh", "-c", "printf 'no newline'"});
  EXPECT_EQ(process.read_line(60s), std::nullopt);
  EXPECT_EQ(process.wait(60s).out, "no newline");
}

TEST(Process, IsKilledWithItsOwner) {
  pid_t pid = 0;
  {
    const Process process({"/bin/sleep", "600"});
    pid = process.pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(TempDir, IsGoneWithAllItHolds) {
  std::filesystem::path path;
  {
    const TempDir directory;
    path = directory.path();
    write_file(directory / "a/b.txt", "text");
    EXPECT_EQ(read_file(directory / "a/b.txt"), "text");
    EXPECT_THROW(read_file(directory / "missing"), std::runtime_error);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace chaperon::test
