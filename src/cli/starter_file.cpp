#include "cli/starter_file.hpp"

#include <algorithm>
#include <cctype>

namespace chaperon::cli {
namespace {

// @NAME@ is the file's name, @TEST@ and @USER@ are types.
constexpr std::string_view kTemplate = R"(// A load test. Run it:
//
//     chaperon run @NAME@.cpp --target                            against the built-in server
//     chaperon run @NAME@.cpp --base-url http://localhost:8080    against yours
#include <chaperon/chaperon.hpp>

using namespace chaperon;

// What one user does. Every session runs this on its own; a call that waits holds up no other session.
struct @USER@ {
  static void run(Session& session) {
    session
        .call<log_in>()
        .repeat<look_at_items>(session.config<int>("visits"))
        .call_traced<check_out>();  // a row of its own in the table: how long checking out took in all
  }

  static void log_in(Session& session) {
    session.post("/login", {.json = {{"user", "ann"}, {"password", "secret"}}}).expect(200);
    // From here on each request says who it is from.
    session.bearer_token(session.response().json<std::string>("/data/token"));
  }

  static void look_at_items(Session& session) {
    session.get("/items", {.params = {{"page", 1}}}).expect(200);
    // Time to think. It is drawn anew each time.
    session.delay(random(session.config<Duration>("think_time")));
  }

  static void check_out(Session& session) {
    session.post("/cart", {.json = {{"item", 17}, {"count", 2}}}).expect(200, 201);
    // `name` groups requests whose paths differ into one row.
    session.get("/orders/4711", {.name = "/orders/ID"}).expect(200);
    // Over WebSocket: session.ws_connect("/chat").ws_send("hello").ws_await_recv("hello").ws_close();
  }
};

// Who runs it, and with what config. Each value can be set when it is run: --config visits=10
struct @TEST@ {
  static Json default_config() {
    return {{"base_url", "http://localhost:5000"}, {"visits", 5}, {"think_time", "500ms"}};
  }

  static Scenarios scenarios() { return {{10 * scenario<@USER@>, {}}}; }
};
CHAPERON_LOAD_TEST(@TEST@)
)";

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

std::string camel_case(std::string_view name) {
  const auto is_letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  const auto is_allowed = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  };
  if (name.empty() || !is_letter(name.front()) || !std::all_of(name.begin(), name.end(), is_allowed))
    return {};
  std::string type;
  bool capital = true;
  for (const char c : name) {
    if (c == '-' || c == '_') {
      capital = true;
    } else {
      type += capital ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
      capital = false;
    }
  }
  return type;
}

std::string starter_file(std::string_view name) {
  auto type = camel_case(name);
  // `shop-test` is ShopTest, not ShopTestTest.
  if (type.size() > 4 && type.ends_with("Test")) type.resize(type.size() - 4);
  auto text = std::string(kTemplate);
  replace_all(text, "@NAME@", name);
  replace_all(text, "@TEST@", type + "Test");
  replace_all(text, "@USER@", type + "User");
  return text;
}

}  // namespace chaperon::cli
