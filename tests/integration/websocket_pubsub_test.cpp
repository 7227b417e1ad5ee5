// The tutorial's scenarios: publish over HTTP, await on a WebSocket, with exact counts on both sides.
#include <map>
#include <mutex>
#include <set>

#include <fmt/ranges.h>

#include "websocket_fixture.hpp"

namespace chaperon::session_test {
namespace {

using ::testing::ElementsAre;

// What subscribers have received, of all sessions of a test.
std::mutex received_mutex;
std::vector<std::vector<std::string>> received_messages;

// As the tutorial has it, except that every message has a number and that what came is kept.
struct PublishAndAwait {
  struct Inbox {
    std::vector<std::string> messages;
  };
  static void run(Session& session) {
    const auto message_count = session.config<int>("message_count");
    session.async<subscribe>("/foo", message_count)
        .await_signal({"subscribed", "/foo"})
        .repeat<publish>(message_count)
        .await<subscribe>();
  }
  static void publish(Session& session) {
    session.update_assign("number",
                          [](Json& number) { number = number.is_null() ? 0 : number.get<int>() + 1; });
    session.post("/publications", {.json = {{"data", session.assigned("number")}}}).expect(200);
  }
  static void subscribe(Session& session, std::string endpoint, int message_count) {
    session.ws_connect(endpoint)
        .signal_parent({"subscribed", endpoint})
        .repeat<receive_message>(message_count)
        .ws_close();
    const std::lock_guard lock(received_mutex);
    received_messages.push_back(session.state<Inbox>().messages);
  }
  static void receive_message(Session& session) {
    session.ws_recv({.with_result = [](Session& s, const WsMessage& message) {
      s.state<Inbox>().messages.emplace_back(message.text());
    }});
  }
};

struct MyScenario {
  static void run(Session& session) {
    session.async<publish>("My data to be published")
        .post("/foo", {.json = {{"key", "value"}}})
        .await<publish>();
  }
  static void publish(Session& session, std::string message) {
    session.post("/my/status", {.json = {{"status", message}}});
  }
};

// Subscribers that only listen, and one that publishes once all of them do.
struct Subscriber {
  static inline std::function<void()> subscribed;
  static void run(Session& session) {
    const auto count = session.config<int>("messages");
    session.ws_connect("/foo");
    subscribed();
    PublishAndAwait::Inbox inbox;
    for (int i = 0; i < count; ++i)
      session.ws_recv(
          {.with_result = [&](Session&, const WsMessage& m) { inbox.messages.emplace_back(m.text()); }});
    session.ws_close();
    const std::lock_guard lock(received_mutex);
    received_messages.push_back(std::move(inbox.messages));
  }
};
struct Publisher {
  static inline std::function<void()> wait;
  static void run(Session& session) {
    session.blocking(wait);
    for (int i = 0; i < session.config<int>("messages"); ++i)
      session.post("/publications", {.body = std::to_string(i)}).expect(200);
  }
};

std::vector<std::string> numbered(int count, const char* format = "{}") {
  std::vector<std::string> messages;
  for (int i = 0; i < count; ++i)
    messages.push_back(fmt::format(fmt::runtime(format), i));
  return messages;
}

class PublishSubscribe : public WebSocketRunTest {
 protected:
  PublishSubscribe() { received_messages.clear(); }
};

TEST_F(PublishSubscribe, TheTutorialsPublishAndAwaitLosesNothing) {
  constexpr int kMessages = 200;
  NodeWsServer node;
  TargetThread target;
  for (const auto& url : {node.url(), target.url()}) {
    received_messages.clear();
    const auto results =
        run({{scenario<PublishAndAwait>, {{"message_count", kMessages}}}}, {{"base_url", url}});
    EXPECT_EQ(results.sessions.ok, 1U) << ending(results);
    const std::string ws = "(" + ws_url(url) + "/foo)";
    std::map<std::string, std::uint64_t> counts;
    for (const auto& metric : results.metrics)
      counts[metric.name()] = metric.count();
    EXPECT_EQ(counts, (std::map<std::string, std::uint64_t>{
                          {"PublishAndAwait async(subscribe)", 1},
                          {"PublishAndAwait connect(" + url + ")", 2},
                          {"PublishAndAwait post(" + url + "/publications)", kMessages},
                          {"PublishAndAwait ws_close" + ws, 1},
                          {"PublishAndAwait ws_connect" + ws, 1},
                          {"PublishAndAwait ws_recv" + ws, kMessages},
                      }));
    EXPECT_THAT(received_messages, ElementsAre(numbered(kMessages, R"({{"data":{}}})")));
  }
  const auto stats = stats_when_closed(node, 1);
  EXPECT_EQ(stats["publications"], kMessages);
  EXPECT_EQ(stats["sent"], kMessages);
  EXPECT_EQ(stats["closes"], (Json{{"1000", 1}}));
}

TEST_F(PublishSubscribe, EverySubscriberGetsEverythingInOrder) {
  constexpr int kSubscribers = kSanitized ? 10 : 50;
  constexpr int kMessages = 100;
  NodeWsServer node;
  TargetThread target;
  for (const unsigned threads : {1U, 2U}) {
    for (const auto& url : {node.url(), target.url()}) {
      received_messages.clear();
      std::atomic<int> there = 0;
      Subscriber::subscribed = [&] {
        if (++there == kSubscribers) there.notify_all();
      };
      Publisher::wait = [&] {
        for (int now = there; now < kSubscribers; now = there)
          there.wait(now);
      };
      const auto results = run({{kSubscribers * scenario<Subscriber>, {}}, {scenario<Publisher>, {}}},
                               {{"base_url", url}, {"messages", kMessages}}, {.threads = threads});
      EXPECT_EQ(results.sessions.ok, kSubscribers + 1U) << ending(results);
      EXPECT_EQ(results.count("Subscriber ws_recv(" + ws_url(url) + "/foo)"),
                std::uint64_t{kSubscribers} * kMessages);
      EXPECT_EQ(results.count("Publisher post(" + url + "/publications)"), std::uint64_t{kMessages});
      ASSERT_EQ(received_messages.size(), std::size_t{kSubscribers});
      for (const auto& messages : received_messages)
        EXPECT_EQ(messages, numbered(kMessages));
    }
  }
  const auto stats = stats_when_closed(node, 2 * kSubscribers);
  EXPECT_EQ(stats["publications"], 2 * kMessages);
  EXPECT_EQ(stats["sent"], 2 * kMessages * kSubscribers);
}

TEST_F(PublishSubscribe, ManyPublishAndAwaitAtOnce) {
  // Each hears what all publish, so each has at least as many messages to receive as it publishes itself.
  constexpr int kSessions = 20;
  constexpr int kMessages = 20;
  NodeWsServer node;
  const auto results = run({{kSessions * scenario<PublishAndAwait>, {{"message_count", kMessages}}}},
                           {{"base_url", node.url()}}, {.threads = 2});
  EXPECT_EQ(results.sessions.ok, std::uint64_t{kSessions}) << ending(results);
  EXPECT_EQ(results.count("PublishAndAwait ws_recv(" + node.ws_url() + "/foo)"),
            std::uint64_t{kSessions} * kMessages);
  EXPECT_EQ(results.count("PublishAndAwait post(" + node.url() + "/publications)"),
            std::uint64_t{kSessions} * kMessages);
  EXPECT_EQ(stats_when_closed(node, kSessions)["publications"], kSessions * kMessages);
}

// The counts of the target, as it says itself.
Json counter_of(const std::string& url) {
  Json counts;
  A::script.run = [&](Session& s) { counts = s.get("/counter").response().json(); };
  run_load_test({.name = "Ask",
                 .default_config =
                     [&] {
                       return Json{{"base_url", url}};
                     },
                 .scenarios = [](const Json&) -> Scenarios {
                   return {{scenario<A>, {}}};
                 }},
                {.threads = 1});
  return counts;
}

TEST_F(PublishSubscribe, TheTutorialsScenariosCountWhatTheTargetCounts) {
  TargetThread target;
  const auto url = target.url();
  // The tutorial's LoadTest: several entries, some with many users, some named, some delayed.
  const auto results = run({{scenario<PublishAndAwait>, {{"message_count", 5}}},
                            {10 * scenario<PublishAndAwait>, "crowd", {{"delay", 20}, {"message_count", 3}}},
                            {scenario<MyScenario>, {}},
                            {sequence<MyScenario, PublishAndAwait>, {{"message_count", 2}}},
                            {10 * sequence<MyScenario, MyScenario>, "twice", {}}},
                           {{"base_url", url}}, {.threads = 2});
  EXPECT_EQ(results.sessions.ok, 23U) << ending(results);
  const auto counts = counter_of(url);
  EXPECT_EQ(counts, (Json{{"POST /publications", 5 + 30 + 2},
                          {"POST /foo", 1 + 1 + 20},
                          {"POST /my/status", 1 + 1 + 20},
                          {"WS /foo", 12}}));
  const auto row = [&](const std::string& name) { return results.count(name); };
  EXPECT_EQ(row("PublishAndAwait post(" + url + "/publications)"), 5U);
  EXPECT_EQ(row("crowd post(" + url + "/publications)"), 30U);
  EXPECT_EQ(row("MyScenario+PublishAndAwait post(" + url + "/publications)"), 2U);
  EXPECT_EQ(row("MyScenario post(" + url + "/foo)"), 1U);
  EXPECT_EQ(row("MyScenario post(" + url + "/my/status)"), 1U);
  EXPECT_EQ(row("MyScenario async(publish)"), 1U);
  EXPECT_EQ(row("twice post(" + url + "/my/status)"), 20U);
  EXPECT_EQ(row("twice async(publish)"), 20U);
  EXPECT_EQ(row("crowd ws_recv(" + ws_url(url) + "/foo)"), 30U);
}

}  // namespace
}  // namespace chaperon::session_test
