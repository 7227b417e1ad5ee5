// schedule_scenario from one worker to another.
#include "cluster_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ClusterScheduled : public ClusterTest {
 protected:
  [[nodiscard]] std::vector<Served> served_at(const std::string& path) const {
    std::vector<Served> found;
    for (const auto& one : served()) {
      if (one.what.starts_with("GET " + path)) found.push_back(one);
    }
    return found;
  }
};

TEST_F(ClusterScheduled, RunsElsewhereAndBringsBackWhatItHasMade) {
  add_workers({"w1", "w2"});
  const auto result = run("SendTest", {"--workers", "2", "--config", "users=20", "--config", "rounds=10"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "ok 20");
  EXPECT_EQ(served_count(), 600U);
  EXPECT_EQ(counted(results), 600U);
  const auto count = [&](const std::string& worker, const std::string& path) {
    return std::ranges::count_if(served_at(path), [&](const auto& one) { return one.worker == worker; });
  };
  EXPECT_EQ(count("w2", "/away/w1"), 100);
  EXPECT_EQ(count("w1", "/away/w2"), 100);
  EXPECT_EQ(count("w1", "/back/w2"), 100);
  EXPECT_EQ(count("w2", "/back/w1"), 100);
  for (const auto& one : served_at("/back/"))
    EXPECT_EQ(one.cookie, "-sweet=yes");
  // All of it is in rows of the one who has scheduled it.
  std::map<std::string, std::uint64_t> counts;
  for (const auto& row : results.at("rows")) {
    EXPECT_EQ(row.at("session"), "Sender");
    counts[row.at("action").get<std::string>()] += row.at("total_count").get<std::uint64_t>();
  }
  EXPECT_EQ(counts.at("schedule_scenario"), 200U);
  EXPECT_EQ(counts.at("away"), 200U);
}

TEST_F(ClusterScheduled, AFailureThereIsAFailureHere) {
  add_workers({"w1", "w2"});
  const auto result = run("SendTest", {"--workers", "2", "--config", "how=throws"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "failed 4");
  EXPECT_THAT(results.at("errors").dump(), HasSubstr("schedule_scenario(Away) failed: "));
  EXPECT_THAT(results.at("errors").dump(), HasSubstr("thrown away"));
  EXPECT_EQ(served_at("/away/").size(), 4U);
  EXPECT_EQ(served_at("/back/").size(), 0U);
}

TEST_F(ClusterScheduled, FailsIfTheWorkerItRunsOnIsLost) {
  add_workers({"w1", "w2"});
  const auto started = start_run("SendTest", {"--workers", "2", "--config", "how=waits"});
  ASSERT_TRUE(until([&] { return served_at("/cookie").size() == 4; })) << started->err();
  worker("w2").signal(SIGKILL);
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "failed 2");
  EXPECT_THAT(results.at("errors").dump(), HasSubstr("worker w2 was lost while it ran there"));
  EXPECT_THAT(result.err, HasSubstr("2 users unfinished (2 Sender), left out"));
  expect_next_run({"w1"});
}

TEST_F(ClusterScheduled, IsCancelledWithWhatHasScheduledIt) {
  add_workers({"w1", "w2"});
  const auto started = start_run("SendTest", {"--workers", "2", "--config", "how=waits"});
  ASSERT_TRUE(until([&] { return served_at("/cookie").size() == 4; })) << started->err();
  started->signal(SIGINT);
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_EQ(sessions(json("m.json")), "cancelled 4");
  expect_next_run({"w1", "w2"});
}

// Its own end is the time of its session, wherever it runs.
TEST_F(ClusterScheduled, IsCancelledWhenItsSessionTimesOut) {
  add_workers({"w1", "w2"});
  const auto result =
      run("SendTest", {"--workers", "2", "--config", "how=waits", "--config", "scenario_timeout=1s"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(sessions(json("m.json")), "timed_out 4");
  EXPECT_EQ(served_at("/away/").size(), 4U);
}

// Whoever leaves in order takes nothing more; what others go on sending runs with them.
TEST_F(ClusterScheduled, GoesOnWithoutAWorkerThatIsStopped) {
  add_workers({"w1", "w2"});
  const auto started =
      start_run("SendTest", {"--workers", "2", "--config", "rounds=2000", "--config", "users=20"});
  ASSERT_TRUE(until([&] { return served_at("/away/").size() > 100; })) << started->err();
  worker("w2").signal(SIGTERM);
  EXPECT_EQ(worker("w2").wait().exit_code, 0);
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  std::uint64_t ended = 0;
  const auto results = json("m.json");
  for (const auto& [how, count] : results.at("sessions").items())
    ended += count.get<std::uint64_t>();
  EXPECT_EQ(ended, 20U) << result.out << result.err << worker("w1").out() << worker("w1").err();
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("worker w2 was stopped: its users were cancelled"), Not(HasSubstr("lost"))));
}

TEST_F(ClusterScheduled, SurvivesARestartOfNats) {
  add_workers({"w1", "w2"});
  const auto started =
      start_run("SendTest", {"--workers", "2", "--config", "rounds=1500", "--config", "users=2"});
  ASSERT_TRUE(until([&] { return served_at("/away/").size() > 50; })) << started->err();
  nats_.kill();
  nats_.restart();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(sessions(json("m.json")), "ok 2");
  EXPECT_EQ(served_count(), 9000U);
  EXPECT_EQ(counted(json("m.json")), 9000U);
}

}  // namespace
}  // namespace chaperon::test
