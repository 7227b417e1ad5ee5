#include "export/json.hpp"

#include <algorithm>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "export/exporter.hpp"
#include "export/output_error.hpp"
#include "sample_results.hpp"

namespace chaperon::exporting {
namespace {

std::string text_of(const Results& results) {
  std::ostringstream out;
  JsonExporter().write(results, out);
  return out.str();
}

TEST(JsonExport, HasTheDocumentedHead) {
  EXPECT_EQ(
      text_of(sample_results())
          .find(
              R"({"version":1,"load_test":"PubSubTest","started_at":"2026-01-31T12:00:00.123Z","duration_ms":30200.5,)"
              R"("sessions":{"ok":597,"failed":1,"cancelled":2,"timed_out":3},)"),
      0U)
      << text_of(sample_results());
}

TEST(JsonExport, HasARowALine) {
  const auto text = text_of(sample_results());
  const auto has = [&](const std::string& part) { return text.find(part) != std::string::npos; };
  EXPECT_TRUE(has(
      "\n{\"session\":\"shopper\",\"action\":\"get\",\"target\":\"http://h/items\",\"error\":\"HTTP 503\","
      "\"total_count\":1,\"max\":12.0,\"mean\":12.0,\"min\":12.0,\"percentile_10.0\":12.0,"))
      << text;
  EXPECT_TRUE(
      has("\n{\"session\":\"shopper\",\"action\":\"depth\",\"target\":null,\"error\":null,\"total_count\":2,"
          "\"max\":18,\"mean\":17.5,\"min\":17,\"percentile_10.0\":17,"))
      << text;
  EXPECT_TRUE(has("\"percentile_99.99\":18,\"percentile_99.999\":18},\n")) << text;
}

TEST(JsonExport, ReadsBack) {
  const auto json = Json::parse(text_of(sample_results()));
  ASSERT_EQ(json["rows"].size(), 4U);
  EXPECT_EQ(json["rows"][0].size(), 5U + 18U);
  EXPECT_EQ(json["rows"][0]["error"], "HTTP 503");
  EXPECT_EQ(json["rows"][1]["action"], "depth");
  EXPECT_EQ(json["rows"][2]["target"], "http://h/a?x=1,2&y=\"z\"");
  EXPECT_EQ(json["rows"][3]["max"], 2.5) << "milliseconds to three decimals";
  EXPECT_EQ(json["rows"][3]["percentile_50.0"], 1.5);
}

TEST(JsonExport, ListsErrorsOfActionsThenEndsOfSessions) {
  const auto errors = Json::parse(text_of(sample_results()))["errors"];
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0], (Json{{"session", "shopper"},
                             {"action", "get"},
                             {"target", "http://h/items"},
                             {"reason", "HTTP 503"},
                             {"count", 1},
                             {"example", "upstream \xEF\xBF\xBD unavailable"},
                             {"session_id", "7f3a"},
                             {"first_at_ms", 1250.0}}))
      << "with what is not UTF-8 replaced";
  EXPECT_EQ(errors[1]["reason"], "failed");
  EXPECT_TRUE(errors[1]["action"].is_null());
}

TEST(JsonExport, WithoutRowsIsStillWhole) {
  const auto json = Json::parse(text_of({}));
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["rows"], Json::array());
  EXPECT_EQ(json["errors"], Json::array());
}

TEST(Formats, AreFoundByName) {
  EXPECT_EQ(exporter_for("csv").format(), "csv");
  EXPECT_EQ(exporter_for("json").format(), "json");
  EXPECT_EQ(formats().front(), "csv");
  for (const auto format : formats())
    EXPECT_EQ(exporter_for(format).format(), format);
}

TEST(Formats, AnUnknownOneIsAnErrorThatListsThem) {
  try {
    exporter_for("xml");
    FAIL() << "xml was found";
  } catch (const OutputError& error) {
    EXPECT_STREQ(error.what(), "there is no output format \"xml\": choose one of csv, json");
  }
}

TEST(Formats, AreFoundByExtension) {
  EXPECT_EQ(format_for_path("m.csv"), "csv");
  EXPECT_EQ(format_for_path("out/m.json"), "json");
  EXPECT_EQ(format_for_path("M.JSON"), "json");
  EXPECT_EQ(format_for_path("m"), "csv");
  EXPECT_EQ(format_for_path("m.txt"), "csv");
  EXPECT_EQ(format_for_path("results.json/m"), "csv");
  EXPECT_EQ(format_for_path("-"), "csv");
  EXPECT_EQ(format_for_path(""), "csv");
  EXPECT_EQ(format_for_path("m."), "csv");
}

TEST(JsonExport, OfAClusterHasWhatIsMissingAndTheWorkers) {
  auto results = sample_results();
  EXPECT_FALSE(Json::parse(text_of(results)).contains("workers"));
  results.incomplete = {"worker w2 lost at 0:41: no sign of life"};
  results.workers = {{.name = "w2",
                      .loops = 3,
                      .sessions = {.ok = 5},
                      .traffic = {.requests = 7, .responses = 6},
                      .busiest_loop = 0.25,
                      .clock_offset = Duration(-1500us),
                      .round_trip = Duration(250us),
                      .loss = "no sign of life",
                      .unfinished = {1, 4, 7, 9}}};
  const auto json = Json::parse(text_of(results));
  EXPECT_EQ(json["incomplete"], Json::array({"worker w2 lost at 0:41: no sign of life"}));
  ASSERT_EQ(json["workers"].size(), 1U);
  const auto& worker = json["workers"][0];
  EXPECT_EQ(worker["name"], "w2");
  EXPECT_EQ(worker["loops"], 3);
  EXPECT_EQ(worker["sessions"]["ok"], 5);
  EXPECT_EQ(worker["requests"], 7);
  EXPECT_EQ(worker["responses"], 6);
  EXPECT_EQ(worker["clock_offset_ms"], -1.5);
  EXPECT_EQ(worker["clock_round_trip_ms"], 0.25);
  EXPECT_EQ(worker["loss"], "no sign of life");
  EXPECT_EQ(worker["unfinished_users"], Json::parse("[[1,3,3],[9,1,1]]"));
}

}  // namespace
}  // namespace chaperon::exporting
