// The control API without sockets: what comes of a request.
#include "cluster/control_api.hpp"

#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chaperon/errors.hpp>
#include <chaperon/version.hpp>

#include "cluster/submission_json.hpp"

namespace chaperon::cluster {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using Kind = ApiRoute::Kind;

// Load tests that exist only in memory.
class FakeControl final : public LoadTestControl {
 public:
  std::vector<QueuedLoadTest> all() override { return load_tests; }
  std::optional<QueuedLoadTest> find(const std::string& id) override {
    for (const auto& queued : load_tests) {
      if (queued.record.id == id) return queued;
    }
    return std::nullopt;
  }
  Cancelled cancel(const std::string& id, bool only_scheduled) override {
    asked_to_cancel.push_back(id);
    for (auto& queued : load_tests) {
      if (queued.record.id != id) continue;
      if (only_scheduled && queued.record.state == LoadTestState::running) return Cancelled::too_late;
      return cluster::cancel(queued.record, 9);
    }
    return Cancelled::unknown;
  }
  std::optional<std::string> results(const std::string& id, std::string_view kind) override {
    const auto found = kept.find(id + "." + std::string(kind));
    return found == kept.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<LoadTestRecord> submit(const std::vector<WantedLoadTest>& wanted) override {
    if (wanted.front().source == "bad") throw LoadTestRefused("bad.cpp does not compile", "bad.cpp:1: error");
    if (wanted.front().source == "nats") throw NatsError("NATS is not there", true);
    if (wanted.front().source == "child") throw Json::parse_error::create(101, 1, "hello", nullptr);
    std::vector<LoadTestRecord> records;
    for (const auto& one : wanted)
      records.push_back({.id = "0000000" + std::to_string(records.size()),
                         .load_test = one.load_test,
                         .file = one.name + one.file_name,
                         .tags = one.tags,
                         .options = one.options});
    return records;
  }
  MasterStatus status() override { return master; }
  std::string trouble() override { return why_not; }

  void add(const std::string& id, LoadTestState state) {
    load_tests.push_back({.record = {.id = id, .load_test = "ShopTest", .file = "shop.cpp", .state = state}});
  }

  std::vector<QueuedLoadTest> load_tests;
  std::map<std::string, std::string> kept;
  std::vector<std::string> asked_to_cancel;
  MasterStatus master{.name = "host-1"};
  std::string why_not;
};

class ControlApiTest : public testing::Test {
 protected:
  static ApiRequest request(const std::string& method, const std::string& target, std::string body = {}) {
    return {.method = method,
            .target = target,
            .host = "127.0.0.1:8710",
            .authorization = "Basic Y2hhcGVyb246c2VjcmV0",
            .content_type = "application/json",
            .body = std::move(body),
            .local_address = "127.0.0.1"};
  }
  // As a connection has it.
  ApiResponse ask(ApiRequest wanted) {
    take_absolute_form(wanted);
    auto refusal = api_.refusal(wanted);
    return refusal ? *refusal : api_.answer(wanted);
  }
  ApiResponse ask(const std::string& method, const std::string& target, std::string body = {}) {
    return ask(request(method, target, std::move(body)));
  }
  static Json json(const ApiResponse& response) { return Json::parse(response.body); }
  static std::string error(const ApiResponse& response) { return json(response).at("error"); }

