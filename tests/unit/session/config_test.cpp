// Session: config.
#include <cstdint>

#include "session_fixture.hpp"

namespace chaperon::session {
namespace {

class SessionConfigTest : public SessionTest {};

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(SessionConfigTest, ConfigReadsADottedKeyAPathAndADefault) {
  run_ok(
      [](Session& s) {
        EXPECT_EQ(s.config<int>("plain"), 1);
        EXPECT_EQ(s.config<int>("a.b.c"), 2);
        EXPECT_EQ(s.config<int>({"a", "b", "c"}), 2);
        EXPECT_EQ(s.config<int>({"dotted.key"}), 3);
        EXPECT_EQ(s.config<int>("missing", 4), 4);
        EXPECT_EQ(s.config<int>("plain", 4), 1);
        EXPECT_EQ(s.config<int>({"a", "missing"}, 5), 5);
        EXPECT_EQ(s.config<int>({"plain", "beyond"}, 6), 6);
        EXPECT_EQ(s.config<std::string>("missing", "text"), "text");
      },
      {{"plain", 1}, {"a", {{"b", {{"c", 2}}}}}, {"dotted.key", 3}});
}

TEST_F(SessionConfigTest, ConfigConvertsEachType) {
  run_ok(
      [](Session& s) {
        EXPECT_TRUE(s.config<bool>("yes"));
        EXPECT_EQ(s.config<std::string>("text"), "ten");
        EXPECT_EQ(s.config<double>("half"), 0.5);
        EXPECT_EQ(s.config<double>("seven"), 7.0);
        EXPECT_EQ(s.config<std::int8_t>("seven"), 7);
        EXPECT_EQ(s.config<std::uint64_t>("huge"), 18446744073709551615U);
        EXPECT_EQ(s.config<std::vector<int>>("list"), (std::vector{1, 2, 3}));
        EXPECT_EQ(s.config<Json>("list"), Json::parse("[1,2,3]"));
        EXPECT_EQ(s.config<Json>("nothing"), Json(nullptr));
      },
      {{"yes", true},
       {"text", "ten"},
       {"half", 0.5},
       {"seven", 7},
       {"huge", UINT64_MAX},
       {"list", {1, 2, 3}},
       {"nothing", nullptr}});
}

TEST_F(SessionConfigTest, ConfigDurationsAreMillisecondsOrText) {
  run_ok(
      [](Session& s) {
        EXPECT_EQ(s.config<Duration>("number"), 1500ms);
        EXPECT_EQ(s.config<Duration>("fraction"), 250us);
        EXPECT_EQ(s.config<Duration>("text"), 1500ms);
        EXPECT_EQ(s.config<Duration>("minutes"), 2min);
        EXPECT_EQ(s.config<std::chrono::milliseconds>("minutes"), 120000ms);
        EXPECT_EQ(s.config<Duration>("infinity"), kForever);
        EXPECT_EQ(s.config<Duration>("missing", 3s), 3s);
      },
      {{"number", 1500}, {"fraction", 0.25}, {"text", "1.5s"}, {"minutes", "2m"}, {"infinity", "infinity"}});
}

TEST_F(SessionConfigTest, AMissingConfigKeyNamesKeySessionAndRemedy) {
  run_ok([](Session& s) {
    EXPECT_EQ(message_of<RequiredConfigMissing>([&] { static_cast<void>(s.config<int>("echo.iterations")); }),
              "config key \"echo.iterations\" is missing in session " + s.id() +
                  " (A): set it in default_config(), in the scenario table or with --config "
                  "echo.iterations=…");
    EXPECT_THAT(message_of<RequiredConfigMissing>([&] {
                  static_cast<void>(s.config<int>({"a", "b"}));
                }),
                StartsWith("config key \"a.b\" is missing in session "));
  });
}

TEST_F(SessionConfigTest, AConfigValueOfAnotherTypeNamesKeySessionAndRemedy) {
  run_ok(
      [](Session& s) {
        EXPECT_EQ(message_of<ConfigTypeError>([&] { static_cast<void>(s.config<int>("text")); }),
                  "config key \"text\" cannot be read as int in session " + s.id() +
                      " (A): it is the string \"ten\", not an integer: change it in default_config(), in the "
                      "scenario table or with --config text=NUMBER");
        EXPECT_THAT(message_of<ConfigTypeError>([&] { static_cast<void>(s.config<int>({"text"})); }),
                    StartsWith("config key \"text\" cannot be read as int in session "));
        EXPECT_THAT(message_of<ConfigTypeError>([&] { static_cast<void>(s.config<int>("half")); }),
                    HasSubstr("it is the number 0.5, not an integer"));
        EXPECT_THAT(message_of<ConfigTypeError>([&] { static_cast<void>(s.config<bool>("one")); }),
                    HasSubstr("it is the number 1, not true or false"));
        EXPECT_THAT(message_of<ConfigTypeError>([&] { static_cast<void>(s.config<std::string>("one")); }),
                    HasSubstr("it is the number 1, not a string"));
        EXPECT_THAT(message_of<ConfigTypeError>([&] { static_cast<void>(s.config<double>("text")); }),
                    HasSubstr("it is the string \"ten\", not a number"));
        EXPECT_THAT(
            message_of<ConfigTypeError>([&] { static_cast<void>(s.config<Duration>("text")); }),
            AllOf(
                StartsWith("config key \"text\" cannot be read as a duration in session "),
                HasSubstr(
                    R"(it is the string "ten", not a duration, such as 500 (milliseconds), "1.5s" or "2m")"),
                EndsWith(" or with --config text=1.5s")));
        EXPECT_THAT(message_of<ConfigTypeError>([&] { static_cast<void>(s.config<std::string>("one")); }),
                    EndsWith(R"( or with --config one='"TEXT"')"));
        // A default is for a key that is missing, not for one of the wrong type.
        EXPECT_THAT(message_of<ConfigTypeError>([&] { static_cast<void>(s.config<int>("text", 5)); }),
                    HasSubstr("config key \"text\" cannot be read as int"));
        EXPECT_THROW(static_cast<void>(s.config<std::vector<int>>("text")), ConfigTypeError);
      },
      {{"text", "ten"}, {"half", 0.5}, {"one", 1}});
}

TEST_F(SessionConfigTest, AnIntegerOutOfRangeIsAConfigTypeError) {
  run_ok(
      [](Session& s) {
        EXPECT_EQ(s.config<int>("byte"), 256);
        EXPECT_THAT(message_of<ConfigTypeError>([&] { static_cast<void>(s.config<std::uint8_t>("byte")); }),
                    HasSubstr("it is the number 256, not an integer within the range of its type"));
        EXPECT_THROW(static_cast<void>(s.config<unsigned>("negative")), ConfigTypeError);
        EXPECT_THROW(static_cast<void>(s.config<std::int64_t>("huge")), ConfigTypeError);
        EXPECT_THROW(static_cast<void>(s.config<int>("huge")), ConfigTypeError);
        EXPECT_THROW(static_cast<void>(s.config<int>("float")), ConfigTypeError);
      },
      {{"byte", 256}, {"negative", -1}, {"huge", UINT64_MAX}, {"float", 1e30}});
}

TEST_F(SessionConfigTest, AConfigErrorThatNobodyCatchesFailsTheSession) {
  const auto& state = run([](Session& s) { static_cast<void>(s.config<int>("missing")); });
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_THAT(state.outcome_reason, StartsWith("RequiredConfigMissing: config key \"missing\" is missing"));
}

TEST_F(SessionConfigTest, SetConfigTakesADottedKeyANamespaceAndAList) {
  run_ok(
      [](Session& s) {
        s.set_config("a.b", 1).set_config("ns", "c.d", 2).set_config({{"x", 3}, {"a.e", 4}});
        EXPECT_EQ(s.config<Json>("a"), Json({{"b", 1}, {"e", 4}, {"kept", 0}}));
        EXPECT_EQ(s.config<int>("ns.c.d"), 2);
        EXPECT_EQ(s.config<int>("x"), 3);
        // What stands in the way and is no object makes way.
        s.set_config("x.y", 5);
        EXPECT_EQ(s.config<Json>("x"), Json({{"y", 5}}));
      },
      {{"a", {{"kept", 0}}}});
}

TEST_F(SessionConfigTest, UpdateConfigChangesInPlace) {
  run_ok(
      [](Session& s) {
        s.update_config("n", [](Json& value) { value = value.get<int>() + 1; });
        s.update_config("a", "b", [](Json& value) { value = value.get<int>() * 10; });
        s.update_config("new.key", [](Json& value) {
          EXPECT_TRUE(value.is_null());
          value = "made";
        });
        EXPECT_EQ(s.config<int>("n"), 2);
        EXPECT_EQ(s.config<int>("a.b"), 30);
        EXPECT_EQ(s.config<std::string>("new.key"), "made");
      },
      {{"n", 1}, {"a", {{"b", 3}}}});
}

TEST_F(SessionConfigTest, SetAndUpdatedConfigIsWhatLaterRequestsGoBy) {
  A::script.run = [](Session& s) {
    s.set_config("timeout", "2s");
    s.update_config("http", [](Json& http) { http = {{"max_response_size", 5}}; });
    s.set_config({{"base_url", "http://other:81/x"}, {"http.headers", {{"X-Y", "z"}}}});
  };
  auto& state = start(scenario<A>, {{"base_url", "http://host"}, {"timeout", 100}});
  EXPECT_EQ(state.settings().timeout, 100ms);
  run_all();
  const auto& settings = state.settings();
  EXPECT_EQ(settings.timeout, 2s);
  EXPECT_EQ(settings.max_response_size, 5U);
  EXPECT_EQ(settings.base_url->text(), "http://other:81/x");
  EXPECT_THAT(settings.header_block, HasSubstr("X-Y: z\r\n"));
}

TEST_F(SessionConfigTest, ConfigOfTheEnginesThatCannotBeUsedFailsTheRequestThatNeedsIt) {
  const auto& state = run(
      [](Session& s) {
        s.set_config("timeout", "soon");
        s.get("/");
      },
      {{"base_url", "http://127.0.0.1:1"}});
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_THAT(
      state.outcome_reason,
      StartsWith("ConfigTypeError: config key \"timeout\" cannot be used: it is the string \"soon\""));
}

TEST_F(SessionConfigTest, OneSessionsConfigIsNoOthers) {
  std::vector<int> seen;
  A::script.run = [&](Session& s) {
    s.set_config("n", 2).update_config("list", [](Json& list) { list.push_back(1); });
    s.delay(1ms);
    seen.push_back(s.config<int>("n"));
    seen.push_back(static_cast<int>(s.config<Json>("list").size()));
  };
  B::script.run = [&](Session& s) {
    s.delay(500us);
    seen.push_back(s.config<int>("n"));
    seen.push_back(static_cast<int>(s.config<Json>("list").size()));
  };
  // Two sessions of one profile: the same frozen config.
  Profile profile;
  profile.name = "shared";
  profile.config = {{"n", 1}, {"list", Json::array()}};
  const auto a = scenario<A>;
  const auto b = scenario<B>;
  {
    State first(context, profile, a.parts(), 1, *this);
    State second(context, profile, b.parts(), 2, *this);
    ASSERT_TRUE(first.start() && second.start());
    run_all();
    EXPECT_EQ(first.outcome, Outcome::ok) << first.outcome_reason;
    EXPECT_EQ(second.outcome, Outcome::ok) << second.outcome_reason;
  }
  EXPECT_EQ(seen, (std::vector{1, 0, 2, 1}));
  EXPECT_EQ(profile.config, Json({{"n", 1}, {"list", Json::array()}}));
}

}  // namespace
}  // namespace chaperon::session
