// chaperon bench: what reaches the server, and what is said when nothing can.
#include "cli_fixture.hpp"
#include "support/nginx_server.hpp"
#include "support/scripted_server.hpp"

namespace chaperon::test {
namespace {

using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using CliBench = CliTest;

TEST_F(CliBench, SendsExactlyAsManyRequestsAsAsked) {
  const NginxServer nginx;
  const auto result =
      chaperon({"bench", nginx.url(), "-n", "1234", "-c", "7", "--threads", "2", "--output", "bench.csv"});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_EQ(rows("bench.csv").count("bench get(/)"), 1234U);
  EXPECT_EQ(rows("bench.csv").count("bench connect()"), 7U);
  EXPECT_EQ(nginx.count_requests(), 1234U);
  EXPECT_THAT(result.err,
              HasSubstr("bench " + nginx.url() + "/: 7 sessions, 1,234 requests, 2 loops, seed "));
  EXPECT_THAT(result.out, StartsWith("bench " + nginx.url() + "/: 7 sessions, 1,234 requests: PASSED\n"));
  EXPECT_THAT(result.out, HasSubstr("\n  requests   1,234 ("));
}

TEST_F(CliBench, HasNoMoreSessionsThanRequests) {
  const NginxServer nginx;
  const auto result = chaperon({"bench", nginx.url(), "-n", "3", "--output", "bench.csv"});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("sessions   3: 3 ok"));
  EXPECT_EQ(nginx.count_requests(), 3U);
}

TEST_F(CliBench, RunsForTheDurationAsked) {
  const NginxServer nginx;
  const auto result = chaperon({"bench", nginx.url(), "-c", "2", "-d", "200ms", "--output", "bench.csv"});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.err, HasSubstr(": 2 sessions, 200 ms, "));
  const auto count = rows("bench.csv").count("bench get(/)");
  const auto cut_off = rows("bench.csv").count("bench Error cancelled get(/)");
  EXPECT_GT(count, 0U);
  EXPECT_LE(cut_off, 2U);
  EXPECT_GE(nginx.count_requests(), count);
  EXPECT_LE(nginx.count_requests(), count + cut_off);
}

