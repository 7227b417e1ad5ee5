// A program that runs a load test by itself and looks at the results.
// [snippet: own_main]
#include <cstdio>

#include <chaperon/chaperon.hpp>

namespace {

using namespace chaperon;

struct Counter {
  static void run(Session& session) { session.add_metric("answer", session.config<int>("answer")); }
};

struct CountTest {
  static Json default_config() { return {{"answer", 42}}; }
  static Scenarios scenarios() { return {3 * scenario<Counter>}; }
};

}  // namespace

int main() {
  const Results results = run_load_test<CountTest>();
  const Metric* answer = results.find("Counter answer");
  if (results.sessions.ok != 3 || answer == nullptr || answer->count() != 3 || answer->max() != 42) {
    std::fputs("expected 3 sessions that end ok, with the answer 42 each\n", stderr);
    return 1;
  }
  return 0;
}
// [end]
