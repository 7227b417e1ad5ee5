// Values taken from answers, and what a session remembers of them.
//
//     chaperon run examples/values.cpp --target
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include <chaperon/chaperon.hpp>

using namespace chaperon;

// [snippet: between]
// What stands between two texts. It needs no stack worth speaking of, unlike std::regex.
std::optional<std::string_view> between(std::string_view text, std::string_view before,
                                        std::string_view after) {
  const auto start = text.find(before);
  if (start == std::string_view::npos) return std::nullopt;
  text.remove_prefix(start + before.size());
  const auto end = text.find(after);
  if (end == std::string_view::npos) return std::nullopt;
  return text.substr(0, end);
}
// [end]

struct Collector {
  // [snippet: state]
  // Typed and the session's own: made when it is first asked for.
  struct Seen {
    std::vector<std::string> paths;
  };
  // [end]

  static void run(Session& session) { session.call<from_an_answer>().call<from_a_page>().call<remember>(); }

  // [snippet: answer]
  static void from_an_answer(Session& session) {
    session.post("/login", {.json = {{"user", "ann"}}}).expect(200);
    const Response answer = session.response();                  // a handle, cheap to keep
    const auto token = answer.json<std::string>("/data/token");  // a JSON pointer and a type
    const std::string type(answer.header("content-type"));       // a view: valid as long as a handle is
    session.bearer_token(token).log_debug("logged in, told in {}", type);
  }
  // [end]

  static void from_a_page(Session& session) {
    // [snippet: page]
    session.get("/bytes/2000", {.name = "page"}).expect(200);
    const Response page = session.response();
    const auto found = between(page.body(), "klm", "stu");
    if (!found) session.fail("the page has no nopqr");
    // [end]

    // [snippet: regex]
    // std::regex calls itself for each character. A thread of the pool has a stack of megabytes for that.
    const bool matches = session.blocking([page] {
      const std::string text(page.body());
      return std::regex_search(text, std::regex("k.*s"));
    });
    // [end]
    if (!matches) session.fail("the page does not match");
  }

  // [snippet: remember]
  static void remember(Session& session) {
    session.get("/items/17", {.name = "item"}).expect(200);
    const Json item = session.response().json();

    session.assign("path",
                   item.at("path"));  // JSON under a key; in a sequence it becomes config of what follows
    session.update_assign("visits",
                          [](Json& visits) { visits = visits.is_null() ? 1 : visits.get<int>() + 1; });
    session.state<Seen>().paths.push_back(session.assigned<std::string>("path"));

    session.add_metric("visits", session.assigned<int>("visits"));
    session.add_metric("paths", session.state<Seen>().paths.size());
  }
  // [end]
};

struct ValueTest {
  static Json default_config() { return {{"base_url", "http://localhost:5000"}}; }
  static Scenarios scenarios() { return {10 * scenario<Collector>}; }
};
CHAPERON_LOAD_TEST(ValueTest)
