#include "cli/summary.hpp"

#include <sstream>

#include <gmock/gmock.h>

#include "shop_results.hpp"

namespace chaperon::cli {
namespace {

using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string summary_of(const Results& results, const SummaryStyle& style = {}) {
  return render_summary(results, results.load_test, judge(results, Strictness::any_failure), {}, style);
}

TEST(Summary, IsAsTheTerminalPageShowsIt) {
  const auto results = shop_results();
  const auto text = render_summary(results, "ShopTest", judge(results, Strictness::any_failure),
                                   {"metrics.csv", "metrics.config.json"}, {});
  EXPECT_THAT(
      text,
      StartsWith("ShopTest: FAILED (1 session failed, 1 timed out)\n\n"
                 "  duration   30.2 s\n"
                 "  sessions   600: 597 ok, 1 failed, 1 cancelled, 1 timed out\n"
                 "  requests   30,807 (1.0k/s), 204 errors (0.66%), 2 retried, 41 MB sent, 96 MB received\n"
                 "  generator  healthy: busiest loop 46%, lateness p99 200 µs\n\n"));
  EXPECT_THAT(
      text,
      HasSubstr("\nerrors\n"
                "    200  post item         timeout   after 10.0 s; first at 0:11, session 7f3a (shopper)\n"
                "      3  post /login       HTTP 503  p50 1.1 ms; \"upstream unavailable\"; first at 0:02, "
                "session\n"
                "                                     91c0 (shopper)\n"
                "      1  ws_connect /chat  refused   connection refused; first at 0:00\n"));
  EXPECT_THAT(
      text,
      HasSubstr("\nsessions\n"
                "      1  failed     shopper  UnexpectedStatus: post(/login): 503, expected 200   (7f3b)\n"
                "      1  timed out  shopper  scenario_timeout 30 s, while in post item   (b2e4)\n"));
  EXPECT_THAT(text, EndsWith("\n\nmetrics.csv  metrics.config.json\n"));
}

TEST(Summary, MessagesAreCountedWhereThereAreAny) {
  auto results = shop_results();
  results.traffic.messages_sent = 9'900;
  results.traffic.messages_received = 9'901;
  EXPECT_THAT(summary_of(results),
              HasSubstr("received\n  messages   9,900 sent, 9,901 received\n  generator"));
}

TEST(Summary, NoLineIsWiderThanTheTerminal) {
  auto results = shop_results();
  results.errors[0].example = std::string(300, 'x') + " " + std::string(300, 'y');
  results.endings[0].example = "config key missing " + std::string(200, 'z');
  results.warnings = {std::string(50, 'a') + " " + std::string(150, 'b')};
  std::istringstream lines(summary_of(results));
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(display_width(line), kColumns) << line;
}

TEST(Summary, AnOverloadedGeneratorSaysSo) {
  auto results = shop_results();
  EXPECT_THAT(summary_of(results), Not(HasSubstr("bottleneck")));
  results.generator.busiest_loop = 0.86;
  EXPECT_THAT(summary_of(results),
              HasSubstr("  generator  busiest loop 86%, lateness p99 200 µs\n"
                        "  ! the generator was the bottleneck; these latencies are partly its own\n"));
  results.generator = {.busiest_loop = 0.1, .lateness_p99 = 6ms};
  EXPECT_THAT(summary_of(results), HasSubstr("bottleneck"));
  results.generator = {.busiest_loop = 0.1, .queued_p99 = 2ms, .log_lines_dropped = 1234};
  EXPECT_THAT(summary_of(results), HasSubstr("requests queued p99 2.0 ms, 1,234 log lines dropped"));
}

TEST(Summary, AnAnswerWithoutABodyHasNoExample) {
  auto results = shop_results();
  results.errors[1].example = "answered 503";
  EXPECT_THAT(summary_of(results), HasSubstr("HTTP 503  p50 1.1 ms; first at 0:02, "));
}

TEST(Summary, AShortRunSaysNothingAboutItsGenerator) {
  auto results = shop_results();
  results.duration = 900ms;
  results.traffic.requests = 999;
  results.generator = {.busiest_loop = 0.99, .lateness_p99 = 200ms};
  EXPECT_THAT(summary_of(results), HasSubstr("  generator  healthy: busiest loop 99%"));
  results.traffic.requests = 1000;
  EXPECT_THAT(summary_of(results), HasSubstr("bottleneck"));
  results.generator.lateness_p99 = 1ms;
  EXPECT_THAT(summary_of(results), Not(HasSubstr("bottleneck")));
  results.duration = 1s;
  EXPECT_THAT(summary_of(results), HasSubstr("bottleneck"));
}

TEST(Summary, WhatWasCutOffIsNoError) {
  auto results = shop_results();
  metrics::Recorder recorder;
  record_range(recorder, {"shopper", "get", "item"}, 100, 1ms, 2ms);
  record_range(recorder, {"shopper", "get", "item", "cancelled"}, 4, 1ms, 2ms);
  record_range(recorder, {"shopper", "call", "Shopper.pay", "cancelled"}, 2, 1ms, 2ms);
  results.metrics = recorder.take().rows();
  results.traffic.errors = 4;
  EXPECT_THAT(summary_of(results), HasSubstr(", 0 errors, 4 cut off, 2 retried"));
  EXPECT_THAT(summary_of(results), ContainsRegex("\n  get item +100 +3.3/s +0 "));
  results.traffic.errors = 7;
  EXPECT_THAT(summary_of(results), HasSubstr(", 3 errors (<0.01%), 4 cut off, "));
}

TEST(Summary, WarningsFollowTheHealth) {
  auto results = shop_results();
  results.warnings = {"more than 10,000 metric names"};
  EXPECT_THAT(summary_of(results), HasSubstr("lateness p99 200 µs\n  ! more than 10,000 metric names\n"));
}

TEST(Summary, ManyKindsOfErrorsAreCut) {
  auto results = shop_results();
  results.errors.assign(25, {"s", "get", "http://h/", "timeout", 1, "x", "", 0s});
  EXPECT_THAT(summary_of(results), HasSubstr("and 15 kinds more"));
}

TEST(Summary, OfAHandshakeThatIsAnsweredOtherwiseTheAnswerIsSaid) {
  auto results = shop_results();
  results.errors = {
      {"chat", "ws_connect", "ws://h/", "HTTP 401", 1, "answered 401, not 101: who are you", "", 0s}};
  EXPECT_THAT(summary_of(results), HasSubstr("answered 401, not 101: who are you; first at 0:00"));
}

TEST(Summary, AVerdictThatIsOutOfSightIsSaidAgain) {
  auto results = shop_results();
  EXPECT_EQ(summary_of(results).rfind("ShopTest: FAILED"), 0U);
  metrics::Recorder recorder;
  for (int at = 0; at < 100; ++at)
    record_range(recorder, {"s", "get", std::to_string(at)}, 1, 1ms, 2ms);
  results.metrics = recorder.take().rows();
  EXPECT_THAT(summary_of(results), EndsWith("\n\nShopTest: FAILED (1 session failed, 1 timed out)\n"));
}

TEST(Summary, TheVerdictIsTheOnlyColour) {
  const auto text = summary_of(shop_results(), {.colours = true});
  EXPECT_THAT(text, StartsWith("ShopTest: \x1b[1;31mFAILED\x1b[0m (1 session failed, 1 timed out)\n"));
  EXPECT_EQ(text.find('\x1b', 40), std::string::npos);
}

Results ending_with(const SessionCounts& sessions, const Traffic& traffic) {
  Results results;
  results.sessions = sessions;
  results.traffic = traffic;
  return results;
}

TEST(Verdict, Passes) {
  const auto verdict =
      judge(ending_with({.ok = 10}, {.requests = 10, .responses = 10}), Strictness::any_failure);
  EXPECT_EQ(verdict.code, ExitCode::passed);
  EXPECT_EQ(verdict_text(verdict), "PASSED");
}

TEST(Verdict, CancelledSessionsAndErrorStatusesPass) {
  const auto results =
      ending_with({.ok = 9, .cancelled = 1}, {.requests = 10, .responses = 10, .errors = 10});
  EXPECT_EQ(judge(results, Strictness::any_failure).code, ExitCode::passed);
}

TEST(Verdict, FailuresCountUnlessTheyAreAllowed) {
  const auto some = ending_with({.ok = 9, .failed = 1}, {.requests = 10, .responses = 10});
  EXPECT_EQ(judge(some, Strictness::any_failure).code, ExitCode::failed);
  EXPECT_EQ(judge(some, Strictness::all_failures).code, ExitCode::passed);
  EXPECT_EQ(verdict_text(judge(some, Strictness::all_failures)), "PASSED (1 session failed)");
  const auto all = ending_with({.failed = 1, .timed_out = 2}, {.requests = 10, .responses = 10});
  EXPECT_EQ(judge(all, Strictness::all_failures).code, ExitCode::failed);
  EXPECT_EQ(verdict_text(judge(all, Strictness::all_failures)), "FAILED (1 session failed, 2 timed out)");
  const auto late = ending_with({.ok = 9, .timed_out = 2}, {.requests = 10, .responses = 10});
  EXPECT_EQ(verdict_text(judge(late, Strictness::any_failure)), "FAILED (2 sessions timed out)");
}

TEST(Verdict, ADeadServerIsNamed) {
  auto results = ending_with({.ok = 10}, {.requests = 10, .responses = 0, .errors = 10});
  results.errors = {{"s", "get", "u", "cancelled", 20, "cancelled", "", 0s},
                    {"s", "get", "u", "refused", 10, "connection refused by 127.0.0.1:5000", "", 0s}};
  for (const auto strictness : {Strictness::any_failure, Strictness::all_failures}) {
    EXPECT_EQ(judge(results, strictness).code, ExitCode::failed);
    EXPECT_EQ(verdict_text(judge(results, strictness)),
              "FAILED: no request was answered: connection refused by 127.0.0.1:5000. Is the server running? "
              "'chaperon target' starts one.");
  }
  results.errors[1].example = "connection refused by 10.0.0.7:80";
  EXPECT_THAT(verdict_text(judge(results, Strictness::any_failure)), EndsWith("Is the server running?"));
  results.errors[1] = {"s", "get", "u", "dns", 10, "no address for nowhere.test", "", 0s};
  EXPECT_THAT(verdict_text(judge(results, Strictness::any_failure)), EndsWith("no address for nowhere.test"));
  results.errors.clear();
  EXPECT_EQ(verdict_text(judge(results, Strictness::any_failure)), "FAILED: no request was answered");
}

TEST(Verdict, AnInterruptedRunIsNeitherPassedNorFailed) {
  auto results = ending_with({.failed = 1, .cancelled = 9}, {.requests = 10, .responses = 0});
  results.interrupted = true;
  EXPECT_EQ(judge(results, Strictness::any_failure).code, ExitCode::interrupted);
  EXPECT_EQ(verdict_text(judge(results, Strictness::any_failure)), "INTERRUPTED (1 session failed)");
}

TEST(Verdict, AStackOverflowIsAFaultWhateverIsAllowed) {
  auto results = ending_with({.ok = 9, .failed = 1}, {.requests = 10, .responses = 10});
  results.internal_error = "a session has overflowed its stack";
  const auto verdict = judge(results, Strictness::all_failures);
  EXPECT_EQ(verdict.code, ExitCode::internal);
  EXPECT_EQ(verdict_text(verdict), "FAILED: a session has overflowed its stack");
}

TEST(Summary, WhatIsMissingIsTheVerdictAndTheWorkersHaveATable) {
  Results results;
  results.load_test = "ShopTest";
  results.duration = 10s;
  results.sessions = {.ok = 300, .failed = 1};
  results.traffic.requests = results.traffic.responses = 5000;
  results.incomplete = {
      "worker w2 lost at 0:41: no sign of life for 4 s; 50 users unfinished (50 shopper), left out; up to 1 "
      "s of "
      "what it measured last is missing"};
  results.workers = {{.name = "w1",
                      .loops = 2,
                      .sessions = {.ok = 251},
                      .traffic = {.requests = 4000},
                      .busiest_loop = 0.46,
                      .clock_offset = Duration(-1200us),
                      .round_trip = Duration(200us)},
                     {.name = "w2",
                      .loops = 1,
                      .sessions = {.ok = 50},
                      .traffic = {.requests = 1000},
                      .loss = "no sign of life for 4 s",
                      .unfinished = {1, 4, 7}}};
  const auto verdict = judge(results, Strictness::all_failures);
  EXPECT_EQ(verdict.code, ExitCode::failed);
  const auto text = render_summary(results, results.load_test, verdict, {}, {});
  EXPECT_TRUE(text.starts_with("ShopTest: INCOMPLETE: worker w2 lost at 0:41 (1 session failed)\n")) << text;
  EXPECT_NE(
      text.find(
          "  ! worker w2 lost at 0:41: no sign of life for 4 s; 50 users unfinished (50 shopper), left out;"),
      std::string::npos)
      << text;
  EXPECT_NE(
      text.find(
          "\nworkers         loops  sessions      requests      rate  busiest  clock\n"
          "  w1                2       251         4,000     400/s      46%  -1.2 ms ± 100 µs\n"
          "  w2                1        50         1,000     100/s        -  +0 ms ± 0 ms  lost: 3 users "
          "unfinished\n"),
      std::string::npos)
      << text;
}

TEST(Summary, FurtherLossesAreCounted) {
  Results results;
  results.incomplete = {"worker w2 lost at 0:41: a", "worker w3 lost at 0:42: b"};
  EXPECT_EQ(verdict_text(judge(results, Strictness::any_failure)),
            "INCOMPLETE: worker w2 lost at 0:41, and 1 more");
  EXPECT_FALSE(results.passed());
}

}  // namespace
}  // namespace chaperon::cli
