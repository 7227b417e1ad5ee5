// Three scenarios, reused in five entries of a table: alone, from within another scenario, in a sequence, and
// many at once.
//
//     chaperon run examples/tutorial.cpp --target
#include <chaperon/chaperon.hpp>

using namespace chaperon;

// [snippet: scenarios]
struct ScenarioA {
  static void run(Session& session) {
    session.post("/a", {.json = {{"name", "A"}}})
        .post("/a/config", {.json = {{"config", session.config<std::string>("config_value")}}});
  }
};

struct ScenarioB {
  static void run(Session& session) {
    session.post("/b", {.json = {{"name", "B"}}})
        .run_scenario<ScenarioA>({{"config_value", "This is used by ScenarioA"}});
  }
};

struct ScenarioC {
  static void run(Session& session) {
    session.post("/c", {.json = {{"name", "C"}}})
        .assign("config_value", "This can be used by anyone interested in this value");
  }
};
// [end]

// [snippet: load_test]
struct LoadTest {
  static Json default_config() { return {{"base_url", "http://localhost:5000/"}}; }

  static Scenarios scenarios() {
    return {
        // ScenarioA with a config value of its own.
        {scenario<ScenarioA>, {{"config_value", "Some value to be used by ScenarioA"}}},

        // ScenarioB, which runs ScenarioA and gives it the config value that it needs.
        {scenario<ScenarioB>, {}},

        // ScenarioC, then ScenarioA, as one session: what ScenarioC assigns is config for ScenarioA.
        {sequence<ScenarioC, ScenarioA>, {}},

        // A hundred sessions at once.
        {100 * scenario<ScenarioA>, {{"config_value", "This scenario is now run 100 times!"}}},

        // The same for a sequence.
        {100 * sequence<ScenarioC, ScenarioA>, {}},
    };
  }
};
CHAPERON_LOAD_TEST(LoadTest)
// [end]
