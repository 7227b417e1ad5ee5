// Too few descriptors, too few ports: errors in the results, and every session counted.
#include "cli_fixture.hpp"
#include "support/nginx_server.hpp"

namespace chaperon::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CliLimits : public CliTest {
 protected:
  // Every one of the sessions is counted, and each of its two requests is in some row.
  void expect_conserved(std::uint64_t sessions) const {
    const auto results = json("m.json");
    std::uint64_t ended = 0;
    for (const auto& [how, count] : results.at("sessions").items())
      ended += count.get<std::uint64_t>();
    EXPECT_EQ(ended, sessions);
    EXPECT_EQ(results.at("sessions").at("ok"), sessions);
    std::uint64_t attempts = 0;
    for (const auto& row : results.at("rows")) {
      const bool http_error =
          row.at("error").is_string() && row.at("error").get<std::string>().starts_with("HTTP");
      if (row.at("action") == "get" && !http_error) attempts += row.at("total_count").get<std::uint64_t>();
    }
    EXPECT_EQ(attempts, 2 * sessions);
  }
  [[nodiscard]] std::string hold_test(const std::string& url, std::uint64_t sessions) const {
    return "\"$chaperon\" run " + scenario_file("options.cpp") + " HoldTest --base-url " + url +
           " --output m.json --threads 2 --config sessions=" + std::to_string(sessions);
  }
};

TEST_F(CliLimits, SixtyFourDescriptorsForAThousandSessions) {
  ASSERT_EQ(chaperon({"list", scenario_file("options.cpp")}).exit_code, 0);  // compiled without the limit
  const TargetServer target;
  const auto result = shell("ulimit -n 64; " + hold_test(target.url(), 1000));
  EXPECT_THAT(result.exit_code, ::testing::AnyOf(0, 1)) << result.err;
  EXPECT_THAT(result.out, HasSubstr("\n  sessions   1,000: 1,000 ok\n"));
  EXPECT_THAT(result.out + result.err, ::testing::AnyOf(HasSubstr("no_descriptors"), HasSubstr("queued")));
  expect_conserved(1000);
}

TEST_F(CliLimits, TooFewDescriptorsToBeginWithIsAnErrorAndNoCrash) {
  ASSERT_EQ(chaperon({"list", scenario_file("options.cpp")}).exit_code, 0);
  for (const auto* limit : {"3", "6", "9", "12"}) {
    const auto result = shell(std::string("ulimit -n ") + limit + "; " + hold_test("http://127.0.0.1:1", 5) +
                              " --config timeout=100");
    EXPECT_LT(result.exit_code, 128) << limit << result.err;
    EXPECT_NE(result.exit_code, 0) << limit;
  }
}

TEST_F(CliLimits, PortExhaustionIsARowOfItsOwn) {
  ASSERT_EQ(chaperon({"list", scenario_file("options.cpp")}).exit_code, 0);
  const auto setup =
      std::string("ip link set lo up && sysctl -q -w net.ipv4.ip_local_port_range='40000 40009'");
  if (run_command({"unshare", "-n", "/bin/sh", "-c", setup}).exit_code != 0)
    GTEST_SKIP() << "a network namespace of one's own needs root";
  const auto result =
      run_command({"unshare", "-n", "/bin/sh", "-c",
                   setup +
                       " && { \"$chaperon\" target --port 5000 & target=$!; } && "
                       "while ! \"$chaperon\" bench 127.0.0.1:5000 -n 1 >/dev/null 2>&1; do :; done; " +
                       hold_test("http://127.0.0.1:5000", 200) + "; code=$?; kill $target; exit $code"},
                  options({"chaperon=" CHAPERON_BINARY}), kPatience);
  EXPECT_THAT(result.exit_code, ::testing::AnyOf(0, 1)) << result.err;
  EXPECT_THAT(result.out, HasSubstr("\n  sessions   200: 200 ok\n"));
  EXPECT_THAT(result.out, HasSubstr("no_ports"));
  expect_conserved(200);
}

TEST_F(CliLimits, TooLittleMemoryForStacksIsSaid) {
#if defined(CHAPERON_ASAN) || defined(CHAPERON_TSAN)
  GTEST_SKIP() << "the sanitizers reserve terabytes of address space";
#endif
  ASSERT_EQ(chaperon({"list", scenario_file("options.cpp")}).exit_code, 0);
  const TargetServer target;
  const auto result = shell("ulimit -v 4000000; " + hold_test(target.url(), 1000) + " --stack-size 64M");
  EXPECT_LT(result.exit_code, 128) << result.err;
}

}  // namespace
}  // namespace chaperon::test
