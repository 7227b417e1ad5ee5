// Buckets of keys and values.
#include <atomic>
#include <thread>

#include "integration/nats_fixture.hpp"

namespace chaperon::test {
namespace {

using cluster::Change;
using cluster::Entry;
using cluster::KeyValue;
using cluster::Nats;
using cluster::NatsError;
using cluster::Watcher;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Texts = std::vector<std::string>;

// `key=value`, `-key`, `current`, `again`; `nothing` if the time has ended.
std::string next(Watcher& watcher, Duration timeout = kLong) {
  const auto change = watcher.next(timeout);
  if (!change) return "nothing";
  switch (change->kind) {
    case Change::Kind::put:
      return change->entry.key + "=" + change->entry.value;
    case Change::Kind::removed:
      return "-" + change->entry.key;
    case Change::Kind::current:
      return "current";
    case Change::Kind::again:
      return "again";
  }
  return "?";
}

class NatsKeyValueTest : public ::testing::Test {
 protected:
  // Waits until a key has expired.
  static void await_expiry(const KeyValue& bucket, const std::string& key) {
    const auto deadline = std::chrono::steady_clock::now() + kLong;
    while (bucket.get(key) && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(10ms);
    ASSERT_FALSE(bucket.get(key));
  }

  NatsServer server_;
  Nats nats_{options_for(server_.url())};
  KeyValue bucket_ = nats_.key_value("b", {});
};

// A server sends those as they were stored, to any subject, whether the one who asks may publish there or
// not.
TEST_F(NatsKeyValueTest, CannotBeReadDirectly) {
  const auto info = nats_.request("$JS.API.STREAM.INFO.KV_b", "", kLong);
  ASSERT_TRUE(info);
  EXPECT_FALSE(Json::parse(info->payload).at("config").value("allow_direct", false));
}

// Whoever knows where we wait for an answer can have the server send us one of its answers to him.
TEST(NatsKeyValue, AnAnswerAboutAnotherKeyIsNotTaken) {
  const NatsServer server({.config = R"(accounts { A {
    jetstream: enabled
    users: [ { user: us }, { user: other } ]
    mappings: { "$JS.API.STREAM.MSG.GET.KV_b": "wrong.way" }
  } }
  no_auth_user: us)"});
  Nats nats(options_for(server.url()));
  auto bucket = nats.key_value("b", {});
  bucket.put("a", "right");
  const auto wrong = nats.subscribe("wrong.way", [&](const cluster::Message& asked) {
    nats.publish(asked.reply_to, R"({"type":"io.nats.jetstream.api.v1.stream_msg_get_response",)"
                                 R"("message":{"subject":"$KV.c.a","seq":1,"data":"d3Jvbmc=",)"
                                 R"("time":"2026-11-25T12:00:00Z"}})");
  });
  EXPECT_THAT(said<NatsError>([&] { static_cast<void>(bucket.get("a")); }),
              HasSubstr("cannot read the key \"a\" at " + server.url() +
                        ": the answer is about $KV.c.a: somebody else has had it sent here"));
}

TEST_F(NatsKeyValueTest, SetsReadsAndRemoves) {
  EXPECT_FALSE(bucket_.get("a"));
  const auto before = std::chrono::system_clock::now();
  const auto revision = bucket_.put("a", std::string("x\0y", 3));
  const auto entry = bucket_.get("a");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->key, "a");
  EXPECT_EQ(entry->value, std::string("x\0y", 3));
  EXPECT_EQ(entry->revision, revision);
  EXPECT_GE(entry->created, before);
  EXPECT_GT(bucket_.put("a", ""), revision);
  EXPECT_EQ(bucket_.get("a")->value, "");
  bucket_.remove("a");
  EXPECT_FALSE(bucket_.get("a"));
  bucket_.remove("never");
}

TEST_F(NatsKeyValueTest, CreatesOnlyWhatIsNotThere) {
  const auto first = bucket_.create("a", "1");
  ASSERT_TRUE(first);
  EXPECT_FALSE(bucket_.create("a", "2"));
  bucket_.remove("a");
  const auto second = bucket_.create("a", "3");
  ASSERT_TRUE(second);
  EXPECT_GT(*second, *first);
  EXPECT_EQ(bucket_.get("a")->value, "3");
}

TEST_F(NatsKeyValueTest, ChangesOnlyTheRevisionThatIsExpected) {
  const auto first = bucket_.put("a", "1");
  const auto second = bucket_.update("a", "2", first);
  ASSERT_TRUE(second);
  EXPECT_FALSE(bucket_.update("a", "3", first));
  EXPECT_EQ(bucket_.get("a")->value, "2");
  bucket_.remove("a");
  EXPECT_FALSE(bucket_.update("a", "4", *second));
  EXPECT_FALSE(bucket_.update("never", "1", 1));
  EXPECT_TRUE(bucket_.update("never", "1", 0));
}

TEST_F(NatsKeyValueTest, OneOfManyCreates) {
  std::atomic<int> winners{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      if (bucket_.create("leader", std::to_string(i))) ++winners;
    });
  }
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(winners, 1);
}

