// The smaller commands, help, and what is said about words that are none.
#include <chaperon/version.hpp>

#include "cli_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using CliCommands = CliTest;

TEST_F(CliCommands, VersionNamesWhatItWasBuiltWith) {
  const auto result = chaperon({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("chaperon " CHAPERON_VERSION " ("));
  EXPECT_THAT(result.out, HasSubstr("nlohmann/json "));
  EXPECT_EQ(occurrences(result.out, "\n"), 1U);
  EXPECT_EQ(result.err, "");
}

TEST_F(CliCommands, HelpShowsEveryCommandWithExamples) {
  const auto overview = chaperon({"--help"});
  EXPECT_EQ(overview.exit_code, 0);
  EXPECT_EQ(overview.err, "");
  EXPECT_THAT(overview.out, HasSubstr("\nexamples\n  chaperon bench "));
  for (const std::string command : {"run", "bench", "list", "new", "target"}) {
    EXPECT_THAT(overview.out, HasSubstr("\n  " + command + " "));
    const auto help = chaperon({command, "--help"});
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_EQ(help.err, "") << command;
    EXPECT_THAT(help.out, HasSubstr("\nusage: chaperon " + command + " "));
    EXPECT_THAT(help.out, HasSubstr("\nexamples\n  chaperon " + command));
    EXPECT_EQ(chaperon({"help", command}).out, help.out);
  }
}

TEST_F(CliCommands, HelpOfRunNamesEveryOption) {
  const auto help = chaperon({"run", "--help"}).out;
  for (const auto* option :
       {"--config KEY=VALUE", "--config-file FILE", "--base-url URL", "--target", "-o, --output FILE",
        "--format FORMAT", "--tag TAG", "--metrics NAMES", "--threads N", "--seed N", "--log-level LEVEL",
        "--stack-size SIZE", "--cxxflags FLAGS", "--print-results", "--print-metrics", "--allow-failures"})
    EXPECT_THAT(help, HasSubstr(option));
  EXPECT_THAT(help, HasSubstr("info (default)"));
}

TEST_F(CliCommands, WithoutACommandTheOverviewIsAnError) {
  const auto result = chaperon({});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, chaperon({"--help"}).out);
}

TEST_F(CliCommands, UnknownWordsAreAnsweredWithWhatMayBeMeant) {
  const struct {
    Words words;
    std::string error;
  } cases[] = {
      {{"bnech", "x"}, "error: unknown command bnech (did you mean bench?): see 'chaperon --help'\n"},
      {{"frobnicate"},
       "error: unknown command frobnicate: the commands are run, bench, list, new, target, cluster, "
       "worker, master, submit, queue, cancel, results\n"},
      {{"shop.cpp"}, "error: unknown command shop.cpp: to run that file, write 'chaperon run shop.cpp'\n"},
      {{"run", "x.cpp", "--treads", "2"},
       "error: unknown option --treads (did you mean --threads?): see 'chaperon run --help'\n"},
      {{"bench", "localhost", "--output", "a", "--output", "b"},
       "error: option --output may be given only once: see 'chaperon bench --help'\n"},
      {{"run", "x.cpp", "A", "B"}, "error: argument \"B\" is one too many: see 'chaperon run --help'\n"},
      {{"run"}, "error: FILE is missing: see 'chaperon run --help'\n"},
      {{"run", "x.cpp", "--output", "--target"},
       "error: option --output needs a value, but --target follows: see 'chaperon run --help'\n"},
  };
  for (const auto& [words, error] : cases) {
    const auto result = chaperon(words);
    EXPECT_EQ(result.exit_code, 2) << ::testing::PrintToString(words);
    EXPECT_EQ(result.err, error);
    EXPECT_EQ(result.out, "");
  }
}

