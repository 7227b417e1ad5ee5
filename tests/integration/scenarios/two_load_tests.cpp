// Two load tests, of which one has to be chosen.
#include "one_load_test.cpp"

struct OtherTest {
  static Scenarios scenarios() { return {scenario<Asker>}; }
};
CHAPERON_LOAD_TEST(OtherTest)
