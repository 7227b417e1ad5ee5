// Scenarios put together from others: within one another, one after the other, and on another event loop.
//
//     chaperon run examples/nested.cpp --target
#include <string>

#include <chaperon/chaperon.hpp>

using namespace chaperon;

// [snippet: parts]
struct LogIn {
  static void run(Session& session) {
    session.post("/login", {.json = {{"user", session.config<std::string>("user")}}}).expect(200);
    session.assign("token", session.response().json<std::string>("/data/token"));
  }
};

struct Browse {
  static void run(Session& session) { session.repeat<look>(session.config<int>("pages")); }
  static void look(Session& session) { session.get("/items", {.name = "page"}).expect(200); }
  static void teardown(Session& session) { session.post("/history/clear"); }
};

struct MakeReport {
  static void run(Session& session) {
    session.post("/reports", {.json = {{"for", session.assigned("token")}}}).expect(200);
    session.assign("report", session.response().json<std::string>("/path"));
  }
};
// [end]

// [snippet: customer]
struct Customer {
  static void run(Session& session) {
    // Its config holds while it runs; what it assigns, its cookies and its state<T> stay.
    session.run_scenario<LogIn>({{"user", "ann"}});
    session.bearer_token(session.assigned<std::string>("token"));

    // A nested scenario has its init and its teardown, and ends with the tasks that it has started.
    session.run_scenario<Browse>({{"pages", 3}});

    // The same on another event loop, so that what computes much there holds up nobody here. This session
    // waits; assignments and cookies go there and come back, state<T> does not.
    session.schedule_scenario<MakeReport>();
    session.get(session.assigned<std::string>("report"), {.name = "report"}).expect(200);
  }
};
// [end]

// [snippet: load_test]
struct NestedTest {
  static Json default_config() {
    return {{"base_url", "http://localhost:5000"}, {"user", "ben"}, {"pages", 1}};
  }

  static Scenarios scenarios() {
    return {
        10 * scenario<Customer>,
        // One after the other in one session: the token that LogIn assigns is config of Browse.
        5 * sequence<LogIn, Browse>,
    };
  }
};
CHAPERON_LOAD_TEST(NestedTest)
// [end]