TEST_F(NatsKeyValueTest, ManyCountTogether) {
  bucket_.put("count", "0");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int done = 0; done < 20;) {
        const auto entry = bucket_.get("count");
        if (bucket_.update("count", std::to_string(std::stoi(entry->value) + 1), entry->revision)) ++done;
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(bucket_.get("count")->value, "80");
}

TEST_F(NatsKeyValueTest, KeysExpire) {
  auto bucket = nats_.key_value("short", {.ttl = 200ms});
  const auto revision = bucket.create("a", "1");
  ASSERT_TRUE(revision);
  await_expiry(bucket, "a");
  EXPECT_THAT(bucket.keys(), IsEmpty());
  EXPECT_FALSE(bucket.update("a", "2", *revision));
  EXPECT_TRUE(bucket.create("a", "3"));
  bucket.remove("a");
  await_expiry(bucket, "a");
  EXPECT_TRUE(bucket.create("a", "4"));
}

TEST_F(NatsKeyValueTest, ListsWhatIsThere) {
  EXPECT_THAT(bucket_.entries(), IsEmpty());
  bucket_.put("w.1", "a");
  bucket_.put("w.2", "b");
  bucket_.put("x.1", "c");
  bucket_.put("w.1", "d");
  bucket_.put("gone", "e");
  bucket_.remove("gone");
  EXPECT_THAT(bucket_.keys(), ElementsAre("w.2", "x.1", "w.1"));
  EXPECT_THAT(bucket_.keys("w.*"), ElementsAre("w.2", "w.1"));
  EXPECT_THAT(bucket_.keys("y.>"), IsEmpty());
  const auto entries = bucket_.entries("w.1");
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].value, "d");
  EXPECT_EQ(entries[0].revision, bucket_.get("w.1")->revision);
}

TEST_F(NatsKeyValueTest, IsOpenedByMany) {
  bucket_.put("a", "1");
  Nats other(options_for(server_.url()));
  const auto same = other.key_value("b", {.ttl = 1h, .history = 5});
  EXPECT_EQ(same.get("a")->value, "1");
  EXPECT_FALSE(is_retryable([&] { (void)nats_.key_value("a.b", {}); }));
  EXPECT_FALSE(is_retryable([&] { (void)nats_.key_value("", {}); }));
}

TEST_F(NatsKeyValueTest, RefusesWhatIsNoKey) {
  for (const std::string key : {"", "a b", "a:b", ".a", "a.", "a..b", "*", "\xc3\xa9"}) {
    EXPECT_THAT(said<NatsError>([&] { bucket_.put(key, ""); }), HasSubstr("a key is of letters"));
    EXPECT_FALSE(is_retryable([&] { (void)bucket_.get(key); }));
  }
  EXPECT_FALSE(is_retryable([&] { bucket_.put("a", std::string(2'000'000, 'x')); }));
  EXPECT_FALSE(is_retryable([&] { (void)bucket_.keys("a b"); }));
}

