// `chaperon cluster up`, as somebody tries it.
#include <csignal>
#include <filesystem>

#include "cli_fixture.hpp"
#include "support/nats_server.hpp"

namespace chaperon::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ClusterUp : public CliTest {
 protected:
  /// Starts one, with its scratch directory within the test's.
  void start(Words words) {
    words.insert(words.begin(), {CHAPERON_BINARY, "cluster", "up"});
    std::filesystem::create_directory(directory_ / "scratch");
    up_.emplace(words, options({"TMPDIR=" + (directory_ / "scratch").string()}));
    const auto first = line();
    const auto at = first.find("nats://");
    if (at == std::string::npos) throw std::runtime_error("no cluster: " + first + up_->wait(kPatience).err);
    url_ = first.substr(at, first.find(',') - at);
  }
  std::string line() { return up_->read_line(kPatience).value_or(""); }
  void await_line(const std::string& text) {
    std::string seen;
    for (auto next = up_->read_line(kPatience); next; next = up_->read_line(kPatience)) {
      if (next->find(text) != std::string::npos) return;
      seen += *next + '\n';
    }
    FAIL() << "no line with " << text << " among:\n" << seen;
  }

  std::optional<Process> up_;
  std::string url_;
};

// Somebody who has nothing yet copies them.
TEST_F(ClusterUp, TheCommandsThatItPrintsWork) {
  start({"-n", "1", "--threads", "1"});
  EXPECT_EQ(line(), "");
  const auto first = line();
  const auto second = line();
  EXPECT_EQ(first, "  try it    chaperon new shop");
  EXPECT_EQ(second, "            chaperon run shop.cpp --nats " + url_ + " --target");
  const auto bin = std::filesystem::path(CHAPERON_BINARY).parent_path().string();
  const auto done = shell("set -e; export PATH=" + bin + ":$PATH; " +
                          first.substr(std::string("  try it    ").size()) + "; " + second);
  EXPECT_EQ(done.exit_code, 0) << done.err << done.out;
  EXPECT_THAT(done.err, HasSubstr("on 1 worker (w1)"));
  up_->signal(SIGINT);
  EXPECT_EQ(up_->wait(kPatience).exit_code, 0);
}

TEST_F(ClusterUp, AServerThatDoesNotStartHasTheLastWord) {
  write_file(directory_ / "nats", R"(#!/bin/sh
while [ "$1" != -l ]; do shift; done
for i in 1 2 3 4 5 6 7; do echo "[$i] [INF] line" >> "$2"; done
echo '[7] [FTL] no room for anything' >> "$2"
exit 3
)");
  std::filesystem::permissions(directory_ / "nats", std::filesystem::perms::owner_all);
  // A port that is nobody's: other tests have clusters too.
  NatsServer former;
  former.stop();
  const Words words{"cluster", "up", "--port", std::to_string(former.port())};
  const auto up = chaperon(words, {"CHAPERON_NATS_SERVER=" + (directory_ / "nats").string()});
  EXPECT_EQ(up.exit_code, 2);
  EXPECT_EQ(up.err,
            "error: nats-server did not start: mend what its log ends with, or name another one with "
            "$CHAPERON_NATS_SERVER\n  [4] [INF] line\n  [5] [INF] line\n  [6] [INF] line\n  [7] [INF] line\n"
            "  [7] [FTL] no room for anything\n");

  write_file(directory_ / "nats", "#!/bin/sh\nexit 3\n");
  const auto silent = chaperon(words, {"CHAPERON_NATS_SERVER=" + (directory_ / "nats").string()});
  EXPECT_EQ(silent.err, "error: nats-server did not start, and its log is empty: see whether '" +
                            (directory_ / "nats").string() +
                            " -js' works, or name another one with $CHAPERON_NATS_SERVER\n");
}

TEST_F(ClusterUp, AServerThatEndsHasTheLastWord) {
  start({"-n", "1", "--threads", "1"});
  await_line("w1: in the cluster");
  const auto children = shell("pgrep -P " + std::to_string(up_->pid()) + " -f 'nats-server'");
  ASSERT_EQ(children.exit_code, 0);
  ::kill(std::stoi(children.out), SIGTERM);
  const auto ended = up_->wait(kPatience);
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(
      ended.err,
      AllOf(HasSubstr("error: nats-server has ended: start the cluster again. Its log ends with\n  ["),
            HasSubstr("Server Exiting")));
}

TEST_F(ClusterUp, RunsALoadTestAndLeavesNothingBehind) {
  start({"-n", "2", "--threads", "1"});
  await_line("waits for work");
  await_line("waits for work");
  const auto run = chaperon({"run", source("examples/first.cpp"), "--nats", url_, "--workers", "2",
                             "--target", "--output", "m.json"});
  EXPECT_EQ(run.exit_code, 0) << run.err << run.out;
  EXPECT_THAT(run.err, HasSubstr("2 loops on 2 workers (w1, w2)"));
  EXPECT_EQ(json("m.json").at("sessions").at("ok"), 50);
  EXPECT_EQ(json("m.json").at("workers").size(), 2U);

  up_->signal(SIGINT);
  const auto ended = up_->wait(kPatience);
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("w1: has left the cluster"), HasSubstr("w2: has left the cluster"),
                               HasSubstr("the cluster has ended\n")));
  EXPECT_TRUE(std::filesystem::is_empty(directory_ / "scratch"));
}

TEST_F(ClusterUp, AWorkerThatEndsIsStartedAgain) {
  start({"-n", "1", "--threads", "1"});
  await_line("w1: in the cluster");
  const auto children = shell("pgrep -P " + std::to_string(up_->pid()) + " -f 'worker --nats'");
  ASSERT_EQ(children.exit_code, 0);
  ::kill(std::stoi(children.out), SIGKILL);
  await_line("w1: has ended (exit status 137); it is started again");
  await_line("w1: in the cluster");
  up_->signal(SIGTERM);
  EXPECT_EQ(up_->wait(kPatience).exit_code, 0);
}

TEST_F(ClusterUp, ServerAndWorkersEndWithItHoweverItEnds) {
  start({"-n", "1", "--threads", "1"});
  await_line("w1: in the cluster");
  const auto children = shell("pgrep -P " + std::to_string(up_->pid()));
  up_->signal(SIGKILL);
  up_->wait(kPatience);
  std::istringstream ids(children.out);
  for (int id = 0; ids >> id;) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (::kill(id, 0) == 0 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    EXPECT_NE(::kill(id, 0), 0) << id;
  }
}

TEST_F(ClusterUp, SaysWhatIsWrong) {
  const auto missing =
      chaperon({"cluster", "up"}, {"PATH=/nowhere", "CHAPERON_NATS_SERVER=/nowhere/nats-server"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("is no program: check $CHAPERON_NATS_SERVER"));

  const auto unknown = chaperon({"cluster", "down"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("there is 'chaperon cluster up'"));

  start({"-n", "1", "--threads", "1"});
  const auto taken = chaperon({"cluster", "up", "--port", url_.substr(url_.rfind(':') + 1)});
  EXPECT_EQ(taken.exit_code, 2);
  EXPECT_THAT(taken.err, HasSubstr("something listens there: choose another"));
}

}  // namespace
}  // namespace chaperon::test
