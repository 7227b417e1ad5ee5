// The first WebSocket scenario: a user who says ping and waits for the answer, a few times.
//
//     chaperon run examples/ping_pong.cpp --target
// [snippet: all]
#include <chaperon/chaperon.hpp>

using namespace chaperon;

// What one user does.
struct PingPong {
  static void run(Session& session) {
    session
        .ws_connect("/ping_pong")                           // base_url and this path
        .repeat_traced<ping>(session.config<int>("pings"))  // a row of its own: each there and back
        .ws_close();
  }

  static void ping(Session& session) {
    // The built-in server sends back what it gets.
    session.ws_send("ping").ws_await_recv("ping");
  }
};

// How many users do it, against which server, and with what config.
struct PingPongTest {
  static Json default_config() { return {{"base_url", "http://localhost:5000"}, {"pings", 100}}; }
  static Scenarios scenarios() { return {10 * scenario<PingPong>}; }
};
CHAPERON_LOAD_TEST(PingPongTest)
// [end]
