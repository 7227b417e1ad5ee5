// Writes to the standard output while it is loaded.
#include <cstdio>
#include <iostream>

#include <chaperon/chaperon.hpp>

using namespace chaperon;

namespace {

const bool kSaid = [] {
  std::puts("hello");
  std::cout << "by a stream, ";
  std::printf("without an end");
  return true;
}();

}  // namespace

struct Silent {
  static void run(Session& session) { session.delay(kSaid ? 1ms : 2ms); }
};
struct TalkTest {
  static Scenarios scenarios() { return {1 * scenario<Silent>}; }
};
CHAPERON_LOAD_TEST(TalkTest)
