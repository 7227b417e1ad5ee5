// One load test: four sessions with one request each.
#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct Asker {
  static void run(Session& session) { session.get("/asked"); }
};
struct AskTest {
  static Scenarios scenarios() { return {4 * scenario<Asker>}; }
};
CHAPERON_LOAD_TEST(AskTest)
