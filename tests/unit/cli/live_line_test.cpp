#include "cli/live_line.hpp"

#include <sstream>

#include <gmock/gmock.h>

#include "cli/run_report.hpp"

namespace chaperon::cli {
namespace {

constexpr Progress kProgress{.elapsed = 14s,
                             .waiting = 0,
                             .live = 587,
                             .done = 13,
                             .requests = 170'000,
                             .requests_per_second = 12'400,
                             .error_share = 0.004,
                             .p50 = Duration(4200us),
                             .p99 = Duration(31ms),
                             .busiest_loop = 0.46};

TEST(LiveLine, TextIsAsTheTerminalPageShowsIt) {
  EXPECT_EQ(
      live_text(kProgress, 2s),
      " 0:14  587 live  13 done | 12.4k req/s  0.40% err | p50 4.2 ms  p99 31 ms (last 2 s) | loops 46%");
}

TEST(LiveLine, MessagesAreShownWhereThereAreAny) {
  auto progress = kProgress;
  progress.messages_per_second = 5000;
  EXPECT_EQ(live_text(progress, 2s, 80),
            " 0:14  587 live | 12.4k req/s  0.40% err  5.0k msg/s | p50 4.2 ms  p99 31 ms");
}

TEST(LiveLine, ANarrowTerminalKeepsWhatMattersMost) {
  auto progress = kProgress;
  progress.waiting = 3;
  EXPECT_EQ(
      live_text(progress, 2s, 97),
      " 0:14  587 live  13 done  3 waiting | 12.4k req/s  0.40% err | p50 4.2 ms  p99 31 ms (last 2 s)");
  EXPECT_EQ(live_text(progress, 2s, 80),
            " 0:14  587 live  13 done | 12.4k req/s  0.40% err | p50 4.2 ms  p99 31 ms");
  EXPECT_EQ(live_text(progress, 2s, 59), " 0:14  587 live  13 done | 12.4k req/s  0.40% err");
  EXPECT_EQ(live_text(progress, 2s, 40), " 0:14  587 live | 12.4k req/s  0.40% err");
  EXPECT_EQ(live_text(progress, 2s, 10), " 0:14  587 live | 12.4k req/s  0.40% err");
}

TEST(LiveLine, WithoutAnswersThereAreNoPercentiles) {
  auto progress = kProgress;
  progress.p50.reset();
  progress.p99.reset();
  progress.waiting = 3;
  EXPECT_EQ(live_text(progress, 1s),
            " 0:14  587 live  13 done  3 waiting | 12.4k req/s  0.40% err | loops 46%");
}

TEST(LiveLine, IsShownOnTerminalsOnly) {
  std::ostringstream out;
  {
    LiveLine line(out, false, 80);
    line.show("text");
  }
  EXPECT_EQ(out.str(), "");
}

TEST(LiveLine, IsShortenedToTheTerminalAndRemovedAtTheEnd) {
  std::ostringstream out;
  {
    LiveLine line(out, true, 6);
    line.show("1234567");
  }
  EXPECT_EQ(out.str(), "\r\x1b[2K12…67\r\r\x1b[2K");
}

TEST(LiveLine, WhatWasNeverShownIsNotRemoved) {
  std::ostringstream out;
  { const LiveLine line(out, true, 80); }
  EXPECT_EQ(out.str(), "");
}

TEST(StartLine, NamesSessionsLoopsUrlAndSeed) {
  const RunStart start{.load_test = "ShopTest",
                       .base_url = "http://ann:pw@127.0.0.1:5000",
                       .sessions = 600,
                       .loops = 2,
                       .seed = 4711};
  EXPECT_EQ(
      start_text(start, {}),
      "ShopTest: 600 sessions, 2 loops, http://***@127.0.0.1:5000, seed 4711. Ctrl-C stops and reports.");
  EXPECT_EQ(start_text(start, "bench http://h/: 10 sessions, 10.0 s"),
            "bench http://h/: 10 sessions, 10.0 s, 2 loops, seed 4711. Ctrl-C stops and reports.");
}

TEST(Report, AFilterThatLetNothingThroughIsSaid) {
  Results results;
  EXPECT_EQ(nothing_recorded_text(results, {}), "");
  EXPECT_EQ(
      nothing_recorded_text(results, {"gett"}),
      "nothing was recorded: --metrics gett names nothing that was done (did you mean get?): there are get, "
      "head, post, put, patch, del, options, connect, queued, call, run_scenario, and the names of metrics "
      "of your own");
  results.metrics.emplace_back("s", "get", "u", "", MetricKind::duration, nullptr);
  EXPECT_EQ(nothing_recorded_text(results, {"gett"}), "");
}

TEST(Report, AQueueForDescriptorsIsSaidWithItsRemedy) {
  Results results;
  results.sessions.ok = 1000;
  results.generator.queued_p99 = 250ms;
  EXPECT_EQ(
      queued_for_descriptors_text(results, 64),
      "requests waited for file descriptors, of which there are 64, p99 250 ms: raise the limit (ulimit "
      "-n), or use fewer sessions");
  EXPECT_EQ(queued_for_descriptors_text(results, 2000), "");
  results.generator.queued_p99 = 1ms;
  EXPECT_EQ(queued_for_descriptors_text(results, 64), "");
}

Progress cluster_progress(std::size_t workers) {
  auto progress = kProgress;
  for (std::size_t i = 1; i <= workers; ++i)
    progress.workers.push_back({.name = "w" + std::to_string(i),
                                .live = 301,
                                .requests_per_second = 6200,
                                .p50 = Duration(4ms),
                                .p99 = Duration(31ms),
                                .busiest_loop = 0.46});
  return progress;
}

TEST(LiveLine, WorkersOfAClusterAreShownWhereThereIsRoom) {
  auto progress = cluster_progress(1);
  progress.workers.push_back({.name = "w2", .lost = true});
  const std::string before = " 0:14  587 live  13 done | 12.4k req/s  0.40% err | p50 4.2 ms  p99 31 ms";
  EXPECT_EQ(live_text(progress, 2s, 200),
            before + " (last 2 s) | loops 46% | 1 of 2 workers: w1 301 live 6.2k/s p99 31 ms 46%, w2 lost");
  EXPECT_EQ(live_text(progress, 2s, 139),
            before + " | 1 of 2 workers: w1 301 live 6.2k/s p99 31 ms 46%, w2 lost");
  EXPECT_EQ(live_text(progress, 2s, 120), before + " | 1 of 2 workers: w1 6.2k/s 46%, w2 lost");
  EXPECT_EQ(live_text(progress, 2s, 99), before + " | 1 of 2 workers");
  progress.workers.pop_back();
  EXPECT_EQ(live_text(progress, 2s, 150),
            before + " (last 2 s) | loops 46% | 1 worker: w1 301 live 6.2k/s p99 31 ms 46%");
}

TEST(LiveLine, AWorkerThatSaysNothingIsShownAsSilent) {
  auto progress = cluster_progress(2);
  progress.workers[1].silent = 3900ms;
  EXPECT_THAT(live_text(progress, 2s, 200), testing::EndsWith("p99 31 ms 46%, w2 silent 3 s"));
}

TEST(LiveLine, AsManyWorkersAsFitAreShown) {
  const auto progress = cluster_progress(20);
  EXPECT_EQ(live_text(progress, 2s, 150),
            " 0:14  587 live  13 done | 12.4k req/s  0.40% err | p50 4.2 ms  p99 31 ms | 20 workers: w1 "
            "6.2k/s 46%, "
            "w2 6.2k/s 46%, w3 6.2k/s 46%, +17 more");
  EXPECT_EQ(live_text(progress, 2s, 120),
            " 0:14  587 live  13 done | 12.4k req/s  0.40% err | p50 4.2 ms  p99 31 ms | 20 workers: w1 "
            "6.2k/s 46%, "
            "+19 more");
  EXPECT_EQ(live_text(progress, 2s, 80),
            " 0:14  587 live | 12.4k req/s  0.40% err | p50 4.2 ms  p99 31 ms | 20 workers");
  for (std::size_t width = 40; width < 500; ++width)
    EXPECT_LE(display_width(live_text(progress, 2s, width)), width);
}

TEST(LiveLine, ALongNameOfAWorkerIsShortened) {
  auto progress = cluster_progress(2);
  progress.workers.front().name = "load-generator-3.example.com-31745";
  EXPECT_EQ(
      live_text(progress, 2s, 120),
      " 0:14  587 live  13 done | 12.4k req/s  0.40% err | p50 4.2 ms  p99 31 ms | 2 workers: load-g…31745 "
      "6.2k/s 46%, +1 more");
}

}  // namespace
}  // namespace chaperon::cli
