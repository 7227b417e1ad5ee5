// Session: log lines.
#include "base/log.hpp"

#include "session_fixture.hpp"

namespace chaperon::session {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SessionLogTest : public SessionTest {
 protected:
  /// What is written to the log while f runs.
  template <class F>
  static std::string logged(LogLevel level, F&& f) {
    ::testing::internal::CaptureStderr();
    start_log(level);
    std::forward<F>(f)();
    stop_log();
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(SessionLogTest, ALineBearsIdNameAndTheNestedScenario) {
  std::string id;
  B::script.run = [](Session& s) { s.log_error("inner {}", 2.5); };
  const auto text = logged(LogLevel::info, [&] {
    A::script.run = [&](Session& s) {
      id = s.id();
      s.log_info("outer {}", 1).run_scenario<B>().log_warn("again {}", "x");
    };
    start(scenario<A>, Json::object(), "crowd");
    run_all();
  });
  EXPECT_THAT(text, HasSubstr("[" + id + " crowd] outer 1\n"));
  EXPECT_THAT(text, HasSubstr("[" + id + " crowd in B] inner 2.5\n"));
  EXPECT_THAT(text, HasSubstr("[" + id + " crowd] again x\n"));
}

TEST_F(SessionLogTest, LinesBelowTheLevelAreNotWritten) {
  const auto text = logged(LogLevel::warn, [this] {
    run_ok([](Session& s) { s.log_debug("debug").log_info("info").log_warn("warn").log_error("error"); });
  });
  EXPECT_THAT(text, Not(HasSubstr("debug")));
  EXPECT_THAT(text, Not(HasSubstr("info")));
  EXPECT_THAT(text, HasSubstr("] warn\n"));
  EXPECT_THAT(text, HasSubstr("] error\n"));
}

TEST_F(SessionLogTest, RetriesAndTeardownsThatFailAreLogged) {
  A::script.teardown = [](Session&) { throw std::runtime_error("not removed"); };
  const auto text = logged(LogLevel::debug, [this] {
    run_ok([](Session& s) {
      int tries = 0;
      s.retry_on_error("flaky",
                       [&](Session&) {
                         if (++tries == 1) throw std::runtime_error("not yet");
                       },
                       {.retries = 3, .random_delay = 1ms});
    });
  });
  EXPECT_THAT(text, HasSubstr("] retry 1 of 3 after std::runtime_error: not yet\n"));
  EXPECT_THAT(text, Not(HasSubstr("retry 2")));
  EXPECT_THAT(text, HasSubstr("] teardown of A failed: std::runtime_error: not removed\n"));
}

}  // namespace
}  // namespace chaperon::session
