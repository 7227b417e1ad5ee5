// The queue of load tests: order, restarts, cancelling, results.
#include "cluster/protocol.hpp"
#include "master_fixture.hpp"

namespace chaperon::test {
namespace {

using cluster::LoadTestState;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// The words of a process's command, and of those it has started.
std::string commands_of(pid_t pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/cmdline");
  std::ranges::replace(text, '\0', ' ');
  std::istringstream children(
      read_file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children"));
  for (pid_t child = 0; children >> child;)
    text += '\n' + commands_of(child);
  return text;
}

TEST_F(MasterTest, WhatIsSubmittedBeforeThereIsAMasterRunsInTurn) {
  Words ids;
  for (const auto* tag : {"first", "second"})
    ids.push_back(submit("AskTest", {"--tag", tag, "--tag", "all", "--workers", "1"}));
  const auto alone =
      chaperon(with_nats({"submit", scenario_file("queue.cpp"), "AskTest", "--base-url", nginx_.url()}));
  EXPECT_THAT(alone.err, AllOf(HasSubstr("AskTest is in the queue"), HasSubstr("no master is there yet")));
  ids.push_back(alone.out.substr(0, 8));
  auto table = chaperon(with_nats({"queue"}));
  EXPECT_EQ(table.exit_code, 0);
  EXPECT_THAT(table.out, AllOf(HasSubstr(ids[0] + "  scheduled  AskTest    first,all"),
                               HasSubstr("after 1 other"), HasSubstr("no master is there")));

  const auto worker = start_worker();
  start_master();
  std::int64_t last_end = 0;
  for (const auto& id : ids) {
    const auto record = await_end(id);
    EXPECT_EQ(record.state, LoadTestState::passed) << record.message;
    EXPECT_GE(record.started_at, last_end);
    last_end = record.ended_at;
  }
  EXPECT_EQ(nginx_.count_requests("GET / 200"), 12U);
  const auto later = Json::parse(chaperon(with_nats({"queue", "--json"})).out);
  EXPECT_EQ(later.at("ended").size(), 3U);
  EXPECT_EQ(later.at("ended")[2].at("id"), ids[0]);
  EXPECT_FALSE(later.at("master").is_null());

  const auto summary = chaperon(with_nats({"results", ids[0]}));
  EXPECT_THAT(summary.out,
              AllOf(StartsWith("AskTest: PASSED\n"), HasSubstr("4 ok"), Not(HasSubstr("results.csv"))));
  ASSERT_EQ(chaperon(with_nats({"results", ids[0], "-o", "m.csv"})).exit_code, 0);
  EXPECT_EQ(rows("m.csv").count("Asker get(/)"), 4U);
  // What only the run needed has gone.
  EXPECT_THROW(static_cast<void>(queue().library(ids[0])), std::runtime_error);

  master_->signal(SIGTERM);
  const auto result = master_->wait(kPatient);
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(MasterTest, AKilledMasterTakesItsRunAlongAndTheNextOneGoesOn) {
  const auto worker = start_worker();
  start_master();
  const auto sitting = submit("SitTest");
  const auto asking = submit("AskTest");
  await_requests(3);
  master_->signal(SIGKILL);
  master_->wait(kPatient);

  start_master();
  const auto lost = await_end(sitting);
  EXPECT_EQ(lost.state, LoadTestState::error);
  EXPECT_THAT(lost.message, HasSubstr("the master ended while it ran"));
  const auto passed = await_end(asking);
  EXPECT_EQ(passed.state, LoadTestState::passed) << passed.message;
  EXPECT_GE(passed.started_at, lost.ended_at);
  EXPECT_EQ(nginx_.count_requests(), 7U);
  const auto none = chaperon(with_nats({"results", sitting}));
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("it is error: the master ended while it ran"));
}

TEST_F(MasterTest, CancelsWhatIsScheduledAndWhatRuns) {
  const auto worker = start_worker();
  start_master();
  const auto sitting = submit("SitTest", {"--config", "api.password=geheim", "--seed", "4711"});
  const auto asking = submit("AskTest");
  const auto another = submit("AskTest");
  await_requests(3);
  // Secrets, and URLs that may have some, are not for everybody on the machine.
  const auto commands = commands_of(master_->pid());
  EXPECT_THAT(commands, AllOf(HasSubstr("SitTest"), HasSubstr("--seed 4711"), Not(HasSubstr("geheim")),
                              Not(HasSubstr(nginx_.url())), Not(HasSubstr(kToken))));

  auto result = chaperon(with_nats({"cancel", asking}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, asking + ": cancelled before it began\n");
  result = chaperon(with_nats({"cancel", asking}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("it is cancelled"));
  result = chaperon(with_nats({"cancel", "00000000"}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("there is no load test 00000000"));
  result = chaperon(with_nats({"cancel", "--all"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, another + ": cancelled before it began\n" + sitting + ": cancelled while it ran\n");
  EXPECT_EQ(chaperon(with_nats({"cancel", "--scheduled"})).out, "nothing is there to cancel\n");

  // What was measured until then is kept.
  const auto record = queue().find(sitting);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->record.state, LoadTestState::cancelled);
  EXPECT_THAT(record->record.results, ElementsAre("csv", "json", "txt"));
  EXPECT_EQ(Rows(queue().results(sitting, "csv").value_or("")).count("Sitter get(/)"), 3U);
  EXPECT_EQ(nginx_.count_requests(), 3U);
}

TEST_F(MasterTest, ShowsHowFarARunIs) {
  start_master();
  const auto sitting = submit("SitTest");
  await_running(sitting);
  const auto shown = [&](const std::string& part) {
    const auto deadline = std::chrono::steady_clock::now() + kPatient;
    std::string out;
    while (std::chrono::steady_clock::now() < deadline) {
      out = chaperon(with_nats({"queue"})).out;
      if (out.find(part) != std::string::npos) return;
      std::this_thread::sleep_for(50ms);
    }
    ADD_FAILURE() << out;
  };
  shown("waiting for a worker");
  const auto worker = start_worker();
  shown("3 live");
  const auto progress = api("GET", "/load_tests").json().at("running")[0].at("progress");
  EXPECT_EQ(progress.at("live"), 3);
  EXPECT_EQ(progress.at("workers")[0].at("name"), "w1");
  // The master's own end is the run's end, and it says so.
  master_->signal(SIGINT);
  EXPECT_EQ(master_->wait(kPatient).exit_code, 0);
  const auto record = queue().find(sitting);
  ASSERT_TRUE(record);
  EXPECT_EQ(fate_text(record->record.state, record->record.message),
            "cancelled while it ran: the master was stopped");
}

TEST_F(MasterTest, ThereIsOneAtATime) {
  start_master();
  auto second = begin({"master", "--listen", "127.0.0.1:0"});
  const auto result = second->wait(kPatient);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, AllOf(HasSubstr("the cluster has a master already"),
                                HasSubstr("http://127.0.0.1:" + std::to_string(port_))));
  const auto taken =
      chaperon({"master", "--nats", server_.url(), "--listen", "127.0.0.1:" + std::to_string(port_)});
  EXPECT_THAT(taken.err, AllOf(HasSubstr("it is in use"), HasSubstr("--listen 127.0.0.1:0")));
}

TEST_F(MasterTest, WithoutNatsItStopsTheRunAndGoesOnAfterwards) {
  const auto worker = start_worker();
  start_master();
  const auto sitting = submit("SitTest");
  const auto asking = submit("AskTest");
  await_reported_requests(3);
  queue_.reset();
  nats_.reset();
  server_.kill();
  await_news("the connection to NATS was lost");
  EXPECT_EQ(api("GET", "/healthcheck").status, 503U);
  EXPECT_EQ(api("GET", "/load_tests").status, 503U);
  await_news("joining the cluster again");
  server_.restart();
  await_news("in the cluster again");
  const auto record = await_end(sitting);
  EXPECT_EQ(record.state, LoadTestState::error);
  EXPECT_THAT(record.message, HasSubstr("did not reach NATS"));
  // What it had measured until then is kept.
  EXPECT_THAT(record.results, ElementsAre("csv", "json", "txt"));
  EXPECT_EQ(Rows(queue().results(sitting, "csv").value_or("")).count("Sitter get(/)"), 3U);
  // The first one waits for the end of its former lease.
  const auto another = start_worker("w2");
  EXPECT_EQ(await_end(asking).state, LoadTestState::passed);
  EXPECT_EQ(api("GET", "/healthcheck").status, 200U);
}

TEST_F(MasterTest, AFrozenMasterIsFollowedByAnotherAndItsRunEnds) {
  const auto worker = start_worker();
  start_master();
  const auto sitting = submit("SitTest");
  await_reported_requests(3);
  const auto asking = submit("AskTest");
  const auto frozen = std::move(master_);
  frozen->signal(SIGSTOP);

  start_master();
  EXPECT_EQ(await_end(sitting).state, LoadTestState::error);
  // The same worker: it has stopped, although the process that ran the first one is there still.
  const auto passed = await_end(asking);
  EXPECT_EQ(passed.state, LoadTestState::passed) << passed.message;
  EXPECT_EQ(nginx_.count_requests(), 7U);

  // It is the master no more, but what it has is not lost.
  frozen->signal(SIGCONT);
  const auto result = frozen->wait(kPatient);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("the cluster has a master already"));
  const auto record = await_end(sitting);
  EXPECT_EQ(record.state, LoadTestState::error);
  EXPECT_THAT(record.message, HasSubstr("the master stood still"));
  EXPECT_EQ(Rows(queue().results(sitting, "csv").value_or("")).count("Sitter get(/)"), 3U);
}

TEST_F(MasterTest, StoppedWhileItCancelsItKeepsTheResults) {
  const auto worker = start_worker();
  start_master();
  const auto lingering = submit("LingerTest");
  await_requests(1);
  EXPECT_EQ(queue().cancel(lingering), cluster::Cancelled::wanted);
  await_requests(2);
  master_->signal(SIGTERM);
  EXPECT_EQ(master_->wait(kPatient).exit_code, 0);
  const auto record = queue().find(lingering);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->record.state, LoadTestState::cancelled);
  EXPECT_THAT(record->record.results, ElementsAre("csv", "json", "txt"));
  EXPECT_EQ(Rows(queue().results(lingering, "csv").value_or("")).count("Lingerer get(/)"), 1U);
}

TEST_F(MasterTest, WhatCannotBeReadIsSaidAndCanBeRemoved) {
  start_master();
  auto connection = cluster::Nats(options_for(server_.url()));
  auto records = connection.key_value(std::string(cluster::kLoadTestsBucket), {});
  records.put("0badf00d", R"({"id":"0badf00d","of_another_version":1})");
  const auto worker = start_worker();
  EXPECT_EQ(await_end(submit("AskTest")).state, LoadTestState::passed);
  EXPECT_EQ(queue().cancel("0badf00d"), cluster::Cancelled::done);
  EXPECT_FALSE(records.get("0badf00d"));
  EXPECT_EQ(queue().cancel("0badf00d"), cluster::Cancelled::unknown);
  master_->signal(SIGTERM);
  EXPECT_THAT(master_->wait(kPatient).err, HasSubstr("the load test 0badf00d of the queue cannot be read"));
}

TEST_F(MasterTest, AKilledMasterLeavesNoFiles) {
  const auto worker = start_worker();
  const Words own_cache{"XDG_CACHE_HOME=" + directory_.path().string()};
  start_master({}, kToken, own_cache);
  static_cast<void>(submit("SitTest", {"--config", "api.password=geheim"}));
  await_requests(3);
  const auto directories = [this] {
    Words names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_ / "chaperon/master")) {
      if (cluster::is_load_test_id(entry.path().filename().string()))
        names.push_back(entry.path().filename().string());
    }
    return names;
  };
  EXPECT_THAT(directories(), SizeIs(1));
  // Another one of this user, of another cluster, leaves them alone.
  const NatsServer another_server;
  Process another({CHAPERON_BINARY, "master", "--listen", "127.0.0.1:0", "--nats", another_server.url()},
                  options(own_cache));
  ASSERT_TRUE(another.read_line(kPatient));
  EXPECT_THAT(directories(), SizeIs(1));
  master_->signal(SIGKILL);
  master_->wait(kPatient);
  start_master({}, kToken, own_cache);
  EXPECT_THAT(directories(), IsEmpty());
}

TEST_F(MasterTest, KeepsTheLastLoadTestsThatHaveEnded) {
  cluster::Submission submission{.record = {.load_test = "AskTest", .file = "queue.cpp"},
                                 .library = "no library"};
  const auto records = queue().submit({submission, submission, submission});
  for (const auto& record : records)
    EXPECT_EQ(queue().cancel(record.id), cluster::Cancelled::done);
  queue().keep_results(records[0].id, "csv", std::string(1'500'000, 'x'));
  EXPECT_EQ(queue().results(records[0].id, "csv"), std::string(1'500'000, 'x'));
  // Those that have ended at one moment are in any order.
  queue().change(records[0].id,
                 [](cluster::LoadTestRecord& record) { return record.ended_at -= 1000, true; });
  EXPECT_THAT(queue().prune(2), ElementsAre(records[0].id));
  EXPECT_FALSE(queue().find(records[0].id));
  EXPECT_FALSE(queue().results(records[0].id, "csv"));
  EXPECT_EQ(queue().all().size(), 2U);
  // Nobody runs it any more.
  EXPECT_THROW(static_cast<void>(queue().library(records[1].id)), std::runtime_error);
}

TEST_F(MasterTest, OfTwoWhoBeginALoadTestOneDoes) {
  const auto id = queue().submit({{.record = {.load_test = "AskTest"}, .library = "x"}}).front().id;
  const auto begin = [](std::uint64_t master) {
    return [master](cluster::LoadTestRecord& record) { return cluster::begin(record, master, 1); };
  };
  EXPECT_EQ(queue().change(id, begin(1))->record.master, 1U);
  EXPECT_EQ(queue().change(id, begin(2))->record.master, 1U);
  EXPECT_EQ(queue().cancel(id, true), cluster::Cancelled::too_late);
  EXPECT_EQ(queue().cancel(id), cluster::Cancelled::wanted);
  EXPECT_EQ(queue().cancel("ffffffff"), cluster::Cancelled::unknown);
  EXPECT_FALSE(queue().change("ffffffff", begin(1)));
}

TEST_F(MasterTest, WhatIsWrongWithASubmissionIsSaidBeforeItIsInTheQueue) {
  write("bad.cpp", "int main( {");
  const auto uncompiled = chaperon(with_nats({"submit", "bad.cpp"}));
  EXPECT_EQ(uncompiled.exit_code, 3);
  EXPECT_THAT(uncompiled.err, HasSubstr("bad.cpp:1:"));
  const auto unknown = chaperon(with_nats({"submit", scenario_file("queue.cpp"), "AskTset"}));
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("AskTest"));
  const auto unreachable =
      chaperon(with_nats({"submit", scenario_file("queue.cpp"), "AskTest", "--base-url", "ftp://x"}));
  EXPECT_EQ(unreachable.exit_code, 2) << unreachable.err;
  EXPECT_THAT(queue().all(), IsEmpty());
}

}  // namespace
}  // namespace chaperon::test
