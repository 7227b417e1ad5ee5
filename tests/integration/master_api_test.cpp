// The control API of a master: each route with and without its token, what it refuses, what it gives.
#include <fmt/format.h>

#include "master_fixture.hpp"

namespace chaperon::test {
namespace {

using cluster::LoadTestState;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Case {
  const char* method;
  const char* target;
  unsigned with_token;  // the status
  unsigned read_only;   // of a server without a token
};
constexpr Case kCases[]{
    // NOLINT(modernize-avoid-c-arrays)
    {"GET", "/healthcheck", 200, 200},
    {"GET", "/version", 200, 200},
    {"HEAD", "/version", 200, 200},
    {"GET", "/load_tests", 200, 200},
    {"GET", "/load_tests/scheduled", 200, 200},
    {"GET", "/load_tests/0123abcd", 404, 404},
    {"GET", "/load_tests/0123abcd/results", 404, 404},
    {"GET", "/load_tests/0123abcd/results.csv", 404, 404},
    {"GET", "/load_tests/0123abcd/results.json", 404, 404},
    {"POST", "/load_tests", 415, 403},
    {"DELETE", "/load_tests", 200, 403},
    {"DELETE", "/load_tests/scheduled", 200, 403},
    {"DELETE", "/load_tests/0123abcd", 404, 403},
    {"PUT", "/load_tests", 405, 405},
    {"GET", "/nothing", 404, 404},
};

TEST_F(MasterTest, EachRouteNeedsTheTokenButTheHealthcheck) {
  start_master();
  for (const auto& one : kCases) {
    const auto name = std::string(one.method) + " " + one.target;
    const auto with = api(one.method, one.target);
    EXPECT_EQ(with.status, one.with_token) << name << with.head << with.body;
    EXPECT_THAT(with.head, AllOf(HasSubstr("X-Content-Type-Options: nosniff\r\n"),
                                 HasSubstr("Cache-Control: no-store\r\n"), Not(HasSubstr("Access-Control"))));
    const bool open = std::string(one.target) == "/healthcheck";
    for (const auto* authorization : {"", "Authorization: Basic Y2hhcGVyb246d3Jvbmc=\r\n"}) {
      const auto without = api(one.method, one.target, {}, authorization);
      EXPECT_EQ(without.status, open ? 200U : 401U) << name;
      if (!open) {
        EXPECT_THAT(without.head, HasSubstr("WWW-Authenticate: Basic "));
      }
    }
    const auto elsewhere =
        api(one.method, one.target, {}, std::string(kAuthorization) + "Host: rebound.example:8710\r\n");
    EXPECT_EQ(elsewhere.status, 421U) << name;
    if (std::string(one.method) != "HEAD") {
      EXPECT_TRUE(elsewhere.json().contains("error"));
    }
  }
}

TEST_F(MasterTest, WithoutATokenTheApiOnlyShows) {
  start_master({"--host", "load.example"}, "");
  for (const auto& one : kCases) {
    const auto answer = api(one.method, one.target, {}, "");
    EXPECT_EQ(answer.status, one.read_only) << one.method << one.target << answer.body;
    if (one.read_only == 403U) {
      EXPECT_THAT(answer.json().at("error").get<std::string>(), HasSubstr("CHAPERON_API_TOKEN"));
    }
  }
  for (const auto* host : {"Load.Example:80", "[0:0:0:0:0:0:0:1]:8710"})
    EXPECT_EQ(api("GET", "/version", {}, fmt::format("Host: {}\r\n", host)).status, 200U) << host;
  // Names that whoever owns them may have resolve to this machine.
  for (const auto* host : {"127.evil.example", "127.0.0.1.nip.io:8710", "127.0.0.1@evil"})
    EXPECT_EQ(api("GET", "/version", {}, fmt::format("Host: {}\r\n", host)).status, 421U) << host;
}

TEST_F(MasterTest, RequestsThatAreTooLargeOrNoHttpAreRefused) {
  start_master();
  EXPECT_EQ(api("POST", "/load_tests", std::string(5'000'000, ' ')).status, 413U);
  EXPECT_EQ(api("POST", "/load_tests", "{").status, 400U);
  EXPECT_EQ(
      ask_server(port_, "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n")
          .status,
      431U);
  EXPECT_EQ(ask_server(port_, "nonsense\r\n\r\n").status, 400U);
  EXPECT_EQ(ask_server(port_, "GET /version HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n").status, 400U);
  // Whoever asks first whether a body is wanted gets an answer before it.
  const auto refused = ask_server(port_,
                                  "POST /load_tests HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n"
                                  "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(refused.status, 401U);
  // Two requests on one connection.
  const auto two = ask_server(port_,
                              "GET /healthcheck HTTP/1.1\r\nHost: localhost\r\n\r\n"
                              "GET /healthcheck HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(occurrences(two.head + two.body, "HTTP/1.1 200 OK"), 2U) << two.head << two.body;
}

TEST_F(MasterTest, ConnectionsThatAreTooManyAreTurnedAway) {
  start_master();
  const auto connect_there = [&] {
    Descriptor socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    checked(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
    return socket;
  };
  std::vector<Descriptor> idle;
  for (int i = 0; i < 64; ++i)
    idle.push_back(connect_there());
  EXPECT_EQ(api("GET", "/version").status, 503U);
  idle.clear();
  const auto deadline = std::chrono::steady_clock::now() + kPatient;
  while (api("GET", "/version").status != 200U)
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
}

TEST_F(MasterTest, RunsWhatIsPostedAndGivesItsResults) {
  std::filesystem::create_directories(directory_ / "known");
  // It is compiled once for all tests that way.
  std::filesystem::create_symlink(scenario_file("queue.cpp"), directory_ / "known/asking.cpp");
  start_master({"--load-tests", "known"});
  const auto worker = start_worker();
  const Json options{{"base_url", nginx_.url()}, {"workers", 1}, {"config", {{"secret", "geheim"}}}};
  const Json posted{{"file", read_file(scenario_file("queue.cpp"))},
                    {"file_name", "posted.cpp"},
                    {"load_test", "AskTest"},
                    {"tags", {"api"}},
                    {"options", options}};
  const Json known{{"name", "asking"}, {"load_test", "AskTest"}, {"options", options}};

  // All or none.
  auto answer = api("POST", "/load_tests", Json{posted, {{"name", "unknown"}}}.dump());
  EXPECT_EQ(answer.status, 422U);
  EXPECT_THAT(answer.json().at("error").get<std::string>(), HasSubstr("the master knows asking"));
  answer = api("POST", "/load_tests", Json{{"file", "int main( {"}, {"file_name", "bad.cpp"}}.dump());
  EXPECT_EQ(answer.status, 422U);
  EXPECT_EQ(answer.json().at("error"), "bad.cpp does not compile");
  EXPECT_THAT(answer.json().at("compiler_output").get<std::string>(), testing::StartsWith("bad.cpp:1:"));
  auto misspelt = known;
  misspelt["load_test"] = "AskTset";
  EXPECT_THAT(api("POST", "/load_tests", misspelt.dump()).json().at("error").get<std::string>(),
              HasSubstr("did you mean AskTest?"));
  misspelt.erase("load_test");
  EXPECT_THAT(api("POST", "/load_tests", misspelt.dump()).json().at("error").get<std::string>(),
              HasSubstr("choose one with \"load_test\": AskTest, SitTest, LingerTest"));
  EXPECT_TRUE(queue().all().empty());

  answer = api("POST", "/load_tests", Json{posted, known}.dump());
  ASSERT_EQ(answer.status, 201U) << answer.body;
  const auto accepted = answer.json().at("load_tests");
  ASSERT_EQ(accepted.size(), 2U);
  for (const auto& one : accepted) {
    const auto id = one.at("id").get<std::string>();
    EXPECT_EQ(await_end(id).state, LoadTestState::passed);
    const auto shown = api("GET", "/load_tests/" + id).json();
    EXPECT_EQ(shown.at("state"), "passed");
    EXPECT_EQ(shown.at("options").at("config").at("secret"), "***");
    EXPECT_EQ(Rows(api("GET", "/load_tests/" + id + "/results.csv").body).count("Asker get(/)"), 4U);
    std::uint64_t asked = 0;
    const auto results = api("GET", "/load_tests/" + id + "/results.json").json();
    for (const auto& row : results.at("rows")) {
      if (row.at("action") == "get") asked += row.at("total_count").get<std::uint64_t>();
    }
    EXPECT_EQ(asked, 4U);
  }
  EXPECT_EQ(nginx_.count_requests("GET / 200"), 8U);

  auto sitting = posted;
  sitting["load_test"] = "SitTest";
  answer = api("POST", "/load_tests", Json{sitting, sitting}.dump());
  ASSERT_EQ(answer.status, 201U) << answer.body;
  const auto first = answer.json().at("load_tests")[0].at("id").get<std::string>();
  const auto second = answer.json().at("load_tests")[1].at("id").get<std::string>();
  await_requests(11);
  EXPECT_EQ(api("GET", "/load_tests/" + first + "/results").status, 409U);
  answer = api("DELETE", "/load_tests/scheduled");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.json().at("load_tests")[0].at("id"), second);
  answer = api("DELETE", "/load_tests/" + first);
  EXPECT_EQ(answer.status, 202U);
  EXPECT_EQ(await_end(first).state, LoadTestState::cancelled);
  EXPECT_EQ(api("DELETE", "/load_tests/" + first).status, 409U);
  EXPECT_EQ(api("DELETE", "/load_tests").json().at("load_tests").size(), 0U);
  master_->signal(SIGTERM);
  const auto result = master_->wait(kPatient);
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(MasterTest, WhatIsPostedMayTalkOrAbortWhileItIsLoaded) {
  start_master();
  auto answer =
      api("POST", "/load_tests",
          Json{{"file", read_file(scenario_file("talkative.cpp"))}, {"file_name", "talkative.cpp"}}.dump());
  EXPECT_EQ(answer.status, 201U) << answer.body;
  answer =
      api("POST", "/load_tests",
          Json{{"file",
                "#include <cstdlib>\nnamespace { const bool kEnd = [] { std::abort(); return true; }(); }\n"},
               {"file_name", "aborting.cpp"}}
              .dump());
  EXPECT_EQ(answer.status, 422U) << answer.body;
  EXPECT_EQ(answer.json().at("error"), "aborting.cpp cannot be loaded: its process was ended by signal 6");
}

}  // namespace
}  // namespace chaperon::test
