// The examples run as they are, and what they count is what the server counts.
#include "cli_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using CliExamples = CliTest;

void expect_tutorial_counts(const Rows& rows) {
  EXPECT_EQ(rows.total(" post(/a)"), 203U);
  EXPECT_EQ(rows.total(" post(/a/config)"), 203U);
  EXPECT_EQ(rows.total(" post(/b)"), 1U);
  EXPECT_EQ(rows.total(" post(/c)"), 101U);
  EXPECT_EQ(rows.count("ScenarioA post(/a)"), 101U);
  EXPECT_EQ(rows.count("ScenarioB post(/a)"), 1U);
  EXPECT_EQ(rows.count("ScenarioB run_scenario(ScenarioA)"), 1U);
  EXPECT_EQ(rows.count("ScenarioC+ScenarioA post(/a)"), 101U);
  EXPECT_EQ(rows.count("ScenarioC+ScenarioA post(/c)"), 101U);
}

TEST_F(CliExamples, TheTutorialCountsItsRequestsExactly) {
  const auto result =
      chaperon({"run", source("examples/tutorial.cpp"), "--target", "--output", "metrics.csv"});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, StartsWith("LoadTest: PASSED\n"));
  EXPECT_THAT(result.out, HasSubstr("\n  sessions   203: 203 ok\n"));
  EXPECT_THAT(result.out, HasSubstr("\n  requests   508 ("));
  EXPECT_THAT(result.out, HasSubstr("\nmetrics.csv  metrics.config.json  metrics.scenarios.json\n"));
  expect_tutorial_counts(rows("metrics.csv"));
  EXPECT_EQ(json("metrics.scenarios.json").size(), 5U);
}

TEST_F(CliExamples, TheTutorialCountsWhatTheServerCounts) {
  const TargetServer target;
  const auto result = chaperon({"run", source("examples/tutorial.cpp"), "--base-url", target.url(),
                                "--output", "metrics.csv", "--threads", "3"});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  expect_tutorial_counts(rows("metrics.csv"));
  EXPECT_EQ(target.counter(),
            Json({{"POST /a", 203}, {"POST /a/config", 203}, {"POST /b", 1}, {"POST /c", 101}}));
}

TEST_F(CliExamples, EveryExamplePasses) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source("examples"))) {
    if (entry.path().extension() != ".cpp") continue;
    ++count;
    const auto result = chaperon({"run", entry.path().string(), "--target", "--output", "metrics.csv"});
    EXPECT_EQ(result.exit_code, 0) << entry.path() << result.out << result.err;
    EXPECT_FALSE(rows("metrics.csv").counts().empty()) << entry.path();
  }
  EXPECT_GE(count, 3U);
}

TEST_F(CliExamples, TheShopCountsWhatItsConfigAsksFor) {
  const TargetServer target;
  const auto result =
      chaperon({"run", source("examples/shop.cpp"), "--base-url", target.url(), "--config", "users=7",
                "--config", "visits=3", "--config", "think_time=1ms", "--output", "metrics.csv"});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  const auto measured = rows("metrics.csv");
  EXPECT_EQ(measured.count("Shopper get(item)"), 21U);
  EXPECT_EQ(measured.count("Shopper post(/cart)"), 21U);
  EXPECT_EQ(measured.count("Shopper call(Shopper.check_out)"), 7U);
  EXPECT_EQ(target.count("POST /cart"), 21U);
  EXPECT_EQ(target.count("POST /login"), 7U);
  EXPECT_EQ(target.count("POST /orders"), 7U);
}

}  // namespace
}  // namespace chaperon::test
