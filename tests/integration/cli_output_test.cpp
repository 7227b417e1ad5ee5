// Where results go, in which format, and what is said before the run if they could not.
#include "cli_fixture.hpp"
#include "support/scripted_server.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class CliOutput : public CliTest {
 protected:
  CommandResult run(const Words& more) const {
    Words words{"run", scenario_file("options.cpp"), "AskTest"};
    words.insert(words.end(), more.begin(), more.end());
    return chaperon(words);
  }
};

TEST_F(CliOutput, CsvHasTheColumnsOfTheDesign) {
  ASSERT_EQ(run({"--target", "--output", "m.csv"}).exit_code, 0);
  EXPECT_EQ(
      rows("m.csv").header(),
      "session_action_name,total_count,max,mean,min,percentile_10.0,percentile_20.0,percentile_30.0,"
      "percentile_40.0,percentile_50.0,percentile_60.0,percentile_75.0,percentile_80.0,percentile_85.0,"
      "percentile_90.0,percentile_95.0,percentile_99.0,percentile_99.9,percentile_99.99,percentile_99.999");
  EXPECT_EQ(rows("m.csv").count("Asker get(/default)"), 5U);
  EXPECT_EQ(json("m.scenarios.json").at(0).at("users"), 5);
  EXPECT_THAT(json("m.config.json").at("base_url").get<std::string>(), StartsWith("http://127.0.0.1:"));
}

TEST_F(CliOutput, TheExtensionChoosesTheFormatUnlessFormatDoes) {
  ASSERT_EQ(run({"--target", "--output", "m.json"}).exit_code, 0);
  EXPECT_EQ(json("m.json").at("version"), 1);
  EXPECT_EQ(json("m.json").at("rows").size(), 2U);
  EXPECT_FALSE(exists("m.json.csv"));
  ASSERT_EQ(run({"--target", "--output", "m.txt", "--format", "json"}).exit_code, 0);
  EXPECT_EQ(json("m.txt").at("load_test"), "AskTest");
  ASSERT_EQ(run({"--target", "--output", "n.json", "--format", "csv"}).exit_code, 0);
  EXPECT_EQ(rows("n.json").count("Asker get(/default)"), 5U);
}

