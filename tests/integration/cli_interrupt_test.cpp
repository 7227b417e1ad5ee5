// Ctrl-C: once ends the run with a report, twice at once.
#include <csignal>

#include "cli_fixture.hpp"
#include "support/scripted_server.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

void answer_all(Peer& peer) {
  while (!peer.receive_request().empty())
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

class CliInterrupt : public CliTest {
 protected:
  [[nodiscard]] Words sit_words(const std::string& url) const {
    return {CHAPERON_BINARY,
            "run",
            scenario_file("options.cpp"),
            "SitTest",
            "--base-url",
            url,
            "--output",
            "m.json",
            "--threads",
            "2"};
  }
  // One that makes what this build can load.
  static std::string real_compiler() {
#if defined(__clang__)
    return "clang++";
#else
    return "g++";
#endif
  }
};

TEST_F(CliInterrupt, OnceStopsAndReportsWhatWasMeasured) {
  ScriptedServer server(answer_all);
  Process run(sit_words(server.url()), options());
  ASSERT_TRUE(server.wait_for_requests(10, kPatience));
  run.signal(SIGINT);
  const auto result = run.wait(kPatience);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.out, StartsWith("SitTest: INTERRUPTED\n"));
  EXPECT_THAT(result.out, HasSubstr("\n  sessions   10: 10 cancelled\n"));
  EXPECT_THAT(result.out, HasSubstr("\nm.json  m.config.json  m.scenarios.json\n"));
  const auto results = json("m.json");
  EXPECT_EQ(results.at("sessions"), Json({{"ok", 0}, {"failed", 0}, {"cancelled", 10}, {"timed_out", 0}}));
  std::uint64_t answered = 0;
  std::uint64_t cut_off = 0;
  for (const auto& row : results.at("rows")) {
    if (row.at("action") != "get") continue;
    (row.at("error").is_null() ? answered : cut_off) += row.at("total_count").get<std::uint64_t>();
  }
  EXPECT_EQ(answered + cut_off, 10U);
}

TEST_F(CliInterrupt, SigtermIsTheSame) {
  ScriptedServer server(answer_all);
  Process run(sit_words(server.url()), options());
  ASSERT_TRUE(server.wait_for_requests(10, kPatience));
  run.signal(SIGTERM);
  EXPECT_EQ(run.wait(kPatience).exit_code, 130);
  EXPECT_TRUE(exists("m.json"));
}

TEST_F(CliInterrupt, RequestsUnderWayAreCutOffAndCounted) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.stall();
  });
  Process run(sit_words(server.url()), options());
  ASSERT_TRUE(server.wait_for_requests(10, kPatience));
  run.signal(SIGINT);
  const auto result = run.wait(kPatience);
  EXPECT_EQ(result.exit_code, 130) << result.out;
  std::uint64_t cut_off = 0;
  const auto results = json("m.json");
  for (const auto& row : results.at("rows")) {
    if (row.at("error") == "cancelled" && row.at("action") == "get")
      cut_off += row.at("total_count").get<std::uint64_t>();
  }
  EXPECT_EQ(cut_off, 10U) << read("m.json");
}

TEST_F(CliInterrupt, TwiceLeavesAtOnce) {
  // The answer to the teardown's request never comes: the second Ctrl-C arrives while the first is being
  // followed.
  ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    peer.receive_request();
    peer.stall();
  });
  Process run({CHAPERON_BINARY, "run", scenario_file("options.cpp"), "LeaveTest", "--base-url", server.url(),
               "--output", "m.json"},
              options());
  ASSERT_TRUE(server.wait_for_requests(1, kPatience));
  run.signal(SIGINT);
  ASSERT_TRUE(server.wait_for_requests(2, kPatience));
  run.signal(SIGINT);
  const auto result = run.wait(kPatience);
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_EQ(result.out, "");
  EXPECT_FALSE(exists("m.json"));
}