  FakeControl control_;
  ControlApi api_{ControlAccess("secret", {}), control_};
  ControlApi open_api_{ControlAccess("", {}), control_};
};

TEST_F(ControlApiTest, PathsAreRoutes) {
  EXPECT_EQ(route_of("/version").kind, Kind::version);
  EXPECT_EQ(route_of("/healthcheck?verbose").kind, Kind::health);
  EXPECT_EQ(route_of("/load_tests").kind, Kind::load_tests);
  EXPECT_EQ(route_of("/load_tests?ended=3").kind, Kind::load_tests);
  EXPECT_EQ(route_of("/load_tests/scheduled").kind, Kind::scheduled);
  EXPECT_EQ(route_of("/load_tests/0123abcd").kind, Kind::load_test);
  EXPECT_EQ(route_of("/load_tests/0123abcd").id, "0123abcd");
  EXPECT_EQ(route_of("/load_tests/0123abcd/results").result_kind, "json");
  EXPECT_EQ(route_of("/load_tests/0123abcd/results.json").result_kind, "json");
  EXPECT_EQ(route_of("/load_tests/0123abcd/results.csv").result_kind, "csv");
  EXPECT_EQ(route_of("/load_tests/0123abcd/results.txt").result_kind, "txt");
  for (const auto* target : {"", "/", "*", "/load_test", "/load_testsx", "/load_tests/", "/load_tests/..",
                             "/load_tests/0123ABCD", "/load_tests/0123abc", "/load_tests/0123abcd/",
                             "/load_tests/0123abcd/results.library", "/load_tests/0123abcd/results.csv/x",
                             "/load_tests/%30123abcd", "https://127.0.0.1/version", "127.0.0.1/version"}) {
    EXPECT_EQ(route_of(target).kind, Kind::unknown) << target;
    EXPECT_EQ(ask("GET", target).status, 404U) << target;
  }
}

// As RFC 9112 wants it, in section 3.2.2.
TEST_F(ControlApiTest, TargetsMayHaveTheirHostWithThem) {
  control_.add("00000001", LoadTestState::passed);
  EXPECT_EQ(ask("GET", "http://127.0.0.1:8710/version").status, 200U);
  EXPECT_EQ(ask("GET", "HTTP://LOCALHOST/load_tests/00000001").status, 200U);
  EXPECT_EQ(json(ask("GET", "http://[::1]:8710/load_tests?ended=1")).at("ended").size(), 1U);
  EXPECT_EQ(ask("GET", "http://127.0.0.1").status, 404U);
  EXPECT_EQ(ask("GET", "http://127.0.0.1?/version").status, 404U);
  // It counts, and not the Host header.
  for (const auto* target : {"http://evil.example/version", "http://127.0.0.1@evil.example/version",
                             "http://user@127.0.0.1/version", "http:///version"}) {
    EXPECT_EQ(ask("GET", target).status, 421U) << target;
  }
  auto wanted = request("GET", "http://127.0.0.1/version");
  wanted.host = "evil.example";
  EXPECT_EQ(ask(wanted).status, 200U);
}

TEST_F(ControlApiTest, OtherMethodsAreNamedWithThoseThatThereAre) {
  const auto response = ask("PUT", "/load_tests");
  EXPECT_EQ(response.status, 405U);
  EXPECT_THAT(response.headers, ElementsAre(Pair("Allow", "GET, HEAD, POST, DELETE")));
  for (const auto* method : {"POST", "DELETE", "OPTIONS", "ET", ""})
    EXPECT_EQ(ask(method, "/version").status, 405U) << method;
  EXPECT_EQ(ask("POST", "/load_tests/0123abcd").status, 405U);
  EXPECT_EQ(ask("HEAD", "/version").status, 200U);
}

TEST_F(ControlApiTest, EverythingButTheHealthcheckNeedsTheToken) {
  for (const auto& [method, target] : std::map<std::string, std::string>{{"GET", "/load_tests"},
                                                                         {"HEAD", "/version"},
                                                                         {"POST", "/load_tests"},
                                                                         {"DELETE", "/load_tests/scheduled"},
                                                                         {"PUT", "/nothing"}}) {
    auto wanted = request(method, target);
    wanted.authorization = "Basic cm9vdDpzZWNyZXQ=";
    const auto response = ask(wanted);
    EXPECT_EQ(response.status, 401U) << method << target;
    EXPECT_THAT(response.headers,
                ElementsAre(Pair("WWW-Authenticate", R"(Basic realm="chaperon", charset="UTF-8")")));
    EXPECT_THAT(error(response), HasSubstr("CHAPERON_API_TOKEN"));
  }
  auto wanted = request("GET", "/healthcheck");
  wanted.authorization.clear();
  EXPECT_EQ(ask(wanted).status, 200U);
}

TEST_F(ControlApiTest, WithoutATokenItOnlyShows) {
  auto wanted = request("GET", "/load_tests");
  wanted.authorization.clear();
  EXPECT_FALSE(open_api_.refusal(wanted));
  for (const auto* method : {"POST", "DELETE"}) {
    wanted.method = method;
    const auto refusal = open_api_.refusal(wanted);
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->status, 403U);
    EXPECT_THAT(error(*refusal), HasSubstr("CHAPERON_API_TOKEN"));
  }
}

TEST_F(ControlApiTest, AnotherHostIsRefusedBeforeAllElse) {
  for (const auto* target : {"/load_tests", "/healthcheck"}) {
    auto wanted = request("GET", target);
    wanted.host = "evil.example";
    const auto response = ask(wanted);
    EXPECT_EQ(response.status, 421U);
    EXPECT_THAT(error(response), HasSubstr("--host NAME"));
  }
}

TEST_F(ControlApiTest, OnlyJsonIsPosted) {
  auto wanted = request("POST", "/load_tests", "{}");
  for (const auto* type : {"", "text/plain", "application/x-www-form-urlencoded", "application/jsonfoo",
                           "application/json-seq", "application", "text/plain; application/json"}) {
    wanted.content_type = type;
    EXPECT_EQ(ask(wanted).status, 415U) << type;
  }
  for (const auto* type : {"application/json", "application/json; charset=utf-8", "Application/JSON",
                           "application/json ;charset=utf-8"}) {
    wanted.content_type = type;
    EXPECT_EQ(ask(wanted).status, 422U) << type;
  }
}

TEST_F(ControlApiTest, SaysHowItIs) {
  EXPECT_EQ(json(ask("GET", "/version")), Json({{"version", CHAPERON_VERSION}, {"master", "host-1"}}));
  EXPECT_EQ(json(ask("GET", "/healthcheck")), Json({{"status", "ok"}}));
  control_.why_not = "NATS is not reached";
  const auto response = ask("GET", "/healthcheck");
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(error(response), "NATS is not reached");
}

TEST_F(ControlApiTest, ListsWhatRunsAndWhatIsScheduled) {
  control_.add("00000001", LoadTestState::running);
  control_.add("00000002", LoadTestState::scheduled);
  control_.add("00000003", LoadTestState::passed);
  control_.add("00000004", LoadTestState::failed);
  control_.master.running = "00000001";
  control_.master.doing = "waiting for a worker";
  control_.master.progress = Json({{"live", 3}});
  const auto all = json(ask("GET", "/load_tests"));
  ASSERT_EQ(all.at("running").size(), 1U);
  EXPECT_EQ(all.at("running")[0].at("id"), "00000001");
  EXPECT_EQ(all.at("running")[0].at("doing"), "waiting for a worker");
  EXPECT_EQ(all.at("running")[0].at("progress"), Json({{"live", 3}}));
  ASSERT_EQ(all.at("scheduled").size(), 1U);
  EXPECT_EQ(all.at("scheduled")[0].at("id"), "00000002");
  EXPECT_FALSE(all.contains("ended"));
  const auto more = json(ask("GET", "/load_tests?x=1&ended=1"));
  ASSERT_EQ(more.at("ended").size(), 1U);
  EXPECT_EQ(more.at("ended")[0].at("state"), "passed");
  EXPECT_EQ(json(ask("GET", "/load_tests/scheduled")).at("scheduled").size(), 1U);
}

TEST_F(ControlApiTest, HowManyThatHaveEndedIsANumber) {
  control_.add("00000001", LoadTestState::passed);
  for (const auto* query : {"ended=abc", "ended=", "ended", "ended=-1", "ended=1x", "ended=%31",
                            "x=1&ended=4294967296", "ended=99999999999999999999"}) {
    const auto response = ask("GET", std::string("/load_tests?") + query);
    EXPECT_EQ(response.status, 400U) << query;
    EXPECT_THAT(error(response), AllOf(HasSubstr("ended"), HasSubstr("whole number"))) << query;
  }
  for (const auto* query : {"", "x", "append=abc", "ended=0"})
    EXPECT_FALSE(json(ask("GET", std::string("/load_tests?") + query)).contains("ended")) << query;
  EXPECT_TRUE(json(ask("GET", "/load_tests?ended=4294967295")).contains("ended"));
}

TEST_F(ControlApiTest, ShowsOneWithItsOptionsButNoSecrets) {
  control_.add("00000001", LoadTestState::scheduled);
  control_.load_tests[0].record.options.config = {{"password", "geheim"}, {"users", 3}};
  const auto one = json(ask("GET", "/load_tests/00000001"));
  EXPECT_EQ(one.at("options").at("config"), Json({{"password", "***"}, {"users", 3}}));
  const auto unknown = ask("GET", "/load_tests/00000009");
  EXPECT_EQ(unknown.status, 404U);
  EXPECT_THAT(error(unknown), HasSubstr("no load test 00000009"));
}

TEST_F(ControlApiTest, CancelsOneAndSaysWhetherItIsDone) {
  control_.add("00000001", LoadTestState::scheduled);
  control_.add("00000002", LoadTestState::running);
  control_.add("00000003", LoadTestState::passed);
  const auto scheduled = ask("DELETE", "/load_tests/00000001");
  EXPECT_EQ(scheduled.status, 200U);
  EXPECT_EQ(json(scheduled).at("state"), "cancelled");
  const auto running = ask("DELETE", "/load_tests/00000002");
  EXPECT_EQ(running.status, 202U);
  EXPECT_EQ(json(running).at("cancel_requested"), true);
  EXPECT_EQ(ask("DELETE", "/load_tests/00000003").status, 409U);
  EXPECT_EQ(ask("DELETE", "/load_tests/00000009").status, 404U);
}

TEST_F(ControlApiTest, CancelsAllFromTheEndOfTheQueue) {
  control_.add("00000001", LoadTestState::running);
  control_.add("00000002", LoadTestState::scheduled);
  control_.add("00000003", LoadTestState::scheduled);
  control_.add("00000004", LoadTestState::failed);
  const auto response = ask("DELETE", "/load_tests");
  EXPECT_EQ(response.status, 202U);
  EXPECT_EQ(json(response).at("load_tests").size(), 3U);
  EXPECT_THAT(control_.asked_to_cancel, ElementsAre("00000003", "00000002", "00000001"));
}

TEST_F(ControlApiTest, CancelsTheScheduledOnesOnly) {
  control_.add("00000001", LoadTestState::running);
  control_.add("00000002", LoadTestState::scheduled);
  const auto response = ask("DELETE", "/load_tests/scheduled");
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(json(response).at("load_tests").size(), 1U);
  EXPECT_EQ(control_.load_tests[0].record.cancel_requested, false);
}

TEST_F(ControlApiTest, GivesResultsInTheirType) {
  control_.add("00000001", LoadTestState::passed);
  control_.add("00000002", LoadTestState::scheduled);
  control_.kept = {{"00000001.csv", "a,b\n"}, {"00000001.json", "{}"}};
  const auto csv = ask("GET", "/load_tests/00000001/results.csv");
  EXPECT_EQ(csv.body, "a,b\n");
  EXPECT_EQ(csv.content_type, "text/csv; charset=utf-8");
  EXPECT_EQ(ask("GET", "/load_tests/00000001/results").content_type, "application/json");
  EXPECT_EQ(ask("GET", "/load_tests/00000001/results.txt").status, 404U);
  EXPECT_EQ(ask("GET", "/load_tests/00000002/results").status, 409U);
  EXPECT_EQ(ask("GET", "/load_tests/00000009/results").status, 404U);
}

TEST_F(ControlApiTest, TakesOneOrSeveral) {
  const auto one =
      ask("POST", "/load_tests", R"({"file": "source", "file_name": "shop.cpp", "tags": ["a"]})");
  EXPECT_EQ(one.status, 201U);
  EXPECT_THAT(one.headers, ElementsAre(Pair("Location", "/load_tests/00000000")));
  EXPECT_EQ(json(one).at("load_tests")[0].at("file"), "shop.cpp");
  const auto several = ask("POST", "/load_tests", R"([{"name": "shop"}, {"name": "chat"}])");
  EXPECT_EQ(several.status, 201U);
  EXPECT_EQ(json(several).at("load_tests").size(), 2U);
  EXPECT_TRUE(several.headers.empty());
}

TEST_F(ControlApiTest, ErrorsAreJsonAndSayWhatIsWrong) {
  const auto malformed = ask("POST", "/load_tests", "{");
  EXPECT_EQ(malformed.status, 400U);
  EXPECT_THAT(error(malformed), HasSubstr("no JSON"));
  EXPECT_EQ(ask("POST", "/load_tests", std::string(100'000, '[')).status, 400U);
  const auto large = ask("POST", "/load_tests", R"({"name": "a", "options": {"config": {"users": 1e999}}})");
  EXPECT_EQ(large.status, 400U);
  EXPECT_THAT(error(large), HasSubstr("a number"));
  const auto uncompiled = ask("POST", "/load_tests", R"({"file": "bad"})");
  EXPECT_EQ(uncompiled.status, 422U);
  EXPECT_EQ(json(uncompiled).at("compiler_output"), "bad.cpp:1: error");
  const auto away = ask("POST", "/load_tests", R"({"file": "nats"})");
  EXPECT_EQ(away.status, 503U);
  EXPECT_EQ(error(away), "NATS is not there");
  // What the master itself cannot read is not the client's fault.
  const auto unread = ask("POST", "/load_tests", R"({"file": "child"})");
  EXPECT_EQ(unread.status, 500U);
  EXPECT_THAT(error(unread), Not(HasSubstr("the body")));
}

TEST(WantedLoadTests, AreReadWithAllTheirKeys) {
  const auto wanted = wanted_load_tests(R"({"name": "shop", "load_test": "ShopTest", "tags": ["a", "b"],
    "options": {"config": {"users": 3}, "base_url": "http://h", "workers": 2, "labels": {"region": "eu"},
    "on_worker_loss": "restart", "seed": 7, "stack_size": 65536, "metrics": ["get"]}})");
  ASSERT_EQ(wanted.size(), 1U);
  EXPECT_EQ(wanted[0].name, "shop");
  EXPECT_EQ(wanted[0].load_test, "ShopTest");
  EXPECT_THAT(wanted[0].tags, ElementsAre("a", "b"));
  const LoadTestOptions options{.config = {{"users", 3}},
                                .base_url = "http://h",
                                .workers = 2,
                                .labels = {{"region", "eu"}},
                                .on_worker_loss = OnWorkerLoss::restart,
                                .seed = 7,
                                .stack_size = 65'536,
                                .metrics = {"get"}};
  EXPECT_EQ(wanted[0].options, options);
}

TEST(WantedLoadTests, NamesAreNoPaths) {
  for (const auto* name : {"shop", "shop.cpp", "a-b_c.1"})
    EXPECT_TRUE(is_known_name(name)) << name;
  for (const auto* name :
       {"", ".", "..", "../shop", "a/b", "/etc/passwd", ".hidden", "-x", "a b", "a\\b", "a\nb"})
    EXPECT_FALSE(is_known_name(name)) << name;
  EXPECT_FALSE(is_known_name(std::string("a\0b", 3)));
}

TEST(WantedLoadTests, OptionsAreTakenAsTheCommandLineTakesThem) {
  for (const auto* options :
       {R"({"base_url": "localhost:8080"})", R"({"base_url": ""})",
        R"({"base_url": "http+unix://%2Frun%2Fa"})", R"({"config": {"base_url": "localhost"}})",
        R"({"config": {"base_url": null}})", R"({"base_url": "http://h", "config": {"base_url": "ftp://x"}})",
        R"({"labels": {"region": ""}})", R"({"labels": {"region": "a=b"}})",
        R"({"metrics": ["own metric"]})"}) {
    EXPECT_NO_THROW(wanted_load_tests(fmt::format(R"({{"name": "a", "options": {}}})", options))) << options;
  }
}

TEST(WantedLoadTests, WhatIsWrongIsNamed) {
  const std::map<std::string, std::string> cases{
      {"3", "a load test is the number 3"},
      {"[]", "it must have 1 to 100"},
      {"{}", R"(give either "file")"},
      {R"({"name": "a", "file": "b"})", R"(give either "file")"},
      {R"({"name": "../a"})", R"("name" is)"},
      {R"({"name": "a", "file_name": "b.cpp"})", R"("file_name" belongs to "file")"},
      {R"({"file": "x", "file_name": "../b.cpp"})", R"("file_name" is)"},
      {R"({"file": "x", "file_name": "b.txt"})", R"("file_name" is)"},
      {R"({"nmae": "a"})", R"(there is no key "nmae")"},
      {R"({"name": 3})", R"("name" is the number 3)"},
      {R"({"name": ""})", R"("name" is empty)"},
      {R"({"file": ""})", R"("file" is empty)"},
      {R"({"name": "a", "load_test": ""})", R"("load_test" is empty)"},
      {R"({"name": "a", "tags": [""]})", R"(the tag the string "" cannot be kept)"},
      {R"({"name": "a", "tags": [3]})", R"("tags" has the number 3)"},
      {R"({"name": "a", "tags": "b"})", R"("tags" is)"},
      {R"({"name": "a", "tags": ["b\n"]})", "the tag"},
      {R"({"name": "a", "options": {"cxxflags": "-O3"}})", R"(there is no option "cxxflags")"},
      {R"({"name": "a", "options": {"workers": 0}})", R"(option "workers" is)"},
      {R"({"name": "a", "options": {"on_worker_loss": "weep"}})", R"(option "on_worker_loss" is)"},
      {R"({"name": "a", "options": {"base_url": "ftp://x"}})", R"(base URL "ftp://x")"},
      {R"({"name": "a", "options": {"base_url": "https://x"}})", "TLS is not built in yet"},
      {R"({"name": "a", "options": {"base_url": "http://x?y"}})", "cannot have a query"},
      {R"({"name": "a", "options": {"config": {"base_url": "ftp://x"}}})", R"(base URL "ftp://x")"},
      {R"({"name": "a", "options": {"config": {"base_url": 3}}})", R"(config key "base_url")"},
      {R"({"name": "a", "options": {"metrics": ["get", ""]}})", R"(no metric can be called "")"},
      {R"({"name": "a", "options": {"metrics": ["get,call"]}})", R"(no metric can be called "get,call")"},
      {R"({"name": "a", "options": {"metrics": ["--help"]}})", R"(no metric can be called "--help")"},
      {R"({"name": "a", "options": {"metrics": ["a\u0000b"]}})", "no metric can be called"},
      {R"({"name": "a", "options": {"labels": {"": "y"}}})", R"(the label "=y")"},
      {R"({"name": "a", "options": {"labels": {"--help": "y"}}})", R"(the label "--help=y")"},
      {R"({"name": "a", "options": {"labels": {"a=b": "y"}}})", R"(the label "a=b=y")"},
      {R"({"name": "a", "options": {"labels": {"a": "b\u0000c"}}})", "the label"},
      {R"([{"name": "a"}, {"name": ""}])", "load test 2 of 2: "},
  };
  for (const auto& [body, part] : cases) {
    try {
      static_cast<void>(wanted_load_tests(body));
      ADD_FAILURE() << body;
    } catch (const LoadTestRefused& error) {
      EXPECT_THAT(error.what(), HasSubstr(part)) << body;
    }
  }
}

}  // namespace
}  // namespace chaperon::cluster
