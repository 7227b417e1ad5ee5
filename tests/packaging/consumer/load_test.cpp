// A load test without a main(): chaperon::main and `chaperon run` bring theirs.
#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct Sleeper {
  static void run(Session& session) { session.delay(session.config<Duration>("nap")); }
};

struct SleepTest {
  static Json default_config() { return {{"nap", "1ms"}}; }
  static Scenarios scenarios() { return {3 * scenario<Sleeper>}; }
};
CHAPERON_LOAD_TEST(SleepTest)
