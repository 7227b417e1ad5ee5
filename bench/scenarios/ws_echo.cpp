// `sessions` users, each with a WebSocket to /echo on which it sends `messages` messages of 20 bytes and
// awaits each one's echo.
#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct Echoer {
  static void run(Session& session) {
    session.ws_connect("/echo").repeat<echo>(session.config<std::int64_t>("messages")).ws_close();
  }
  static void echo(Session& session) {
    session.ws_send("twenty bytes of text").ws_await_recv("twenty bytes of text");
  }
};

struct EchoTest {
  static Json default_config() { return {{"sessions", 100}, {"messages", 1000}}; }
  static Scenarios scenarios(const Json& config) {
    return {config.at("sessions").get<std::int64_t>() * scenario<Echoer>};
  }
};
CHAPERON_LOAD_TEST(EchoTest)
