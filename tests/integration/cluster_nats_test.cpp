// What becomes of a cluster whose NATS server goes, comes back, or cannot be reached by one worker.
#include <atomic>

#include "cluster/lease.hpp"
#include "cluster_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using ClusterNats = ClusterTest;

// Whether a key is there now; not if it may be later.
bool writes(cluster::KeyValue& bucket, const std::string& key) {
  try {
    bucket.put(key, "x");
    return true;
  } catch (const cluster::NatsError& error) {
    if (!error.retryable()) throw;
    return false;
  }
}

// All start at once, and there is nothing yet.
TEST_F(ClusterNats, WhatAllNeedIsMadeOnce) {
  for (int round = 0; round < 10; ++round) {
    std::vector<std::thread> threads;
    std::atomic<int> made{0};
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        try {
          cluster::Nats nats(nats_options(nats_.url()));
          cluster::ensure_streams(nats, 1);
          auto bucket = cluster::workers_bucket(nats, 1);
          while (!writes(bucket, "key-" + std::to_string(i))) {
          }
          ++made;
        } catch (const cluster::NatsError& error) {
          ADD_FAILURE() << error.what();
        }
      });
    }
    for (auto& thread : threads)
      thread.join();
    EXPECT_EQ(made, 8);
    nats_.kill();
    std::filesystem::remove_all(nats_.directory() / "store");
    nats_.restart();
  }
}

TEST_F(ClusterNats, ARestartIsSurvivedAndNothingIsMissing) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({}, {"w1", "w2"});
  nats_.kill();
  // Long enough that both have something to say that they cannot.
  const auto then = served_count();
  ASSERT_TRUE(started->says("the connection to NATS was lost at 0:"));
  ASSERT_TRUE(until([&] { return served_count() >= then + 200; }));
  nats_.restart();
  ASSERT_TRUE(started->says("NATS is there again"));
  const auto after = served_count();
  ASSERT_TRUE(until([&] { return served_count() >= after + 200; }));
  walk_no_more();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "ok 10");
  EXPECT_EQ(counted(results), served_count());
  expect_next_run({"w1", "w2"});
}

// It keeps its connections, and answers nothing.
TEST_F(ClusterNats, AServerThatStandsStillForAMomentIsSurvived) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({}, {"w1", "w2"});
  nats_.freeze();
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  nats_.thaw();
  const auto then = served_count();
  ASSERT_TRUE(until([&] { return served_count() >= then + 100; }));
  walk_no_more();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(sessions(json("m.json")), "ok 10");
  EXPECT_EQ(counted(json("m.json")), served_count());
}

TEST_F(ClusterNats, WithoutAServerTheRunEndsAndWorkersComeBack) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({}, {"w1", "w2"});
  ASSERT_TRUE(until([&] { return served_count() >= 400; }));
  nats_.kill();
  const auto killed = unix_now();
  for (const auto* name : {"w1", "w2"})
    ASSERT_TRUE(worker(name).says(std::string(name) + ": stands still and begins anew"))
        << worker(name).err();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err,
              ContainsRegex("worker w1 lost at 0:[0-9]+: NATS was not reached for 1[0-9] s; 5 users "
                            "unfinished"));
  EXPECT_THAT(result.err,
              ContainsRegex("worker w2 lost at 0:[0-9]+: NATS was not reached for 1[0-9] s; 5 users "
                            "unfinished"));
  EXPECT_GT(counted(json("m.json")), 0U);
  EXPECT_LT(served().back().at, killed + 10);
  const auto count = served_count();
  nats_.restart();
  for (const auto* name : {"w1", "w2"})
    ASSERT_TRUE(is_in_cluster(name, 2)) << worker(name).err();
  EXPECT_EQ(served_count(), count);
  expect_next_run({"w1", "w2"});
}

// Waiting for a server is no reason not to end.
TEST_F(ClusterNats, WorkersEndInOrderWithoutAServer) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({}, {"w1"});
  nats_.kill();
  worker("w2").signal(SIGTERM);
  const auto idle = worker("w2").wait();
  EXPECT_EQ(idle.exit_code, 0) << idle.err;
  EXPECT_THAT(idle.out, HasSubstr("w2: has left the cluster\n"));
  // One that has begun anew, and has no connection yet.
  ASSERT_TRUE(worker("w1").says("trying again")) << worker("w1").out() << worker("w1").err();
  worker("w1").signal(SIGTERM);
  const auto anew = worker("w1").wait();
  EXPECT_EQ(anew.exit_code, 0) << anew.err;
  EXPECT_THAT(anew.out, HasSubstr("w1: has left the cluster\n"));
}

// As in a container without a volume: streams, buckets and leases are gone.
TEST_F(ClusterNats, WorkersJoinAServerThatHasForgottenEverything) {
  add_workers({"w1", "w2"});
  nats_.kill();
  std::filesystem::remove_all(nats_.directory() / "store");
  nats_.restart();
  expect_next_run({"w1", "w2"});
  EXPECT_TRUE(worker("w1").running()) << worker("w1").err();
  EXPECT_TRUE(worker("w2").running()) << worker("w2").err();
}

