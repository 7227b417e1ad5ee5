// A user who does two things at once: a task publishes while the user goes on.
//
//     chaperon run examples/my_scenario.cpp --target
#include <chaperon/chaperon.hpp>

using namespace chaperon;

// [snippet: scenario]
struct MyScenario {
  static void run(Session& session) {
    session
        .async<publish>("My data to be published")   // runs publish() in a task
        .post("/foo", {.json = {{"key", "value"}}})  // posts {"key": "value"} meanwhile
        .await<publish>();                           // waits until the task has ended
  }

  static void publish(Session& session, const std::string& message) {
    session.post("/my/status", {.json = {{"status", message}}});
  }
};
// [end]

struct MyLoadTest {
  static Json default_config() { return {{"base_url", "http://localhost:5000"}}; }
  static Scenarios scenarios() { return {10 * scenario<MyScenario>}; }
};
CHAPERON_LOAD_TEST(MyLoadTest)
