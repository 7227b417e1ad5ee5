// The scenarios of the tutorial's second part.
#include <string>

#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct MyScenario {
  static void run(Session& session) {
    session.async<publish>("My data to be published")
        .post("/foo", {.json = {{"key", "value"}}})
        .await<publish>();
  }
  static void publish(Session& session, std::string message) {
    session.post("/my/status", {.json = {{"status", message}}});
  }
};

struct PublishAndAwait {
  struct Inbox {
    int messages = 0;
  };
  static void run(Session& session) {
    const auto message_count = session.config<int>("message_count");
    session.async<subscribe>("/foo", message_count)
        .await_signal({"subscribed", "/foo"})
        .repeat<publish>(message_count)
        .await<subscribe>();
  }
  static void publish(Session& session) {
    session.post("/publications", {.json = {{"data", "some random data here"}}});
  }
  static void subscribe(Session& session, std::string endpoint, int message_count) {
    session.ws_connect(endpoint)
        .signal_parent({"subscribed", endpoint})
        .repeat<receive_message>(message_count)
        .ws_close();
    session.add_metric("received", session.state<Inbox>().messages);
  }
  static void receive_message(Session& session) {
    session.ws_recv({.with_result = [](Session& s, const WsMessage&) { ++s.state<Inbox>().messages; }});
  }
};

struct PubSubTest {
  static Json default_config() { return {{"message_count", 10}}; }
  static Scenarios scenarios() {
    return {
        {scenario<PublishAndAwait>, {{"message_count", 5}}},
        {20 * scenario<PublishAndAwait>, "crowd", {{"delay", 50}}},
        {sequence<MyScenario, PublishAndAwait>, {}},
        {10 * scenario<MyScenario>, {}},
    };
  }
};
CHAPERON_LOAD_TEST(PubSubTest)