TEST_F(NatsKeyValueTest, RefusesMoreThanFits) {
  auto bucket = nats_.key_value("small", {.max_bytes = 10'000});
  bucket.put("a", std::string(5'000, 'x'));
  EXPECT_FALSE(is_retryable([&] { bucket.put("b", std::string(8'000, 'x')); }));
  EXPECT_TRUE(bucket.get("a"));
}

TEST_F(NatsKeyValueTest, IsWatched) {
  bucket_.put("a", "1");
  bucket_.put("b", "1");
  bucket_.put("a", "2");
  auto watcher = bucket_.watch();
  EXPECT_EQ(next(watcher), "b=1");
  EXPECT_EQ(next(watcher), "a=2");
  EXPECT_EQ(next(watcher), "current");
  EXPECT_EQ(next(watcher, 0s), "nothing");
  bucket_.put("c", "1");
  bucket_.remove("a");
  EXPECT_EQ(next(watcher), "c=1");
  EXPECT_EQ(next(watcher), "-a");
  auto some = bucket_.watch("d.*");
  EXPECT_EQ(next(some), "current");
  bucket_.put("e.1", "1");
  bucket_.put("d.1", "1");
  EXPECT_EQ(next(some), "d.1=1");
}

TEST_F(NatsKeyValueTest, AWatcherStopsAtOnce) {
  auto watcher = bucket_.watch();
  EXPECT_EQ(next(watcher), "current");
  std::thread reader([&] { EXPECT_EQ(next(watcher, kForever), "nothing"); });
  watcher.stop();
  reader.join();
}

TEST_F(NatsKeyValueTest, AWatcherBeginsAnewAfterARestart) {
  auto watcher = bucket_.watch();
  bucket_.put("a", "1");
  bucket_.put("b", "1");
  EXPECT_EQ(next(watcher), "current");
  EXPECT_EQ(next(watcher), "a=1");
  EXPECT_EQ(next(watcher), "b=1");
  server_.kill();
  server_.restart();
  await_connection(nats_);
  EXPECT_EQ(next(watcher), "again");
  EXPECT_EQ(next(watcher), "a=1");
  EXPECT_EQ(next(watcher), "b=1");
  EXPECT_EQ(next(watcher), "current");
  bucket_.remove("a");
  EXPECT_EQ(next(watcher), "-a");
  EXPECT_EQ(bucket_.get("b")->value, "1");
}

TEST_F(NatsKeyValueTest, AWatcherSaysThatTheBucketHasGone) {
  auto watcher = bucket_.watch();
  EXPECT_EQ(next(watcher), "current");
  nats_.remove_stream("KV_b");
  EXPECT_THAT(said<NatsError>([&] {
                while (watcher.next(kLong)) {
                }
              }),
              HasSubstr("has been removed"));
}

TEST_F(NatsKeyValueTest, FailsWhileThereIsNoConnection) {
  Watched<bool> lost;
  nats_.on_connection_change([&](bool now) { lost.change([&](bool& value) { value = !now; }); });
  server_.kill();
  ASSERT_TRUE(lost.await([](bool value) { return value; }));
  EXPECT_TRUE(is_retryable([&] { (void)bucket_.get("a"); }));
  EXPECT_TRUE(is_retryable([&] { bucket_.put("a", "1"); }));
  EXPECT_TRUE(is_retryable([&] { (void)bucket_.create("a", "1"); }));
  EXPECT_TRUE(is_retryable([&] { (void)bucket_.entries(); }));
  EXPECT_TRUE(is_retryable([&] { (void)bucket_.watch(); }));
  nats_.on_connection_change(nullptr);
}

}  // namespace
}  // namespace chaperon::test
