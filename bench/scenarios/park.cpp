// `sessions` users that make one GET if `connect` says so, and then wait with their connection open until the
// run is interrupted. The last of them says so in the log.
#include <atomic>

#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct Parker {
  static inline std::atomic<std::int64_t> waiting{0};

  static void run(Session& session) {
    if (session.config<bool>("connect")) session.get("/").expect(200);
    if (++waiting == session.config<std::int64_t>("sessions")) session.log_warn("all sessions wait");
    session.delay(1h);
  }
};

struct ParkTest {
  static Json default_config() { return {{"sessions", 1000}, {"connect", true}}; }
  static Scenarios scenarios(const Json& config) {
    return {config.at("sessions").get<std::int64_t>() * scenario<Parker>};
  }
};
CHAPERON_LOAD_TEST(ParkTest)
