#include "cluster/merged_run.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "cluster/measurements_codec.hpp"

namespace chaperon::cluster {
namespace {

using load_test::Measurements;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Taken = MergedRun::Taken;

struct Shopper {
  static void run(Session& /*session*/) {}
};
struct Chat {
  static void run(Session& /*session*/) {}
};

// Users 0 to 5 shop, 6 to 8 chat.
const load_test::Plan& plan() {
  static const auto made =
      load_test::Plan::make({.name = "ShopTest",
                             .default_config = {},
                             .scenarios =
                                 [](const Json&) {
                                   return Scenarios{6 * scenario<Shopper>, 3 * scenario<Chat>};
                                 }},
                            {});
  return made;
}

// Three loops: users 0, 3, 6 and 2, 5, 8 are w1's; 1, 4, 7 are w2's.
class MergedRunTest : public ::testing::Test {
 protected:
  MergedRunTest() { run_.begin(Instant{}); }

  [[nodiscard]] Report report(const std::string& worker, std::uint64_t sequence,
                              Report::Kind kind = Report::Kind::measured) const {
    return {.kind = kind,
            .run = "r",
            .worker = worker,
            .epoch = worker == "w1" ? 10U : 20U,
            .sequence = sequence};
  }
  // One in which these users have ended well.
  [[nodiscard]] Report ended(const std::string& worker, std::uint64_t sequence,
                             std::vector<std::uint64_t> users,
                             Report::Kind kind = Report::Kind::measured) const {
    auto made = report(worker, sequence, kind);
    Measurements measurements;
    measurements.sessions_by_entry.resize(2);
    for (const auto user : users)
      ++measurements.sessions_by_entry[plan().entry_of(user)].ok;
    measurements.ended_users = std::move(users);
    made.measurements = payload(std::move(measurements));
    return made;
  }
  static std::string payload(Measurements measurements) {
    auto payloads = encode(std::move(measurements));
    EXPECT_EQ(payloads.size(), 1U);
    return payloads.front();
  }
  [[nodiscard]] std::vector<std::string> taking_part() const {
    std::vector<std::string> names;
    for (const auto& seat : run_.taking_part())
      names.push_back(seat.worker);
    return names;
  }

