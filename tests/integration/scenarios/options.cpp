// Load tests that show what the options of the command line do.
#include <string>

#include <chaperon/chaperon.hpp>

using namespace chaperon;

// Logs each config value that is asked for, and asks for a path of that config.
struct ConfigReader {
  static void run(Session& session) {
    for (const auto* key : {"a", "b", "deep.x", "deep.y", "text"})
      session.log_info("{} = {}", key, session.config<Json>(key, Json("missing")).dump());
    session.log_info("base_url = {}", session.config<std::string>("base_url", "none"));
  }
};
struct ConfigTest {
  static Json default_config() {
    return {{"a", "default"},
            {"b", "default"},
            {"deep", {{"x", 1}, {"y", 1}}},
            {"base_url", "http://127.0.0.1:1"}};
  }
  static Scenarios scenarios() { return {{scenario<ConfigReader>, {{"b", "entry"}}}}; }
};
CHAPERON_LOAD_TEST(ConfigTest)

// Four levels of log lines, a request, a call and a metric.
struct Talker {
  static void run(Session& session) {
    session.log_debug("debug line").log_info("info line").log_warn("warn line").log_error("error line");
    session.call_traced<ask>().add_metric("size", 17);
  }
  static void ask(Session& session) { session.get("/answer"); }
};
struct TalkTest {
  static Scenarios scenarios() { return {3 * scenario<Talker>}; }
};
CHAPERON_LOAD_TEST(TalkTest)

// Logs a draw of its own; the log line's id is drawn as well.
struct Drawer {
  static void run(Session& session) {
    session.log_info("drawn");
    session.random_delay(2ms);
  }
};
struct DrawTest {
  static Scenarios scenarios() { return {8 * scenario<Drawer>}; }
};
CHAPERON_LOAD_TEST(DrawTest)

// One request, its path from a macro that --cxxflags may set.
#ifndef TEST_PATH
#define TEST_PATH "/default"
#endif
struct Asker {
  static void run(Session& session) { session.get(TEST_PATH); }
};
struct AskTest {
  static Scenarios scenarios() { return {5 * scenario<Asker>}; }
};
CHAPERON_LOAD_TEST(AskTest)

// Asks, then waits until the run is interrupted.
struct Sitter {
  static void run(Session& session) {
    session.get("/sit").expect(200);
    session.delay(1h);
  }
};
struct SitTest {
  static Scenarios scenarios() { return {10 * scenario<Sitter>}; }
};
CHAPERON_LOAD_TEST(SitTest)

// Asks once more when it is over.
struct Leaver {
  static void run(Session& session) { session.get("/sit").delay(1h); }
  static void teardown(Session& session) { session.get("/teardown"); }
};
struct LeaveTest {
  static Scenarios scenarios() { return {scenario<Leaver>}; }
};
CHAPERON_LOAD_TEST(LeaveTest)

// Holds its connection while it waits for the slow ones: many connections at a time.
struct Holder {
  static void run(Session& session) { session.get("/one").delay(20ms).get("/two"); }
};
struct HoldTest {
  static Json default_config() { return {{"sessions", 1000}}; }
  static Scenarios scenarios(const Json& config) {
    return {config.at("sessions").get<std::int64_t>() * scenario<Holder>};
  }
};
CHAPERON_LOAD_TEST(HoldTest)

// Logs now and then for as long as it takes to see the live line twice.
struct Ticker {
  static void run(Session& session) { session.loop<tick>(2200ms); }
  static void tick(Session& session) { session.log_info("tick").get("/tick").delay(100ms); }
};
struct TickTest {
  static Scenarios scenarios() { return {2 * scenario<Ticker>}; }
};
CHAPERON_LOAD_TEST(TickTest)
