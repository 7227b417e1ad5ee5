// Messages that nobody of the cluster has sent, or that come twice: they change nothing.
#include <mutex>

#include "cluster/lease.hpp"
#include "cluster_fixture.hpp"

namespace chaperon::test {
namespace {

using cluster::Command;
using cluster::Report;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ClusterMessages : public ClusterTest {
 protected:
  // The name of the run that a worker has prepared last.
  [[nodiscard]] std::string run_name() {
    const auto out = worker("w1").out();
    const auto at = out.rfind("(run ");
    return at == std::string::npos ? "none" : out.substr(at + 5, 8);
  }
  [[nodiscard]] std::uint64_t epoch(const std::string& name) {
    const auto entry = cluster::workers_bucket(client_, 1).get(name);
    const auto info = entry ? cluster::decode_worker_info(entry->value) : std::nullopt;
    return info ? info->epoch : 0;
  }
  void publish(const std::string& subject, const std::string& payload) {
    client_.publish(subject, payload);
    client_.flush();
  }
  // Lines are for people: short, and without what a terminal would obey.
  static void expect_readable(const std::string& log) {
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LT(line.size(), 1000U) << line.substr(0, 300);
      EXPECT_EQ(line.find('\x1b'), std::string::npos) << line;
      EXPECT_EQ(line.find('\0'), std::string::npos) << line;
    }
  }

