// run_load_test(): sessions counted, metrics merged, seeds, limits, interruption.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "load_test_fixture.hpp"
#include "runtime/sanitizers.hpp"

namespace chaperon::load_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Ok {
  static void run(Session& session) {
    session.add_metric("n", 1).call_traced("nothing", [](Session&) {});
  }
};
struct Fails {
  static void run(Session& session) {
    session.add_metric("n", 1);
    throw std::runtime_error("own fault");
  }
};
struct Aborts {
  static void run(Session& session) { session.abort("no room"); }
};
struct WaitsForEver {
  static inline std::atomic<int> started = 0;
  static void run(Session& session) {
    session.add_metric("n", 1);
    ++started;
    started.notify_all();
    session.delay(kForever);
  }
};
struct TimesOut {
  static void run(Session& session) { session.add_metric("n", 1).delay(kForever); }
};

std::vector<std::string> names(const Results& results) {
  std::vector<std::string> names;
  for (const auto& metric : results.metrics)
    names.push_back(metric.name());
  return names;
}

TEST(RunTest, SessionCountsAddUpToTheUsersWithAnyNumberOfLoops) {
  for (const unsigned threads : {1U, 2U, 4U}) {
    const auto results = run_load_test(load_test({{101 * scenario<Ok>, {}},
                                                  {50 * scenario<Fails>, {}},
                                                  {7 * scenario<Aborts>, {}},
                                                  {3 * scenario<TimesOut>, {{"scenario_timeout", 1}}},
                                                  {2 * scenario<Ok>, {}}}),
                                       {.threads = threads});
    EXPECT_EQ(results.sessions.ok, 103U);
    EXPECT_EQ(results.sessions.failed, 50U);
    EXPECT_EQ(results.sessions.cancelled, 7U);
    EXPECT_EQ(results.sessions.timed_out, 3U);
    EXPECT_EQ(results.sessions.total(), 163U);
    EXPECT_FALSE(results.passed());
    EXPECT_FALSE(results.interrupted);
    EXPECT_EQ(results.generator.loops, threads);

    ASSERT_EQ(results.endings.size(), 3U);
    EXPECT_EQ(results.endings[0].session, "Fails");
    EXPECT_EQ(results.endings[0].reason, "failed");
    EXPECT_EQ(results.endings[0].example, "std::runtime_error: own fault");
    EXPECT_EQ(results.endings[0].count, 50U);
    EXPECT_EQ(results.endings[1].count, 7U);
    EXPECT_EQ(results.endings[1].example, "no room");
    EXPECT_EQ(results.endings[2].reason, "timed out");
    EXPECT_EQ(results.endings[2].example, "scenario_timeout 1 ms");
  }
}

TEST(RunTest, SessionsAreCountedByNameInTheOrderOfTheTable) {
  const auto results = run_load_test(load_test({{2 * scenario<Ok>, "zebra"},
                                                {3 * scenario<Fails>, {}},
                                                {4 * scenario<Ok>, "zebra", {{"n", 1}}},
                                                {5 * sequence<Ok, Aborts>, {}}}),
                                     {.threads = 2});
  ASSERT_EQ(results.sessions_by_name.size(), 3U);
  EXPECT_EQ(results.sessions_by_name[0].name, "zebra");
  EXPECT_EQ(results.sessions_by_name[0].counts.ok, 6U);
  EXPECT_EQ(results.sessions_by_name[0].counts.total(), 6U);
  EXPECT_EQ(results.sessions_by_name[1].name, "Fails");
  EXPECT_EQ(results.sessions_by_name[1].counts.failed, 3U);
  EXPECT_EQ(results.sessions_by_name[2].name, "Ok+Aborts");
  EXPECT_EQ(results.sessions_by_name[2].counts.cancelled, 5U);
}

struct Counts {
  static void run(Session& session) {
    for (int i = 0; i < 100; ++i)
      session.add_metric("sample", std::chrono::microseconds(i + 1)).add_metric("number", i);
  }
};

