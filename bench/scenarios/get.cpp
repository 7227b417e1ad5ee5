// `sessions` users, each repeating `requests` GETs of / on its connection.
#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct Getter {
  static void run(Session& session) { session.repeat<get>(session.config<std::int64_t>("requests")); }
  static void get(Session& session) { session.get("/"); }
};

struct GetTest {
  static Json default_config() { return {{"sessions", 50}, {"requests", 1000}}; }
  static Scenarios scenarios(const Json& config) {
    return {config.at("sessions").get<std::int64_t>() * scenario<Getter>};
  }
};
CHAPERON_LOAD_TEST(GetTest)
