// One user is measured while background requests keep the server busy, at a rate that does not depend on how
// fast it answers.
//
//     chaperon run examples/background_noise.cpp --target
//     chaperon run examples/background_noise.cpp --target --config noise.rate=2000
#include <chaperon/chaperon.hpp>

using namespace chaperon;

// [snippet: noise]
struct Noise {
  static void run(Session& session) {
    // As many tasks as `rate`, evenly over the duration, each at its planned instant. How late each began is
    // in the row `start_lateness(request)`.
    session.cc_spread<request>(session.config<int>("noise.rate"), session.config<Duration>("noise.duration"))
        .await<request>();
  }

  static void request(Session& session) { session.get("/items", {.name = "noise"}); }
};
// [end]

struct MeasuredUser {
  static void run(Session& session) { session.repeat<look>(session.config<int>("looks")); }

  static void look(Session& session) {
    session.get("/items/17", {.name = "item"}).expect(200);
    session.delay(20ms);
  }
};

struct NoiseTest {
  static Json default_config() {
    return {
        {"base_url", "http://localhost:5000"}, {"looks", 50}, {"noise", {{"rate", 500}, {"duration", "1s"}}}};
  }
  static Scenarios scenarios() { return {scenario<MeasuredUser>, scenario<Noise>}; }
};
CHAPERON_LOAD_TEST(NoiseTest)
