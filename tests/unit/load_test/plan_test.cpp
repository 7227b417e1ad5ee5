#include "load_test/plan.hpp"

#include "load_test_fixture.hpp"

namespace chaperon::load_test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct A {
  static void run(Session&) {}
};
struct B {
  static void run(Session&) {}
};
namespace other {
struct A {
  static void run(Session& session) { session.delay(0s); }
};
}  // namespace other

Plan make(Scenarios table, Json default_config = Json::object(), RunOptions options = {}) {
  return Plan::make(load_test(std::move(table), std::move(default_config)), options);
}

TEST(PlanTest, TakesTheTableAsItIs) {
  const auto plan =
      make({{scenario<A>, {}}, {100 * scenario<B>, "crowd", {{"n", 1}}}, {3 * sequence<A, B>, {}}});
  EXPECT_EQ(plan.name, "Test");
  EXPECT_EQ(plan.users, 104U);
  ASSERT_EQ(plan.entries.size(), 3U);
  EXPECT_EQ(plan.entries[0].name, "A");
  EXPECT_EQ(plan.entries[0].users, 1U);
  EXPECT_EQ(plan.entries[1].name, "crowd");
  EXPECT_EQ(plan.entries[1].users, 100U);
  EXPECT_EQ(plan.entries[1].config, Json({{"n", 1}}));
  EXPECT_EQ(plan.entries[2].name, "A+B");
  EXPECT_EQ(plan.entries[2].users, 3U);
  EXPECT_EQ(plan.timeout, kForever);
  EXPECT_EQ(plan.table(), Json::parse(R"([{"name":"A","scenarios":["A"],"users":1,"config":{}},
                                          {"name":"crowd","scenarios":["B"],"users":100,"config":{"n":1}},
                                          {"name":"A+B","scenarios":["A","B"],"users":3,"config":{}}])"));
}

TEST(PlanTest, MergesDefaultEntryOptionsAndBaseUrlInThatOrder) {
  const Json defaults = {
      {"base_url", "http://default"}, {"a", {{"d", 1}, {"e", 1}, {"o", 1}}}, {"only", "default"}};
  const Json entry = {{"base_url", "http://entry"}, {"a", {{"e", 2}, {"o", 2}}}};
  RunOptions options;
  options.config = {{"base_url", "http://options"}, {"a", {{"o", 3}}}};
  const auto plan = make({{scenario<A>, entry}, {scenario<B>, {}}}, defaults, options);
  EXPECT_EQ(
      plan.entries[0].config,
      Json({{"base_url", "http://options"}, {"a", {{"d", 1}, {"e", 2}, {"o", 3}}}, {"only", "default"}}));
  EXPECT_EQ(plan.entries[1].config["a"], Json({{"d", 1}, {"e", 1}, {"o", 3}}));
  EXPECT_EQ(plan.config["a"], Json({{"d", 1}, {"e", 1}, {"o", 3}}));
  EXPECT_EQ(plan.base_url, "http://options");

  options.base_url = "http://command.line";
  const auto with_url = make({{scenario<A>, entry}}, defaults, options);
  EXPECT_EQ(with_url.entries[0].config["base_url"], "http://command.line");
  EXPECT_EQ(with_url.base_url, "http://command.line");
}

TEST(PlanTest, NullReplacesAndANullConfigIsAnEmptyObject) {
  const auto plan =
      make({{scenario<A>, {{"a", nullptr}, {"scenario_timeout", nullptr}}}, {scenario<B>, nullptr}},
           {{"a", {{"x", 1}}}, {"scenario_timeout", 5}});
  EXPECT_EQ(plan.entries[0].config, Json({{"a", nullptr}, {"scenario_timeout", nullptr}}));
  EXPECT_EQ(plan.entries[1].config, Json({{"a", {{"x", 1}}}, {"scenario_timeout", 5}}));
  EXPECT_EQ(make({{scenario<A>, {}}}, nullptr).config, Json::object());
}

TEST(PlanTest, TheTableSeesTheMergedConfig) {
  RegisteredLoadTest test = load_test({}, {{"users", 2}});
  test.scenarios = [](const Json& config) {
    return Scenarios{{config["users"].get<int>() * scenario<A>, {}}};
  };
  EXPECT_EQ(Plan::make(test, {}).users, 2U);
  RunOptions options;
  options.config = {{"users", 7}};
  EXPECT_EQ(Plan::make(test, options).users, 7U);
}

TEST(PlanTest, EntriesOfOneNameAreFineIfTheyRunTheSame) {
  const auto plan = make({{2 * scenario<A>, {}}, {3 * scenario<A>, {{"n", 1}}}, {scenario<A>, "B"}});
  EXPECT_EQ(plan.users, 6U);
}

