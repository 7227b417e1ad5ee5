// Subjects and streams of NATS, and what happens when it goes away.
#include <atomic>

#include "integration/nats_fixture.hpp"

namespace chaperon::test {
namespace {

using cluster::Message;
using cluster::Nats;
using cluster::NatsError;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Texts = std::vector<std::string>;

class NatsTest : public ::testing::Test {
 protected:
  NatsServer server_;
  Nats nats_{options_for(server_.url())};
};

TEST_F(NatsTest, CarriesMessagesToSubscribers) {
  Watched<std::vector<Message>> got;
  const auto subscription = nats_.subscribe(
      "a.*", [&](Message message) { got.change([&](auto& all) { all.push_back(std::move(message)); }); });
  nats_.publish("a.b", std::string("x\0y", 3));
  nats_.publish("b", "not for us");
  nats_.publish("a.c", "");
  ASSERT_TRUE(got.await([](const auto& all) { return all.size() == 2; }));
  EXPECT_EQ(got.value()[0].subject, "a.b");
  EXPECT_EQ(got.value()[0].payload, std::string("x\0y", 3));
  EXPECT_EQ(got.value()[1].subject, "a.c");
  EXPECT_EQ(got.value()[1].payload, "");
}

TEST_F(NatsTest, ASubscriptionEndsWithItsObject) {
  Watched<Texts> got;
  const auto note = [&](Message message) { got.change([&](Texts& all) { all.push_back(message.payload); }); };
  {
    auto first = nats_.subscribe("a", note);
    const auto second = std::move(first);
    nats_.publish("a", "1");
    ASSERT_TRUE(got.await([](const Texts& all) { return !all.empty(); }));
  }
  const auto other = nats_.subscribe("b", note);
  nats_.publish("a", "2");
  nats_.publish("b", "3");
  ASSERT_TRUE(got.await([](const Texts& all) { return all.size() == 2; }));
  EXPECT_THAT(got.value(), ElementsAre("1", "3"));
}

TEST_F(NatsTest, EndingASubscriptionWaitsForItsCallback) {
  Watched<int> stage;
  std::atomic<bool> left{false};
  auto subscription = std::make_unique<cluster::Subscription>(nats_.subscribe("a", [&](const Message&) {
    stage.change([](int& at) { at = 1; });
    stage.await([](int at) { return at == 2; });
    left = true;
  }));
  nats_.publish("a", "");
  ASSERT_TRUE(stage.await([](int at) { return at == 1; }));
  std::thread other([&] { stage.change([](int& at) { at = 2; }); });
  subscription.reset();
  EXPECT_TRUE(left);
  other.join();
}

TEST_F(NatsTest, ASubscriptionMayOutliveTheConnection) {
  auto nats = std::make_unique<Nats>(options_for(server_.url()));
  const auto subscription = nats->subscribe("a", [](const Message&) {});
  nats.reset();
}

TEST_F(NatsTest, AsksAndIsAnswered) {
  const auto subscription = nats_.subscribe(
      "echo", [&](const Message& message) { nats_.publish(message.reply_to, message.payload + "!"); });
  const auto answer = nats_.request("echo", "hello", kLong);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->payload, "hello!");
}

TEST_F(NatsTest, NothingAnswersWhereNobodySubscribesOrIsSilent) {
  EXPECT_FALSE(nats_.request("nobody", "hello", kLong));
  const auto subscription = nats_.subscribe("silent", [](const Message&) {});
  EXPECT_FALSE(nats_.request("silent", "hello", 20ms));
}

TEST_F(NatsTest, RefusesWhatIsTooLarge) {
  const std::string large(2'000'000, 'x');
  const auto text = said<NatsError>([&] { nats_.publish("a", large); });
  EXPECT_THAT(text, AllOf(HasSubstr("2000000 bytes"), HasSubstr("1048576")));
  EXPECT_FALSE(is_retryable([&] { nats_.publish("a", large); }));
}

TEST_F(NatsTest, RefusesWhatIsNoSubject) {
  for (const std::string subject : {"", "a b", "a.", ".a", "a..b", "a\r\nPUB b 0\r\n", "a.*", ">"}) {
    const auto text = said<NatsError>([&] { nats_.publish(subject, ""); });
    EXPECT_THAT(text, HasSubstr("is no subject"));
  }
  EXPECT_FALSE(is_retryable([&] { (void)nats_.subscribe("a b", [](const Message&) {}); }));
  EXPECT_FALSE(is_retryable([&] { nats_.ensure_stream({.name = "S", .subjects = {"a b"}}); }));
}

TEST_F(NatsTest, StoresMessagesOnceForEachId) {
  nats_.ensure_stream({.name = "S", .subjects = {"s.>"}});
  nats_.ensure_stream({.name = "S", .subjects = {"s.>"}, .max_age = 1h});
  nats_.publish_stored("s.1", "one", "id-1");
  nats_.publish_stored("s.1", "one again", "id-1");
  nats_.publish_stored("s.2", "two", "");
  nats_.publish_stored("s.2", "two", "");
  cluster::Consumer consumer(nats_, {.stream = "S"});
  Texts all;
  for (const auto& message : consumer.fetch(3, kLong))
    all.push_back(message.payload);
  while (all.size() < 3)
    all.push_back(consumer.next(kLong)->payload);
  EXPECT_THAT(all, ElementsAre("one", "two", "two"));
  EXPECT_FALSE(consumer.next(0s));
}

TEST_F(NatsTest, SaysWhyNothingIsStored) {
  EXPECT_THAT(said<NatsError>([&] { nats_.publish_stored("no.stream", "x", "id", 200ms); }),
              HasSubstr("cannot store a message of \"no.stream\" at " + server_.url()));
  EXPECT_FALSE(is_retryable([&] { nats_.ensure_stream({.name = "a.b", .subjects = {"x"}}); }));
  EXPECT_FALSE(is_retryable([&] { nats_.ensure_stream({.name = "S", .subjects = {"x"}, .replicas = 3}); }));
  EXPECT_THAT(said<NatsError>([&] { nats_.purge("S", ">"); }), HasSubstr("there is no such stream"));
}

TEST_F(NatsTest, PurgesASubject) {
  nats_.ensure_stream({.name = "S", .subjects = {"s.>"}});
  nats_.publish_stored("s.1", "one", "");
  nats_.publish_stored("s.2", "two", "");
  nats_.purge("S", "s.1");
  cluster::Consumer consumer(nats_, {.stream = "S"});
  EXPECT_EQ(consumer.next(kLong)->payload, "two");
  nats_.remove_stream("S");
  nats_.remove_stream("S");
  EXPECT_THAT(said<NatsError>([&] { cluster::Consumer(nats_, {.stream = "S"}); }),
              HasSubstr("does not exist"));
}

TEST_F(NatsTest, FailsAtOnceWhileThereIsNoConnection) {
  nats_.ensure_stream({.name = "S", .subjects = {"s"}});
  Watched<std::vector<bool>> changes;
  nats_.on_connection_change([&](bool now) { changes.change([&](auto& all) { all.push_back(now); }); });
  server_.kill();
  ASSERT_TRUE(changes.await([](const auto& all) { return !all.empty(); }));
  EXPECT_FALSE(nats_.connected());
  EXPECT_EQ(nats_.server(), server_.url());
  EXPECT_TRUE(is_retryable([&] { nats_.publish("a", ""); }));
  EXPECT_TRUE(is_retryable([&] { nats_.flush(); }));
  EXPECT_TRUE(is_retryable([&] { (void)nats_.request("a", "", kLong); }));
  EXPECT_TRUE(is_retryable([&] { (void)nats_.subscribe("a", [](const Message&) {}); }));
  EXPECT_TRUE(is_retryable([&] { nats_.publish_stored("s", "", "id"); }));
  EXPECT_TRUE(is_retryable([&] { nats_.ensure_stream({.name = "S", .subjects = {"s"}}); }));
  EXPECT_TRUE(is_retryable([&] { (void)nats_.key_value("b", {}); }));
  EXPECT_TRUE(is_retryable([&] { cluster::Consumer(nats_, {.stream = "S"}); }));
  EXPECT_THAT(said<NatsError>([&] { nats_.publish("a", ""); }),
              HasSubstr("cannot publish to \"a\" at nats://127.0.0.1"));
  server_.restart();
  ASSERT_TRUE(changes.await([](const auto& all) { return all.size() == 2; }));
  EXPECT_THAT(changes.value(), ElementsAre(false, true));
  nats_.on_connection_change(nullptr);
  nats_.publish_stored("s", "", "id");
}

TEST_F(NatsTest, ARequestUnderWayEndsWithTheConnection) {
  Watched<bool> asked;
  const auto subscription =
      nats_.subscribe("silent", [&](const Message&) { asked.change([](bool& value) { value = true; }); });
  std::thread killer([&] {
    asked.await([](bool value) { return value; });
    server_.kill();
  });
  EXPECT_TRUE(is_retryable([&] { (void)nats_.request("silent", "", 300s); }));
  killer.join();
}

TEST_F(NatsTest, ASubscriptionSurvivesARestart) {
  Watched<Texts> got;
  const auto subscription = nats_.subscribe(
      "a", [&](const Message& message) { got.change([&](Texts& all) { all.push_back(message.payload); }); });
  server_.kill();
  server_.restart();
  await_connection(nats_);
  nats_.publish("a", "after");
  EXPECT_TRUE(got.await([](const Texts& all) { return !all.empty(); }));
}

TEST_F(NatsTest, StoringTimesOutWhereTheServerIsFrozen) {
  nats_.ensure_stream({.name = "S", .subjects = {"s"}});
  server_.freeze();
  EXPECT_TRUE(is_retryable([&] { nats_.publish_stored("s", "x", "id", 100ms); }));
  server_.thaw();
  nats_.publish_stored("s", "x", "id", kLong);
  cluster::Consumer consumer(nats_, {.stream = "S"});
  EXPECT_EQ(consumer.next(kLong)->payload, "x");
  EXPECT_FALSE(consumer.next(0s));
}

TEST_F(NatsTest, ManyThreadsPublishAndAsk) {
  const auto subscription = nats_.subscribe(
      "echo", [&](const Message& message) { nats_.publish(message.reply_to, message.payload); });
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 50; ++k) {
        const auto text = std::to_string(i * 1000 + k);
        const auto answer = nats_.request("echo", text, kLong);
        if (answer && answer->payload == text) ++right;
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(right, 400);
}

// ann may use JetStream and `open.>`, nothing else.
class NatsPermissionTest : public ::testing::Test {
 protected:
  static cluster::NatsOptions ann(const NatsServer& server) {
    auto options = options_for(server.url());
    options.user = "ann";
    options.password = "pw";
    return options;
  }

