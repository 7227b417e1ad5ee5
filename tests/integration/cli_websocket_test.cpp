// The tutorial's publish and subscribe, with `chaperon run`, against the target and against Node's ws.
#include "cli_fixture.hpp"
#include "support/node_ws_server.hpp"

namespace chaperon::test {
namespace {

constexpr std::uint64_t kPublications = 5 + 20 * 10 + 10;
constexpr std::uint64_t kSubscribers = 1 + 20 + 1;
constexpr std::uint64_t kMyScenarios = 10 + 1;

class CliWebSocket : public CliTest {
 protected:
  // Runs it, and looks at its rows: every subscriber has got what it waited for, and nothing failed.
  void run_against(const std::string& url) {
    const auto result = chaperon({"run", scenario_file("publish_and_await.cpp"), "--base-url", url,
                                  "--threads", "2", "--output", "metrics.csv"});
    ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
    const auto measured = rows("metrics.csv");
    EXPECT_EQ(measured.total(" post(/publications)"), kPublications);
    EXPECT_EQ(measured.total(" ws_recv(/foo)"), kPublications);
    EXPECT_EQ(measured.total(" ws_connect(/foo)"), kSubscribers);
    EXPECT_EQ(measured.total(" ws_close(/foo)"), kSubscribers);
    EXPECT_EQ(measured.total(" async(subscribe)"), kSubscribers);
    EXPECT_EQ(measured.total(" received"), kSubscribers);
    EXPECT_EQ(measured.total(" post(/foo)"), kMyScenarios);
    EXPECT_EQ(measured.total(" post(/my/status)"), kMyScenarios);
    EXPECT_EQ(measured.total(" async(publish)"), kMyScenarios);
    for (const auto& [name, count] : measured.counts())
      EXPECT_EQ(name.find("Error"), std::string::npos) << name;
  }
};

TEST_F(CliWebSocket, PublishAndAwaitAgainstTheTarget) {
  const TargetServer target;
  run_against(target.url());
  EXPECT_EQ(target.counter(), (Json{{"POST /publications", kPublications},
                                    {"POST /foo", kMyScenarios},
                                    {"POST /my/status", kMyScenarios},
                                    {"WS /foo", kSubscribers}}));
}

TEST_F(CliWebSocket, PublishAndAwaitAgainstNode) {
  const NodeWsServer node;
  run_against(node.url());
  const auto stats = Json::parse(node.stats());
  EXPECT_EQ(stats["publications"], kPublications);
  EXPECT_EQ(stats["connections"], kSubscribers);
}

}  // namespace
}  // namespace chaperon::test
