// A chat: one task listens and the user talks on the same connection, while a heartbeat says that the user is
// still there.
//
//     chaperon run examples/chat_room.cpp --target
#include <chaperon/chaperon.hpp>

using namespace chaperon;

// [snippet: scenario]
struct Member {
  static void run(Session& session) {
    session.ws_connect("/room")
        .async<listen>()
        .every<tell_presence>(session.config<Duration>("presence_interval"))
        .repeat<say>(session.config<int>("lines"))
        .cancel("tell_presence")
        .ws_send({{"type", "bye"}})
        .await<listen>()
        .ws_close();
  }

  static void say(Session& session) {
    session.delay(random(session.config<Duration>("think_time")));
    const auto now = session.now().time_since_epoch().count();
    session.ws_send({{"type", "line"}, {"text", "Hello, anybody?"}, {"sent_at", now}});
  }

  // A task uses the connections of the session that has started it.
  static void tell_presence(Session& session) { session.ws_send({{"type", "presence"}}); }

  // Until our own farewell comes back. A message goes to one receiver: only this task receives.
  static void listen(Session& session) {
    bool is_over = false;
    while (!is_over) {
      session.ws_recv({.with_result = [&](Session& s, const WsMessage& message) {
        const auto received = message.json();
        const auto type = received.at("type").get<std::string>();
        if (type == "line") {
          const Instant sent(Duration(received.at("sent_at").get<Duration::rep>()));
          s.add_metric("line_round_trip", message.arrived_at() - sent);
        }
        is_over = type == "bye";
      }});
    }
  }
};
// [end]

struct ChatTest {
  static Json default_config() {
    return {{"base_url", "http://localhost:5000"},
            {"lines", 10},
            {"think_time", "100ms"},
            {"presence_interval", "100ms"}};
  }
  static Scenarios scenarios() { return {20 * scenario<Member>}; }
};
CHAPERON_LOAD_TEST(ChatTest)
