#include "cli/table.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cli/rows.hpp"
#include "shop_results.hpp"

namespace chaperon::cli {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

std::string line_with(const std::string& text, const std::string& begin) {
  for (const auto& line : lines_of(text)) {
    if (line.starts_with(begin)) return line;
  }
  return {};
}

TEST(Rows, LabelsLeaveOutTheBaseUrl) {
  EXPECT_EQ(action_label("get", "http://h:1/items", "http://h:1"), "get /items");
  EXPECT_EQ(action_label("get", "http://h:1/", "http://h:1"), "get /");
  EXPECT_EQ(action_label("get", "http://h:1?x=1", "http://h:1"), "get ?x=1");
  EXPECT_EQ(action_label("get", "http://h:10/items", "http://h:1"), "get http://h:10/items");
  EXPECT_EQ(action_label("get", "http://h/api/a", "http://h/api"), "get /a");
  EXPECT_EQ(action_label("ws_connect", "ws://h:1/chat", "http://h:1"), "ws_connect /chat");
  EXPECT_EQ(action_label("connect", "http://h:1", "http://h:1"), "connect");
  EXPECT_EQ(action_label("connect", "http://other", "http://h:1"), "connect http://other");
  EXPECT_EQ(action_label("post", "item", "http://h:1"), "post item");
  EXPECT_EQ(action_label("call", "Shopper.checkout", "http://h:1"), "call(Shopper.checkout)");
  EXPECT_EQ(action_label("round_trip", "", "http://h:1"), "round_trip");
}

TEST(Rows, BaseUrlIsTheConfigsOrTheCommonestOrigin) {
  auto results = shop_results();
  EXPECT_EQ(common_base_url(results), kShopUrl);
  results.config = {{"base_url", "http://elsewhere"}};
  EXPECT_EQ(common_base_url(results), kShopUrl);
  results.config = nullptr;
  EXPECT_EQ(common_base_url(results), kShopUrl);
  results.metrics.clear();
  EXPECT_EQ(common_base_url(results), "");
}

TEST(Rows, ErrorsStandBesideWhatTheyAreErrorsOf) {
  const auto results = shop_results();
  const auto groups = group_rows(results, kShopUrl);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].session, "shopper");
  EXPECT_EQ(groups[0].sessions, 499U);
  std::vector<std::string> labels;
  for (const auto& row : groups[0].rows)
    labels.push_back(row.label);
  EXPECT_THAT(labels,
              ElementsAre("connect", "get /items", "post /login", "post item", "call(Shopper.checkout)"));
  EXPECT_EQ(groups[0].rows[2].count, 499U);
  EXPECT_EQ(groups[0].rows[2].errors, 3U);
  EXPECT_TRUE(groups[0].rows[2].unanswered.empty());
  EXPECT_EQ(groups[0].rows[3].errors, 200U);
  EXPECT_EQ(groups[0].rows[3].unanswered.size(), 1U);
  EXPECT_EQ(groups[1].rows.back().label, "depth");
}

TEST(Table, IsAsTheTerminalPageShowsIt) {
  const auto text = render_table(shop_results());
  const auto lines = lines_of(text);
  EXPECT_EQ(
      lines[0],
      "  http://127.0.0.1:5000       count    rate    err    mean     p50     p90     p99   p99.9     max");
  EXPECT_EQ(lines[1], "shopper (499 sessions)");
  EXPECT_EQ(lines[2].substr(0, 58), "  connect                       499  16.5/s      0  2.5 ms");
  EXPECT_EQ(
      lines[3],
      "  get /items                 20,000   662/s      0   10 ms   10 ms   16 ms   18 ms   18 ms   18 ms");
  for (const auto& line : lines)
    EXPECT_LE(display_width(line), kColumns) << line;
  for (std::size_t at = 2; at < 7; ++at)
    EXPECT_EQ(display_width(lines[at]), kColumns) << lines[at];
}

TEST(Table, PercentilesNeedSamplesBeyondThem) {
  const auto text = render_table(shop_results());
  // 499 samples say nothing of p99.9, 5 nothing of p90, 1 not even of p50.
  EXPECT_THAT(line_with(text, "  connect "), EndsWith("      -  4.1 ms"));
  EXPECT_THAT(line_with(text, "  call("), HasSubstr("58 ms   58 ms       -       -       -   96 ms"));
  EXPECT_THAT(line_with(text, "  round_trip"), HasSubstr("2.0 ms       -       -       -       -  2.0 ms"));
  EXPECT_THAT(text, HasSubstr("  - too few samples for this percentile\n"));
}

