// Workers that are lost while a run is under way: killed, crashed, frozen.
#include "cluster_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ClusterLoss : public ClusterTest {
 protected:
  // Kills w2 and waits until the run has said what that means.
  void kill_w2(LoggedProcess& run) {
    worker("w2").signal(SIGKILL);
    worker("w2").wait();
    ASSERT_TRUE(run.says("worker w2 lost at 0:")) << run.err();
  }
};

TEST_F(ClusterLoss, AKilledWorkersUsersAreLeftOutAndTheOthersGoOn) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({}, {"w1", "w2"});
  // Something of it has been published for certain.
  ASSERT_TRUE(until([&] { return served_count("w2") >= 200; }));
  kill_w2(*started);
  const auto killed = served_count("w2");
  const auto then = served_count("w1");
  ASSERT_TRUE(until([&] { return served_count("w1") >= then + 50; }));
  walk_no_more();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err,
              ContainsRegex("worker w2 lost at 0:[0-9]+: no sign of life for [45] s; 5 users unfinished "
                            "\\(5 Walker\\), left out; what it measured after 0:[0-9]+ is missing"));
  EXPECT_THAT(result.out, StartsWith("WalkTest: INCOMPLETE: worker w2 lost at 0:"));
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "ok 5");
  ASSERT_EQ(results.at("incomplete").size(), 1U);
  EXPECT_THAT(result.err, HasSubstr(results.at("incomplete")[0].get<std::string>()));
  const auto& lost = results.at("workers")[1];
  EXPECT_EQ(lost.at("name"), "w2");
  EXPECT_THAT(lost.at("loss").get<std::string>(), StartsWith("no sign of life"));
  EXPECT_EQ(lost.at("unfinished_users"), Json({{1, 2, 5}}));
  // All of w1, and of w2 what it had published: not all, but not nothing.
  EXPECT_GT(counted(results), served_count("w1"));
  EXPECT_LE(counted(results), served_count());
  EXPECT_EQ(served_count("w2"), killed);
  // Its lease is still there for a while, but it does not answer: whoever is alive is used.
  walk_on();
  EXPECT_EQ(run("WalkTest", {}, "next").exit_code, 0);
  EXPECT_EQ(sessions(json("next.json")), "ok 10");
}

TEST_F(ClusterLoss, AKilledWorkersUsersBeginAnewOnTheOthers) {
  add_workers({"w1", "w2", "w3"});
  const auto started =
      start_endless({"--on-worker-loss", "restart", "--config", "users=12"}, {"w1", "w2", "w3"});
  kill_w2(*started);
  ASSERT_TRUE(until([&] { return occurrences(started->err(), "begun anew") == 1; }));
  // And once more, so that users who have begun anew begin anew again.
  worker("w3").signal(SIGKILL);
  ASSERT_TRUE(started->says("worker w3 lost at 0:"));
  const auto then = served_count("w1");
  ASSERT_TRUE(until([&] { return served_count("w1") >= then + 50; }));
  walk_no_more();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(
      result.err,
      AllOf(HasSubstr("; 4 users unfinished (4 Walker), begun anew on w1, w3; what it measured after 0:0"),
            HasSubstr("; 6 users unfinished (6 Walker), begun anew on w1; what it measured after 0:0")));
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "ok 12");
  EXPECT_GT(counted(results), served_count("w1"));
  EXPECT_LE(counted(results), served_count());
}

TEST_F(ClusterLoss, AKilledWorkerEndsTheRunIfThatIsWanted) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({"--on-worker-loss", "abort"}, {"w1", "w2"});
  kill_w2(*started);
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err,
              HasSubstr("; 5 users unfinished (5 Walker), the run is aborted; what it measured after 0:0"));
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "cancelled 5");
  EXPECT_THAT(results.at("errors").dump(), HasSubstr("worker w2 was lost"));
  expect_next_run({"w1"});
}

TEST_F(ClusterLoss, AllWorkersKilledIsAnEndWithResults) {
  add_workers({"w1"});
  const auto started = start_endless({"--on-worker-loss", "restart"}, {"w1"});
  ASSERT_TRUE(until([&] { return served_count("w1") >= 500; }));
  worker("w1").signal(SIGKILL);
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("; 10 users unfinished (10 Walker), left out"));
  const auto results = json("m.json");
  EXPECT_GT(counted(results), 0U);
  // No session has ended; they have run all the same, and rates are of that time.
  const auto all = served();
  const double seconds = all.back().at - all.front().at;
  const double said = results.at("duration_ms").get<double>() / 1000;
  EXPECT_GE(said, seconds - 1.5);
  EXPECT_LE(said, seconds + 0.5);
}

TEST_F(ClusterLoss, AWorkerThatCrashedAndWasStartedAgainIsUsedAtOnce) {
  add_workers({"w1", "w2"});
  worker("w2").signal(SIGKILL);
  worker("w2").wait();
  // Its former life still has its lease.
  add_worker("w2");
  expect_next_run({"w1", "w2"});
}

// A process that is stopped cannot know what goes on. Once it goes on it must not send one request more.
TEST_F(ClusterLoss, AFrozenWorkerSendsNothingMoreWhenItGoesOn) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({"--config", "users=100", "--config", "pause=0"}, {"w1", "w2"});
  // Busy, so that it is stopped in the middle of something.
  ASSERT_TRUE(until([&] { return served_count("w2") >= 2000; }));
  worker("w2").signal(SIGSTOP);
  ASSERT_TRUE(started->says("worker w2 lost at 0:"));
  const auto frozen = served_count("w2");
  worker("w2").signal(SIGCONT);
  ASSERT_TRUE(worker("w2").says("w2: stands still and begins anew")) << worker("w2").err();
  ASSERT_TRUE(is_in_cluster("w2", 2)) << worker("w2").err();
  walk_no_more();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(served_count("w2"), frozen);
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "ok 50");
  EXPECT_LE(counted(results), served_count());
  expect_next_run({"w1", "w2"});
}

// Shorter than its lease holds: nobody has to notice.
TEST_F(ClusterLoss, AWorkerThatIsFrozenForAMomentIsNotLost) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({}, {"w1", "w2"});
  worker("w2").signal(SIGSTOP);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  worker("w2").signal(SIGCONT);
  const auto then = served_count("w2");
  ASSERT_TRUE(until([&] { return served_count("w2") >= then + 50; }));
  walk_no_more();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "ok 10");
  EXPECT_EQ(counted(results), served_count());
}

TEST_F(ClusterLoss, AWorkerThatAScenarioKillsIsLost) {
  add_workers({"w1", "w2"});
  auto bad = start_run("BadTest", {"--workers", "2", "--config", "how=crashes", "--config", "rounds=3"});
  const auto result = bad->wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("worker w2 lost at 0:"));
  EXPECT_FALSE(worker("w2").running());
  EXPECT_THAT(sessions(json("m.json")), StartsWith("ok "));
}

}  // namespace
}  // namespace chaperon::test
