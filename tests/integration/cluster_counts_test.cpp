// A run on several workers is one run: every request counted once, users shared out by loops, one start.
#include "cluster_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ClusterCounts : public ClusterTest {
 protected:
  // How many requests each worker has made.
  [[nodiscard]] std::map<std::string, std::size_t> shares() const {
    std::map<std::string, std::size_t> shares;
    for (const auto& one : served())
      ++shares[one.worker];
    return shares;
  }
};

TEST_F(ClusterCounts, TwoWorkersCountWhatTheServerCounts) {
  add_workers({"w1", "w2"});
  const auto result = run(
      "WalkTest", {"--workers", "2", "--config", "users=40", "--config", "rounds=25", "--config", "pause=5"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("WalkTest: 40 sessions, 2 loops on 2 workers (w1, w2), " + nginx_.url()));
  EXPECT_THAT(result.out, StartsWith("WalkTest: PASSED\n"));
  EXPECT_THAT(result.out, HasSubstr("\n  sessions   40: 40 ok\n"));
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "ok 40");
  EXPECT_EQ(counted(results), 1000U);
  EXPECT_EQ(counted(results, "", "connect"), 40U);
  EXPECT_EQ(served_count(), 1000U);
  EXPECT_EQ(shares(), (std::map<std::string, std::size_t>{{"w1", 500}, {"w2", 500}}));
  EXPECT_EQ(results.at("incomplete"), Json::array());
  ASSERT_EQ(results.at("workers").size(), 2U);
  for (const auto& one : results.at("workers")) {
    EXPECT_EQ(one.at("sessions").at("ok"), 20);
    EXPECT_EQ(one.at("requests"), 500);
    EXPECT_EQ(one.at("responses"), 500);
    EXPECT_TRUE(one.at("loss").is_null());
  }
  // All begin at one moment. nginx says when it has answered.
  std::map<std::string, double> first;
  for (const auto& one : served())
    first.try_emplace(one.worker, one.at);
  EXPECT_LT(std::abs(first.at("w1") - first.at("w2")), 0.5);

  // A single user goes to one of them, and the other one has nothing to do.
  const auto single = run("WalkTest", {"--workers", "2", "--config", "users=1"});
  EXPECT_EQ(single.exit_code, 0) << single.err;
  EXPECT_EQ(sessions(json("m.json")), "ok 1");
  EXPECT_EQ(served_count(), 1003U);
  EXPECT_EQ(shares().size(), 2U);
}

TEST_F(ClusterCounts, UsersAreSharedOutByLoopsAndFilesAreThoseOfOneProcess) {
  add_worker("w1");
  add_worker("w2", {.words = {"--threads", "3"}});
  add_worker("w3");
  for (const auto* name : {"w1", "w2", "w3"})
    ASSERT_TRUE(is_in_cluster(name));
  const auto result =
      run("WalkTest", {"--workers", "3", "--config", "users=50", "--config", "rounds=2", "--seed", "7"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("50 sessions, 5 loops on 3 workers (w1, w2, w3)"));
  EXPECT_EQ(shares(), (std::map<std::string, std::size_t>{{"w1", 20}, {"w2", 60}, {"w3", 20}}));
  const auto results = json("m.json");
  EXPECT_EQ(counted(results), 100U);

  // The same load test in one process.
  const auto alone = chaperon({"run", scenario_file("cluster.cpp"), "WalkTest", "--base-url", nginx_.url(),
                               "--output", "alone.json", "--threads", "2", "--config", "users=50", "--config",
                               "rounds=2", "--seed", "7"});
  EXPECT_EQ(alone.exit_code, 0) << alone.err;
  const auto keys = [](const Json& object) {
    std::vector<std::string> names;
    for (const auto& [name, value] : object.items())
      names.push_back(name);
    return names;
  };
  const auto single = json("alone.json");
  auto names = keys(results);
  std::erase(names, "workers");
  std::erase(names, "incomplete");
  EXPECT_EQ(names, keys(single));
  ASSERT_EQ(results.at("rows").size(), single.at("rows").size());
  for (std::size_t i = 0; i < results.at("rows").size(); ++i) {
    EXPECT_EQ(keys(results.at("rows")[i]), keys(single.at("rows")[i]));
    for (const auto* key : {"session", "action", "target", "error", "total_count"})
      EXPECT_EQ(results.at("rows")[i].at(key), single.at("rows")[i].at(key));
  }
  EXPECT_EQ(json("m.config.json"), json("alone.config.json"));
  EXPECT_EQ(json("m.scenarios.json"), json("alone.scenarios.json"));

  // The file is written where the run was started; what answers were is there as well.
  const auto printed = run("WalkTest", {"--workers", "3", "--print-results", "--config", "users=6",
                                        "--config", "rounds=1", "--output", "n.csv"});
  EXPECT_EQ(printed.exit_code, 0) << printed.err;
  EXPECT_EQ(rows("n.csv").total("get(/walk)"), 6U);
  EXPECT_EQ(occurrences(printed.out, "\"walk\""), 6U) << printed.out;
  EXPECT_EQ(run("WalkTest", {"--workers", "3", "--tag", "nightly"}).exit_code, 0);
  const std::filesystem::recursive_directory_iterator files(directory_.path());
  EXPECT_EQ(std::ranges::count_if(files,
                                  [](const auto& file) {
                                    const auto path = file.path().string();
                                    return path.find("nightly") != std::string::npos &&
                                           path.ends_with(".csv");
                                  }),
            1);
}

// A user draws the same wherever it runs.
TEST_F(ClusterCounts, DrawsAreThoseOfOneProcess) {
  add_workers({"w1", "w2"});
  const auto drawn = [this](std::size_t after) {
    std::multiset<std::string> paths;
    for (const auto& one : served_after(after))
      paths.insert(one.what);
    return paths;
  };
  EXPECT_EQ(run("DrawTest", {"--workers", "2", "--seed", "42"}).exit_code, 0);
  const auto together = drawn(0);
  const auto alone = chaperon({"run", scenario_file("cluster.cpp"), "DrawTest", "--base-url", nginx_.url(),
                               "--threads", "1", "--seed", "42"});
  EXPECT_EQ(alone.exit_code, 0) << alone.err;
  EXPECT_EQ(together.size(), 12U);
  EXPECT_EQ(together, drawn(12));
}

TEST_F(ClusterCounts, ALoadTestThatTakesTooLongEndsEverywhere) {
  add_workers({"w1", "w2"});
  const auto result =
      run("WalkTest", {"--workers", "2", "--config", "rounds=1000000", "--config", "load_test_timeout=1s"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "timed_out 10");
  EXPECT_THAT(results.at("errors").dump(), HasSubstr("load_test_timeout 1 s"));
  EXPECT_LE(counted(results), served_count());
  EXPECT_GE(counted(results) + 10, served_count());
  expect_next_run({"w1", "w2"});
}

}  // namespace
}  // namespace chaperon::test