TEST_F(CliInterrupt, ASessionThatDoesNotWaitIsInterruptedAsWell) {
#if defined(CHAPERON_TSAN)
  GTEST_SKIP() << "ThreadSanitizer delays signals until the code calls something";
#endif
  ScriptedServer server(answer_all);
  Process run({"/bin/sh", "-c",
               "exec \"" CHAPERON_BINARY "\" run " + scenario_file("misbehaviour.cpp") +
                   " LoopsForEver --threads 1 --output m.json --base-url " + server.url() + " 2>&1"},
              options());
  std::optional<std::string> line;
  do {
    line = run.read_line(kPatience);
    ASSERT_TRUE(line);
  } while (line->find("stands still") == std::string::npos);
  run.signal(SIGINT);
  const auto result = run.wait(kPatience);
  EXPECT_EQ(result.exit_code, 130) << result.out;
  EXPECT_THAT(result.out, HasSubstr("LoopsForEver: INTERRUPTED (1 session failed)\n"));
  const auto sessions = json("m.json").at("sessions");
  EXPECT_EQ(
      sessions.at("ok").get<int>() + sessions.at("cancelled").get<int>() + sessions.at("failed").get<int>(),
      21);
  EXPECT_EQ(sessions.at("failed"), 1);
}

TEST_F(CliInterrupt, TheTargetOfTheRunEndsWithIt) {
  Process run({"/bin/sh", "-c",
               "exec \"" CHAPERON_BINARY "\" run " + scenario_file("options.cpp") + " SitTest --target 2>&1"},
              options());
  std::optional<std::string> line;
  std::smatch port;
  do {
    line = run.read_line(kPatience);
    ASSERT_TRUE(line);
  } while (!std::regex_search(*line, port, std::regex("http://127\\.0\\.0\\.1:([0-9]+),")));
  const auto target = static_cast<std::uint16_t>(std::stoi(port[1]));
  while (Json::parse(fetch(target, "/counter")).value("GET /sit", 0) < 10)
    ASSERT_TRUE(run.running());
  const auto id = std::to_string(run.pid());
  std::string child;
  std::istringstream(read_file("/proc/" + id + "/task/" + id + "/children")) >> child;
  ASSERT_FALSE(child.empty());
  run.signal(SIGINT);
  const auto result = run.wait(kPatience);
  EXPECT_EQ(result.exit_code, 130) << result.out;
  EXPECT_THAT(result.out, HasSubstr("SitTest: INTERRUPTED\n"));
  EXPECT_FALSE(std::filesystem::exists("/proc/" + child));
}

TEST_F(CliInterrupt, DuringACompileEndsTheCompilerToo) {
#if defined(CHAPERON_TSAN)
  GTEST_SKIP() << "ThreadSanitizer delays signals until the code calls something";
#endif
  use_own_cache();
  ScriptedServer started([](Peer& peer) { peer.wait_for_close(); });
  // A compiler that says when it is asked to make a library, and then takes for ever.
  write("slow-c++",
        "#!/bin/bash\nfor word in \"$@\"; do\n  if [ \"$word\" = -shared ]; then\n    exec "
        "3<>/dev/tcp/127.0.0.1/" +
            std::to_string(started.port()) +
            "\n    echo $$ > compiler.pid\n    echo hello >&3\n    exec sleep 100000\n  fi\ndone\nexec " +
            real_compiler() + " \"$@\"\n");
  std::filesystem::permissions(directory_ / "slow-c++", std::filesystem::perms::owner_all);
  write("ask.cpp",
        "#include <chaperon/chaperon.hpp>\nusing namespace chaperon;\n"
        "struct A { static void run(Session& s) { s.get(\"/a\"); } };\n"
        "struct T { static Scenarios scenarios() { return {scenario<A>}; } };\nCHAPERON_LOAD_TEST(T)\n");
  Process run({CHAPERON_BINARY, "run", "ask.cpp", "--target", "--output", "m.csv"},
              options({"CXX=" + (directory_ / "slow-c++").string()}));
  ASSERT_TRUE(started.wait_for_connections(1, kPatience));
  ASSERT_EQ(::kill(-run.pid(), SIGINT), 0);  // as a terminal does: to all of the group
  const auto result = run.wait(kPatience);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "compiling ask.cpp ... interrupted\n");
  EXPECT_FALSE(exists("m.csv"));
  for (const auto& entry : std::filesystem::directory_iterator(cache_ / "chaperon"))
    EXPECT_FALSE(entry.path().filename().string().starts_with("build-")) << entry.path();
  // Nothing is locked or half done: the next run compiles.
  EXPECT_EQ(chaperon({"run", "ask.cpp", "--target"}).exit_code, 0);
}

}  // namespace
}  // namespace chaperon::test
