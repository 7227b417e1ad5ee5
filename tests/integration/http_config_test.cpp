// What the config changes about requests.
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "integration/http_fixture.hpp"
#include "support/process.hpp"

namespace chaperon::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// Accepts connections, notes where they come from, and answers their requests.
class NotingServer {
 public:
  NotingServer() : listener_(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = static_cast<sockaddr*>(static_cast<void*>(&address));
    checked(::bind(listener_.get(), generic, size), "bind");
    checked(::listen(listener_.get(), SOMAXCONN), "listen");
    checked(::getsockname(listener_.get(), generic, &size), "getsockname");
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }

  [[nodiscard]] const std::string& url() const { return url_; }

  // Serves that many connections, a request each, one after the other, and returns where they came from.
  std::vector<std::string> serve(std::size_t count) {
    std::vector<std::string> from;
    while (from.size() < count) {
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      const Descriptor socket(checked(
          ::accept(listener_.get(), static_cast<sockaddr*>(static_cast<void*>(&peer)), &size), "accept"));
      std::array<char, INET_ADDRSTRLEN> text{};
      from.emplace_back(::inet_ntop(AF_INET, &peer.sin_addr, text.data(), text.size()));
      std::string request;
      std::array<char, 4096> piece{};
      while (!request.ends_with("\r\n\r\n")) {
        const ssize_t received = ::recv(socket.get(), piece.data(), piece.size(), 0);
        if (received <= 0) break;
        request.append(piece.data(), static_cast<std::size_t>(received));
      }
      const auto bytes = answer("ok", "Connection: close\r\n");
      checked(static_cast<int>(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL)), "send");
    }
    return from;
  }

 private:
  Descriptor listener_;
  std::string url_;
};

std::vector<std::string> addresses_of_four(const Json& local_addresses) {
  NotingServer server;
  std::vector<std::string> from;
  {
    const std::jthread serving([&] { from = server.serve(4); });
    const auto results = run_user(server.url(), [](Session& s) { s.get("/").get("/").get("/").get("/"); },
                                  {{"local_addresses", local_addresses}});
    EXPECT_EQ(results.count("User get(" + server.url() + "/)"), 4U);
  }
  return from;
}

TEST(HttpLocalAddresses, AListIsUsedInTurn) {
  EXPECT_THAT(addresses_of_four({"127.0.0.2", "127.0.0.3"}),
              UnorderedElementsAre("127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.3"));
}

TEST(HttpLocalAddresses, ABlockIsUsedInTurn) {
  EXPECT_THAT(addresses_of_four("127.0.1.4/30"),
              UnorderedElementsAre("127.0.1.4", "127.0.1.5", "127.0.1.6", "127.0.1.7"));
}

TEST(HttpLocalAddresses, ThoseOfAnotherFamilyAreLeftOut) {
  EXPECT_THAT(addresses_of_four({"::1", "127.0.0.9"}),
              UnorderedElementsAre("127.0.0.9", "127.0.0.9", "127.0.0.9", "127.0.0.9"));
}

TEST(HttpLocalAddresses, OneThatIsNotThisMachinesIsAnErrorThatSaysSo) {
  ScriptedServer server(always(answer("ok")));
  const auto results =
      run_user(server.url(), [](Session& s) { s.get("/"); }, {{"local_addresses", {"192.0.2.1"}}});
  ASSERT_EQ(results.errors.size(), 1U);
  EXPECT_EQ(results.traffic.errors, 1U);
  EXPECT_THAT(results.errors[0].example, AllOf(HasSubstr("192.0.2.1"), HasSubstr("local_addresses")));
  EXPECT_EQ(server.connections(), 0U);
}

TEST(HttpLocalAddresses, NonsenseIsRefusedBeforeTheRun) {
  for (const auto* text : {"localhost", "127.0.0.0/4", "127.0.0.1/33", "127.0.0.1/x"}) {
    EXPECT_THROW(run_users({.config = {{"local_addresses", text}}}, [](Session&) {}), InputError) << text;
  }
}

TEST(HttpSkipQueryParams, LeavesThemOutOfTheRowsAlone) {
  ScriptedServer server(always(answer("ok")));
  const auto results = run_user(server.url(),
                                [&](Session& s) {
                                  s.get("/a?b=1").get("/a?b=2").get("/a", {.params = {{"b", 3}}});
                                  EXPECT_EQ(s.response().request(), "get(" + server.url() + "/a)");
                                },
                                {{"skip_query_params_in_metrics", true}});
  EXPECT_EQ(results.count("User get(" + server.url() + "/a)"), 3U);
  EXPECT_EQ(request_line(server.requests().at(0)), "GET /a?b=1 HTTP/1.1");
  EXPECT_EQ(request_line(server.requests().at(1)), "GET /a?b=2 HTTP/1.1");
  EXPECT_EQ(request_line(server.requests().at(2)), "GET /a?b=3 HTTP/1.1");
}

