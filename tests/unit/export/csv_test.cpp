#include "export/csv.hpp"

#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "export/columns.hpp"
#include "sample_results.hpp"

namespace chaperon::exporting {
namespace {

constexpr const char* kHeader =
    "session_action_name,total_count,max,mean,min,percentile_10.0,percentile_20.0,percentile_30.0,percentile_"
    "40.0,"
    "percentile_50.0,percentile_60.0,percentile_75.0,percentile_80.0,percentile_85.0,percentile_90.0,"
    "percentile_95.0,"
    "percentile_99.0,percentile_99.9,percentile_99.99,percentile_99.999";

std::string csv_of(const Results& results) {
  std::ostringstream out;
  CsvExporter().write(results, out);
  return out.str();
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i)
    all += "," + text;
  return all;
}

TEST(Csv, HeaderAloneWithoutRows) {
  EXPECT_EQ(csv_of({}), std::string(kHeader) + "\n");
}

TEST(Csv, WritesRowsByteForByte) {
  // The bucket of 1.5 ms ends at 1.500159 ms.
  EXPECT_EQ(csv_of(sample_results()),
            std::string(kHeader) + "\n" + "shopper Error HTTP 503 get(http://h/items),1" +
                repeated("12.000", 18) + "\n" + "shopper depth,2,18,17.5,17" + repeated("17", 5) +
                repeated("18", 10) + "\n" + "\"shopper get(http://h/a?x=1,2&y=\"\"z\"\")\",1" +
                repeated("1000.000", 18) + "\n" + "shopper get(http://h/items),2,2.500,2.000,1.500" +
                repeated("1.500", 5) + repeated("2.500", 10) + "\n");
}

TEST(Csv, QuotesLineBreaks) {
  metrics::Recorder recorder;
  recorder.record(recorder.intern({"a\nb", "c\rd"}), Duration(1));
  Results results;
  results.metrics = recorder.take().rows();
  EXPECT_NE(csv_of(results).find("\n\"a\nb c\rd\",1,0.000,"), std::string::npos);
}

TEST(ValueText, NumbersAreAsShortAsTheyCanBe) {
  const auto text = [](double value) { return value_text(value, MetricKind::number); };
  EXPECT_EQ(text(17), "17");
  EXPECT_EQ(text(0), "0");
  EXPECT_EQ(text(-0.0), "0");
  EXPECT_EQ(text(-3), "-3");
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(text(1e15), "1000000000000000");
  EXPECT_EQ(text(1e300), "1e+300");
  EXPECT_EQ(text(2.5e-7), "2.5e-07");
}

TEST(ValueText, DurationsHaveThreeDecimals) {
  EXPECT_EQ(value_text(0, MetricKind::duration), "0.000");
  EXPECT_EQ(value_text(4.1239, MetricKind::duration), "4.124");
  EXPECT_EQ(value_text(123456, MetricKind::duration), "123456.000");
}

}  // namespace
}  // namespace chaperon::exporting
