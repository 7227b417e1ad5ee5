// The examples run as they are, and what they count is what the server counts.
#include "cli_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class CliExamples : public CliTest {
 protected:
  /// What an example has counted against a server that counts as well.
  Rows run(const std::string& example, const TargetServer& target, const Words& config = {}) const {
    Words words{"run", source("examples/" + example), "--base-url", target.url(), "--output", "m.csv"};
    for (const auto& value : config)
      words.insert(words.end(), {"--config", value});
    const auto result = chaperon(words);
    if (result.exit_code != 0) throw std::runtime_error(example + ": " + result.out + result.err);
    return rows("m.csv");
  }
};

/// The sum of all rows of what was not answered.
std::uint64_t errors(const Rows& rows) {
  std::uint64_t sum = 0;
  for (const auto& [name, count] : rows.counts())
    sum += name.find(" Error ") == std::string::npos ? 0 : count;
  return sum;
}

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

class EachExample : public CliTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(EachExample, Passes) {
  const auto result =
      chaperon({"run", source("examples/" + GetParam() + ".cpp"), "--target", "--output", "metrics.csv"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_FALSE(rows("metrics.csv").counts().empty());
}

std::vector<std::string> all_examples() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(CHAPERON_SOURCE_DIR "/examples")) {
    if (entry.path().extension() == ".cpp") names.push_back(entry.path().stem().string());
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(CliExamples, EachExample, ::testing::ValuesIn(all_examples()),
                         [](const auto& example) { return example.param; });

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

TEST_F(CliExamples, PingPongCountsEachThereAndBack) {
  const TargetServer target;
  const auto measured = run("ping_pong.cpp", target);
  EXPECT_EQ(measured.count("PingPong ws_connect(/ping_pong)"), 10U);
  EXPECT_EQ(measured.count("PingPong ws_send(/ping_pong)"), 1000U);
  EXPECT_EQ(measured.count("PingPong ws_await_recv(/ping_pong)"), 1000U);
  EXPECT_EQ(measured.count("PingPong call(PingPong.ping)"), 1000U);
  EXPECT_EQ(measured.count("PingPong ws_close(/ping_pong)"), 10U);
  EXPECT_EQ(errors(measured), 0U);
  EXPECT_EQ(target.counter(), Json({{"WS /ping_pong", 10}}));
}

TEST_F(CliExamples, MyScenarioPublishesInATask) {
  const TargetServer target;
  const auto measured = run("my_scenario.cpp", target);
  EXPECT_EQ(measured.count("MyScenario async(publish)"), 10U);
  EXPECT_EQ(measured.count("MyScenario post(/foo)"), 10U);
  EXPECT_EQ(measured.count("MyScenario post(/my/status)"), 10U);
  EXPECT_EQ(errors(measured), 0U);
  EXPECT_EQ(target.counter(), Json({{"POST /foo", 10}, {"POST /my/status", 10}}));
}

TEST_F(CliExamples, PublishAndAwaitLosesNoMessage) {
  const TargetServer target;
  const auto measured = run("publish_and_await.cpp", target);
  EXPECT_EQ(measured.count("PublishAndAwait post(/publications)"), 5U);
  EXPECT_EQ(measured.count("PublishAndAwait ws_recv(/foo)"), 5U);
  EXPECT_EQ(measured.count("PublishAndAwait async(subscribe)"), 1U);
  EXPECT_EQ(measured.count("crowd post(/publications)"), 200U);
  EXPECT_EQ(measured.count("crowd ws_recv(/foo)"), 200U);
  EXPECT_EQ(measured.count("crowd async(subscribe)"), 20U);
  EXPECT_EQ(errors(measured), 0U);
  EXPECT_EQ(target.counter(), Json({{"POST /publications", 205}, {"WS /foo", 21}}));
}

TEST_F(CliExamples, EchoesAHundredTimesTen) {
  const TargetServer target;
  const auto measured = run("echo.cpp", target);
  EXPECT_EQ(measured.count("EchoScenario ws_send(/echo)"), 1000U);
  EXPECT_EQ(measured.count("EchoScenario ws_await_recv(/echo)"), 1000U);
  EXPECT_EQ(measured.count("EchoScenario call(EchoScenario.echo)"), 1000U);
  EXPECT_EQ(measured.count("EchoScenario ws_ping(/echo)"), 100U);
  EXPECT_EQ(errors(measured), 0U);
  EXPECT_EQ(target.counter(), Json({{"WS /echo", 100}}));
}

TEST_F(CliExamples, TheFirehoseReachesEverySubscriber) {
  const TargetServer target;
  const auto measured =
      run("firehose.cpp", target, {"subscribers=30", "publishers=3", "messages=7", "interval=1ms"});
  EXPECT_EQ(measured.count("Publisher post(/publications)"), 21U);
  EXPECT_EQ(measured.count("Subscriber ws_recv(/foo)"), 630U);
  EXPECT_EQ(measured.count("Subscriber publish_to_receive"), 630U);
  EXPECT_EQ(errors(measured), 0U);
  EXPECT_EQ(target.counter(), Json({{"POST /publications", 21}, {"WS /foo", 30}}));
}

TEST_F(CliExamples, BackgroundNoiseMakesAsManyRequestsAsItsRateSays) {
  const TargetServer target;
  const auto measured = run("background_noise.cpp", target, {"looks=5", "noise.rate=300"});
  EXPECT_EQ(measured.count("MeasuredUser get(item)"), 5U);
  EXPECT_EQ(measured.count("Noise get(noise)"), 300U);
  EXPECT_EQ(measured.count("Noise async(request)"), 300U);
  EXPECT_EQ(measured.count("Noise start_lateness(request)"), 300U);
  EXPECT_EQ(errors(measured), 0U);
  EXPECT_EQ(target.counter(), Json({{"GET /items", 300}, {"GET /items/17", 5}}));
}

TEST_F(CliExamples, InTheChatRoomEverythingSaidIsHeard) {
  const TargetServer target;
  const auto measured = run("chat_room.cpp", target);
  EXPECT_EQ(measured.count("Member line_round_trip"), 200U);
  // Lines, farewells, and however often the heart beat meanwhile.
  EXPECT_GE(measured.count("Member ws_send(/room)"), 220U);
  EXPECT_EQ(measured.count("Member ws_recv(/room)"), measured.count("Member ws_send(/room)"));
  EXPECT_EQ(measured.count("Member async(listen)"), 20U);
  EXPECT_EQ(errors(measured), 0U);
  EXPECT_EQ(target.counter(), Json({{"WS /room", 20}}));
}

TEST_F(CliExamples, WhoIsCutOffConnectsAgain) {
  const TargetServer target;
  const auto measured = run("reconnect.cpp", target);
  EXPECT_EQ(measured.count("Listener ws_await_recv(/close/3)"), 100U);
  EXPECT_EQ(measured.count("Listener reconnects"), 30U);
  EXPECT_EQ(measured.count("Listener ws_connect(/close/3)"), 40U);
  EXPECT_EQ(measured.count("Listener Error closed ws_send(/close/3)") +
                measured.count("Listener Error closed ws_await_recv(/close/3)"),
            30U);
  EXPECT_EQ(errors(measured), 30U);
  EXPECT_EQ(target.counter(), Json({{"WS /close/3", 40}}));
}

TEST_F(CliExamples, ADataFileGivesEachUserItsAccount) {
  const TargetServer target;
  write("accounts.csv", "eve,one\nfred,two\n");
  const auto measured = run("data_file.cpp", target, {"users=6", "accounts=accounts.csv"});
  EXPECT_EQ(measured.count("User get(profile)"), 6U);
  EXPECT_EQ(target.counter(), Json({{"POST /login", 6}, {"GET /users/eve", 3}, {"GET /users/fred", 3}}));
}

TEST_F(CliExamples, ADataFileThatIsNotThereIsAnErrorOfInput) {
  const auto result =
      chaperon({"run", source("examples/data_file.cpp"), "--target", "--config", "accounts=none.csv"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("none.csv cannot be read"));
}

TEST_F(CliExamples, NestedScenariosCountAsTheirRoots) {
  const TargetServer target;
  const auto measured = run("nested.cpp", target);
  EXPECT_EQ(measured.count("Customer run_scenario(LogIn)"), 10U);
  EXPECT_EQ(measured.count("Customer run_scenario(Browse)"), 10U);
  EXPECT_EQ(measured.count("Customer schedule_scenario(MakeReport)"), 10U);
  EXPECT_EQ(measured.count("Customer get(page)"), 30U);
  EXPECT_EQ(measured.count("Customer get(report)"), 10U);
  EXPECT_EQ(measured.count("LogIn+Browse get(page)"), 5U);
  EXPECT_EQ(errors(measured), 0U);
  EXPECT_EQ(target.counter(), Json({{"POST /login", 15},
                                    {"GET /items", 35},
                                    {"POST /history/clear", 15},
                                    {"POST /reports", 10},
                                    {"GET /reports", 10}}));
}

TEST_F(CliExamples, TasksAndSignalsCountAsTheTutorialSays) {
  const TargetServer target;
  const auto measured = run("tasks.cpp", target);
  for (const auto& [row, count] : std::map<std::string, std::uint64_t>{
           {"get(part)", 5},
           {"async(load)", 3},
           {"Error timeout await(slow)", 1},
           {"Error cancelled async(slow)", 1},
           {"Error cancelled async(endless)", 1},
           {"async(worker)", 1},
           {"post(job)", 2},
           {"Error timeout await_signal", 1},
           {"async(later)", 1},
           {"Error exception async(careless)", 1},
           {"Error cancelled async(unneeded)", 1},
       }) {
    EXPECT_EQ(measured.count("Coordinator " + row), count) << row;
  }
  EXPECT_EQ(measured.total("async(beat)"), 0U);
  EXPECT_EQ(target.count("POST /alive"), measured.count("Coordinator post(/alive)"));
}

}  // namespace
}  // namespace chaperon::test
