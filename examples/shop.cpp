// A user who logs in, keeps the token, looks at items with time to think in between, and fills a cart.
//
//     chaperon run examples/shop.cpp --target
#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct Shopper {
  // [snippet: run]
  // What this user has chosen so far: each session has its own.
  struct Cart {
    std::vector<int> items;
  };

  static void run(Session& session) {
    session.call<log_in>()
        .repeat<look_at_an_item>(session.config<int>("visits"))
        .call_traced<check_out>();  // a row of its own: how long checking out took in all
  }
  // [end]

  // [snippet: log_in]
  static void log_in(Session& session) {
    session.post("/login", {.json = {{"user", "ann"}, {"password", "secret"}}}).expect(200);
    // From here on every request says who it is from.
    session.bearer_token(session.response().json<std::string>("/data/token"));
  }
  // [end]

  // [snippet: look_at_an_item]
  static void look_at_an_item(Session& session) {
    auto& items = session.state<Cart>().items;
    const int item = 17 + static_cast<int>(items.size());
    // `name` groups requests to different paths in one row.
    session.get("/items/" + std::to_string(item), {.name = "item"}).expect(200);
    items.push_back(item);
    session.delay(random(session.config<Duration>("think_time")));
  }
  // [end]

  static void check_out(Session& session) {
    for (const int item : session.state<Cart>().items) {
      session.post("/cart", {.json = {{"item", item}, {"count", 1}}}).expect(200, 201);
    }
    session.post("/orders", {.with_result = [](Session& s, const Json& answer) {
                   s.assign("order", answer.at("path"));
                 }});
    session.log_debug("ordered at {}", session.assigned<std::string>("order"));
  }
};

struct ShopTest {
  static Json default_config() {
    return {{"base_url", "http://localhost:5000"}, {"users", 100}, {"visits", 5}, {"think_time", "500ms"}};
  }

  // A table that takes its size from the config: --config users=1000
  static Scenarios scenarios(const Json& config) {
    return {config.at("users").get<int>() * scenario<Shopper>};
  }
};
CHAPERON_LOAD_TEST(ShopTest)
