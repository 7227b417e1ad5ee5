// Streams of NATS, read in order whatever happens to the server.
#include <atomic>
#include <thread>

#include "integration/nats_fixture.hpp"

namespace chaperon::test {
namespace {

using cluster::Consumer;
using cluster::Nats;
using cluster::NatsError;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Texts = std::vector<std::string>;

class NatsConsumerTest : public ::testing::Test {
 protected:
  NatsConsumerTest() { nats_.ensure_stream({.name = "S", .subjects = {"s.>"}}); }

  void store(const std::string& text, const std::string& subject = "s.a") {
    nats_.publish_stored(subject, text, "", kLong);
  }
  void store_numbers(int first, int last) {
    for (int i = first; i <= last; ++i)
      store(std::to_string(i));
  }
  // Stores it even if the server goes away meanwhile.
  static void store_surely(Nats& nats, const std::string& text) {
    while (true) {
      try {
        nats.publish_stored("s.a", text, "id-" + text, 1s);
        return;
      } catch (const NatsError& error) {
        if (!error.retryable()) throw;
        await_connection(nats);
      }
    }
  }
  static Texts read(Consumer& consumer, std::size_t count) {
    Texts result;
    while (result.size() < count) {
      const auto message = consumer.next(kLong);
      if (!message) {
        ADD_FAILURE() << "only " << result.size() << " of " << count;
        break;
      }
      result.push_back(message->payload);
    }
    return result;
  }
  static Texts numbers(int first, int last) {
    Texts result;
    for (int i = first; i <= last; ++i)
      result.push_back(std::to_string(i));
    return result;
  }

