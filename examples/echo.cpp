// A hundred users with a WebSocket each, who send a message and wait for it to come back.
//
//     chaperon run examples/echo.cpp --target
//     chaperon run examples/echo.cpp --target --config echo.iterations=1000
#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct EchoScenario {
  static void run(Session& session) {
    session.ws_connect("/echo")
        .repeat_traced<echo>(session.config<int>("echo.iterations"), session.config<Json>("echo.message"))
        .ws_ping()  // how long the server's protocol alone takes, for comparison
        .ws_close();
  }

  // Equal as JSON: the server may write it in another order and with other blanks.
  static void echo(Session& session, const Json& message) { session.ws_send(message).ws_await_recv(message); }
};

struct EchoTest {
  static Json default_config() {
    return {{"base_url", "http://localhost:5000"},
            {"echo", {{"iterations", 10}, {"message", {{"type", "echo"}, {"text", "Is anybody there?"}}}}}};
  }
  static Scenarios scenarios() { return {100 * scenario<EchoScenario>}; }
};
CHAPERON_LOAD_TEST(EchoTest)