  cluster::Nats client_{nats_options(nats_.url())};
};

TEST_F(ClusterMessages, WhatCannotBeReadIsRefusedAndChangesNothing) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({}, {"w1", "w2"});
  const auto run = run_name();
  const auto w1 = std::to_string(epoch("w1"));
  const std::vector<std::string> payloads{
      "",
      "\n",
      "garbage \x1b[31m",
      std::string("\0\0\n\0", 4),
      "{\"kind\":",
      "[]\n",
      "17\n",
      "{\"kind\":5}\n",
      "{\"kind\":\"\x1b]0;owned\x07\"}\n",
      "{\"kind\":\"" + std::string(900'000, 'x') + "\"}\n",
      "\"" + std::string(900'000, 'y'),
      std::string(900'000, '['),
      "{\"kind\":\"prepare\",\"run\":\"" + run + "\",\"epoch\":" + w1 + ",\"coordinator\":\"\"}",
      "{\"kind\":\"start\",\"run\":\"" + run + "\",\"epoch\":" + w1 +
          ",\"coordinator\":\"\",\"start_at\":1e999}",
      "{\"kind\":\"cancel\",\"run\":\"" + run + "\",\"epoch\":-1,\"coordinator\":\"\"}",
      "{\"kind\":\"take_over\",\"run\":\"" + run + "\",\"epoch\":" + w1 +
          ",\"coordinator\":\"\",\"users\":[[0,1,99999999999]]}",
      "{\"kind\":\"measured\",\"run\":\"" + run + "\",\"worker\":\"w1\",\"epoch\":" + w1 + "}\n",
  };
  for (const auto& payload : payloads) {
    for (const auto& subject :
         {cluster::command_subject("w1"), cluster::report_subject(run, "w1"),
          cluster::report_subject(run, "nobody"), cluster::scheduled_subject(run, "w1"),
          cluster::beat_subject(run), cluster::clock_subject("w1"), cluster::progress_subject(run)})
      publish(subject, payload);
  }
  // One that would have the worker write to itself.
  static_cast<void>(client_.request(cluster::clock_subject("w1"), "x", 5s));
  EXPECT_TRUE(worker("w1").says("a command was refused: ", payloads.size()));
  EXPECT_TRUE(worker("w1").says("a message about a scheduled scenario was refused: ", payloads.size()));
  EXPECT_TRUE(started->says("a report was refused: ", 2 * payloads.size()));
  const auto then = served_count();
  ASSERT_TRUE(until([&] { return served_count() >= then + 100; }));
  walk_no_more();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 0) << result.err.substr(0, 3000);
  EXPECT_EQ(sessions(json("m.json")), "ok 10");
  EXPECT_EQ(counted(json("m.json")), served_count());
  expect_readable(result.err);
  expect_readable(worker("w1").err());
}

TEST_F(ClusterMessages, WhatIsMeantForOthersIsRefusedAndChangesNothing) {
  add_workers({"w1", "w2"});
  const auto started = start_endless({}, {"w1", "w2"});
  const auto run = run_name();
  const auto w1 = epoch("w1");
  const auto command = [&](Command it) { publish(cluster::command_subject("w1"), encode(it)); };
  for (const auto kind : {Command::Kind::cancel, Command::Kind::finish, Command::Kind::leave,
                          Command::Kind::start, Command::Kind::lost, Command::Kind::take_over}) {
    command({.kind = kind, .run = "another", .epoch = w1, .users = {0}, .worker = "w1"});
    command({.kind = kind, .run = run, .epoch = w1 - 1, .users = {0}, .worker = "w1"});
  }
  // This one takes part in a run already.
  const std::vector<cluster::Seat> seats{{.worker = "w1", .epoch = w1, .loops = {0}}};
  command({.kind = Command::Kind::prepare, .run = run, .epoch = w1, .seats = seats});
  command({.kind = Command::Kind::prepare, .run = "another", .epoch = w1, .seats = seats});
  // It began long ago, these users run already, and those there are none of.
  command({.kind = Command::Kind::start, .run = run, .epoch = w1, .start_at = 1});
  command({.kind = Command::Kind::take_over, .run = run, .epoch = w1, .users = {0, 2, 4}});
  command({.kind = Command::Kind::take_over, .run = run, .epoch = w1, .users = {10, 4'000'000'000}});
  command({.kind = Command::Kind::lost, .run = run, .epoch = w1, .worker = "nobody"});

  const auto report = [&](const std::string& subject, const Report& it) { publish(subject, encode(it)); };
  const auto from_w1 = cluster::report_subject(run, "w1");
  for (const auto kind : {Report::Kind::ready, Report::Kind::refused, Report::Kind::measured,
                          Report::Kind::finished, Report::Kind::stopping, Report::Kind::busy}) {
    report(from_w1, {.kind = kind, .run = "another", .worker = "w1", .epoch = w1, .sequence = 1000});
    report(from_w1, {.kind = kind, .run = run, .worker = "w1", .epoch = w1 - 1, .sequence = 1000});
    report(from_w1, {.kind = kind, .run = run, .worker = "w2", .epoch = epoch("w2"), .sequence = 1000});
    report(from_w1, {.kind = kind, .run = run, .worker = "w1", .epoch = w1, .sequence = 1});
    report(cluster::report_subject(run, "w9"),
           {.kind = kind, .run = run, .worker = "w9", .epoch = 1, .sequence = 1});
  }
  EXPECT_TRUE(worker("w1").says("a command of run another was refused: w1 does not take part in it", 6));
  EXPECT_TRUE(worker("w1").says("was refused: it is for a former life of w1", 6));
  EXPECT_TRUE(worker("w1").says("refuses run another: it takes part in run " + run + " already"));
  EXPECT_TRUE(started->says("a report was refused: a report of w2 that came as another's", 6));
  const auto then = served_count();
  ASSERT_TRUE(until([&] { return served_count() >= then + 100; }));
  walk_no_more();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(sessions(json("m.json")), "ok 10");
  EXPECT_EQ(counted(json("m.json")), served_count());
}

// A prepare that names loops which cannot be.
TEST_F(ClusterMessages, SeatsThatCannotBeAreRefused) {
  add_workers({"w1"});
  expect_next_run({"w1"});
  std::string artifact;
  for (const auto& key : client_.key_value(std::string(cluster::kArtifactsBucket), {}).keys()) {
    if (key.find('.') == std::string::npos) artifact = key;
  }
  std::size_t refused = 0;
  for (const auto& seats : std::vector<std::vector<cluster::Seat>>{
           {},
           {{.worker = "w2", .epoch = 1, .loops = {0}}},
           {{.worker = "w1", .epoch = 1, .loops = {}}},
           {{.worker = "w1", .epoch = 1, .loops = {7}}},
           {{.worker = "w1", .epoch = 1, .loops = {0, 0}}},
           {{.worker = "w1", .epoch = 1, .loops = {4'000'000'000}}},
           {{.worker = "w1", .epoch = 1, .loops = {0}}, {.worker = "w1", .epoch = 1, .loops = {1}}}}) {
    // It may have begun anew because of the one before.
    ASSERT_TRUE(until([&] {
      const auto said = worker("w1").out();
      return occurrences(said, "waits for work") == 1 + occurrences(said, "prepares");
    }));
    publish(cluster::command_subject("w1"), encode(Command{.kind = Command::Kind::prepare,
                                                           .run = "forged",
                                                           .epoch = epoch("w1"),
                                                           .artifact = artifact,
                                                           .load_test = "WalkTest",
                                                           .config = Json::object(),
                                                           .seats = seats}));
    ++refused;
    ASSERT_TRUE(until([&] {
      return occurrences(worker("w1").out(), "refuses run") +
                     occurrences(worker("w1").err(), "a command was refused") >=
                 refused ||
             !worker("w1").running();
    })) << worker("w1").out()
        << worker("w1").err();
    ASSERT_TRUE(worker("w1").running()) << refused << worker("w1").err();
  }
  expect_next_run({"w1"});
}

// Says everything that is said once more.
class Echo {
 public:
  explicit Echo(cluster::Nats& nats)
      : nats_(nats),
        all_(nats.subscribe("chaperon.>", [this](const cluster::Message& message) { repeat(message); })) {}
  [[nodiscard]] std::size_t repeated() const {
    const std::lock_guard lock(mutex_);
    return seen_.size();
  }

 private:
  void repeat(const cluster::Message& message) {
    {
      const std::lock_guard lock(mutex_);
      if (!seen_.insert(message.subject + '\n' + message.payload).second) return;
    }
    nats_.publish(message.subject, message.payload);
  }
  cluster::Nats& nats_;
  mutable std::mutex mutex_;
  std::set<std::string> seen_;
  cluster::Subscription all_;
};

TEST_F(ClusterMessages, WhatIsSaidTwiceCountsOnce) {
  add_workers({"w1", "w2", "w3"});
  cluster::Nats other(nats_options(nats_.url()));
  const Echo echo(other);
  EXPECT_EQ(run("SendTest", {"--workers", "3", "--config", "users=9", "--config", "rounds=5"}).exit_code, 0);
  EXPECT_EQ(sessions(json("m.json")), "ok 9");
  EXPECT_EQ(served_count(), 135U);
  EXPECT_EQ(counted(json("m.json")), 135U);

  const auto started =
      start_endless({"--on-worker-loss", "restart", "--config", "users=12"}, {"w1", "w2", "w3"});
  worker("w3").signal(SIGKILL);
  ASSERT_TRUE(started->says("; 4 users unfinished (4 Walker), begun anew on w1, w2"))
      << started->err() << worker("w3").out() << worker("w3").err();
  const auto then = served_count();
  ASSERT_TRUE(until([&] { return served_count() >= then + 200; }));
  walk_no_more();
  const auto result = started->wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(sessions(json("m.json")), "ok 12");
  EXPECT_GT(echo.repeated(), 50U);
  expect_next_run({"w1", "w2"});
}

}  // namespace
}  // namespace chaperon::test
