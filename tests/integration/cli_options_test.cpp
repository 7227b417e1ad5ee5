// The options of `chaperon run`, each by what it changes.
#include <set>

#include "cli_fixture.hpp"
#include "support/nginx_server.hpp"

namespace chaperon::test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class CliOptions : public CliTest {
 protected:
  CommandResult run(const std::string& load_test, const Words& more = {}) const {
    Words words{"run", scenario_file("options.cpp"), load_test};
    words.insert(words.end(), more.begin(), more.end());
    return chaperon(words);
  }
  // The log lines `KEY = VALUE` of a run of ConfigTest.
  std::map<std::string, std::string> config_seen(const Words& more) const {
    const auto result = run("ConfigTest", more);
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    std::map<std::string, std::string> seen;
    std::istringstream lines(result.err);
    for (std::string line; std::getline(lines, line);) {
      const auto begin = line.find("] ");
      const auto middle = line.find(" = ");
      if (begin == std::string::npos || middle == std::string::npos) continue;
      seen[line.substr(begin + 2, middle - begin - 2)] = line.substr(middle + 3);
    }
    return seen;
  }
  // The ids in the log lines of a run of DrawTest.
  std::set<std::string> ids_drawn(const Words& more) const {
    const auto result = run("DrawTest", more);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::set<std::string> ids;
    static const std::regex id("\\[([0-9a-f-]{36}) Drawer\\] drawn");
    for (std::sregex_iterator found(result.err.begin(), result.err.end(), id), end; found != end; ++found)
      ids.insert((*found)[1]);
    return ids;
  }
};

