// `sessions` users that open a WebSocket each and wait in ws_recv for what never comes, until the run is
// interrupted. With `messages`, each first gets so many echoes. The last of them says in the log that all
// wait.
#include <atomic>

#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct Listener {
  static inline std::atomic<std::int64_t> waiting{0};

  static void run(Session& session) {
    session.ws_connect("/echo");
    session.repeat<echo>(session.config<std::int64_t>("messages"));
    if (++waiting == session.config<std::int64_t>("sessions")) session.log_warn("all sessions wait");
    session.ws_recv({.timeout = 1h});
  }
  static void echo(Session& session) {
    session.ws_send("twenty bytes of text").ws_await_recv("twenty bytes of text");
  }
};

struct ListenTest {
  static Json default_config() { return {{"sessions", 1000}, {"messages", 0}, {"timeout", "1m"}}; }
  static Scenarios scenarios(const Json& config) {
    return {config.at("sessions").get<std::int64_t>() * scenario<Listener>};
  }
};
CHAPERON_LOAD_TEST(ListenTest)
