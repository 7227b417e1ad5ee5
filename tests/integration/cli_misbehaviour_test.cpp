// Scenarios that misbehave: the other sessions go on, and their counts are exact.
#include "cli_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class CliMisbehaviour : public CliTest {
 protected:
  CommandResult run(const std::string& load_test, const Words& more = {}) {
    Words words{
        "run", scenario_file("misbehaviour.cpp"), load_test, "--target", "--output", "metrics.json", "--seed",
        "1"};
    words.insert(words.end(), more.begin(), more.end());
    auto result = chaperon(words);
    if (exists("metrics.json")) results_ = json("metrics.json");
    return result;
  }
  // The count of a row; 0 if there is none.
  [[nodiscard]] std::uint64_t count(const std::string& session, const std::string& action,
                                    const std::string& target, const Json& error = nullptr) const {
    for (const auto& row : results_.at("rows")) {
      const auto its_target = row.at("target").is_null() ? "" : row.at("target").get<std::string>();
      if (row.at("session") == session && row.at("action") == action && row.at("error") == error &&
          without_origin(its_target) == target)
        return row.at("total_count").get<std::uint64_t>();
    }
    return 0;
  }
  [[nodiscard]] Json sessions() const { return results_.at("sessions"); }
  static Json counts(int ok, int failed, int cancelled, int timed_out) {
    return {{"ok", ok}, {"failed", failed}, {"cancelled", cancelled}, {"timed_out", timed_out}};
  }
  // What ended sessions: count and example of each group.
  [[nodiscard]] std::vector<std::pair<int, std::string>> endings() const {
    std::vector<std::pair<int, std::string>> found;
    for (const auto& error : results_.at("errors")) {
      if (error.at("action").is_null())
        found.emplace_back(error.at("count").get<int>(), without_origin(error.at("example")));
    }
    return found;
  }
  void expect_the_others_are_counted() const { EXPECT_EQ(count("Good", "get", "/good"), 100U); }

  Json results_;
};

using Endings = std::vector<std::pair<int, std::string>>;

TEST_F(CliMisbehaviour, ThrowingInRun) {
  const auto result = run("ThrowsInRun");
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.out, HasSubstr("ThrowsInRun: FAILED (3 sessions failed)\n"));
  EXPECT_THAT(result.out, HasSubstr("\n  sessions   23: 20 ok, 3 failed\n"));
  EXPECT_EQ(sessions(), counts(20, 3, 0, 0));
  EXPECT_EQ(endings(), (Endings{{3, "std::runtime_error: thrown in run"}}));
  EXPECT_EQ(count("bad", "get", "/bad"), 3U);
  expect_the_others_are_counted();
}

TEST_F(CliMisbehaviour, ThrowingInInitStillTearsDown) {
  const auto result = run("ThrowsInInit");
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(sessions(), counts(20, 1, 0, 0));
  EXPECT_EQ(endings(), (Endings{{1, "std::logic_error: thrown in init"}}));
  EXPECT_EQ(count("bad", "get", "/bad"), 0U);
  EXPECT_EQ(count("bad", "get", "/torn-down"), 0U);  // what a teardown does is in no row
  expect_the_others_are_counted();
}

TEST_F(CliMisbehaviour, ThrowingInTeardownIsReportedAndTheSessionIsWhatItsRunWas) {
  const auto result = run("ThrowsInTeardown");
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_EQ(sessions(), counts(21, 0, 0, 0));
  EXPECT_THAT(result.err,
              HasSubstr("bad] teardown of TeardownThrower failed: std::runtime_error: thrown in teardown\n"));
  EXPECT_THAT(result.out, HasSubstr("std::runtime_error: thrown in teardown"));
  EXPECT_EQ(count("bad", "get", "/bad"), 1U);
  expect_the_others_are_counted();
}

