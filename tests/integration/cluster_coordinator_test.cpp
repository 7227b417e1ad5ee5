// What becomes of workers whose coordinator is killed, frozen or interrupted, and of runs that are in each
// other's way.
#include "cluster_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using ClusterCoordinator = ClusterTest;

TEST_F(ClusterCoordinator, KilledItsWorkersStopByThemselvesAndTakeTheNextRun) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({}, {"w1", "w2"});
  started->signal(SIGKILL);
  const auto killed = unix_now();
  for (const auto* name : {"w1", "w2"}) {
    ASSERT_TRUE(is_in_cluster(name, 2)) << worker(name).out() << worker(name).err();
    EXPECT_THAT(worker(name).out(), HasSubstr(std::string(name) + ": stops: worker " + name +
                                              " had not heard of the coordinator for 4 s"));
  }
  // Both have begun anew, so that nothing of the run is left in their processes.
  const auto count = served_count();
  EXPECT_LT(served().back().at, killed + 10);
  expect_next_run({"w1", "w2"});
  EXPECT_EQ(served_count(), count + 30);
}

// Teardowns that take for ever: after 8 s the loops stand still.
TEST_F(ClusterCoordinator, KilledLongTeardownsAreCutOff) {
  add_workers({"w1"});
  const auto started = start_endless({"--config", "goodbyes=1000000"}, {"w1"}, "LeaveTest");
  started->signal(SIGKILL);
  const auto killed = unix_now();
  ASSERT_TRUE(is_in_cluster("w1", 2)) << worker("w1").err();
  EXPECT_THAT(worker("w1").out(), HasSubstr("w1: stands still and begins anew"));
  EXPECT_GT(std::ranges::count(served(), "GET /leave 200", &Served::what), 0);
  EXPECT_LT(served().back().at, killed + 10);
  expect_next_run({"w1"});
}

TEST_F(ClusterCoordinator, FrozenForTooLongItReportsWhatItsWorkersHaveDone) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({}, {"w1", "w2"});
  started->signal(SIGSTOP);
  const auto frozen = steady_clock::now();
  // Its workers give up and begin anew, and more than a lease passes.
  for (const auto* name : {"w1", "w2"})
    ASSERT_TRUE(is_in_cluster(name, 2)) << worker(name).out() << worker(name).err();
  std::this_thread::sleep_until(frozen + std::chrono::seconds(6));
  started->signal(SIGCONT);
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("worker w1 had not heard of the coordinator for 4 s: its users were cancelled"),
                    HasSubstr("worker w2 had not heard of the coordinator for 4 s: its users were cancelled"),
                    Not(HasSubstr("lost"))));
  // Nothing is missing all the same.
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "cancelled 10");
  EXPECT_LE(counted(results), served_count());
  EXPECT_GE(counted(results) + 10, served_count());
  expect_next_run({"w1", "w2"});
}

TEST_F(ClusterCoordinator, FrozenForAMomentNothingHappens) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({}, {"w1", "w2"});
  started->signal(SIGSTOP);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  started->signal(SIGCONT);
  const auto then = served_count();
  ASSERT_TRUE(until([&] { return served_count() >= then + 50; }));
  walk_no_more();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(sessions(json("m.json")), "ok 10");
  EXPECT_EQ(counted(json("m.json")), served_count());
}

TEST_F(ClusterCoordinator, InterruptedItStopsAllWorkersAndReports) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({}, {"w1", "w2"}, "LeaveTest");
  started->signal(SIGINT);
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.out, StartsWith("LeaveTest: INTERRUPTED\n"));
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "cancelled 10");
  const auto goodbyes = std::ranges::count(served(), "GET /leave 200", &Served::what);
  EXPECT_EQ(goodbyes, 10);
  // What teardowns do is in no row.
  EXPECT_LE(counted(results) + 10, served_count());
  EXPECT_GE(counted(results) + 20, served_count());
  for (const auto* name : {"w1", "w2"})
    EXPECT_TRUE(worker(name).says(std::string(name) + ": stops: the run was interrupted"));
  expect_next_run({"w1", "w2"});
}

TEST_F(ClusterCoordinator, InterruptedBeforeTheStartNothingRuns) {
  add_workers({"w1"});
  // While it waits for workers …
  const auto waiting = start_run("WalkTest", {"--workers", "2"});
  ASSERT_TRUE(waiting->says("waiting for 2 workers: w1 is ready"));
  waiting->signal(SIGINT);
  const auto result = waiting->wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_EQ(result.out, "WalkTest: INTERRUPTED before it began\n\nm.json  m.config.json  m.scenarios.json\n");
  // … and while a worker prepares.
  add_worker("w2", {.environment = {"TEST_WAITS_MS=3000"}});
  ASSERT_TRUE(is_in_cluster("w2"));
  const auto preparing = start_run("WalkTest", {"--workers", "2"});
  ASSERT_TRUE(worker("w2").says("w2: prepares WalkTest"));
  preparing->signal(SIGINT);
  const auto ended = preparing->wait();
  EXPECT_EQ(ended.exit_code, 130) << ended.err;
  EXPECT_EQ(served_count(), 0U);
  for (const auto* name : {"w1", "w2"})
    EXPECT_TRUE(is_in_cluster(name, 2)) << worker(name).out();
}

