// What a terminal shows: the live line and the log share it without spoiling each other.
#include "cli_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;

using CliTerminal = CliTest;

// The lines that a terminal has shown in the end, without colours. As far as Chaperon goes: it returns to a
// line's begin and erases lines.
std::vector<std::string> shown(const std::string& written) {
  std::vector<std::string> lines(1);
  std::size_t column = 0;
  for (std::size_t at = 0; at < written.size(); ++at) {
    const char c = written[at];
    auto& line = lines.back();
    if (c == '\r') {
      column = 0;
    } else if (c == '\n') {
      lines.emplace_back();
      column = 0;
    } else if (c == '\x1b') {
      const auto end = written.find_first_of("mK", at);
      if (end == std::string::npos) break;
      if (written[end] == 'K') line.assign(column, ' ');
      at = end;
    } else {
      line.resize(std::max(line.size(), column + 1), ' ');
      line[column++] = c;
    }
  }
  return lines;
}

TEST_F(CliTerminal, LogLinesAndTheLiveLineDoNotMix) {
  ASSERT_EQ(chaperon({"list", scenario_file("options.cpp")}).exit_code, 0);
  const TargetServer target;
  const auto command = std::string(CHAPERON_BINARY) + " run " + scenario_file("options.cpp") +
                       " TickTest --seed 1 --base-url " + target.url();
  const auto result = run_command({"script", "-qefc", command, "/dev/null"},
                                  options({"TERM=xterm", "COLUMNS=98"}), kPatience);
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr(" live  0 done | "));

  const auto ticks = target.count("GET /tick");
  EXPECT_GT(ticks, 2U);
  std::size_t whole = 0;
  const std::regex line("[0-9:.]{12} info    \\[[0-9a-f-]{36} Ticker\\] tick");
  for (const auto& text : shown(result.out)) {
    whole += std::regex_match(text, line) ? 1U : 0U;
    EXPECT_EQ(text.find(" live "), std::string::npos) << "left behind: " << text;
  }
  EXPECT_EQ(whole, ticks) << result.out;
}

TEST_F(CliTerminal, TheVerdictIsColouredUnlessNoColorIsSet) {
  const auto run = [&](const std::string& variable) {
    return run_command({"script", "-qefc",
                        std::string(CHAPERON_BINARY) + " run " + scenario_file("options.cpp") +
                            " AskTest --target --log-level off",
                        "/dev/null"},
                       options({"TERM=xterm", variable}), kPatience);
  };
  const auto coloured = run("NO_COLOR=");
  EXPECT_EQ(coloured.exit_code, 0) << coloured.out;
  EXPECT_THAT(coloured.out, HasSubstr("AskTest: \x1b["));
  EXPECT_THAT(coloured.out, HasSubstr("mPASSED\x1b["));
  const auto plain = run("NO_COLOR=1");
  EXPECT_EQ(plain.exit_code, 0);
  EXPECT_THAT(plain.out, HasSubstr("AskTest: PASSED"));
}

TEST_F(CliTerminal, LogLevelsAreColouredUnlessNoColorIsSet) {
  const auto is_coloured = [&](const std::string& variable) {
    const auto command =
        std::string(CHAPERON_BINARY) + " run " + scenario_file("options.cpp") + " TalkTest --target";
    const auto result =
        run_command({"script", "-qefc", command, "/dev/null"}, options({"TERM=xterm", variable}), kPatience);
    EXPECT_EQ(result.exit_code, 0) << result.out;
    EXPECT_THAT(result.out, HasSubstr(" Talker] warn line"));
    static const std::regex colour("\x1b\\[[0-9;]*mwarn");
    return std::regex_search(result.out, colour);
  };
  EXPECT_TRUE(is_coloured("NO_COLOR="));
  EXPECT_FALSE(is_coloured("NO_COLOR=1"));
}

}  // namespace
}  // namespace chaperon::test