TEST(HttpSkipQueryParams, OtherwiseEachQueryHasItsRow) {
  ScriptedServer server(always(answer("ok")));
  const auto results = run_user(server.url(), [&](Session& s) {
    s.get("/a?b=1").get("/a?b=2").get("/a", {.params = {{"b", 2}}});
  });
  EXPECT_EQ(results.count("User get(" + server.url() + "/a?b=1)"), 1U);
  EXPECT_EQ(results.count("User get(" + server.url() + "/a?b=2)"), 2U);
}

TEST(HttpStoreResults, KeepsEachAnswer) {
  ScriptedServer server(
      {answers({answer(R"({"n": 1})"), answer("text"), answer("no", "", "503 Service Unavailable")}),
       [](Peer& peer) { peer.receive_request(); }});
  const auto results =
      run_user(server.url(),
               [](Session& s) {
                 s.get("/json").get("/text").post("/503", {.headers = {{"Connection", "close"}}});
               },
               {{"store_results", true}});
  ASSERT_EQ(results.stored.size(), 3U) << results.stored;
  EXPECT_EQ(results.stored[0].at("session"), "User");
  EXPECT_EQ(results.stored[0].at("action"), "get(" + server.url() + "/json)");
  EXPECT_EQ(results.stored[0].at("result"), Json({{"status", 200}, {"body", {{"n", 1}}}}));
  EXPECT_EQ(results.stored[1].at("result"), Json({{"status", 200}, {"body", "text"}}));
  EXPECT_EQ(results.stored[2].at("result"), Json({{"status", 503}, {"error", "HTTP 503"}, {"body", "no"}}));
}

TEST(HttpStoreResults, KeepsFailures) {
  std::string url;
  { url = ScriptedServer(Script()).url(); }
  ScriptedServer stalled([](Peer& peer) {
    peer.receive_request();
    peer.stall();
  });
  const auto results =
      run_user(url, [&](Session& s) { s.get("/gone").get(stalled.url() + "/slow", {.timeout = 30ms}); },
               {{"store_results", true}});
  ASSERT_EQ(results.stored.size(), 2U) << results.stored;
  EXPECT_EQ(results.stored[0].at("result"), Json({{"status", 0}, {"error", "refused"}}));
  EXPECT_EQ(results.stored[1].at("result"), Json({{"status", 0}, {"error", "timeout"}}));
}

TEST(HttpStoreResults, IsOffByDefault) {
  const TargetThread target;
  const auto results = run_user(target.url(), [](Session& s) { s.get("/"); });
  EXPECT_TRUE(results.stored.empty());
}

TEST(HttpConfig, OfAWrongTypeIsRefusedBeforeTheRun) {
  const auto refuse = [](const Json& http) {
    EXPECT_THROW(run_users({.config = {{"http", http}}}, [](Session&) {}), InputError) << http;
  };
  refuse({{"headers", 7}});
  refuse({{"headers", {{"bad name", "x"}}}});
  refuse({{"headers", {{"X", "line\nbreak"}}}});
  refuse({{"connect_timeout", "soon"}});
  refuse({{"max_response_size", -1}});
  refuse({{"decompress", "yes"}});
}

TEST(HttpConfig, ChangedByTheScenarioAppliesFromThereOn) {
  ScriptedServer server(always(answer(std::string(100, 'x'))));
  const auto results = run_user(server.url(), [](Session& s) {
    s.get("/").expect(200);
    s.set_config("http.max_response_size", 10).get("/");
    EXPECT_EQ(s.response().error().reason, Reason::too_large);
    s.set_config("http.max_response_size", 100)
        .set_config("http.headers", {{"X-New", "1"}})
        .get("/")
        .expect(200);
  });
  EXPECT_EQ(results.traffic.errors, 1U);
  EXPECT_EQ(header_of(server.requests().at(2), "X-New"), "1");
}

TEST(HttpConfig, TheTargetAsAProcessIsAServerLikeAnother) {
  Process process({CHAPERON_BINARY, "target", "--port", "0"});
  const auto line = process.read_line(std::chrono::seconds(30));
  ASSERT_TRUE(line.has_value());
  constexpr std::string_view kBefore = "listening on ";
  ASSERT_THAT(*line, ::testing::StartsWith(std::string(kBefore)));
  const auto url = line->substr(kBefore.size());
  const auto results = run_user(url, [](Session& s) { s.get("/").expect(200).post("/login").expect(200); });
  EXPECT_EQ(results.traffic.responses, 2U);
}

}  // namespace
}  // namespace chaperon::test