TEST_F(CliCommands, ListShowsTableAndConfig) {
  const auto result = chaperon({"list", source("examples/tutorial.cpp")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "LoadTest: 203 sessions\n"
            "  1 × ScenarioA {\"config_value\":\"Some value to be used by ScenarioA\"}\n"
            "  1 × ScenarioB\n"
            "  1 × ScenarioC+ScenarioA\n"
            "  100 × ScenarioA {\"config_value\":\"This scenario is now run 100 times!\"}\n"
            "  100 × ScenarioC+ScenarioA\n"
            "  config {\"base_url\":\"http://localhost:5000/\"}\n");
}

TEST_F(CliCommands, ListIsJsonWhateverTheFileSaysWhileItIsLoaded) {
  const auto result = chaperon({"list", scenario_file("talkative.cpp"), "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto listed = Json::parse(result.out, nullptr, false);
  ASSERT_TRUE(listed.is_object()) << result.out;
  EXPECT_EQ(listed.at("load_tests"), Json({"TalkTest"}));
  EXPECT_TRUE(std::filesystem::exists(listed.at("library").get<std::string>()));
  EXPECT_THAT(result.err, HasSubstr("hello\nby a stream, without an end"));
}

TEST_F(CliCommands, NewWritesAFileThatRunsAsItIs) {
  const auto made = chaperon({"new", "web-shop"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.err, "");
  EXPECT_EQ(made.out,
            "wrote web-shop.cpp: one scenario, one load test, 10 users\n\n"
            "  try it    chaperon run web-shop.cpp --target      against the built-in server\n"
            "  yours     chaperon run web-shop.cpp --base-url http://localhost:8080\n");

  const auto ran =
      chaperon({"run", "web-shop.cpp", "--target", "--config", "think_time=1ms", "--output", "m.csv"});
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, StartsWith("WebShopTest: PASSED\n"));
  EXPECT_EQ(occurrences(ran.err, "warning"), 0U) << ran.err;
  const auto measured = rows("m.csv");
  EXPECT_EQ(measured.count("WebShopUser post(/login)"), 10U);
  EXPECT_EQ(measured.count("WebShopUser get(/items?page=1)"), 50U) << read("m.csv");
  EXPECT_EQ(measured.count("WebShopUser call(WebShopUser.check_out)"), 10U);
}

TEST_F(CliCommands, NewNeverReplacesAFile) {
  write("shop.cpp", "mine");
  const auto result = chaperon({"new", "shop"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, "error: shop.cpp exists: choose another name or remove it\n");
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(read("shop.cpp"), "mine");
}

TEST_F(CliCommands, NewRefusesWhatIsNoName) {
  for (const auto* name : {"1st", "a/b", "", "with blank"}) {
    const auto result = chaperon({"new", name});
    EXPECT_EQ(result.exit_code, 2) << name;
    EXPECT_THAT(result.err, StartsWith("error: "));
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_F(CliCommands, TargetSaysWhereItListensAndEndsOnASignal) {
  Process target({CHAPERON_BINARY, "target", "--port", "0"}, options());
  const auto line = target.read_line(kPatience);
  ASSERT_TRUE(line);
  ASSERT_THAT(*line, StartsWith("listening on http://127.0.0.1:"));
  const auto port = static_cast<std::uint16_t>(std::stoi(line->substr(line->rfind(':') + 1)));
  EXPECT_THAT(fetch(port, "/"), HasSubstr("\n"));
  EXPECT_EQ(Json::parse(fetch(port, "/counter")), Json({{"GET /", 1}}));

  // A second one on the same port.
  const auto second = chaperon({"target", "--port", std::to_string(port)});
  EXPECT_EQ(second.exit_code, 2);
  EXPECT_THAT(second.err, StartsWith("error: "));
  EXPECT_THAT(second.err, HasSubstr(std::to_string(port)));
  EXPECT_THAT(second.err, HasSubstr("in use"));
  EXPECT_THAT(second.err, HasSubstr("--port"));
  EXPECT_EQ(second.out, "");

  target.signal(SIGINT);
  const auto result = target.wait(kPatience);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "");
}

TEST_F(CliCommands, TargetRefusesWrongPorts) {
  for (const auto* port : {"65536", "-1", "http"}) {
    const auto result = chaperon({"target", "--port", port});
    EXPECT_EQ(result.exit_code, 2) << port;
    EXPECT_EQ(result.err,
              std::string("error: --port ") + port + ": a whole number from 0 to 65535 is needed\n");
  }
}

TEST_F(CliCommands, AClosedStandardOutputIsNoCrash) {
  EXPECT_LT(shell("\"$chaperon\" --help >&-").exit_code, 128);
  EXPECT_LT(shell("\"$chaperon\" --help > /dev/full").exit_code, 128);
}

}  // namespace
}  // namespace chaperon::test
