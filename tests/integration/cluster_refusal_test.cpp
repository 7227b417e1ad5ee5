// Runs and workers that cannot be: who is refused is told why, and everybody else goes on.
#include "cluster/lease.hpp"
#include "cluster/recruiting.hpp"
#include "cluster_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using ClusterRefusal = ClusterTest;

TEST_F(ClusterRefusal, AServerWithTooLittleRoomIsNamedWithTheRemedy) {
  const auto check = [&](const NatsServer& small) {
    const auto worker = chaperon({"worker", "--nats", small.url(), "--name", "w9"});
    const auto run = chaperon({"run", scenario_file("cluster.cpp"), "WalkTest", "--nats", small.url(),
                               "--base-url", "http://127.0.0.1:9"});
    for (const auto& result : {worker, run}) {
      EXPECT_EQ(result.exit_code, 2);
      EXPECT_EQ(result.err,
                "error: cannot create the stream \"CHAPERON_REPORTS\" at " + small.url() +
                    ": insufficient storage resources available: Chaperon's streams reserve 576 MB "
                    "there: raise max_file_store in its block jetstream, or the limit of the account, "
                    "or free its disk\n");
    }
  };
  check(NatsServer({.max_file_store = "300MB"}));
  check(NatsServer({.config = "accounts { A { jetstream: { max_file: 300MB }, users: [ { user: us } ] } }\n"
                              "no_auth_user: us"}));
}

TEST_F(ClusterRefusal, AServerWithLittleRoomIsEnough) {
  const NatsServer small({.max_file_store = "600MB"});
  cluster::Nats nats(nats_options(small.url()));
  EXPECT_NO_THROW(cluster::ensure_streams(nats, 1));
}

TEST_F(ClusterRefusal, WrongCredentialsAreRefusedWithTheRemedy) {
  nats_.stop();
  nats_.restart("authorization { user: ann, password: right }");
  const auto port = std::to_string(nats_.port());
  for (const auto& more : {Words{}, Words{"--user", "ann", "--password", "wrong"}}) {
    Words words{"worker", "--nats", nats_.url(), "--name", "w9"};
    words.insert(words.end(), more.begin(), more.end());
    const auto worker = chaperon(words);
    EXPECT_EQ(worker.exit_code, 2);
    EXPECT_THAT(worker.err, AllOf(StartsWith("error: "), HasSubstr("127.0.0.1:" + port),
                                  HasSubstr("check user and password, token or credentials file")));
    const auto refused = run("WalkTest", more);
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_THAT(refused.err, AllOf(HasSubstr("error: "), HasSubstr("127.0.0.1:" + port),
                                   HasSubstr("check user and password, token or credentials file")));
    EXPECT_THAT(worker.err + refused.err, Not(HasSubstr("wrong")));
  }
  // The right ones, from the environment and from the command line.
  add_worker("w1", {.words = {"--user", "ann"}, .environment = {"CHAPERON_NATS_PASSWORD=right"}});
  ASSERT_TRUE(is_in_cluster("w1")) << worker("w1").err();
  EXPECT_EQ(run("WalkTest", {"--user", "ann", "--password", "right"}).exit_code, 0);
  // The worker that replaces itself still has them.
  EXPECT_TRUE(is_in_cluster("w1", 2)) << worker("w1").err();
}