  NatsServer server_;
  Nats nats_{options_for(server_.url())};
};

TEST_F(NatsConsumerTest, ReadsFromTheFirst) {
  store("1", "s.a");
  store("2", "s.b");
  Consumer consumer(nats_, {.stream = "S"});
  const auto first = consumer.next(kLong);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->subject, "s.a");
  EXPECT_EQ(first->payload, "1");
  EXPECT_EQ(first->sequence, 1U);
  EXPECT_EQ(consumer.last_sequence(), 1U);
  store("3", "s.c");
  EXPECT_THAT(read(consumer, 2), ElementsAre("2", "3"));
  EXPECT_EQ(consumer.last_sequence(), 3U);
  EXPECT_FALSE(consumer.next(0s));
}

TEST_F(NatsConsumerTest, ReadsOnlyWhatIsNew) {
  store("old");
  Consumer consumer(nats_, {.stream = "S", .only_new = true});
  EXPECT_EQ(consumer.last_sequence(), 1U);
  store("new");
  EXPECT_THAT(read(consumer, 1), ElementsAre("new"));
}

TEST_F(NatsConsumerTest, ReadsOnAfterANumber) {
  store_numbers(1, 5);
  Consumer consumer(nats_, {.stream = "S", .after = 3});
  EXPECT_THAT(read(consumer, 2), ElementsAre("4", "5"));
}

TEST_F(NatsConsumerTest, ReadsOneSubject) {
  store("a1", "s.a");
  store("b1", "s.b");
  store("a2", "s.a");
  Consumer consumer(nats_, {.stream = "S", .subject = "s.a"});
  EXPECT_THAT(read(consumer, 2), ElementsAre("a1", "a2"));
  EXPECT_FALSE(consumer.next(0s));
}

TEST_F(NatsConsumerTest, FetchesSeveralAtOnce) {
  Consumer consumer(nats_, {.stream = "S"});
  EXPECT_TRUE(consumer.fetch(10, 0s).empty());
  store_numbers(1, 25);
  Texts all;
  while (all.size() < 25) {
    const auto some = consumer.fetch(10, kLong);
    ASSERT_FALSE(some.empty());
    EXPECT_LE(some.size(), 10U);
    for (const auto& message : some)
      all.push_back(message.payload);
  }
  EXPECT_EQ(all, numbers(1, 25));
}

TEST_F(NatsConsumerTest, ReadsMoreThanTheServerSendsUnasked) {
  constexpr int kCount = 400;
  const std::string ballast(200'000, 'x');
  for (int i = 1; i <= kCount; ++i)
    nats_.publish("s.a", std::to_string(i) + ' ' + ballast);
  nats_.flush(kLong);
  Consumer consumer(nats_, {.stream = "S"});
  for (int i = 1; i <= kCount; ++i) {
    const auto message = consumer.next(kLong);
    ASSERT_TRUE(message);
    ASSERT_EQ(message->payload.substr(0, message->payload.find(' ')), std::to_string(i));
  }
}

TEST_F(NatsConsumerTest, StopsAtOnce) {
  Consumer consumer(nats_, {.stream = "S"});
  std::thread reader([&] { EXPECT_FALSE(consumer.next(kForever)); });
  consumer.stop();
  reader.join();
  store("1");
  EXPECT_FALSE(consumer.next(kForever));
}

TEST_F(NatsConsumerTest, StopsWhileThereIsNoConnection) {
  Consumer consumer(nats_, {.stream = "S"});
  server_.kill();
  std::thread reader([&] { EXPECT_FALSE(consumer.next(kForever)); });
  consumer.stop();
  reader.join();
}

TEST_F(NatsConsumerTest, StopsWhileTheServerIsFrozen) {
  Consumer consumer(nats_, {.stream = "S"});
  server_.freeze();
  std::thread reader([&] { EXPECT_FALSE(consumer.next(kForever)); });
  consumer.stop();
  reader.join();
  server_.thaw();
}

TEST_F(NatsConsumerTest, EndsWithTheConnection) {
  auto nats = std::make_unique<Nats>(options_for(server_.url()));
  Consumer consumer(*nats, {.stream = "S"});
  std::thread reader([&] {
    EXPECT_THAT(said<NatsError>([&] { (void)consumer.next(kForever); }),
                HasSubstr("the connection to NATS was closed"));
  });
  nats.reset();
  reader.join();
}

TEST_F(NatsConsumerTest, ReadsOnAfterARestart) {
  Consumer consumer(nats_, {.stream = "S"});
  store_numbers(1, 10);
  EXPECT_EQ(read(consumer, 5), numbers(1, 5));
  server_.kill();
  server_.restart();
  await_connection(nats_);
  store_numbers(11, 20);
  EXPECT_EQ(read(consumer, 15), numbers(6, 20));
  EXPECT_FALSE(consumer.next(0s));
}

TEST_F(NatsConsumerTest, OnlyNewStaysWhereItBeganOverARestart) {
  store("old");
  Consumer consumer(nats_, {.stream = "S", .only_new = true});
  server_.kill();
  server_.restart();
  await_connection(nats_);
  store("new");
  EXPECT_THAT(read(consumer, 1), ElementsAre("new"));
}

// The server is killed again and again while one thread stores and another reads.
TEST_F(NatsConsumerTest, LosesAndRepeatsNothingOverRestarts) {
  constexpr int kCount = 3'000;
  Nats writer(options_for(server_.url()));
  Consumer consumer(nats_, {.stream = "S"});
  std::atomic<int> stored{0};
  std::thread writing([&] {
    for (int i = 1; i <= kCount; ++i) {
      store_surely(writer, std::to_string(i));
      stored = i;
      stored.notify_all();
    }
  });
  Watched<Texts> got;
  std::thread reading([&] {
    for (int i = 1; i <= kCount; ++i) {
      const auto message = consumer.next(kLong);
      got.change([&](Texts& all) { all.push_back(message ? message->payload : "nothing"); });
      if (!message) return;
    }
  });
  for (const int after : {300, 900, 1'500, 2'100}) {
    for (int now = stored; now < after; now = stored)
      stored.wait(now);
    server_.kill();
    server_.restart();
  }
  writing.join();
  reading.join();
  EXPECT_EQ(got.value(), numbers(1, kCount));
  EXPECT_FALSE(consumer.next(0s));
}

TEST_F(NatsConsumerTest, ReadsOnAfterAFreeze) {
  Consumer consumer(nats_, {.stream = "S"});
  store_numbers(1, 3);
  EXPECT_EQ(read(consumer, 2), numbers(1, 2));
  server_.freeze();
  (void)consumer.next(0s);
  EXPECT_FALSE(consumer.next(4s));  // longer than it takes to give the consumer up
  server_.thaw();
  store("4");
  EXPECT_THAT(read(consumer, 1), ElementsAre("4"));
}

TEST_F(NatsConsumerTest, ReadsOnWhenItsServerSideIsTakenAway) {
  Consumer consumer(nats_, {.stream = "S"});
  store_numbers(1, 2);
  EXPECT_EQ(read(consumer, 2), numbers(1, 2));
  const auto answer = nats_.request("$JS.API.CONSUMER.NAMES.S", "{}", kLong);
  ASSERT_TRUE(answer);
  const auto names = Json::parse(answer->payload).at("consumers");
  ASSERT_EQ(names.size(), 1U);
  ASSERT_TRUE(nats_.request("$JS.API.CONSUMER.DELETE.S." + names[0].get<std::string>(), "", kLong));
  store("3");
  EXPECT_THAT(read(consumer, 1), ElementsAre("3"));
}

TEST_F(NatsConsumerTest, LeavesNothingOnTheServer) {
  { const Consumer consumer(nats_, {.stream = "S"}); }
  nats_.flush();
  const auto answer = nats_.request("$JS.API.CONSUMER.NAMES.S", "{}", kLong);
  ASSERT_TRUE(answer);
  EXPECT_EQ(Json::parse(answer->payload).at("total"), 0) << answer->payload;
}

TEST_F(NatsConsumerTest, SaysThatTheStreamHasGone) {
  Consumer consumer(nats_, {.stream = "S"});
  nats_.remove_stream("S");
  EXPECT_THAT(said<NatsError>([&] { (void)consumer.next(kLong); }),
              AllOf(HasSubstr("cannot read the stream \"S\""), HasSubstr("has been removed")));
  nats_.ensure_stream({.name = "S", .subjects = {"s.>"}});
  EXPECT_THAT(said<NatsError>([&] { (void)consumer.next(kLong); }), HasSubstr("made anew"));
}

TEST_F(NatsConsumerTest, SaysWhatIsWrongWithItsSubject) {
  EXPECT_FALSE(is_retryable([&] { Consumer(nats_, {.stream = "S", .subject = "other"}); }));
  EXPECT_FALSE(is_retryable([&] { Consumer(nats_, {.stream = "S", .subject = "a b"}); }));
  EXPECT_FALSE(is_retryable([&] { Consumer(nats_, {.stream = "a b"}); }));
}

}  // namespace
}  // namespace chaperon::test