TEST_F(CliOptions, ConfigPrecedence) {
  write("config.json", R"({"a": "file", "b": "file", "deep": {"x": 2}, "base_url": "http://127.0.0.1:2"})");
  auto seen = config_seen({});
  EXPECT_EQ(seen["a"], "\"default\"");
  EXPECT_EQ(seen["b"], "\"entry\"");
  EXPECT_EQ(seen["deep.x"], "1");
  EXPECT_EQ(seen["text"], "\"missing\"");
  EXPECT_EQ(seen["base_url"], "http://127.0.0.1:1");

  seen = config_seen({"--config-file", "config.json"});
  EXPECT_EQ(seen["a"], "\"file\"");
  EXPECT_EQ(seen["b"], "\"file\"");
  EXPECT_EQ(seen["deep.x"], "2");
  EXPECT_EQ(seen["deep.y"], "1");
  EXPECT_EQ(seen["base_url"], "http://127.0.0.1:2");

  seen = config_seen({"--config", "b=option", "--config-file", "config.json", "--config",
                      "base_url=http://127.0.0.1:3", "--config", "deep.x=3"});
  EXPECT_EQ(seen["a"], "\"file\"");
  EXPECT_EQ(seen["b"], "\"option\"");
  EXPECT_EQ(seen["deep.x"], "3");
  EXPECT_EQ(seen["deep.y"], "1");
  EXPECT_EQ(seen["base_url"], "http://127.0.0.1:3");

  seen = config_seen({"--config", "base_url=localhost:3"});
  EXPECT_EQ(seen["base_url"], "http://localhost:3");
  seen = config_seen({"--config", "base_url=http://127.0.0.1:3", "--base-url", "127.0.0.1:4"});
  EXPECT_EQ(seen["base_url"], "http://127.0.0.1:4");
}

TEST_F(CliOptions, ConfigValuesAreJsonWhereTheyCanBe) {
  auto seen = config_seen({"--config", "a=17", "--config", "b=[1,\"x\"]", "--config", "text=a=b c",
                           "--config", "deep={\"x\":true}"});
  EXPECT_EQ(seen["a"], "17");
  EXPECT_EQ(seen["b"], "[1,\"x\"]");
  EXPECT_EQ(seen["text"], "\"a=b c\"");
  EXPECT_EQ(seen["deep.x"], "true");
  EXPECT_EQ(seen["deep.y"], "1");
  seen = config_seen({"--config", "a=1.5s", "--config", "text=\"17\"", "--config", "b="});
  EXPECT_EQ(seen["a"], "\"1.5s\"");
  EXPECT_EQ(seen["text"], "\"17\"");
  EXPECT_EQ(seen["b"], "\"\"");
}

TEST_F(CliOptions, WrongConfigIsRefusedWithTheRemedy) {
  write("list.json", "[1]");
  write("broken.json", "{");
  const struct {
    Words words;
    std::string error;
  } cases[] = {
      {{"--config", "a"}, "error: --config a: there is no \"=\": write --config a=VALUE\n"},
      {{"--config", "a..b=1"}, "error: --config a..b=1: the key \"a..b\" has an empty part"},
      {{"--config-file", "none.json"}, "error: config file none.json cannot be read (No such file"},
      {{"--config-file", "list.json"}, "error: config file list.json holds "},
      {{"--config-file", "broken.json"}, "error: config file broken.json is not JSON: "},
      {{"--base-url", "http://"}, "error: "},
      {{"--config", "base_url=17"}, "error: "},
      {{"--threads", "0"}, "error: --threads 0: a whole number from 1 to 1024 is needed\n"},
      {{"--seed", "x"}, "error: --seed x: a whole number"},
      {{"--stack-size", "1k"}, "error: --stack-size 1k: a size from 32k to 1024M is needed"},
      {{"--log-level", "loud"}, "error: --log-level loud: the levels are debug, info, warn, error and off\n"},
      {{"--metrics", "get,,call"}, "error: --metrics get,,call: one of the names is empty"},
      {{"--format", "xml"}, "error: "},
      {{"--output", "a.csv", "--tag", "t"},
       "error: --output and --tag both say where results go: give one of them\n"},
      {{"--target", "--base-url", "localhost:1"},
       "error: --target and --base-url both say which server to load: give one of them\n"},
  };
  for (const auto& [words, error] : cases) {
    const auto result = run("ConfigTest", words);
    EXPECT_EQ(result.exit_code, 2) << ::testing::PrintToString(words) << result.err;
    EXPECT_THAT(result.err, StartsWith(error));
    EXPECT_EQ(occurrences(result.err, "\n"), 1U) << result.err;
    EXPECT_EQ(result.out, "");
  }
}

TEST_F(CliOptions, LogLevels) {
  const std::vector<std::pair<std::string, std::size_t>> cases{{"debug", 4}, {"info", 3},  {"", 3},
                                                               {"warn", 2},  {"error", 1}, {"off", 0}};
  for (const auto& [level, kinds] : cases) {
    const auto result =
        run("TalkTest", level.empty() ? Words{"--target"} : Words{"--target", "--log-level", level});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const std::vector<std::string> lines{"error line", "warn line", "info line", "debug line"};
    for (std::size_t i = 0; i < lines.size(); ++i)
      EXPECT_EQ(occurrences(result.err, " Talker] " + lines[i] + "\n"), i < kinds ? 3U : 0U) << level;
    // The requests themselves are for debug only.
    EXPECT_EQ(occurrences(without_origin(result.err), " Talker] get(/answer): 200 in "),
              level == "debug" ? 3U : 0U)
        << result.err;
  }
}

TEST_F(CliOptions, AllLogLinesAreWrittenBeforeTheSummary) {
  const auto result = shell("\"$chaperon\" run " + scenario_file("options.cpp") + " TalkTest --target 2>&1");
  ASSERT_EQ(result.exit_code, 0);
  EXPECT_EQ(occurrences(result.out, " info line\n"), 3U);
  EXPECT_LT(result.out.rfind(" error line\n"), result.out.find("TalkTest: PASSED\n"));
}

TEST_F(CliOptions, TheSeedFixesEveryDrawWhateverTheThreads) {
  const auto first = ids_drawn({"--seed", "7", "--threads", "1"});
  EXPECT_EQ(first.size(), 8U);
  EXPECT_EQ(ids_drawn({"--seed", "7", "--threads", "1"}), first);
  EXPECT_EQ(ids_drawn({"--seed", "7", "--threads", "3"}), first);
  EXPECT_NE(ids_drawn({"--seed", "8"}), first);
}

TEST_F(CliOptions, ADrawnSeedIsShownAndCanBeGivenAgain) {
  const auto result = run("DrawTest", {"--threads", "1"});
  std::smatch seed;
  ASSERT_TRUE(
      std::regex_search(result.err, seed, std::regex("DrawTest: 8 sessions, 1 loop, seed ([0-9]+)\\.")))
      << result.err;
  std::smatch id;
  ASSERT_TRUE(std::regex_search(result.err, id, std::regex("\\[([0-9a-f-]{36}) Drawer\\]")));
  EXPECT_TRUE(ids_drawn({"--seed", seed[1]}).contains(id[1]));
}

TEST_F(CliOptions, MetricsChooseWhatIsRecorded) {
  auto result = run("TalkTest", {"--target", "--output", "all.csv"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(rows("all.csv").counts(), (std::map<std::string, std::uint64_t>{{"Talker call(Talker.ask)", 3},
                                                                            {"Talker connect()", 3},
                                                                            {"Talker get(/answer)", 3},
                                                                            {"Talker size", 3}}));
  result =
      run("TalkTest", {"--target", "--output", "some.csv", "--metrics", "size,get", "--metrics", "none"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(rows("some.csv").counts(),
            (std::map<std::string, std::uint64_t>{{"Talker get(/answer)", 3}, {"Talker size", 3}}));
}

TEST_F(CliOptions, ThreadsAreTheLoops) {
  for (const auto* threads : {"1", "3"}) {
    const auto result = run("AskTest", {"--target", "--threads", threads});
    ASSERT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.err, HasSubstr(std::string(", ") + threads + " loop"));
  }
}

TEST_F(CliOptions, PrintMetricsIsTheJsonExport) {
  const auto result = run("AskTest", {"--target", "--print-metrics"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto at = result.out.find("\n{\"version\":1,");
  ASSERT_NE(at, std::string::npos) << result.out;
  const auto metrics = Json::parse(result.out.substr(at));
  EXPECT_EQ(metrics.at("load_test"), "AskTest");
  EXPECT_EQ(metrics.at("sessions").at("ok"), 5);
  EXPECT_EQ(metrics.at("rows").size(), 2U);
}

TEST_F(CliOptions, PrintResultsIsWhatRequestsReturned) {
  const auto result = run("AskTest", {"--target", "--print-results"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto at = result.out.find("\n[");
  ASSERT_NE(at, std::string::npos) << result.out;
  const auto stored = Json::parse(result.out.substr(at));
  ASSERT_EQ(stored.size(), 5U);
  for (const auto& one : stored) {
    EXPECT_EQ(one.at("session"), "Asker");
    EXPECT_EQ(without_origin(one.at("action")), "get(/default)");
    EXPECT_TRUE(one.contains("result"));
  }
}

TEST_F(CliOptions, CxxflagsChangeWhatIsCompiled) {
  const TargetServer target;
  auto result = run("AskTest", {"--base-url", target.url()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  result = run("AskTest", {"--base-url", target.url(), "--cxxflags", "-DTEST_PATH='\"/from the flags\"'"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(target.count("GET /default"), 5U);
  EXPECT_EQ(target.counter().size(), 2U) << target.counter();
}

TEST_F(CliOptions, WrongCxxflagsAreTheCompilersWord) {
  auto result = run("AskTest", {"--target", "--cxxflags", "-DTEST_PATH=nonsense"});
  EXPECT_EQ(result.exit_code, 3) << result.out;
  EXPECT_THAT(result.err, HasSubstr("nonsense"));
  result = run("AskTest", {"--target", "--cxxflags", "-DX='open"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, "error: --cxxflags -DX='open: a quote is not closed\n");
}

}  // namespace
}  // namespace chaperon::test
