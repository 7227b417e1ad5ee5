// Load tests for the tests of clusters. Each worker is told in its environment what it is called.
#include <cstdlib>
#include <string>
#include <thread>

#include <chaperon/chaperon.hpp>

using namespace chaperon;

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The worker on which this runs.
std::string here() {
  const auto name = variable("TEST_WORKER");
  return name.empty() ? "none" : name;
}

// A number from the environment that may be another on each machine.
int users_here(const Json& config) {
  const auto more = variable("TEST_MORE_USERS");
  return config.at("users").get<int>() + (more.empty() ? 0 : std::stoi(more));
}

// Walks `rounds` times, or until the server says that it is over.
struct Walker {
  static void run(Session& session) {
    session.set_header("X-Worker", here());
    bool over = false;
    for (auto rounds = session.config<int>("rounds"); rounds > 0 && !over; --rounds) {
      session.get("/walk", {.with_result = [&](Session&, const Response& response) {
                    over = response.body() == "over";
                  }});
      if (!over && rounds > 1) session.delay(session.config<Duration>("pause"));
    }
  }
};

Json walk_config() {
  return {{"users", 10}, {"rounds", 3}, {"pause", 20}};
}

struct WalkTest {
  static Json default_config() { return walk_config(); }
  static Scenarios scenarios(const Json& config) {
    const auto wait = variable("TEST_WAITS_MS");
    if (!wait.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(std::stoi(wait)));
    if (!variable("TEST_THROWS").empty()) throw std::runtime_error("no users file here");
    return {users_here(config) * scenario<Walker>};
  }
};
CHAPERON_LOAD_TEST(WalkTest)

// Says goodbye, which may take long.
struct Leaver {
  static void run(Session& session) { Walker::run(session); }
  static void teardown(Session& session) {
    session.repeat(
        "leave", [](Session& s) { s.get("/leave").delay(20ms); }, session.config<int>("goodbyes"));
  }
};
struct LeaveTest {
  static Json default_config() {
    auto config = walk_config();
    config["goodbyes"] = 1;
    return config;
  }
  static Scenarios scenarios(const Json& config) { return {users_here(config) * scenario<Leaver>}; }
};
CHAPERON_LOAD_TEST(LeaveTest)

// Does what it should not, on the worker that `bad_on` names; elsewhere it walks as the others do.
struct Bad {
  static int deeper(int depth) {
    volatile char space[512] = {};
    space[static_cast<std::size_t>(depth) % sizeof space] = 1;
    return depth < 0 ? 0 : deeper(depth + 1) + space[0];
  }
  static void run(Session& session) {
    if (session.config<std::string>("bad_on") != here()) return Walker::run(session);
    const auto how = session.config<std::string>("how");
    session.set_header("X-Worker", here()).get("/bad");
    if (how == "throws") throw std::runtime_error("thrown here only");
    if (how == "overflows") session.add_metric("depth", deeper(0));
    // No address that a compiler could see through.
    if (how == "crashes") *reinterpret_cast<volatile int*>(how.size()) = 1;
    if (how == "hangs") {
      for (volatile bool forever = true; forever;) {
      }
    }
  }
};
struct BadTest {
  static Json default_config() {
    auto config = walk_config();
    config.update({{"bad_on", "w2"}, {"how", "throws"}});
    return config;
  }
  static Scenarios scenarios(const Json& config) {
    return {{2 * scenario<Bad>}, {users_here(config) * scenario<Walker>}};
  }
};
CHAPERON_LOAD_TEST(BadTest)

// Runs on another loop, and on another worker if there is one.
struct Away {
  static void run(Session& session) {
    session.set_header("X-Worker", here());
    session.get("/away/" + session.config<std::string>("from")).expect(200);
    session.get("/cookie").add_metric("away", 1);
    session.assign("where", here()).assign("sum", session.config<int>("a") + session.config<int>("b"));
    const auto how = session.config<std::string>("how");
    if (how == "throws") throw std::runtime_error("thrown away");
    if (how == "waits") session.delay(1h);
  }
};
struct Sender {
  static void run(Session& session) {
    session.set_header("X-Worker", here());
    for (auto rounds = session.config<int>("rounds"); rounds > 0; --rounds) {
      session.schedule_scenario<Away>({{"a", rounds}, {"from", here()}});
      if (session.assigned<int>("sum") != rounds + 100) session.fail("a wrong sum came back");
      session.get("/back/" + session.assigned<std::string>("where"));
    }
  }
};
struct SendTest {
  static Json default_config() { return {{"users", 4}, {"rounds", 3}, {"b", 100}, {"how", "well"}}; }
  static Scenarios scenarios(const Json& config) { return {users_here(config) * scenario<Sender>}; }
};
CHAPERON_LOAD_TEST(SendTest)

// Draws, so that two runs can be compared.
struct Drawer {
  static void run(Session& session) {
    session.set_header("X-Worker", here());
    session.get("/drawn/" + session.id());
  }
};
struct DrawTest {
  static Json default_config() { return {{"users", 12}}; }
  static Scenarios scenarios(const Json& config) { return {users_here(config) * scenario<Drawer>}; }
};
CHAPERON_LOAD_TEST(DrawTest)
