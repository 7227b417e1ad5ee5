#include "base/duration_text.hpp"

#include <string>

#include <gtest/gtest.h>

#include "base/clock.hpp"

namespace chaperon {
namespace {

TEST(ParseDurationTest, TakesEveryUnit) {
  EXPECT_EQ(parse_duration("7ns", 1s), 7ns);
  EXPECT_EQ(parse_duration("250us", 1s), 250us);
  EXPECT_EQ(parse_duration("250µs", 1s), 250us);
  EXPECT_EQ(parse_duration("500ms", 1s), 500ms);
  EXPECT_EQ(parse_duration("10s", 1s), 10s);
  EXPECT_EQ(parse_duration("1.5s", 1s), 1500ms);
  EXPECT_EQ(parse_duration("2m", 1s), 2min);
  EXPECT_EQ(parse_duration("2h", 1s), 2h);
  EXPECT_EQ(parse_duration("1m30s", 1s), 90s);
  EXPECT_EQ(parse_duration("1h0.5m1ms", 1s), 1h + 30s + 1ms);
  EXPECT_EQ(parse_duration("0s", 1s), 0s);
  EXPECT_EQ(parse_duration("infinity", 1s), kForever);
}

TEST(ParseDurationTest, ABareNumberCountsTheUnitItIsGiven) {
  EXPECT_EQ(parse_duration("2", 1s), 2s);
  EXPECT_EQ(parse_duration("2.5", 1ms), 2500us);
  EXPECT_EQ(parse_duration("1m30", 1s), std::nullopt);
}

TEST(ParseDurationTest, RefusesEverythingElse) {
  for (const auto* text : {"", " ", "s", "-1s", "1 s", "1x", "1s ", "+1s", "1e3s", "1..5s", ".5s", "inf",
                           "nan", "Infinity", "300000000h", "99999999999999999999s", "1S"})
    EXPECT_EQ(parse_duration(text, 1s), std::nullopt) << text;
}

TEST(ParseDurationTest, RefusesASumThatDoesNotFit) {
  EXPECT_NE(parse_duration("2500000h", 1s), std::nullopt);
  EXPECT_EQ(parse_duration("2500000h2500000h", 1s), std::nullopt);
}

TEST(DurationFromConfigTest, ANumberIsMillisecondsATextHasUnits) {
  EXPECT_EQ(duration_from_config(500), 500ms);
  EXPECT_EQ(duration_from_config(0.5), 500us);
  EXPECT_EQ(duration_from_config(0), 0ms);
  EXPECT_EQ(duration_from_config("1.5s"), 1500ms);
  EXPECT_EQ(duration_from_config("500"), 500ms);
  EXPECT_EQ(duration_from_config("infinity"), kForever);
  for (const Json& wrong : {Json(-1), Json(true), Json(nullptr), Json::array({1}), Json("soon"), Json(1e300)})
    EXPECT_EQ(duration_from_config(wrong), std::nullopt) << wrong;
}

TEST(DurationTextTest, HasThreeDigitsAndAUnit) {
  EXPECT_EQ(duration_text(0ns), "0 ns");
  EXPECT_EQ(duration_text(999ns), "999 ns");
  EXPECT_EQ(duration_text(1us), "1 µs");
  EXPECT_EQ(duration_text(12345ns), "12 µs");
  EXPECT_EQ(duration_text(4100us), "4.1 ms");
  EXPECT_EQ(duration_text(999400us), "999 ms");
  EXPECT_EQ(duration_text(999600us), "1 s");
  EXPECT_EQ(duration_text(30s), "30 s");
  EXPECT_EQ(duration_text(1500ms), "1.5 s");
  EXPECT_EQ(duration_text(90s), "1m30s");
  EXPECT_EQ(duration_text(2min), "2 min");
  EXPECT_EQ(duration_text(2h), "2h00m");
  EXPECT_EQ(duration_text(2h + 5min), "2h05m");
}

TEST(DurationTextTest, NeverSaysSixtySeconds) {
  EXPECT_EQ(duration_text(59999ms), "1 min");
}

TEST(ParseDurationTest, ClockShowsMinutesAndHours) {
  EXPECT_EQ(clock_text(0s), "0:00");
  EXPECT_EQ(clock_text(14'900ms), "0:14");
  EXPECT_EQ(clock_text(725s), "12:05");
  EXPECT_EQ(clock_text(3723s), "1:02:03");
}

TEST(ClockTest, AVirtualClockMovesWhenToldAndNeverBack) {
  Clock clock(Instant{} + 5s);
  EXPECT_TRUE(clock.is_virtual());
  EXPECT_EQ(clock.now(), Instant{} + 5s);
  clock.advance_to(Instant{} + 7s);
  clock.advance_to(Instant{} + 6s);
  EXPECT_EQ(clock.now(), Instant{} + 7s);
  EXPECT_FALSE(Clock().is_virtual());
}

TEST(ClockTest, ADeadlineBeyondTheEndOfTimeIsNone) {
  const Instant now = Instant{} + 1h;
  EXPECT_EQ(deadline_after(now, 1s), now + 1s);
  EXPECT_EQ(deadline_after(now, kForever), Instant::max());
  EXPECT_EQ(deadline_after(now, kForever - 30min), Instant::max());
  EXPECT_EQ(deadline_after(now, -1s), now - 1s);
}

TEST(ClockTest, ASumBeyondAllDurationsIsForever) {
  EXPECT_EQ(sum_of(1s, 2ms), 1002ms);
  EXPECT_EQ(sum_of(kForever, 0s), kForever);
  EXPECT_EQ(sum_of(kForever, 1s), kForever);
  EXPECT_EQ(sum_of(1s, kForever), kForever);
  EXPECT_EQ(sum_of(kForever - 1s, 2s), kForever);
}

}  // namespace
}  // namespace chaperon
