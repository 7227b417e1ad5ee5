// The queue of load tests as people see it, and how one has ended.
#include "cli/queue_table.hpp"

#include <gmock/gmock.h>

#include "cli/load_test_process.hpp"
#include "cluster/progress_json.hpp"

namespace chaperon::cli {
namespace {

using cluster::LoadTestState;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr cluster::Timestamp kNow = 1'000'000'000;

cluster::QueuedLoadTest load_test(const std::string& id, LoadTestState state,
                                  const std::string& message = {}) {
  return {.record = {.id = id,
                     .load_test = "ShopTest",
                     .tags = {"nightly"},
                     .state = state,
                     .submitted_at = kNow - 65'000,
                     .message = message}};
}

QueueView some_view() {
  return {.load_tests = {load_test("00000001", LoadTestState::running),
                         load_test("00000002", LoadTestState::scheduled),
                         load_test("00000003", LoadTestState::scheduled),
                         load_test("00000004", LoadTestState::failed, "1 session failed"),
                         load_test("00000005", LoadTestState::passed)},
          .master =
              cluster::MasterStatus{.name = "host-1", .running = "00000001", .doing = "waiting for a worker"},
          .most_ended = 1,
          .now = kNow};
}

TEST(QueueTable, HasALineForEachLoadTest) {
  EXPECT_EQ(render_queue(some_view()),
            "id        state      load test  tags     submitted  progress\n"
            "00000001  running    ShopTest   nightly  1 min ago  waiting for a worker\n"
            "00000002  scheduled  ShopTest   nightly  1 min ago  after 1 other\n"
            "00000003  scheduled  ShopTest   nightly  1 min ago  after 2 others\n"
            "00000004  failed     ShopTest   nightly  1 min ago  1 session failed\n");
}

TEST(QueueTable, ShowsProgressAsARunDoes) {
  auto view = some_view();
  view.master->progress =
      cluster::to_json(Progress{.elapsed = 14s, .live = 587, .requests_per_second = 12'400});
  EXPECT_THAT(render_queue(view), HasSubstr("  0:14  587 live"));
}

TEST(QueueTable, StaysWithinItsWidthAndWithoutControlCharacters) {
  auto view = some_view();
  view.load_tests[3].record.message = std::string(200, 'x');
  view.load_tests[2].record.load_test = std::string(100, 'y') + "\x1b[31m";
  view.load_tests[2].record.tags = {std::string(60, 'z'), "more"};
  std::istringstream lines(render_queue(view));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(display_width(line), kColumns + 24) << line;
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
  }
}

TEST(QueueTable, SaysWhyNothingHappens) {
  EXPECT_THAT(render_queue({.now = kNow}), StartsWith("the queue is empty: 'chaperon submit FILE"));
  auto view = some_view();
  view.master.reset();
  EXPECT_THAT(render_queue(view), AllOf(HasSubstr("no master is there"), EndsWith("is started\n")));
  view.load_tests.erase(view.load_tests.begin(), view.load_tests.begin() + 3);
  EXPECT_THAT(render_queue(view), testing::Not(HasSubstr("no master")));
  view.most_ended = 0;
  EXPECT_THAT(render_queue(view), HasSubstr("2 have ended: --all"));
}

TEST(QueueTable, IsJsonForPrograms) {
  const auto json = queue_json(some_view());
  EXPECT_EQ(json.at("master").at("name"), "host-1");
  EXPECT_EQ(json.at("running")[0].at("doing"), "waiting for a worker");
  EXPECT_EQ(json.at("scheduled").size(), 2U);
  EXPECT_EQ(json.at("ended").size(), 1U);
  EXPECT_TRUE(queue_json({}).at("master").is_null());
}

TEST(QueueTable, AgesAreRough) {
  EXPECT_EQ(age_text(kNow + 5000, kNow), "now");
  EXPECT_EQ(age_text(kNow - 42'000, kNow), "42 s ago");
  EXPECT_EQ(age_text(kNow - 300'000, kNow), "5 min ago");
  EXPECT_EQ(age_text(kNow - 3 * 3'600'000, kNow), "3 h ago");
  EXPECT_EQ(age_text(kNow - 9 * 86'400'000, kNow), "9 d ago");
}

TEST(LoadTestOutcome, IsWhatTheRunSays) {
  const auto passed = outcome_of(0, "ShopTest: PASSED\n\n", "", "{}", false);
  EXPECT_EQ(passed.state, LoadTestState::passed);
  EXPECT_EQ(passed.message, "");
  const auto failed = outcome_of(1, "ShopTest: FAILED (1 session failed)\n", "", "{}", false);
  EXPECT_EQ(failed.state, LoadTestState::failed);
  EXPECT_EQ(failed.message, "1 session failed");
  const auto unanswered =
      outcome_of(1, "ShopTest: FAILED: no request was answered: refused\n", "", "", false);
  EXPECT_EQ(unanswered.message, "no request was answered: refused");
  const auto incomplete = outcome_of(1, "ShopTest: INCOMPLETE: worker w2 lost\n", "",
                                     R"({"incomplete":["worker w2 lost"]})", false);
  EXPECT_EQ(incomplete.state, LoadTestState::incomplete);
  EXPECT_EQ(incomplete.message, "worker w2 lost");
  EXPECT_EQ(outcome_of(1, "ShopTest: FAILED\n", "", R"({"incomplete":[]})", false).state,
            LoadTestState::failed);
}

TEST(LoadTestOutcome, ErrorsAreTheLastLineOfTheRun) {
  const auto refused = outcome_of(2, "", "waiting for a worker\nerror: worker w1: no\n\n", "", false);
  EXPECT_EQ(refused.state, LoadTestState::error);
  EXPECT_EQ(refused.message, "worker w1: no");
  const auto killed = outcome_of(139, "", "starting\n", "", false);
  EXPECT_EQ(killed.state, LoadTestState::error);
  EXPECT_EQ(killed.message, "its process was ended by signal 11; it said last: starting");
  EXPECT_EQ(killed.exit_code, 139);
}

TEST(LoadTestOutcome, OneThatWasInterruptedIsCancelled) {
  EXPECT_EQ(outcome_of(130, "ShopTest: INTERRUPTED\n", "", "{}", true).state, LoadTestState::cancelled);
  EXPECT_EQ(outcome_of(2, "", "error: the run was interrupted before it began\n", "", true).state,
            LoadTestState::cancelled);
  // It had come to its end before.
  EXPECT_EQ(outcome_of(0, "ShopTest: PASSED\n", "", "{}", true).state, LoadTestState::passed);
}

}  // namespace
}  // namespace chaperon::cli
