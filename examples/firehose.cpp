// Publish/subscribe: every publication goes to every subscriber, and says when it was sent. The row
// `publish_to_receive` is how long it took to arrive.
//
//     chaperon run examples/firehose.cpp --target
#include <chaperon/chaperon.hpp>

using namespace chaperon;

// [snippet: subscriber]
struct Subscriber {
  static void run(Session& session) {
    session.ws_connect("/foo");
    const auto messages = session.config<int>("publishers") * session.config<int>("messages");
    session.repeat<receive>(messages).ws_close();
  }

  static void receive(Session& session) {
    session.ws_recv({.with_result = [](Session& s, const WsMessage& message) {
      // The steady clock of this machine: of use because publisher and subscriber run on the same one.
      const Instant sent(Duration(message.json().at("sent_at").get<Duration::rep>()));
      // From then until its last byte had come, whenever this session got to see it.
      s.add_metric("publish_to_receive", message.arrived_at() - sent);
    }});
  }
};
// [end]

// [snippet: publisher]
struct Publisher {
  static void run(Session& session) { session.repeat<publish>(session.config<int>("messages")); }

  static void publish(Session& session) {
    const auto now = session.now().time_since_epoch().count();
    session.post("/publications", {.json = {{"sent_at", now}, {"data", "news"}}}).expect(200);
    session.delay(session.config<Duration>("interval"));
  }
};
// [end]

// [snippet: load_test]
struct FirehoseTest {
  static Json default_config() {
    return {{"base_url", "http://localhost:5000"},
            {"subscribers", 50},
            {"publishers", 2},
            {"messages", 20},
            {"interval", "50ms"}};
  }

  static Scenarios scenarios(const Json& config) {
    return {
        {config.at("subscribers").get<int>() * scenario<Subscriber>, {}},
        // Once all have subscribed: who comes later misses what was published before.
        {config.at("publishers").get<int>() * scenario<Publisher>, {{"delay", "1s"}}},
    };
  }
};
CHAPERON_LOAD_TEST(FirehoseTest)
// [end]