  NatsServer server_{{.config = R"(authorization { users: [{user: ann, password: pw, permissions: {
      publish: ["open.>", "$JS.API.INFO", "$JS.API.STREAM.INFO.S"], subscribe: ["open.>", "_INBOX.>"]}}] })"}};
  Nats nats_{ann(server_)};
};

TEST_F(NatsPermissionTest, SaysWhatTheServerForbids) {
  EXPECT_EQ(said<NatsError>([&] {
              nats_.publish("closed", "");
              nats_.flush();
            }),
            "cannot send what was published at " + server_.url() +
                ": the server says: Permissions Violation for Publish to \"closed\"");
  nats_.publish("open.a", "");
  nats_.flush();
}

TEST_F(NatsPermissionTest, SaysWhatTheServerForbidsToRead) {
  const auto text = said<NatsError>([&] { (void)nats_.subscribe("closed", [](const Message&) {}); });
  EXPECT_THAT(text, AllOf(HasSubstr("cannot subscribe to \"closed\""),
                          HasSubstr("Permissions Violation for Subscription to \"closed\"")));
  (void)nats_.subscribe("open.a", [](const Message&) {});
}

TEST_F(NatsPermissionTest, SaysWhatTheServerForbidsToAsk) {
  const auto ask = [&] { (void)nats_.request("closed", "", 200ms); };
  EXPECT_THAT(said<NatsError>(ask), HasSubstr("Permissions Violation for Publish to \"closed\""));
  EXPECT_FALSE(is_retryable(ask));
  EXPECT_FALSE(nats_.request("open.a", "", 200ms));
}

TEST_F(NatsPermissionTest, SaysWhatTheServerForbidsToStore) {
  const auto store = [&] { nats_.publish_stored("closed", "", "id", 200ms); };
  EXPECT_THAT(said<NatsError>(store),
              HasSubstr("(the server says: Permissions Violation for Publish to \"closed\")"));
  EXPECT_FALSE(is_retryable(store));
}

}  // namespace
}  // namespace chaperon::test
