// Sessions that record under fifty names: for what a worker of a cluster sends.
#include <string>

#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct Reader {
  static void run(Session& session) {
    const auto requests = session.config<int>("requests");
    const auto delay = session.config<Duration>("pause");
    for (int i = 0; i < requests; ++i) {
      session.get("/", {.name = "page " + std::to_string(i % 49)});
      if (delay > 0ms) session.delay(delay);
    }
  }
};

struct ManyMetrics {
  static Json default_config() { return {{"requests", 1000}, {"sessions", 50}, {"pause", 0}}; }
  static Scenarios scenarios(const Json& config) {
    return {{config["sessions"].get<int>() * scenario<Reader>, {}}};
  }
};
CHAPERON_LOAD_TEST(ManyMetrics)
