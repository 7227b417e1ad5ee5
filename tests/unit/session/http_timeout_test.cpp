// Session: requests that are given up, in virtual time.
#include "session_fixture.hpp"

namespace chaperon::session {
namespace {

using ::testing::ElementsAre;

class HttpTimeoutTest : public SessionTest {
 protected:
  HttpTimeoutTest() { reactor.watch_in_silence(); }
  const Json one_second{
      {"base_url", "http://127.0.0.1:1"}, {"timeout", "1s"}, {"http", {{"connect_timeout", "1s"}}}};
};

TEST_F(HttpTimeoutTest, ARequestWhoseTimeoutsComeTogetherIsRecordedOnce) {
  run_ok([](Session& s) { s.get("/"); }, one_second);
  EXPECT_EQ(elapsed(), 1s);
  EXPECT_THAT(row_names(results()), ElementsAre("A Error connect_timeout get(http://127.0.0.1:1/)"));
  EXPECT_EQ(context.errors.groups().at(0).count, 1U);
  EXPECT_EQ(context.counters.requests, 1U);
  EXPECT_EQ(context.counters.errors, 1U);
}

TEST_F(HttpTimeoutTest, ARequestThatFailsAsItsSessionIsCancelledIsRecordedOnce) {
  A::script.run = [](Session& s) { s.get("/"); };
  auto& state = start(scenario<A>, one_second);
  cancel_after(1s, state);
  run_all();
  EXPECT_EQ(state.outcome, Outcome::cancelled);
  EXPECT_THAT(row_names(results()), ElementsAre("A Error connect_timeout get(http://127.0.0.1:1/)"));
  EXPECT_EQ(context.counters.errors, 1U);
}

}  // namespace
}  // namespace chaperon::session