TEST_F(CliOutput, SeveralOutputsAreTheSameRun) {
  const auto result = run({"--target", "--output", "m.csv", "-o", "m.json", "-o", "-"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(rows("m.csv").count("Asker get(/default)"), 5U);
  EXPECT_EQ(json("m.json").at("rows").size(), 2U);
  EXPECT_EQ(result.out, read("m.csv"));
  // What is beside both is named once.
  EXPECT_THAT(result.err, HasSubstr("\nm.csv  m.config.json  m.scenarios.json  m.json\n"));
}

TEST_F(CliOutput, AnExistingFileIsReplaced) {
  write("m.csv", std::string(100'000, 'x'));
  ASSERT_EQ(run({"--target", "--output", "m.csv"}).exit_code, 0);
  EXPECT_EQ(rows("m.csv").counts().size(), 2U);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory_.path()))
    ++files;
  EXPECT_EQ(files, 3U);  // no temporary one is left
}

TEST_F(CliOutput, ADashIsStdoutAndTheTableGoesToStderr) {
  auto result = run({"--target", "--output", "-"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Rows(result.out).count("Asker get(/default)"), 5U);
  EXPECT_EQ(occurrences(result.out, "\n"), 3U) << result.out;
  EXPECT_THAT(result.err, HasSubstr("\nAskTest: PASSED\n"));
  result = run({"--target", "--output", "-", "--format", "json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Json::parse(result.out).at("load_test"), "AskTest");
}

TEST_F(CliOutput, ATagMakesADirectoryForTheDay) {
  const auto result = run({"--target", "--tag", "nightly"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
    if (entry.is_regular_file())
      files.push_back(std::filesystem::relative(entry.path(), directory_.path()).string());
  }
  std::sort(files.begin(), files.end());
  ASSERT_EQ(files.size(), 3U);
  const std::regex name(
      "results/[0-9]{4}-[0-9]{2}-[0-9]{2}/AskTest/nightly-[0-9]{8}T[0-9]{6}\\.[0-9]{3}Z\\.(config\\.json|csv|"
      "scenarios\\.json)");
  for (const auto& file : files) {
    EXPECT_TRUE(std::regex_match(file, name)) << file;
    EXPECT_THAT(result.out, HasSubstr(file));
  }
  EXPECT_EQ(rows(files[1]).count("Asker get(/default)"), 5U);
  EXPECT_EQ(run({"--target", "--tag", "a/b"}).exit_code, 2);
  ASSERT_EQ(run({"--target", "--tag", "j", "--format", "json"}).exit_code, 0);
}

TEST_F(CliOutput, AnUnwritablePathIsSaidBeforeAnythingIsSent) {
  ScriptedServer server([](Peer& peer) {
    while (!peer.receive_request().empty())
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  write("file", "");
  std::filesystem::create_directories(directory_ / "directory");
  for (const std::string path : {"missing/m.csv", "file/m.csv", "directory", "/proc/m.csv", "directory/"}) {
    const auto result = run({"--base-url", server.url(), "--output", path});
    EXPECT_EQ(result.exit_code, 2) << path;
    EXPECT_THAT(result.err, StartsWith("error: cannot write \"" + path + "\": "));
    EXPECT_EQ(occurrences(result.err, "\n"), 1U) << result.err;
    EXPECT_EQ(result.out, "");
  }
  write("results", "");  // where a tag's directories would be
  EXPECT_EQ(run({"--base-url", server.url(), "--tag", "t"}).exit_code, 2);
  EXPECT_EQ(server.connections(), 0U);
  EXPECT_THAT(run({"--base-url", server.url(), "--output", "missing/m.csv"}).err,
              HasSubstr("the directory \"missing\" does not exist: make it (mkdir -p missing)"));
}

TEST_F(CliOutput, ADiskThatIsFullAtTheEndIsSaidAndTheTableIsNotLost) {
  const auto result = run({"--target", "--output", "/dev/full", "--format", "csv"});
  EXPECT_EQ(result.exit_code, 2) << result.out;
  EXPECT_THAT(result.err,
              HasSubstr("\nerror: cannot write \"/dev/full\": No space left on device: make room"));
  EXPECT_THAT(result.out, StartsWith("AskTest: PASSED\n"));
}

TEST_F(CliOutput, SecretsAreNotWritten) {
  const auto result =
      run({"--target", "--output", "m.json", "--config", "api_token=t0ps3cret", "--config", "plain=visible"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(json("m.config.json").at("api_token"), "***");
  EXPECT_EQ(json("m.config.json").at("plain"), "visible");
  for (const auto& text :
       {read("m.json"), read("m.config.json"), read("m.scenarios.json"), result.out, result.err})
    EXPECT_THAT(text, Not(HasSubstr("t0ps3cret")));
}

TEST_F(CliOutput, WithoutATerminalThereAreNoEscapes) {
  const auto result = run({"--target"});
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos);
  EXPECT_EQ(result.err.find('\x1b'), std::string::npos);
}

TEST_F(CliOutput, AReaderThatGoesAwayEndsTheRunQuietly) {
  const auto result =
      shell("\"$chaperon\" run " + scenario_file("options.cpp") + " AskTest --target --output m.csv | true");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(rows("m.csv").count("Asker get(/default)"), 5U);
}

TEST_F(CliOutput, AStandardOutputThatCannotBeWrittenIsAnError) {
  const std::string error =
      "error: the standard output cannot be written: it is closed, or its disk is full\n";
  for (const auto* redirection : {">/dev/full", ">&-"}) {
    const auto version = shell(std::string("\"$chaperon\" --version ") + redirection);
    EXPECT_EQ(version.exit_code, 2) << redirection;
    EXPECT_EQ(version.err, error);
    const auto run = shell("\"$chaperon\" run " + scenario_file("options.cpp") +
                           " AskTest --target --output m.csv " + redirection);
    EXPECT_EQ(run.exit_code, 2) << redirection;
    EXPECT_THAT(run.err, HasSubstr(error));
    EXPECT_EQ(rows("m.csv").count("Asker get(/default)"), 5U);
  }
}

TEST_F(CliOutput, AReaderThatHasGoneIsNoError) {
  for (const auto* output : {"", " --output -"}) {
    // The pipe has no reader before anything is written to it.
    const auto result = shell("mkfifo p; exec 3<>p 4>p 3<&-; \"$chaperon\" run " +
                              scenario_file("options.cpp") + " AskTest --target" + output + " >&4 4>&-");
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.err, Not(HasSubstr("error:")));
    std::filesystem::remove(directory_ / "p");
  }
}

}  // namespace
}  // namespace chaperon::test
