// A user whose WebSocket is closed by the server now and then, and who connects again and goes on.
//
//     chaperon run examples/reconnect.cpp --target
#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct Listener {
  // [snippet: reconnect]
  static void run(Session& session) {
    session.call<connect>();
    for (int said = 0; said < session.config<int>("messages");) {
      try {
        session.ws_send("hello").ws_await_recv("hello");
        ++said;
      } catch (const WebSocketError& error) {
        // Counted already, in a row `Error closed ws_await_recv(URL)` or the like.
        session.log_debug("{}: connecting again", error.what()).add_metric("reconnects", 1);
        session.call<connect>();
      }
    }
    session.ws_close();
  }

  // Up to five times, with a pause in between: a server that has just restarted gets some time.
  static void connect(Session& session) {
    session.retry_on_error("connect", [](Session& s) { s.ws_connect("/close/3"); },
                           {.retries = 4, .random_delay = 500ms});
  }
  // [end]
};

struct ReconnectTest {
  // The built-in server closes /close/3 after three messages.
  static Json default_config() { return {{"base_url", "http://localhost:5000"}, {"messages", 10}}; }
  static Scenarios scenarios() { return {10 * scenario<Listener>}; }
};
CHAPERON_LOAD_TEST(ReconnectTest)