TEST(RunTest, TheMergeLosesNothingWithAnyNumberOfLoops) {
  for (const unsigned threads : {1U, 2U, 4U}) {
    const auto results = run_load_test(load_test({{50 * scenario<Counts>, {}}, {50 * scenario<Counts>, {}}}),
                                       {.threads = threads});
    EXPECT_THAT(names(results), ElementsAre("Counts number", "Counts sample"));
    const auto* sample = results.find("Counts sample");
    EXPECT_EQ(sample->count(), 10'000U);
    EXPECT_EQ(sample->min(), 0.001);
    EXPECT_EQ(sample->max(), 0.1);
    EXPECT_DOUBLE_EQ(sample->mean(), 0.0505);
    EXPECT_EQ(sample->percentile(50), 0.050015);
    EXPECT_EQ(sample->percentile(99), 0.099007);
    EXPECT_DOUBLE_EQ(results.find("Counts number")->mean(), 49.5);
  }
}

struct RunInOrder {
  static void run(Session& session) { session.assign("x", 1); }
};
struct ReadsConfig {
  static void run(Session& session) {
    EXPECT_EQ(session.config<int>("x"), 1);
    EXPECT_EQ(session.config<std::string>("own"), session.name() == "a" ? "1" : "2");
    session.set_config("own", "changed");
  }
};

TEST(RunTest, EntriesHaveTheirOwnConfig) {
  const auto results =
      run_load_test(load_test({{20 * sequence<RunInOrder, ReadsConfig>, "a", {{"own", "1"}}},
                               {20 * sequence<RunInOrder, ReadsConfig>, "b", {{"own", "2"}}}}),
                    {.threads = 2});
  EXPECT_EQ(results.sessions.ok, 40U) << (results.endings.empty() ? "" : results.endings[0].example);
}

// --- Seeds

struct Draws {
  static inline std::mutex mutex;
  static inline std::multiset<std::string> ids;
  static void run(Session& session) {
    const std::lock_guard lock(mutex);
    ids.insert(session.id());
  }
  static std::multiset<std::string> with(std::uint64_t seed, unsigned threads) {
    ids.clear();
    const auto results = run_load_test(load_test({{30 * scenario<Draws>, {}}, {20 * scenario<Draws>, {}}}),
                                       {.threads = threads, .seed = seed});
    EXPECT_EQ(results.seed, seed);
    return ids;
  }
};

TEST(RunTest, OneSeedGivesTheSameIdsWithAnyNumberOfLoops) {
  const auto one = Draws::with(4711, 1);
  EXPECT_EQ(std::set<std::string>(one.begin(), one.end()).size(), 50U);
  EXPECT_EQ(Draws::with(4711, 1), one);
  EXPECT_EQ(Draws::with(4711, 2), one);
  EXPECT_EQ(Draws::with(4711, 4), one);
  const auto other = Draws::with(4712, 1);
  for (const auto& id : other)
    EXPECT_EQ(one.count(id), 0U);
}

TEST(RunTest, WithoutASeedOneIsDrawnAndSaid) {
  std::set<std::uint64_t> seeds;
  for (int i = 0; i < 3; ++i) {
    std::uint64_t announced = 0;
    RunOptions options{.threads = 1};
    options.on_start = [&](const RunStart& start) {
      announced = start.seed;
      EXPECT_EQ(start.load_test, "Test");
      EXPECT_EQ(start.sessions, 3U);
      EXPECT_EQ(start.loops, 1U);
      EXPECT_EQ(start.base_url, "http://host");
    };
    const auto results =
        run_load_test(load_test({{3 * scenario<Ok>, {{"base_url", "http://host"}}}}), options);
    EXPECT_EQ(results.seed, announced);
    seeds.insert(results.seed);
  }
  EXPECT_GT(seeds.size(), 1U);
}

// --- Names

struct ManyNames {
  static void run(Session& session) {
    const auto from = session.config<int>("from");
    for (int i = from; i < from + 6000; ++i)
      session.add_metric("item/" + std::to_string(i), 1ms);
  }
};

TEST(RunTest, BeyondTenThousandNamesTheRestIsOneRowAndOneWarning) {
  const auto results = run_load_test(load_test({{scenario<ManyNames>, {{"from", 0}}},
                                                {scenario<ManyNames>, {{"from", 6000}}},
                                                {scenario<ManyNames>, {{"from", 0}}}}),
                                     {.threads = 1});
  EXPECT_EQ(results.sessions.ok, 3U);
  ASSERT_EQ(results.warnings.size(), 1U);
  EXPECT_THAT(results.warnings[0],
              AllOf(StartsWith("more than 10,000 metric names, such as item/"),
                    HasSubstr(" of the pattern item/…: leave what varies out of the name; the "
                              "rest is counted under (other)")));
  EXPECT_EQ(results.metrics.size(), 10'001U);
  std::uint64_t total = 0;
  for (const auto& metric : results.metrics)
    total += metric.count();
  EXPECT_EQ(total, 18'000U);
  EXPECT_EQ(results.count("(other)"), 2000U);
}

TEST(RunTest, NamesThatAreTooManyOnlyTogetherWarnOnceAndLoseNothing) {
  const auto results = run_load_test(
      load_test({{scenario<ManyNames>, {{"from", 0}}}, {scenario<ManyNames>, {{"from", 6000}}}}),
      {.threads = 2});
  ASSERT_EQ(results.warnings.size(), 1U);
  EXPECT_THAT(results.warnings[0], StartsWith("more than 10,000 metric names, such as item/"));
  EXPECT_EQ(results.metrics.size(), 10'001U);
  EXPECT_EQ(results.count("(other)"), 2000U);
}

TEST(RunTest, OnlyWhatIsWantedIsRecorded) {
  auto test = load_test({{scenario<Ok>, {}}});
  EXPECT_THAT(names(run_load_test(test)), ElementsAre("Ok call(nothing)", "Ok n"));
  EXPECT_THAT(names(run_load_test(test, {.metrics = {"call", "get"}})), ElementsAre("Ok call(nothing)"));
  test.record = [](std::string_view action) { return action == "n"; };
  EXPECT_THAT(names(run_load_test(test)), ElementsAre("Ok n"));
  EXPECT_THAT(names(run_load_test(test, {.metrics = {"call"}})), ElementsAre());
}

TEST(RunTest, ARecordFunctionThatThrowsIsReportedAndNothingIsLost) {
  auto test = load_test({{10 * scenario<Ok>, {}}});
  test.record = [](std::string_view action) {
    if (action == "n") throw std::runtime_error("no such action");
    return false;
  };
  const auto results = run_load_test(test, {.threads = 2});
  EXPECT_EQ(results.sessions.ok, 10U);
  EXPECT_THAT(names(results), ElementsAre("Ok n"));
  EXPECT_EQ(results.count("Ok n"), 10U);
  ASSERT_EQ(results.warnings.size(), 1U);
  EXPECT_EQ(
      results.warnings[0],
      "record() of Test threw for the action \"n\" (std::runtime_error: no such action): whatever it throws "
      "for is recorded");
}

struct Filtered {
  static Json default_config() { return {{"n", 1}}; }
  static Scenarios scenarios() { return {{2 * scenario<Ok>, {}}}; }
  static bool record(std::string_view action) { return action == "call"; }
};

TEST(RunTest, ALoadTestIsAType) {
  const auto results = run_load_test<Filtered>();
  EXPECT_EQ(results.load_test, "Filtered");
  EXPECT_EQ(results.config, Json({{"n", 1}}));
  EXPECT_EQ(results.scenarios[0]["users"], 2);
  EXPECT_THAT(names(results), ElementsAre("Ok call(nothing)"));
  EXPECT_TRUE(results.passed());
}

// --- Ends

TEST(RunTest, LoadTestTimeoutCancelsWhatRunsAndKeepsWhatWasRecorded) {
  const auto results = run_load_test(load_test({{10 * scenario<Ok>, {}},
                                                {20 * scenario<WaitsForEver>, {}},
                                                {5 * scenario<Ok>, "late", {{"delay", "1h"}}}},
                                               {{"load_test_timeout", 200}}),
                                     {.threads = 2});
  EXPECT_EQ(results.sessions.ok, 10U);
  EXPECT_EQ(results.sessions.timed_out, 25U);
  EXPECT_FALSE(results.interrupted);
  EXPECT_EQ(results.count("WaitsForEver n"), 20U);
  EXPECT_EQ(results.count("Ok n"), 10U);
  EXPECT_EQ(results.count("late n"), 0U);
  for (const auto& ending : results.endings) {
    EXPECT_EQ(ending.reason, "timed out");
    EXPECT_EQ(ending.example, "load_test_timeout 200 ms");
  }
}

TEST(RunTest, AStopTokenCancelsEverythingAndWhatNeverStartedCountsToo) {
  WaitsForEver::started = 0;
  std::stop_source stop;
  const std::jthread stopper([&] {
    WaitsForEver::started.wait(0);
    stop.request_stop();
  });
  const auto results = run_load_test(load_test({{100'000 * scenario<WaitsForEver>, {}},
                                                {10 * scenario<WaitsForEver>, "late", {{"delay", "1h"}}}}),
                                     {.threads = 1, .stop = stop.get_token()});
  EXPECT_TRUE(results.interrupted);
  EXPECT_EQ(results.sessions.cancelled, 100'010U);
  EXPECT_EQ(results.sessions.total(), 100'010U);
  const auto started = static_cast<std::uint64_t>(WaitsForEver::started.load());
  EXPECT_EQ(results.count("WaitsForEver n"), started);
  std::uint64_t ended = 0;
  for (const auto& ending : results.endings) {
    EXPECT_EQ(ending.reason, "cancelled");
    EXPECT_THAT(ending.example, StartsWith("the run was interrupted"));
    ended += ending.count;
  }
  EXPECT_EQ(ended, 100'010U);
}

TEST(RunTest, AStopBeforeTheStartRunsNothing) {
  WaitsForEver::started = 0;
  std::stop_source stop;
  stop.request_stop();
  const auto results = run_load_test(load_test({{1000 * scenario<WaitsForEver>, {}}}),
                                     {.threads = 2, .stop = stop.get_token()});
  EXPECT_TRUE(results.interrupted);
  EXPECT_EQ(results.sessions.cancelled, 1000U);
}

TEST(RunTest, MoreLoopsThanUsersIsFine) {
  const auto results = run_load_test(load_test({{scenario<Ok>, {}}}), {.threads = 4});
  EXPECT_EQ(results.sessions.ok, 1U);
  EXPECT_EQ(results.count("Ok n"), 1U);
}

TEST(RunTest, ProgressAddsUpToTheUsers) {
  WaitsForEver::started = 0;
  std::stop_source stop;
  int shown = 0;
  RunOptions options{.threads = 2, .stop = stop.get_token()};
  options.progress_interval = 1ms;
  options.on_progress = [&](const Progress& progress) {
    EXPECT_EQ(progress.waiting + progress.live + progress.done, 12U);
    EXPECT_EQ(progress.requests, 0U);
    EXPECT_FALSE(progress.p50.has_value());
    if (progress.live == 5 && progress.done == 7 && ++shown >= 2) stop.request_stop();
  };
  const auto results =
      run_load_test(load_test({{7 * scenario<Ok>, {}}, {5 * scenario<WaitsForEver>, {}}}), options);
  EXPECT_GE(shown, 2) << "it may be shown once more before the sessions hear of the end";
  EXPECT_EQ(results.sessions.ok, 7U);
  EXPECT_EQ(results.sessions.cancelled, 5U);
}

// --- What a process must survive

#ifndef CHAPERON_TSAN
struct Recurses {
  static inline std::atomic<int> depth = 0;
  // Volatile, so that every call keeps its frame.
  static int deeper(volatile char* above) {
    volatile char frame[1024];
    frame[0] = above == nullptr ? '\0' : above[0];
    return ++depth < 1'000'000'000 ? deeper(frame) + frame[0] : 0;
  }
  static void run(Session& session) {
    session.add_metric("n", 1);
    static_cast<void>(deeper(nullptr));
  }
};

TEST(RunTest, AStackOverflowEndsItsSessionAndNamesTheRemedy) {
  const auto results =
      run_load_test(load_test({{3 * scenario<Recurses>, {}}, {20 * scenario<Ok>, {}}}), {.threads = 1});
  EXPECT_EQ(results.sessions.failed, 3U);
  EXPECT_EQ(results.sessions.ok, 20U);
  ASSERT_EQ(results.endings.size(), 1U);
  EXPECT_EQ(results.endings[0].session, "Recurses");
  EXPECT_EQ(results.endings[0].example, "stack overflow: give sessions larger stacks with --stack-size");
  EXPECT_THAT(results.internal_error, HasSubstr("overflowed its stack"));
  EXPECT_EQ(results.count("Recurses n"), 3U);
  EXPECT_FALSE(results.passed());
}
#endif

struct NeedsHalfAMegabyte {
  static void run(Session& session) {
    volatile char frame[512 * 1024];
    for (std::size_t i = 0; i < sizeof frame; i += 1024)
      frame[i] = 'x';
    session.add_metric("n", frame[0]);
  }
};

TEST(RunTest, TheStackSizeIsTheRemedyForAnOverflow) {
  const auto results = run_load_test(load_test({{2 * scenario<NeedsHalfAMegabyte>, {}}}),
                                     {.threads = 1, .stack_size = 1024 * 1024});
  EXPECT_EQ(results.sessions.ok, 2U);
  EXPECT_EQ(results.internal_error, "");
}

struct ThrowingDestructor {
  static void fail() { throw std::runtime_error("from a destructor"); }
  ~ThrowingDestructor() { fail(); }
  static void run(Session&) { const ThrowingDestructor local; }
};
struct Terminates {
  static void run(Session&) { std::terminate(); }
};

TEST(RunTest, WhatWouldEndTheProcessEndsItsSession) {
  const auto results = run_load_test(
      load_test(
          {{5 * scenario<ThrowingDestructor>, {}}, {5 * scenario<Terminates>, {}}, {20 * scenario<Ok>, {}}}),
      {.threads = 2});
  EXPECT_EQ(results.sessions.failed, 10U);
  EXPECT_EQ(results.sessions.ok, 20U);
  ASSERT_EQ(results.endings.size(), 2U);
  EXPECT_EQ(results.endings[0].session, "Terminates");
  EXPECT_EQ(results.endings[0].example, "abandoned: std::terminate was called");
  EXPECT_THAT(results.endings[1].example, StartsWith("abandoned: the exception \"from a destructor\" left"));
  EXPECT_EQ(results.internal_error, "");
}

}  // namespace
}  // namespace chaperon::load_test
