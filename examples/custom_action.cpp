// An action of one's own, recorded like the built-in ones; metrics of one's own; and code that blocks.
//
//     chaperon run examples/custom_action.cpp --target
#include <fstream>
#include <string>

#include <chaperon/chaperon.hpp>

using namespace chaperon;

// [snippet: action]
// Anything with name() and run(Session&) is an action. It has a row under its name, also when it fails.
struct Search {
  std::string term;

  [[nodiscard]] std::string name() const { return "search"; }

  void run(Session& session) const {
    session.get("/search", {.name = "search page", .params = {{"q", term}, {"page", {1, 2}}}}).expect(200);
    session.get("/status/304", {.name = "style sheet"}).expect(304);
  }
};
// [end]

struct Searcher {
  static void run(Session& session) {
    // [snippet: blocking]
    // Reading a file would hold up every other session of the loop: it runs on a thread, and only this
    // session waits.
    const auto term = session.blocking([] {
      std::ifstream file("/etc/hostname");
      std::string line;
      std::getline(file, line);
      return line;
    });
    // [end]

    // [snippet: run_action]
    session.run_action(Search{.term = term});
    // [end]

    // [snippet: metrics]
    // A duration measured by hand, a number without a unit, and a duration measured around a piece of code.
    const auto start = session.now();
    session.get("/bytes/1000").expect(200);
    session.time_since(start, "download");
    session.add_metric("answer_size", session.response().body().size());
    const auto status = session.time("two_requests", [&] {
      session.get("/a").get("/b");
      return session.response().status();
    });
    // [end]
    if (status != 200) session.fail("the second of two requests was not answered with 200");
  }
};

struct CustomActionTest {
  static Json default_config() { return {{"base_url", "http://localhost:5000"}}; }
  static Scenarios scenarios() { return {20 * scenario<Searcher>}; }
};
CHAPERON_LOAD_TEST(CustomActionTest)