TEST_F(ClusterRefusal, AConfigThatFitsInNoMessageIsSaidAtOnce) {
  write("big.json", Json{{"x", std::string(2'000'000, 'x')}}.dump());
  const auto result = run("WalkTest", {"--config-file", "big.json"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(occurrences(result.err, "the config of WalkTest has 1953 KiB"), 1U) << result.err;
}

TEST_F(ClusterRefusal, NobodyThereIsSaidAtOnce) {
  nats_.stop();
  const auto worker = chaperon({"worker", "--nats", nats_.url(), "--name", "w9"});
  EXPECT_EQ(worker.exit_code, 2);
  EXPECT_THAT(worker.err, AllOf(StartsWith("error: "), HasSubstr(std::to_string(nats_.port()))));
  const auto refused = run("WalkTest");
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr(std::to_string(nats_.port())));
}

TEST_F(ClusterRefusal, ANameThatIsTakenIsRefused) {
  add_workers({"w1"});
  const auto second = chaperon({"worker", "--nats", nats_.url(), "--name", "w1"});
  EXPECT_EQ(second.exit_code, 2);
  EXPECT_THAT(
      second.err,
      HasSubstr("a worker called w1 is in the cluster already: give this one another name (--name w1-2)"));
  expect_next_run({"w1"});
}

// Workers that are none: a lease and an answer to those who ask what time it is.
class ImaginaryWorker {
 public:
  ImaginaryWorker(cluster::Nats& nats, const std::string& name, const std::string& abi)
      : clock_(nats.subscribe(cluster::clock_subject(name),
                              [&nats](const cluster::Message& asked) {
                                const auto now = steady_clock::now().time_since_epoch().count();
                                nats.publish(asked.reply_to, std::to_string(now));
                              })),
        lease_(nats, 1, {.name = name, .loops = 1, .abi = abi, .doing = "waits for work"}, [](Instant) {}) {}

 private:
  cluster::Subscription clock_;
  cluster::Lease lease_;
};

TEST_F(ClusterRefusal, WorkersOfAnotherVersionOrMachineAreNamedAndNotUsed) {
  cluster::Nats nats(nats_options(nats_.url()));
  const auto changed = [](const std::string& line, const std::string& to) {
    auto abi = cluster::platform();
    const auto begin = abi.find(line + "=");
    return abi.replace(begin, abi.find('\n', begin) - begin, line + "=" + to);
  };
  const ImaginaryWorker old(nats, "old", changed("Chaperon", "0.0.1"));
  const ImaginaryWorker arm(nats, "arm", changed("architecture", "aarch64"));
  const ImaginaryWorker strange(nats, "strange", "");
  add_workers({"w1"});
  const auto started = start_run("WalkTest", {"--workers", "2"});
  ASSERT_TRUE(started->says("waiting for 2 workers: w1 is ready; ")) << started->err();
  EXPECT_THAT(started->err(),
              AllOf(HasSubstr("arm is refused: it has architecture aarch64 instead of "),
                    HasSubstr("old is refused: it has Chaperon 0.0.1 instead of "),
                    HasSubstr("strange is refused: it has architecture unknown instead of ")));
  add_workers({"w2"});
  EXPECT_EQ(started->wait().exit_code, 0);
  EXPECT_EQ(sessions(json("m.json")), "ok 10");
}

// One with a lease that does not answer, or whose loops cannot be.
TEST_F(ClusterRefusal, WorkersThatDoNotAnswerAreNotUsed) {
  cluster::Nats nats(nats_options(nats_.url()));
  const cluster::Lease silent(nats, 1, {.name = "a-silent", .loops = 1, .abi = cluster::platform()},
                              [](Instant) {});
  auto bucket = cluster::workers_bucket(nats, 1);
  bucket.put("garbage", "{\"name\": \"garbage\"");
  bucket.put("deep", std::string(100'000, '['));
  bucket.put("other", encode(cluster::WorkerInfo{
                          .name = "another", .epoch = 1, .loops = 1, .abi = cluster::platform()}));
  add_workers({"w1"});
  EXPECT_EQ(run("WalkTest", {"--workers", "1"}).exit_code, 0);
  EXPECT_EQ(run("WalkTest").exit_code, 0);
  EXPECT_EQ(served_count("w1"), 60U);
}

TEST_F(ClusterRefusal, LabelsChooseWorkersAndSomeOnlyLookOn) {
  add_worker("w1", {.words = {"--label", "region=eu"}});
  add_worker("w2", {.words = {"--label", "region=us", "--label", "big=yes"}});
  add_worker("w3", {.words = {"--no-work", "--label", "region=eu"}});
  for (const auto* name : {"w1", "w2", "w3"})
    ASSERT_TRUE(is_in_cluster(name)) << worker(name).err();
  EXPECT_THAT(worker("w3").out(), HasSubstr("1 loop, looks on"));
  EXPECT_EQ(run("WalkTest", {"--label", "region=eu"}).exit_code, 0);
  EXPECT_EQ(served_count("w1"), 30U);
  EXPECT_EQ(run("WalkTest", {"--label", "region=us", "--label", "big=yes"}).exit_code, 0);
  EXPECT_EQ(served_count("w2"), 30U);
  EXPECT_EQ(run("WalkTest").exit_code, 0);
  EXPECT_EQ(served_count(), 90U);
  EXPECT_EQ(served_count("w3"), 0U);
  const auto waiting = start_run("WalkTest", {"--workers", "3", "--label", "region=eu"});
  ASSERT_TRUE(
      waiting->says("waiting for 3 workers with region=eu: w1 is ready; w2 has the label region=us, not "
                    "region=eu"))
      << waiting->err();
}

TEST_F(ClusterRefusal, ALoadTestThatCannotBeMadeSomewhereIsRefusedByName) {
  add_workers({"w1"});
  add_worker("w2", {.environment = {"TEST_THROWS=1"}});
  add_worker("w3", {.words = {"--label", "more=yes"}, .environment = {"TEST_MORE_USERS=5"}});
  for (const auto* name : {"w2", "w3"})
    ASSERT_TRUE(is_in_cluster(name)) << worker(name).err();
  const auto thrown = run("WalkTest", {"--workers", "2"});
  EXPECT_EQ(thrown.exit_code, 2);
  EXPECT_THAT(thrown.err, HasSubstr("error: worker w2: "));
  EXPECT_THAT(thrown.err, HasSubstr("no users file here"));
  EXPECT_FALSE(exists("m.json"));
  EXPECT_TRUE(worker("w2").says("w2: refuses run "));
  for (const auto* name : {"w1", "w2"})
    ASSERT_TRUE(is_in_cluster(name, 2)) << worker(name).out();

  const auto different = run("WalkTest", {"--label", "more=yes"});
  EXPECT_EQ(different.exit_code, 2);
  EXPECT_THAT(
      different.err,
      HasSubstr("worker w3 would run another table of scenarios (15 users) than this machine (10 users)"));
  ASSERT_TRUE(is_in_cluster("w3", 2)) << worker("w3").out();
  EXPECT_EQ(served_count(), 0U);
  // All are free again.
  EXPECT_EQ(run("BadTest", {"--workers", "2"}).exit_code, 1);
}

// --- Scenarios that misbehave on one worker only ---------------------------------------------------

TEST_F(ClusterRefusal, ASessionThatThrowsThereFailsAndTheRestIsWhole) {
  add_workers({"w1", "w2"});
  const auto result = run("BadTest", {"--workers", "2"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "failed 1, ok 11");
  EXPECT_EQ(counted(results), served_count());
  EXPECT_EQ(served_count(), 34U);
  EXPECT_THAT(results.at("errors").dump(), HasSubstr("thrown here only"));

  const auto overflown = run("BadTest", {"--workers", "2", "--config", "how=overflows"}, "o");
  EXPECT_EQ(overflown.exit_code, 70) << overflown.err;
  EXPECT_THAT(overflown.out, HasSubstr("a session has overflowed its stack"));
  EXPECT_EQ(sessions(json("o.json")), "failed 1, ok 11");
  EXPECT_EQ(served_count(), 68U);
  expect_next_run({"w1", "w2"});
}

TEST_F(ClusterRefusal, ASessionThatNeverWaitsThereIsCutOff) {
#if defined(CHAPERON_TSAN)
  GTEST_SKIP() << "ThreadSanitizer delays signals until the code calls something";
#endif
  add_workers({"w1", "w2"});
  const auto result = run("BadTest", {"--workers", "2", "--config", "how=hangs"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  const auto results = json("m.json");
  EXPECT_EQ(sessions(results), "failed 1, ok 11");
  EXPECT_EQ(counted(results), served_count());
  EXPECT_EQ(served_count(), 34U);
  expect_next_run({"w1", "w2"});
}

}  // namespace
}  // namespace chaperon::test