// Of two workers one is ready, and the other takes longer than anybody waits.
class ClusterPreparation : public ClusterTest {
 protected:
  [[nodiscard]] std::unique_ptr<LoggedProcess> start_half_ready_run() {
    add_worker("w1");
    add_worker("w2", {.environment = {"TEST_WAITS_MS=55000"}});
    for (const auto* name : {"w1", "w2"}) {
      if (!is_in_cluster(name)) throw std::runtime_error(worker(name).err());
    }
    auto started = start_run("WalkTest", {"--workers", "2"});
    cluster::Nats nats(nats_options(nats_.url()));
    const auto workers = nats.key_value(std::string(cluster::kWorkersBucket), {});
    const auto is_ready = [&] {
      const auto lease = workers.get("w1");
      const auto info = lease ? cluster::decode_worker_info(lease->value) : std::nullopt;
      return info && info->doing == "ready for WalkTest";
    };
    if (!until(is_ready)) throw std::runtime_error(worker("w1").err() + started->err());
    return started;
  }
};

TEST_F(ClusterPreparation, AKilledWorkerIsMissedAlthoughItWasReady) {
  const auto started = start_half_ready_run();
  worker("w1").signal(SIGKILL);
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("worker w1 was lost while it prepared the run"));
  EXPECT_EQ(served_count(), 0U);
}

TEST_F(ClusterPreparation, AStoppedWorkerEndsIt) {
  const auto started = start_half_ready_run();
  worker("w1").signal(SIGTERM);
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, AnyOf(HasSubstr("worker w1 was stopped while it prepared the run"),
                                HasSubstr("worker w1 was lost while it prepared the run")));
}

TEST_F(ClusterPreparation, IsInterruptedAlthoughAWorkerIsFrozen) {
  const auto started = start_half_ready_run();
  worker("w1").signal(SIGSTOP);
  started->signal(SIGINT);
  const auto asked = steady_clock::now();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_LT(steady_clock::now() - asked, std::chrono::seconds(20));
  EXPECT_EQ(served_count(), 0U);
}

TEST_F(ClusterCoordinator, AStoppedWorkerEndsTheRunIfThatIsWanted) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({"--on-worker-loss", "abort"}, {"w1", "w2"});
  worker("w2").signal(SIGTERM);
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(sessions(json("m.json")), "cancelled 10");
}

TEST_F(ClusterCoordinator, AWorkerThatIsStoppedSaysSoAndTheRunGoesOn) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({}, {"w1", "w2"});
  worker("w2").signal(SIGTERM);
  const auto stopped = worker("w2").wait();
  EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
  EXPECT_THAT(stopped.out,
              AllOf(HasSubstr("w2: stops: worker w2 was stopped"), HasSubstr("w2: has left the cluster\n")));
  ASSERT_TRUE(started->says("worker w2 was stopped: its users were cancelled"));
  const auto then = served_count("w1");
  ASSERT_TRUE(until([&] { return served_count("w1") >= then + 50; }));
  walk_no_more();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, Not(HasSubstr("lost")));
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "cancelled 5, ok 5");
  // It has left in order: nothing is missing but what was cut off.
  EXPECT_LE(counted(results), served_count());
  EXPECT_GE(counted(results) + 5, served_count());
}

TEST_F(ClusterCoordinator, TwoRunsAtOnceOneOfThemWaits) {
  add_workers({"w1", "w2"});
  const auto first = start_endless({}, {"w1", "w2"});
  const auto second = start_run("WalkTest", {"--workers", "2"}, "second");
  ASSERT_TRUE(second->says("waiting for 2 workers: w1 is busy with run ")) << second->err();
  EXPECT_THAT(second->err(), HasSubstr("; w2 is busy with run "));
  walk_no_more();
  EXPECT_EQ(first->wait().exit_code, 0);
  const auto result = second->wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(sessions(json("m.json")), "ok 10");
  EXPECT_EQ(sessions(json("second.json")), "ok 10");
}

// They wait for the same workers, and these come.
TEST_F(ClusterCoordinator, RunsThatWaitForTheSameWorkersRunOneAfterTheOther) {
  const Words names{"a", "b", "c"};
  std::vector<std::unique_ptr<LoggedProcess>> runs;
  for (const auto& name : names)
    runs.push_back(start_run("WalkTest", {"--workers", "2"}, name));
  for (const auto& one : runs)
    ASSERT_TRUE(one->says("waiting for 2 workers: there is none yet")) << one->err();
  add_workers({"w1", "w2"});
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto result = runs[i]->wait();
    EXPECT_EQ(result.exit_code, 0) << result.err;
    ASSERT_TRUE(exists(names[i] + ".json"));
    EXPECT_EQ(sessions(json(names[i] + ".json")), "ok 10");
  }
  EXPECT_EQ(served_count(), 90U);
}

}  // namespace
}  // namespace chaperon::test
