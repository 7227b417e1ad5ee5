// What a scenario can do about an answer that is not as it should be.
//
//     chaperon run examples/checks.cpp --target
#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct Checker {
  static void run(Session& session) {
    session.call<expect_a_status>()
        .call<check_a_body>()
        .call<count_without_failing>()
        .call<use_callbacks>()
        .retry_on_error<book>({.retries = 3, .random_delay = 100ms});
  }

  // [snippet: expect]
  static void expect_a_status(Session& session) {
    session.get("/items").expect(200);
    session.get("/status/304", {.name = "picture"}).expect(200, 304);  // either will do
  }
  // [end]

  // [snippet: body]
  static void check_a_body(Session& session) {
    session.get("/items/17", {.name = "item"});
    const Response answer = session.response();
    if (answer.status() == 404) session.abort("item 17 is sold out");     // ends as cancelled
    if (!answer.ok()) session.fail("item 17 cannot be shown");            // ends as failed
    if (answer.json<std::string>("/path") != "/items/17") {               // DecodeError: no such part
      throw std::runtime_error("asked for item 17, got something else");  // ends as failed
    }
  }
  // [end]

  // [snippet: count]
  // What is bad enough to be counted and not bad enough to end the session: a row of one's own.
  static void count_without_failing(Session& session) {
    session.get("/items/18", {.name = "item"});
    if (session.response().timings().total > 1s)
      session.add_metric("slow item", session.response().timings().total);
    session.add_metric("size of an item", session.response().body().size());
  }
  // [end]

  // [snippet: callbacks]
  static void use_callbacks(Session& session) {
    // Called for 200 to 399. A callback that takes Json gets the parsed body.
    session.get("/items/19", {.name = "item", .with_result = [](Session& s, const Json& item) {
                                s.assign("last item", item.at("path"));
                              }});
    // Called for everything else: 400 and up, and no answer at all.
    session.get("/status/503",
                {.name = "stock", .timeout = 2s, .on_error = [](Session& s, const Error& error) {
                   s.log_debug("no stock ({}): {}", error.name(), error.message);
                   s.assign("stock known", false);
                 }});
  }
  // [end]

  // [snippet: retry]
  static void book(Session& session) { session.post("/bookings", {.json = {{"item", 17}}}).expect(200, 201); }
  // [end]
};

struct CheckTest {
  static Json default_config() { return {{"base_url", "http://localhost:5000"}}; }
  static Scenarios scenarios() { return {10 * scenario<Checker>}; }
};
CHAPERON_LOAD_TEST(CheckTest)