TEST_F(CliMisbehaviour, ThrowingInACallback) {
  const auto result = run("ThrowsInCallback");
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(sessions(), counts(20, 2, 0, 0));
  EXPECT_EQ(endings(), (Endings{{2, "std::out_of_range: thrown in with_result"}}));
  EXPECT_EQ(count("bad", "get", "/bad"), 2U);
  EXPECT_EQ(count("bad", "get", "/never"), 0U);
  expect_the_others_are_counted();
}

TEST_F(CliMisbehaviour, ThrowingWhatIsNoException) {
  const auto result = run("ThrowsAnInt");
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(endings(), (Endings{{1, "an exception of type int"}}));
  expect_the_others_are_counted();
}

TEST_F(CliMisbehaviour, FailuresOfDifferentTypesAreGroupsOfTheirOwn) {
  const auto result = run("FailsVariously", {"--threads", "1"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(sessions(), counts(20, 10, 0, 0));
  EXPECT_EQ(endings(), (Endings{{4, "std::runtime_error: case 0"},
                                {3, "std::invalid_argument: case 4"},
                                {2, "UnexpectedStatus: get(/status/503): 503, expected 200"},
                                {1, "no room"}}));
  EXPECT_THAT(result.out, HasSubstr("\n      4  failed  bad  std::runtime_error: case 0   ("));
  expect_the_others_are_counted();
}

TEST_F(CliMisbehaviour, GroupsOfSeveralLoopsAreMerged) {
  const auto result = run("FailsVariously", {"--threads", "4"});
  EXPECT_EQ(sessions(), counts(20, 10, 0, 0));
  std::vector<int> group_counts;
  for (const auto& [count, example] : endings())
    group_counts.push_back(count);
  EXPECT_EQ(group_counts, (std::vector<int>{4, 3, 2, 1})) << result.out;
}

TEST_F(CliMisbehaviour, LoopingWithoutWaitingIsSaidAndEnded) {
#if defined(CHAPERON_TSAN)
  GTEST_SKIP() << "ThreadSanitizer delays signals until the code calls something";
#endif
  // The one loop that there is stands still until the watchdog interrupts that session.
  const auto result = run("LoopsForEver", {"--threads", "1"});
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_THAT(result.err, HasSubstr("loop 0 stands still: a session has not waited for anything"));
  EXPECT_EQ(sessions(), counts(20, 1, 0, 0));
  ASSERT_EQ(endings().size(), 1U);
  EXPECT_THAT(endings().front().second, HasSubstr("it ran without waiting for so long"));
  EXPECT_EQ(count("bad", "get", "/bad"), 1U);
  expect_the_others_are_counted();
}

TEST_F(CliMisbehaviour, AStackOverflowNamesTheRemedyAndTheResultsAreWritten) {
#if defined(CHAPERON_ASAN) || defined(CHAPERON_TSAN)
  GTEST_SKIP() << "the sanitizers report stack overflows themselves";
#endif
  const auto result = run("Overflows");
  EXPECT_EQ(result.exit_code, 70) << result.out << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("Overflows: FAILED: a session has overflowed its stack: give sessions larger "
                        "ones with --stack-size\n"));
  EXPECT_EQ(sessions(), counts(20, 1, 0, 0));
  ASSERT_EQ(endings().size(), 1U);
  EXPECT_THAT(endings().front().second, HasSubstr("--stack-size"));
  EXPECT_EQ(count("bad", "get", "/bad"), 1U);
  expect_the_others_are_counted();
}

TEST_F(CliMisbehaviour, ALargerStackIsTheRemedy) {
#if defined(CHAPERON_ASAN) || defined(CHAPERON_TSAN)
  GTEST_SKIP() << "the sanitizers report stack overflows themselves";
#endif
  EXPECT_EQ(run("GoesDeep").exit_code, 70);
  EXPECT_EQ(sessions(), counts(0, 1, 0, 0));
  const auto result = run("GoesDeep", {"--stack-size", "1M"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_EQ(sessions(), counts(1, 0, 0, 0));
  EXPECT_EQ(count("DeepCaller", "depth", ""), 1U);
}

TEST_F(CliMisbehaviour, ThrowingInADestructor) {
  const auto result = run("ThrowsInDestructor");
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_EQ(sessions(), counts(20, 2, 0, 0));
  ASSERT_EQ(endings().size(), 1U);
  EXPECT_EQ(endings().front().first, 2);
  EXPECT_THAT(endings().front().second,
              HasSubstr("the exception \"thrown in a destructor\" left a destructor or a noexcept function"));
  EXPECT_EQ(count("bad", "get", "/bad"), 2U);
  expect_the_others_are_counted();
}

TEST_F(CliMisbehaviour, CallingTerminate) {
  const auto result = run("Terminates");
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_EQ(sessions(), counts(20, 2, 0, 0));
  ASSERT_EQ(endings().size(), 1U);
  EXPECT_EQ(endings().front().first, 2);
  EXPECT_THAT(endings().front().second, HasSubstr("std::terminate was called"));
  expect_the_others_are_counted();
}

TEST_F(CliMisbehaviour, AbortedSessionsAreCancelledAndNoFailure) {
  const auto result = run("Aborts");
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_EQ(sessions(), counts(20, 0, 4, 0));
  EXPECT_EQ(endings(), (Endings{{4, "enough"}}));
  expect_the_others_are_counted();
}

TEST_F(CliMisbehaviour, ScenarioTimeout) {
  const auto result = run("TimesOut");
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("TimesOut: FAILED (3 sessions timed out)\n"));
  EXPECT_EQ(sessions(), counts(20, 0, 0, 3));
  ASSERT_EQ(endings().size(), 1U);
  EXPECT_EQ(endings().front().first, 3);
  EXPECT_THAT(endings().front().second, HasSubstr("scenario_timeout 50 ms"));
  EXPECT_EQ(count("bad", "get", "/bad") + count("bad", "get", "/bad", "cancelled"), 3U);
  expect_the_others_are_counted();
}

TEST_F(CliMisbehaviour, LoadTestTimeout) {
  const auto result = run("LoadTestTimesOut");
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_EQ(sessions(), counts(20, 0, 0, 3));
  ASSERT_EQ(endings().size(), 1U);
  EXPECT_THAT(endings().front().second, HasSubstr("load_test_timeout 1"));
  EXPECT_EQ(count("bad", "get", "/bad"), 3U);
  expect_the_others_are_counted();
}

TEST_F(CliMisbehaviour, ZeroAndNegativeSessionsAreRefused) {
  for (const auto* users : {"0", "-3"}) {
    const auto result = run("AnySize", {"--config", std::string("users=") + users});
    EXPECT_EQ(result.exit_code, 2) << result.out;
    EXPECT_EQ(result.err,
              std::string("error: AnySize: entry Good has ") + users + " sessions: it needs at least one\n");
    EXPECT_FALSE(exists("metrics.json"));
  }
}

TEST_F(CliMisbehaviour, AnEmptyTableIsRefused) {
  const auto result = run("EmptyTable");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("error: EmptyTable has no scenarios"));
}

TEST_F(CliMisbehaviour, ATableThatThrowsIsSaid) {
  const auto result = run("TableThrows");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("error: "));
  EXPECT_THAT(result.err, HasSubstr("missing"));
  EXPECT_THAT(result.out, Not(HasSubstr("PASSED")));
}

TEST_F(CliMisbehaviour, AllowedFailuresPassUnlessAllFailed) {
  auto result = run("ThrowsInRun", {"--allow-failures"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("ThrowsInRun: PASSED (3 sessions failed)\n"));
  EXPECT_EQ(sessions(), counts(20, 3, 0, 0));

  result = run("AllFail", {"--allow-failures"});
  EXPECT_EQ(result.exit_code, 1) << result.out;
  EXPECT_EQ(sessions(), counts(0, 3, 0, 0));
}

}  // namespace
}  // namespace chaperon::test
