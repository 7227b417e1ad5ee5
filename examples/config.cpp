// Config, entries of the table that differ in it, and when users start and give up.
//
//     chaperon run examples/config.cpp --target
//     chaperon run examples/config.cpp --target --config users=200 --config search.terms='["tea"]'
#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct Reader {
  // [snippet: read]
  static void run(Session& session) {
    const auto pages = session.config<int>("pages");                 // missing: RequiredConfigMissing
    const auto pause = session.config<Duration>("pause");            // 200 (milliseconds) or "0.2s"
    const auto tenant = session.config<std::string>("tenant", "-");  // with a default
    for (int page = 1; page <= pages; ++page) {
      session.get("/news", {.name = "news", .headers = {{"X-Tenant", tenant}}, .params = {{"page", page}}});
      session.delay(random(pause));
    }
  }
  // [end]
};

struct Searcher {
  // [snippet: nested]
  static void run(Session& session) {
    // A dot goes into nested objects.
    for (const auto& term : session.config<std::vector<std::string>>("search.terms")) {
      session.get("/search", {.name = "search", .params = {{"q", term}}});
    }
    // What a session sets is its own: no other session sees it.
    session.set_config("search.done", true);
  }
  // [end]
};

// [snippet: ends]
struct Member {
  static void init(Session& session) {
    session.set_header("X-Client", "load-test").post("/login").expect(200);
  }

  static void run(Session& session) { session.get("/account").expect(200); }

  // Runs however `run` has ended. What it does is in no row of the table.
  static void teardown(Session& session) { session.post("/logout"); }
};
// [end]

// [snippet: table]
struct NewsTest {
  static Json default_config() {
    return {
        {"base_url", "http://localhost:5000"},
        {"users", 20},
        {"pages", 3},
        {"pause", "200ms"},
        {"search", {{"terms", {"tea", "coffee"}}}},
        {"scenario_timeout", "30s"},   // a session that is not done by then has timed out
        {"load_test_timeout", "10m"},  // so has whatever runs then
    };
  }

  static Scenarios scenarios(const Json& config) {
    const int users = config.at("users").get<int>();
    return {
        // Starts at some point of the first half second: users who all start at once are rare.
        {users * scenario<Reader>, {{"random_delay", "500ms"}}},
        // The same scenario under another name, and so in rows of its own, with another config.
        {2 * scenario<Reader>, "hasty reader", {{"pause", "10ms"}, {"tenant", "blue"}}},
        {5 * scenario<Searcher>, {}},
        {scenario<Member>, {}},
    };
  }
};
CHAPERON_LOAD_TEST(NewsTest)
// [end]