TEST_F(CliBench, WhatIsUnderWayWhenTheTimeIsUpIsCutOffAndNoFailure) {
  const ScriptedServer server([](Peer& peer) {
    peer.receive_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    peer.receive_request();
    peer.stall();
  });
  const auto result = chaperon({"bench", server.url(), "-c", "3", "-d", "300ms", "-o", "bench.csv"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("\n  sessions   3: 3 ok\n"));
  EXPECT_THAT(result.out, ContainsRegex("\n  requests   6 \\([0-9.]+/s\\), 0 errors, 3 cut off, "));
  EXPECT_THAT(result.out, Not(HasSubstr("\nerrors\n")));
  EXPECT_EQ(rows("bench.csv").count("bench get(/)"), 3U);
  EXPECT_EQ(rows("bench.csv").count("bench Error cancelled get(/)"), 3U);
}

TEST_F(CliBench, WithBothLimitsTheFirstToBeReachedEndsIt) {
  const NginxServer nginx;
  const auto by_count =
      chaperon({"bench", nginx.url(), "-n", "50", "-d", "1h", "-c", "3", "--output", "count.csv"});
  ASSERT_EQ(by_count.exit_code, 0) << by_count.out << by_count.err;
  EXPECT_EQ(rows("count.csv").count("bench get(/)"), 50U);

  const auto by_time =
      chaperon({"bench", nginx.url(), "-n", "1000000000", "-d", "100ms", "-c", "3", "--output", "time.csv"});
  ASSERT_EQ(by_time.exit_code, 0) << by_time.out << by_time.err;
  const auto answered = 50 + rows("time.csv").count("bench get(/)");
  EXPECT_GE(nginx.count_requests(), answered);
  EXPECT_LE(nginx.count_requests(), answered + 3);
}

TEST_F(CliBench, TakesAHostWithoutAScheme) {
  const TargetServer target;
  const auto result = chaperon(
      {"bench", "localhost:" + std::to_string(target.port()) + "/some/path?x=1", "-n", "4", "--output", "-"});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_EQ(target.count("GET /some/path"), 4U);
  EXPECT_EQ(Rows(result.out).count("bench get(/some/path?x=1)"), 4U);
}

TEST_F(CliBench, MethodBodyAndHeadersReachTheServer) {
  ScriptedServer server([](Peer& peer) {
    while (!peer.receive_request().empty())
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const auto result = chaperon({"bench", server.url() + "/items", "-n", "2", "-c", "1", "-m", "put", "-b",
                                "{\"a\":1}", "-H", "Content-Type: application/json", "-H", "X-Trace:  on "});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  ASSERT_EQ(server.requests().size(), 2U);
  for (const auto& request : server.requests()) {
    EXPECT_THAT(request, StartsWith("PUT /items HTTP/1.1\r\n"));
    EXPECT_THAT(request, HasSubstr("\r\nContent-Type: application/json\r\n"));
    EXPECT_THAT(request, HasSubstr("\r\nX-Trace: on\r\n"));
    EXPECT_THAT(request, HasSubstr("\r\nContent-Length: 7\r\n"));
    EXPECT_THAT(request, EndsWith("\r\n\r\n{\"a\":1}"));
  }
}

TEST_F(CliBench, ABodyMakesItAPost) {
  const TargetServer target;
  ASSERT_EQ(chaperon({"bench", target.url() + "/things", "-n", "5", "-b", "text"}).exit_code, 0);
  EXPECT_EQ(target.count("POST /things"), 5U);
}

TEST_F(CliBench, CountsErrorAnswersByTheirStatus) {
  const TargetServer target;
  const auto result =
      chaperon({"bench", target.url() + "/status/503", "-n", "6", "-c", "2", "--output", "bench.csv"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_EQ(rows("bench.csv").count("bench get(/status/503)"), 6U);
  EXPECT_EQ(rows("bench.csv").count("bench Error HTTP 503 get(/status/503)"), 6U);
  EXPECT_THAT(result.out, HasSubstr("HTTP 503"));
}

TEST_F(CliBench, ARefusingServerFailsTheRunAndTheRemedyIsNamed) {
  // A port that nobody listens on: taken, and not opened.
  const Descriptor socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  checked(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), "bind");
  checked(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  const auto host = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));

  const auto result = chaperon({"bench", host, "-n", "20", "-c", "4", "--output", "bench.csv"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.out, HasSubstr(": FAILED: no request was answered: connection refused by " + host +
                                    ". Is the server running? 'chaperon target' starts one.\n"));
  EXPECT_EQ(rows("bench.csv").count("bench Error refused get(/)"), 20U);
  EXPECT_EQ(rows("bench.csv").count("bench get(/)"), 0U);
}

TEST_F(CliBench, WrongValuesAreRefusedWithTheRemedy) {
  const struct {
    Words words;
    std::string error;
  } cases[] = {
      {{"bench", "localhost:1", "-d", "soon"},
       "error: -d soon: this is no duration: write 500ms, 10s or 1m30s; a bare number is seconds\n"},
      {{"bench", "localhost:1", "-d", "0"}, "error: -d 0: the duration must be more than zero\n"},
      {{"bench", "localhost:1", "-n", "-5"},
       "error: -n -5: a whole number from 1 to 9007199254740992 is needed\n"},
      {{"bench", "localhost:1", "-n", "1e3"},
       "error: -n 1e3: a whole number from 1 to 9007199254740992 is needed\n"},
      {{"bench", "localhost:1", "-c", "0"}, "error: -c 0: a whole number from 1 to 10000000 is needed\n"},
      {{"bench", "localhost:1", "--threads", "many"},
       "error: --threads many: a whole number from 1 to 1024 is needed\n"},
      {{"bench", "localhost:1", "-H", "NoColon"},
       "error: -H \"NoColon\": there is no colon: write -H \"Accept: text/html\"\n"},
      {{"bench", "localhost:1", "-m", "G ET"}, "error: -m \"G ET\": this is no HTTP method: write -m POST\n"},
      {{"bench"}, "error: URL is missing: see 'chaperon bench --help'\n"},
      {{"bench", "localhost:1", "-n"}, "error: option -n needs a value: see 'chaperon bench --help'\n"},
  };
  for (const auto& [words, error] : cases) {
    const auto result = chaperon(words);
    EXPECT_EQ(result.exit_code, 2) << ::testing::PrintToString(words);
    EXPECT_EQ(result.err, error);
    EXPECT_EQ(result.out, "");
  }
}

TEST_F(CliBench, WrongUrlsAreRefused) {
  for (const auto* url : {"https://localhost:1/", "ws://localhost:1/", "http://", "http://host:99999/"}) {
    const auto result = chaperon({"bench", url, "-n", "1"});
    EXPECT_EQ(result.exit_code, 2) << url;
    EXPECT_THAT(result.err, StartsWith("error: ")) << url;
    EXPECT_EQ(occurrences(result.err, "\n"), 1U) << result.err;
  }
}

TEST_F(CliBench, AnUnknownNameIsSaid) {
  const auto result = chaperon({"bench", "http://no-such-name.invalid/", "-n", "2"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.out, HasSubstr("FAILED: no request was answered: "));
  EXPECT_THAT(result.out, HasSubstr("no-such-name.invalid"));
  EXPECT_THAT(result.out, Not(HasSubstr("Is the server running?")));
}

TEST_F(CliBench, UserInfoInTheUrlAuthenticatesAndIsShownNowhere) {
  ScriptedServer server([](Peer& peer) {
    while (!peer.receive_request().empty())
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  const auto url = "http://ann:s3cret@127.0.0.1:" + std::to_string(server.port()) + "/";
  const auto result = chaperon({"bench", url, "-n", "1", "--output", "bench.csv"});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  ASSERT_EQ(server.requests().size(), 1U);
  EXPECT_THAT(server.requests().front(), HasSubstr("Authorization: Basic YW5uOnMzY3JldA=="));
  for (const auto& text : {result.out, result.err, read("bench.csv"), read("bench.config.json")})
    EXPECT_THAT(text, Not(HasSubstr("s3cret")));
}

TEST_F(CliBench, AnAddressThatCannotBeReachedIsSaidWithARemedy) {
  const auto result = chaperon({"bench", "http://[fe80::1]:9/", "-n", "1"});
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("[fe80::1]:9 cannot be reached: "));
  // Depends on whether this machine has IPv6 at all.
  EXPECT_THAT(result.out, ContainsRegex("use another address|check the address"));
}

}  // namespace
}  // namespace chaperon::test
