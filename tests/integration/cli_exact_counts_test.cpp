// Many sessions against nginx: not one request is lost or counted twice, with however many loops.
#include "cli_fixture.hpp"
#include "support/nginx_server.hpp"

namespace chaperon::test {
namespace {

constexpr std::uint64_t kSessions = kSanitized ? 50 : 500;
constexpr std::uint64_t kRequests = kSanitized ? 40 : 200;

class CliExactCounts : public CliTest, public ::testing::WithParamInterface<int> {};

TEST_P(CliExactCounts, EqualTheAccessLogOfNginx) {
  const NginxServer nginx;
  const auto result =
      chaperon({"run", source("bench/scenarios/get.cpp"), "--base-url", nginx.url(), "--config",
                "sessions=" + std::to_string(kSessions), "--config", "requests=" + std::to_string(kRequests),
                "--threads", std::to_string(GetParam()), "--output", "metrics.csv"});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  const auto measured = rows("metrics.csv");
  EXPECT_EQ(measured.count("Getter get(/)"), kSessions * kRequests);
  EXPECT_EQ(measured.count("Getter connect()"), kSessions);
  EXPECT_EQ(measured.counts().size(), 2U) << read("metrics.csv");
  EXPECT_EQ(nginx.count_requests("GET / 200"), kSessions * kRequests);
  EXPECT_EQ(nginx.count_requests(), kSessions * kRequests);
}

INSTANTIATE_TEST_SUITE_P(Threads, CliExactCounts, ::testing::Values(1, 2, 4));

}  // namespace
}  // namespace chaperon::test