TEST(PlanTest, TwoScenariosOfOneNameAreRefused) {
  const std::string message =
      "Test: two different scenarios are called A, and their rows would mix: give one of the entries another "
      "name, as in {scenario<…>, \"name\", {…}}";
  EXPECT_EQ(input_error([] { make({{scenario<A>, {}}, {scenario<other::A>, {}}}); }), message);
  EXPECT_EQ(input_error([] { make({{scenario<A>, {}}, {scenario<B>, "A"}}); }), message);
  EXPECT_EQ(make({{scenario<A>, {}}, {scenario<other::A>, "other"}}).users, 2U);
}

TEST(PlanTest, ZeroOrNegativeUsersAreRefused) {
  EXPECT_EQ(input_error([] {
              make({{0 * scenario<A>, {}}});
            }),
            "Test: entry A has 0 sessions: it needs at least one");
  EXPECT_EQ(input_error([] {
              make({{-5 * scenario<A>, "crowd"}});
            }),
            "Test: entry crowd has -5 sessions: it needs at least one");
}

TEST(PlanTest, AnEmptyTableIsRefused) {
  EXPECT_EQ(input_error([] { make({}); }), "Test has no scenarios: its scenarios() returned an empty table");
}

TEST(PlanTest, ConfigsThatAreNoObjectsAreRefused) {
  EXPECT_THAT(
      input_error([] {
        make({{scenario<A>, Json(5)}});
      }),
      StartsWith("the config of entry A is the number 5, not an object: write it as {{\"key\", value}"));
  EXPECT_THAT(input_error([] {
                make({{scenario<A>, {}}}, "text");
              }),
              StartsWith("the default_config() of Test is the string \"text\", not an object"));
  RunOptions options;
  options.config = Json::array({1});
  EXPECT_THAT(input_error([&] {
                make({{scenario<A>, {}}}, {}, options);
              }),
              StartsWith("the config given for this run is an array, not an object"));
}

TEST(PlanTest, ConfigOfTheEngineIsCheckedBeforeAnythingRuns) {
  const auto error_of = [](const Json& config) {
    return input_error([&] { make({{scenario<A>, config}}); });
  };
  EXPECT_THAT(error_of({{"base_url", "nonsense"}}), HasSubstr("nonsense"));
  EXPECT_THAT(error_of({{"base_url", "https://host"}}), HasSubstr("https"));
  EXPECT_THAT(error_of({{"base_url", "http://host/?a=1"}}), HasSubstr("cannot have a query"));
  EXPECT_THAT(error_of({{"timeout", "soon"}}), StartsWith("A: config key \"timeout\" cannot be used"));
  for (const auto* key : {"delay", "random_delay", "scenario_timeout"}) {
    EXPECT_EQ(error_of({{key, "soon"}}),
              "config key \"" + std::string(key) +
                  "\" of A cannot be used: it is the string \"soon\", not a duration, "
                  "such as 500 (milliseconds), \"1.5s\" or \"2m\"");
  }
  EXPECT_THAT(input_error([] {
                make({{scenario<A>, {}}}, {{"load_test_timeout", true}});
              }),
              StartsWith("config key \"load_test_timeout\" of Test cannot be used"));
  EXPECT_THAT(input_error([] {
                make({{scenario<A>, {}}}, {{"local_addresses", "eth0"}});
              }),
              StartsWith("local address \"eth0\""));
}

TEST(PlanTest, ReadsWhatConcernsTheWholeRun) {
  const auto plan = make({{scenario<A>, {}}}, {{"load_test_timeout", "2m"},
                                               {"http", {{"dns_ttl", 1500}}},
                                               {"local_addresses", {"127.0.0.2", "127.1.0.0/31"}}});
  EXPECT_EQ(plan.timeout, 2min);
  EXPECT_EQ(plan.dns_ttl, 1500ms);
  EXPECT_EQ(plan.local_addresses.size(), 3U);
  EXPECT_EQ(make({{scenario<A>, {}}}, {{"local_addresses", "127.0.0.2"}}).local_addresses.size(), 1U);
}

TEST(PlanTest, AnActionIsRecordedIfLoadTestAndOptionsWantIt) {
  auto test = load_test({{scenario<A>, {}}});
  RunOptions options;
  EXPECT_FALSE(Plan::make(test, options).record);
  test.record = [](std::string_view action) { return action != "call"; };
  EXPECT_TRUE(Plan::make(test, options).record("get"));
  EXPECT_FALSE(Plan::make(test, options).record("call"));
  options.metrics = {"get", "call"};
  EXPECT_TRUE(Plan::make(test, options).record("get"));
  EXPECT_FALSE(Plan::make(test, options).record("call"));
  EXPECT_FALSE(Plan::make(test, options).record("post"));
}

TEST(PlanTest, WhatTheLoadTestThrowsPasses) {
  RegisteredLoadTest test = load_test({});
  test.scenarios = [](const Json&) -> Scenarios { throw std::runtime_error("no table"); };
  EXPECT_THROW(Plan::make(test, {}), std::runtime_error);
}

}  // namespace
}  // namespace chaperon::load_test
