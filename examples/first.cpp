// The first load test: a user who logs in and looks at items, and fifty of them.
//
//     chaperon run examples/first.cpp --target
// [snippet: all]
#include <chaperon/chaperon.hpp>

using namespace chaperon;

// [snippet: scenario]
// What one user does.
struct Visitor {
  static void run(Session& session) {
    session.post("/login", {.json = {{"user", "ann"}}}).expect(200);
    session.bearer_token(session.response().json<std::string>("/data/token"));
    session.repeat<look_at_an_item>(5);
  }

  static void look_at_an_item(Session& session) {
    session.get("/items/17", {.name = "item"}).expect(200);
    session.delay(random(400ms));
  }
};
// [end]

// [snippet: load_test]
// How many users do it, and against which server.
struct FirstTest {
  static Json default_config() { return {{"base_url", "http://localhost:5000"}}; }
  static Scenarios scenarios() { return {50 * scenario<Visitor>}; }
};
CHAPERON_LOAD_TEST(FirstTest)
// [end]
// [end]
