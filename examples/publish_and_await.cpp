// A task subscribes on a WebSocket; the user publishes only once it has. A signal says when.
//
//     chaperon run examples/publish_and_await.cpp --target
#include <string>
#include <vector>

#include <chaperon/chaperon.hpp>

using namespace chaperon;

// [snippet: scenario]
struct PublishAndAwait {
  // What a subscriber has received.
  struct Inbox {
    std::vector<std::string> messages;
  };

  static void run(Session& session) {
    const auto message_count = session.config<int>("message_count");
    session.async<subscribe>("/foo", message_count)
        .await_signal({"subscribed", "/foo"})
        .repeat<publish>(message_count)
        .await<subscribe>();
  }

  static void publish(Session& session) {
    session.post("/publications", {.json = {{"data", "some random data here"}}}).expect(200);
  }

  static void subscribe(Session& session, const std::string& endpoint, int message_count) {
    session.ws_connect(endpoint)
        .signal_parent({"subscribed", endpoint})  // the user waits for this
        .repeat<receive_message>(message_count)
        .ws_close();
    session.log_debug("finished subscribing, received: {}", fmt::join(session.state<Inbox>().messages, ", "));
  }

  static void receive_message(Session& session) {
    session.ws_recv({.with_result = [](Session& s, const WsMessage& message) {
      s.state<Inbox>().messages.emplace_back(message.text());
    }});
  }
};
// [end]

// [snippet: load_test]
struct PubSubTest {
  static Json default_config() { return {{"base_url", "http://localhost:5000"}, {"message_count", 10}}; }

  static Scenarios scenarios() {
    return {
        {scenario<PublishAndAwait>, {{"message_count", 5}}},
        // Twenty more under a name, and so in rows, of their own. They begin half a second later.
        {20 * scenario<PublishAndAwait>, "crowd", {{"delay", "500ms"}}},
    };
  }
};
CHAPERON_LOAD_TEST(PubSubTest)
// [end]
