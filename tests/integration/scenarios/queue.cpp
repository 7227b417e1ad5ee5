// Load tests for the queue: one that is done at once, one that goes on until it is cancelled, and one whose
// end takes its time.
#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct Asker {
  static void run(Session& session) { session.get("/").expect(200); }
};
struct AskTest {
  static Scenarios scenarios() { return {4 * scenario<Asker>}; }
};
CHAPERON_LOAD_TEST(AskTest)

struct Sitter {
  static void run(Session& session) {
    session.get("/").expect(200);
    session.delay(1h);
  }
};
struct SitTest {
  static Scenarios scenarios() { return {3 * scenario<Sitter>}; }
};
CHAPERON_LOAD_TEST(SitTest)

struct Lingerer {
  static void run(Session& session) {
    session.get("/").expect(200);
    session.delay(1h);
  }
  static void teardown(Session& session) { session.get("/").delay(2s); }
};
struct LingerTest {
  static Scenarios scenarios() { return {1 * scenario<Lingerer>}; }
};
CHAPERON_LOAD_TEST(LingerTest)