TEST(Table, UnansweredRequestsStarThePercentilesTheyWouldRaise) {
  const auto text = render_table(shop_results());
  const auto row = line_with(text, "  post item");
  EXPECT_THAT(row, HasSubstr("31 ms*"));
  // 200 of 10,200 are beyond p98: p50 and p90 move by less than what is shown.
  EXPECT_EQ(std::count(row.begin(), row.end(), '*'), 2);
  EXPECT_THAT(
      text,
      HasSubstr("  * without 200 unanswered; counted at the time they took, p99 = 10.0 s, p99.9 = 10.0 s\n"));
  EXPECT_THAT(line_with(text, "  post /login"), Not(HasSubstr("*")));
}

TEST(Table, NumbersHaveNoUnit) {
  const auto row = line_with(render_table(shop_results()), "  depth");
  EXPECT_THAT(row, HasSubstr("50.5      50      90      99       -     100"));
}

TEST(Table, ARowOfErrorsAlone) {
  metrics::Recorder recorder;
  recorder.record(recorder.intern({"s", "get", "http://h/", "refused"}), 1ms);
  Results results;
  results.duration = 1s;
  results.metrics = recorder.take().rows();
  EXPECT_THAT(line_with(render_table(results), "  get /"),
              HasSubstr("0     0/s      1       -       -       -       -       -       -"));
}

TEST(Table, LongNamesLoseTheirMiddle) {
  metrics::Recorder recorder;
  recorder.record(recorder.intern({"s", "get", "http://h/" + std::string(100, 'x') + "/end"}), 1ms);
  recorder.record(recorder.intern({"s", "get", "http://" + std::string(60, 'y') + ".test/"}), 1ms);
  Results results;
  results.duration = 1s;
  results.metrics = recorder.take().rows();
  for (const auto& line : lines_of(render_table(results)))
    EXPECT_LE(display_width(line), kColumns) << line;
  EXPECT_THAT(render_table(results), HasSubstr("/end "));
}

TEST(Table, HugeCountsTakeRoomFromTheName) {
  metrics::Recorder recorder;
  Results results;
  results.duration = 1s;
  results.metrics = recorder.take().rows();
  auto histogram = std::make_shared<metrics::Histogram>();
  histogram->record(2'000'000, 123'456'789'012);
  results.metrics.emplace_back("s", "get", "http://h/" + std::string(30, 'x'), "", MetricKind::duration,
                               histogram);
  const auto text = render_table(results);
  EXPECT_THAT(text, HasSubstr(" 123,456,789,012 "));
  for (const auto& line : lines_of(text))
    EXPECT_LE(display_width(line), kColumns) << line;
}

TEST(Table, NarrowTerminalsLoseColumnsInsteadOfWrapping) {
  const auto results = shop_results();
  const auto head = lines_of(render_table(results, 80))[0];
  EXPECT_LE(display_width(head), 82U);
  EXPECT_THAT(head, Not(HasSubstr("p90")));
  EXPECT_THAT(head, EndsWith("max"));
}

TEST(Table, ServersCannotSteerTheTerminal) {
  metrics::Recorder recorder;
  recorder.record(recorder.intern({"s\x1b[31m", "a\x1b]0;x\a", "t\n"}), 1ms);
  Results results;
  results.duration = 1s;
  results.metrics = recorder.take().rows();
  const auto text = render_table(results);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\a")));
}

TEST(Table, NothingRecordedIsNoTable) {
  EXPECT_EQ(render_table(Results()), "");
}

TEST(Table, OfManyRowsThoseWithTheMostSamplesAreShown) {
  metrics::Recorder recorder;
  for (int at = 0; at < 200; ++at) {
    record_range(recorder, {"s", "get", fmt::format("item {:03}", at)}, at % 2 == 0 ? 1 : 3, 1ms, 2ms);
    record_range(recorder, {fmt::format("t{}", at), "get", "x"}, 2, 1ms, 2ms);
  }
  record_range(recorder, {"s", "get", "item 000"}, 5, 1ms, 2ms);
  Results results;
  results.metrics = recorder.take().rows();
  const auto text = render_table(results);
  EXPECT_THAT(text, HasSubstr("\n  get item 000 "));
  EXPECT_THAT(text, HasSubstr("\n  get item 001 "));
  EXPECT_THAT(text, Not(HasSubstr("\n  get item 002 ")));
  EXPECT_THAT(text, HasSubstr("\n  get item 097 "));
  EXPECT_THAT(text, Not(HasSubstr("\n  get item 099 ")));
  EXPECT_THAT(text, HasSubstr("\n  … 150 more rows: see the export (--output FILE)\nt0\n"));
  EXPECT_THAT(text, HasSubstr("\n… 181 more session names: see the export (--output FILE)\n"));
}

}  // namespace
}  // namespace chaperon::cli