  MergedRun run_{
      plan(),
      "r",
      {{.worker = "w1", .epoch = 10, .loops = {0, 2}}, {.worker = "w2", .epoch = 20, .loops = {1}}}};
};

TEST_F(MergedRunTest, AddsUpWhatComesInOrder) {
  EXPECT_EQ(run_.take(report("w1", 1, Report::Kind::ready)), Taken::merged);
  EXPECT_EQ(run_.take(report("w2", 1, Report::Kind::ready)), Taken::merged);
  EXPECT_EQ(run_.take(ended("w1", 2, {0, 2, 3})), Taken::merged);
  EXPECT_EQ(run_.take(ended("w2", 2, {1, 4, 7})), Taken::merged);
  EXPECT_FALSE(run_.all_ended());
  EXPECT_EQ(run_.take(ended("w1", 3, {5, 6, 8})), Taken::merged);
  EXPECT_TRUE(run_.all_ended());
  EXPECT_THAT(taking_part(), ElementsAre("w1", "w2"));
  EXPECT_EQ(run_.take(report("w2", 3, Report::Kind::finished)), Taken::merged);
  EXPECT_THAT(taking_part(), ElementsAre("w1"));
  EXPECT_TRUE(run_.has_finished("w2"));
  EXPECT_EQ(run_.take(report("w1", 4, Report::Kind::finished)), Taken::merged);
  const auto results = run_.results();
  EXPECT_EQ(results.sessions.ok, 9U);
  EXPECT_THAT(results.incomplete, IsEmpty());
  EXPECT_EQ(results.generator.loops, 3U);
  ASSERT_THAT(results.workers, SizeIs(2));
  EXPECT_EQ(results.workers[0].sessions.ok, 6U);
  EXPECT_EQ(results.workers[1].sessions.ok, 3U);
}

TEST_F(MergedRunTest, CountsARepeatedReportOnce) {
  EXPECT_EQ(run_.take(ended("w1", 1, {0})), Taken::merged);
  EXPECT_EQ(run_.take(ended("w1", 1, {0})), Taken::repeated);
  EXPECT_EQ(run_.take(ended("w1", 2, {2})), Taken::merged);
  EXPECT_EQ(run_.take(ended("w1", 1, {0})), Taken::repeated);
  EXPECT_EQ(run_.take(report("w1", 0)), Taken::repeated);
  EXPECT_EQ(run_.results().sessions.ok, 2U);
}

TEST_F(MergedRunTest, SaysThatAReportIsMissing) {
  EXPECT_EQ(run_.take(ended("w1", 1, {0})), Taken::merged);
  EXPECT_EQ(run_.take(ended("w1", 3, {2})), Taken::gap);
  // Late is as good as never.
  EXPECT_EQ(run_.take(ended("w1", 2, {3})), Taken::repeated);
  EXPECT_EQ(run_.take(ended("w1", 4, {5})), Taken::merged);
  EXPECT_EQ(run_.results().sessions.ok, 3U);
}

TEST_F(MergedRunTest, TakesNothingOfOthers) {
  auto foreign = ended("w1", 1, {0});
  foreign.run = "another";
  EXPECT_EQ(run_.take(foreign), Taken::old);
  auto former = ended("w1", 1, {0});
  former.epoch = 9;
  EXPECT_EQ(run_.take(former), Taken::old);
  former.epoch = 11;
  EXPECT_EQ(run_.take(former), Taken::old);
  EXPECT_EQ(run_.take(ended("w3", 1, {0})), Taken::old);
  EXPECT_EQ(run_.take(report("w2", 1, Report::Kind::finished)), Taken::merged);
  EXPECT_EQ(run_.take(ended("w2", 2, {1})), Taken::old);
  EXPECT_EQ(run_.results().sessions.ok, 0U);
}

TEST_F(MergedRunTest, WhatCannotBeReadChangesNothing) {
  auto garbage = report("w1", 1);
  garbage.measurements = "garbage";
  EXPECT_THROW(run_.take(garbage), MalformedBytes);
  Measurements foreign;
  foreign.sessions_by_entry.resize(3);
  foreign.sessions_by_entry[2].ok = 1;
  garbage.measurements = payload(std::move(foreign));
  EXPECT_THROW(run_.take(garbage), MalformedBytes);
  // Its number is free still.
  EXPECT_EQ(run_.take(ended("w1", 1, {0})), Taken::merged);
  // Users there are none of, or who have ended already.
  auto more = report("w1", 2);
  Measurements odd;
  odd.ended_users = {0, 9, 1'000'000'000};
  more.measurements = payload(std::move(odd));
  EXPECT_EQ(run_.take(more), Taken::merged);
  EXPECT_FALSE(run_.all_ended());
  EXPECT_EQ(run_.progress(Instant(1s)).done, 1U);
}

TEST_F(MergedRunTest, ALostWorkersUsersAreUnfinished) {
  EXPECT_EQ(run_.take(ended("w1", 1, {0, 2, 3, 6})), Taken::merged);
  const auto unfinished = run_.lose("w1", "no sign of life for 4 s");
  EXPECT_THAT(unfinished, testing::UnorderedElementsAre(5U, 8U));
  EXPECT_EQ(run_.names_of(unfinished), "1 Chat, 1 Shopper");
  EXPECT_EQ(run_.take(ended("w1", 2, {5, 8})), Taken::old);
  EXPECT_FALSE(run_.takes_part("w1"));
  EXPECT_THAT(taking_part(), ElementsAre("w2"));
  EXPECT_FALSE(run_.all_ended());
  EXPECT_EQ(run_.take(ended("w2", 1, {1, 4, 7}, Report::Kind::finished)), Taken::merged);
  EXPECT_TRUE(run_.all_ended());
  run_.add_incomplete("worker w1 was lost");
  const auto progress = run_.progress(Instant(1s));
  EXPECT_TRUE(progress.workers[0].lost);
  EXPECT_FALSE(progress.workers[1].lost);
  const auto results = run_.results();
  EXPECT_EQ(results.sessions.ok, 7U);
  EXPECT_FALSE(results.passed());
  EXPECT_EQ(results.workers[0].loss, "no sign of life for 4 s");
  EXPECT_THAT(results.workers[0].unfinished, testing::UnorderedElementsAre(5U, 8U));
}

TEST_F(MergedRunTest, UsersWhoBeginAnewCountOnceAndMayBeLostAgain) {
  MergedRun run(plan(), "r",
                {{.worker = "w1", .epoch = 10, .loops = {0}},
                 {.worker = "w2", .epoch = 20, .loops = {1}},
                 {.worker = "w3", .epoch = 20, .loops = {2}}});
  EXPECT_EQ(run.take(ended("w1", 1, {0})), Taken::merged);
  EXPECT_THAT(run.lose("w1", "gone"), ElementsAre(3U, 6U));
  run.assign("w2", {3});
  run.assign("w3", {6});
  EXPECT_FALSE(run.all_ended());
  EXPECT_EQ(run.take(ended("w2", 1, {3, 1})), Taken::merged);
  EXPECT_THAT(run.lose("w2", "gone too"), ElementsAre(4U, 7U));
  run.assign("w3", {4, 7});
  EXPECT_EQ(run.take(ended("w3", 1, {2, 5, 8, 6})), Taken::merged);
  EXPECT_FALSE(run.all_ended());
  EXPECT_EQ(run.take(ended("w3", 2, {4})), Taken::merged);
  EXPECT_FALSE(run.all_ended());
  // The last one with all that is left: its own and those it has taken over.
  EXPECT_THAT(run.lose("w3", "and this one"), ElementsAre(7U));
  EXPECT_TRUE(run.all_ended());
  EXPECT_THAT(run.taking_part(), IsEmpty());
  EXPECT_EQ(run.results().sessions.ok, 8U);
}

TEST_F(MergedRunTest, TimesAreThoseOfTheCoordinatorsClock) {
  run_.set_clock("w1", {.offset = 10h, .round_trip = 1ms});
  run_.set_clock("w2", {.offset = -10h, .round_trip = 2ms});
  const auto between = [this](const std::string& worker, Instant first, Instant last) {
    auto made = report(worker, 1);
    Measurements measurements;
    measurements.first_start = first;
    measurements.last_end = last;
    made.measurements = payload(std::move(measurements));
    return made;
  };
  EXPECT_EQ(run_.take(between("w1", Instant(20h + 1s), Instant(20h + 3s))), Taken::merged);
  EXPECT_EQ(run_.take(between("w2", Instant(2s), Instant(4s))), Taken::merged);
  // Nothing has begun in this one.
  auto nothing = report("w1", 2);
  nothing.measurements = payload(Measurements());
  EXPECT_EQ(run_.take(nothing), Taken::merged);
  const auto results = run_.results();
  EXPECT_EQ(results.duration, 3s);
  EXPECT_EQ(results.workers[0].clock_offset, 10h);
  EXPECT_EQ(results.workers[1].round_trip, 2ms);
}

TEST_F(MergedRunTest, ShowsHowItStands) {
  const auto with_requests = [this](std::uint64_t sequence, Duration elapsed, std::uint64_t count) {
    auto made = report("w1", sequence);
    made.elapsed = elapsed;
    made.waiting = 2;
    made.live = 4;
    made.busiest_loop = 0.5;
    Measurements measurements;
    measurements.traffic.requests = count;
    measurements.traffic.responses = count;
    measurements.traffic.errors = count / 10;
    measurements.answers.record(1'000'000);
    made.measurements = payload(std::move(measurements));
    return made;
  };
  // In two pieces.
  EXPECT_EQ(run_.take(with_requests(1, 1s, 60)), Taken::merged);
  EXPECT_EQ(run_.take(with_requests(2, 1s, 40)), Taken::merged);
  auto other = report("w2", 1);
  other.elapsed = 1s;
  other.live = 3;
  other.busiest_loop = 0.75;
  EXPECT_EQ(run_.take(other), Taken::merged);
  auto progress = run_.progress(steady_now());
  EXPECT_EQ(progress.waiting, 2U);
  EXPECT_EQ(progress.live, 7U);
  EXPECT_EQ(progress.requests, 100U);
  EXPECT_DOUBLE_EQ(progress.requests_per_second, 100);
  EXPECT_DOUBLE_EQ(progress.error_share, 0.1);
  EXPECT_DOUBLE_EQ(progress.busiest_loop, 0.75);
  ASSERT_THAT(progress.workers, SizeIs(2));
  EXPECT_EQ(progress.workers[0].live, 4U);
  EXPECT_DOUBLE_EQ(progress.workers[0].requests_per_second, 100);
  ASSERT_TRUE(progress.workers[0].p50);
  EXPECT_DOUBLE_EQ(progress.workers[1].requests_per_second, 0);
  EXPECT_FALSE(progress.workers[1].p50);
  EXPECT_EQ(progress.workers[1].silent, 0s);

  // Whenever they come, they are of the time that the worker says: the rate is that of its last second.
  EXPECT_EQ(run_.take(with_requests(3, 3s, 100)), Taken::merged);
  progress = run_.progress(steady_now());
  EXPECT_EQ(progress.requests, 200U);
  EXPECT_DOUBLE_EQ(progress.requests_per_second, 50);
  EXPECT_DOUBLE_EQ(run_.progress(steady_now()).requests_per_second, 50);
  // Of a silent worker nobody knows.
  progress = run_.progress(steady_now() + 2s);
  EXPECT_DOUBLE_EQ(progress.requests_per_second, 0);
  EXPECT_DOUBLE_EQ(progress.workers[0].requests_per_second, 0);
  EXPECT_GE(progress.workers[0].silent, 2s);
}

TEST_F(MergedRunTest, SessionsThatAreLostCountInTheDuration) {
  run_.begin(Instant(100s));
  auto short_one = ended("w2", 1, {1, 4, 7}, Report::Kind::finished);
  short_one.elapsed = 1s;
  EXPECT_EQ(run_.take(short_one), Taken::merged);
  auto unfinished = report("w1", 1);
  unfinished.elapsed = 7s;
  unfinished.live = 6;
  unfinished.busiest_loop_of_run = 0.25;
  Measurements measurements;
  measurements.traffic.requests = 70;
  unfinished.measurements = payload(std::move(measurements));
  EXPECT_EQ(run_.take(unfinished), Taken::merged);
  EXPECT_EQ(run_.measured_until("w1"), 7s);
  EXPECT_THAT(run_.lose("w1", "gone"), SizeIs(6));
  const auto results = run_.results();
  EXPECT_EQ(results.duration, 7s);
  EXPECT_EQ(results.traffic.requests, 70U);
  EXPECT_DOUBLE_EQ(results.generator.busiest_loop, 0.25);
}

TEST_F(MergedRunTest, KeepsAsManyAnswersAsOneLoop) {
  const auto with_answers = [this](std::uint64_t sequence, std::size_t count) {
    auto made = report("w1", sequence);
    Measurements measurements;
    for (std::size_t i = 0; i < count; ++i)
      measurements.stored.kept.push_back(Json("x"));
    measurements.stored.bytes = count;
    auto payloads = encode(std::move(measurements), 8 << 20);
    EXPECT_EQ(payloads.size(), 1U);
    made.measurements = payloads.front();
    return made;
  };
  EXPECT_EQ(run_.take(with_answers(1, 60'000)), Taken::merged);
  EXPECT_EQ(run_.take(with_answers(2, 60'000)), Taken::merged);
  EXPECT_EQ(run_.take(with_answers(3, 10)), Taken::merged);
  const auto results = run_.results();
  EXPECT_EQ(results.stored.size(), 60'010U);
  ASSERT_THAT(results.warnings, SizeIs(1));
  EXPECT_THAT(results.warnings[0], HasSubstr("60000 answers were not kept"));
}

// One with a histogram of this many samples of 2 ms.
Report with_samples(Report report, std::uint64_t count, bool coarse) {
  metrics::Histogram histogram;
  histogram.record(2'000'000, count);
  if (coarse) histogram.coarsen_to(kProvisionalBits);
  Measurements measurements;
  measurements.metrics.add({.session = "Shopper", .action = "get", .target = "/"}, std::move(histogram));
  report.measurements = encode(std::move(measurements)).at(0);
  return report;
}

TEST_F(MergedRunTest, WhatIsSettledTakesThePlaceOfWhatWasProvisional) {
  run_.take(with_samples(report("w1", 1), 10, true));
  run_.take(with_samples(report("w1", 2), 5, true));
  run_.take(with_samples(report("w1", 3, Report::Kind::settled), 9, false));
  run_.take(with_samples(report("w1", 4, Report::Kind::finished), 7, false));
  const auto results = run_.results();
  ASSERT_THAT(results.metrics, SizeIs(1));
  EXPECT_EQ(results.metrics[0].count(), 16U);
  EXPECT_THAT(results.warnings, IsEmpty());
}

TEST_F(MergedRunTest, OfALostWorkerWhatWasProvisionalCounts) {
  run_.take(with_samples(report("w1", 1), 10, true));
  run_.take(with_samples(report("w1", 2, Report::Kind::settled), 9, false));
  run_.lose("w1", "no sign of life");
  const auto results = run_.results();
  ASSERT_THAT(results.metrics, SizeIs(1));
  EXPECT_EQ(results.metrics[0].count(), 10U);
  ASSERT_THAT(results.warnings, SizeIs(1));
  EXPECT_THAT(results.warnings[0], HasSubstr("w1 was lost before sending them at full precision"));
}

TEST_F(MergedRunTest, IfAPieceOfWhatIsSettledIsMissingWhatWasProvisionalCounts) {
  run_.take(with_samples(report("w1", 1), 10, true));
  run_.take(with_samples(report("w1", 2, Report::Kind::settled), 3, false));
  EXPECT_EQ(run_.take(with_samples(report("w1", 4, Report::Kind::finished), 3, false)), Taken::gap);
  const auto results = run_.results();
  ASSERT_THAT(results.metrics, SizeIs(1));
  EXPECT_EQ(results.metrics[0].count(), 10U);
}

TEST_F(MergedRunTest, AWorkerThatFinishesWithoutSomeOfItsUsersDoesNotHoldUpTheRun) {
  run_.take(ended("w1", 1, {0, 2, 3, 5, 6, 8}));
  run_.take(ended("w2", 1, {1}));
  run_.take(report("w2", 2, Report::Kind::finished));
  EXPECT_FALSE(run_.all_ended());
  EXPECT_THAT(run_.give_up_rest("w2"), ElementsAre(4, 7));
  EXPECT_TRUE(run_.all_ended());
}

TEST_F(MergedRunTest, ALostReportOfTheEndsOfUsersDoesNotHoldUpTheRun) {
  auto live = report("w1", 1);
  live.live = 2;
  run_.take(live);
  run_.take(report("w2", 1));
  EXPECT_FALSE(run_.stuck());
  run_.take(report("w1", 3));
  EXPECT_FALSE(run_.all_ended());
  EXPECT_TRUE(run_.stuck());
}

}  // namespace
}  // namespace chaperon::cluster