TEST_F(ClusterNats, AServerThatForgetsEverythingDuringARunEndsIt) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({}, {"w1", "w2"});
  nats_.kill();
  std::filesystem::remove_all(nats_.directory() / "store");
  nats_.restart();
  const auto result = started->wait();
  EXPECT_NE(result.exit_code, 0) << result.err;
  for (const auto* name : {"w1", "w2"})
    ASSERT_TRUE(is_in_cluster(name, 2)) << worker(name).out() << worker(name).err();
  expect_next_run({"w1", "w2"});
}

// --- One worker that is cut off ------------------------------------------------------------------

// A network namespace of its own, from which NATS is reached through a pair of virtual devices.
class Namespace {
 public:
  Namespace() : name_("chaperon-" + std::to_string(::getpid())), device_("ch" + std::to_string(::getpid())) {
    ip({"netns", "add", name_});
    ip({"link", "add", device_, "type", "veth", "peer", "name", "away", "netns", name_});
    ip({"addr", "add", address(1) + "/30", "dev", device_});
    ip({"link", "set", device_, "up"});
    ip({"-n", name_, "addr", "add", address(2) + "/30", "dev", "away"});
    ip({"-n", name_, "link", "set", "away", "up"});
    ip({"-n", name_, "link", "set", "lo", "up"});
  }
  ~Namespace() {
    run_command({"ip", "link", "del", device_});
    run_command({"ip", "netns", "del", name_});
  }
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;

  // Why there is none; empty if there is one.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  // Of this side.
  [[nodiscard]] static std::string address() { return address(1); }
  // What starts a command in there.
  [[nodiscard]] std::vector<std::string> command() const { return {"ip", "netns", "exec", name_}; }
  void cut() { ip({"link", "set", device_, "down"}); }
  void mend() { ip({"link", "set", device_, "up"}); }

 private:
  void ip(std::vector<std::string> words) {
    if (!failure_.empty()) return;
    words.insert(words.begin(), "ip");
    const auto result = run_command(words);
    if (result.exit_code != 0) failure_ = result.err;
  }
  // Another one for each process: tests may run at the same time.
  [[nodiscard]] static std::string address(int host) {
    const auto id = ::getpid();
    return "10.203." + std::to_string(id / 64 % 256) + "." + std::to_string(id % 64 * 4 + host);
  }

  std::string name_;
  std::string device_;
  std::string failure_;
};

class ClusterCutOff : public ClusterTest {
 protected:
  // The server listens on all addresses, and keeps what it has.
  void open_nats() {
    nats_.stop();
    nats_.restart("host: 0.0.0.0");
  }
};

TEST_F(ClusterCutOff, AWorkerThatIsCutOffStopsByItselfAndComesBack) {
  Namespace away;
  if (!away.failure().empty()) GTEST_SKIP() << "no network namespace can be made: " << away.failure();
  open_nats();
  add_workers({"w1"});
  add_worker("w2", {.words = {"--insecure"},
                    .before = away.command(),
                    .nats = "nats://" + away.address() + ":" + std::to_string(nats_.port())});
  ASSERT_TRUE(is_in_cluster("w2")) << worker("w2").err();
  // The server that is loaded is reached by its socket's path, by both of them and all the time.
  const auto started = start_endless({"--base-url", nginx_.unix_url()}, {"w1", "w2"});
  ASSERT_TRUE(until([&] { return served_count("w2") >= 200; }));
  away.cut();
  const auto cut = unix_now();
  ASSERT_TRUE(started->says("worker w2 lost at 0:")) << started->err();
  const auto lost = served("w2");
  // Up to its lease's end it goes on.
  EXPECT_GT(lost.back().at, cut + 1);
  EXPECT_LT(lost.back().at, cut + 6);
  ASSERT_TRUE(worker("w2").says("w2: stands still and begins anew")) << worker("w2").err();
  const auto then = served_count("w1");
  ASSERT_TRUE(until([&] { return served_count("w1") >= then + 50; }));
  EXPECT_EQ(served_count("w2"), lost.size());
  away.mend();
  ASSERT_TRUE(is_in_cluster("w2", 2)) << worker("w2").out() << worker("w2").err();
  EXPECT_EQ(served_count("w2"), lost.size());
  walk_no_more();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr(": no sign of life for "));
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "ok 5");
  EXPECT_GT(counted(results), served_count("w1"));
  EXPECT_LE(counted(results), served_count());
}

// Its reports wait for the network, and come then.
TEST_F(ClusterCutOff, AWorkerThatIsCutOffForAMomentMissesNothing) {
  Namespace away;
  if (!away.failure().empty()) GTEST_SKIP() << "no network namespace can be made: " << away.failure();
  open_nats();
  add_workers({"w1"});
  add_worker("w2", {.words = {"--insecure"},
                    .before = away.command(),
                    .nats = "nats://" + away.address() + ":" + std::to_string(nats_.port())});
  ASSERT_TRUE(is_in_cluster("w2")) << worker("w2").err();
  const auto started = start_endless({"--base-url", nginx_.unix_url()}, {"w1", "w2"});
  away.cut();
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  away.mend();
  const auto then = served_count("w2");
  ASSERT_TRUE(until([&] { return served_count("w2") >= then + 300; }));
  walk_no_more();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(sessions(json("m.json")), "ok 10");
  EXPECT_EQ(counted(json("m.json")), served_count());
}

}  // namespace
}  // namespace chaperon::test
