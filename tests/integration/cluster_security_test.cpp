// The sample configuration of NATS: TLS, and accounts that may do what their role needs and no more.
#include <csignal>
#include <optional>

#include <nats/nats.h>

#include "base/bytes.hpp"
#include "cli_fixture.hpp"
#include "cluster/connection.hpp"
#include "cluster/consumer.hpp"
#include "cluster/key_value.hpp"
#include "cluster/nats.hpp"
#include "cluster/protocol.hpp"
#include "support/nats_server.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;

class ClusterSecurity : public CliTest {
 protected:
  static constexpr const char* kUrl = "tls://127.0.0.1:";

  ClusterSecurity() {
    make_certificates();
    auto config = read_file(source("examples/cluster/nats-server.conf"));
    // The test's server has a port and a directory of its own, and takes files from where the test puts them.
    replace(config, "port: 4222\n", "");
    replace(config, "jetstream {\n  store_dir: \"./jetstream\"\n  max_file_store: 4GB\n}\n", "");
    replace(config, "\"./", "\"" + directory_.path().string() + "/");
    replace(config, "\"./", "\"" + directory_.path().string() + "/");
    replace(config, "\"./", "\"" + directory_.path().string() + "/");
    replace(config, "$CHAPERON_WORKER_PASSWORD", "\"worker secret\"");
    replace(config, "$CHAPERON_COORDINATOR_PASSWORD", "\"coordinator secret\"");
    server_.emplace(NatsServerOptions{.config = config});
  }

  static void replace(std::string& text, const std::string& what, const std::string& by) {
    const auto at = text.find(what);
    if (at == std::string::npos) throw std::runtime_error("the sample configuration has no " + what);
    text.replace(at, what.size(), by);
  }

  void make_certificates() {
    const auto made = shell(
        "set -e; openssl req -x509 -newkey rsa:2048 -nodes -keyout ca-key.pem -out ca.pem -days 2 -subj "
        "'/CN=an "
        "authority' && openssl req -newkey rsa:2048 -nodes -keyout server-key.pem -out server.csr -subj "
        "'/CN=localhost' && echo 'subjectAltName=DNS:localhost,IP:127.0.0.1' > san && openssl x509 -req -in "
        "server.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -out server-cert.pem -days 2 -extfile san");
    if (made.exit_code != 0) throw std::runtime_error("no certificates: " + made.err);
  }

  [[nodiscard]] std::string url() const { return kUrl + std::to_string(server_->port()); }
  [[nodiscard]] Words with_tls(Words words, const std::string& user) const {
    words.insert(words.end(),
                 {"--nats", url(), "--tls-ca", (directory_ / "ca.pem").string(), "--user", user});
    return words;
  }
  [[nodiscard]] cluster::NatsOptions as(const std::string& user) const {
    return {.url = url(),
            .user = user,
            .password = user + " secret",
            .tls_ca = (directory_ / "ca.pem").string(),
            .inbox = "_INBOX." + user};
  }
  // What the server says to something that is not allowed; empty if it is.
  template <class F>
  static std::string refused(F&& f) {
    try {
      f();
    } catch (const cluster::NatsError& error) {
      return error.what();
    }
    return {};
  }

  std::optional<NatsServer> server_;
};

TEST_F(ClusterSecurity, WorkersAndRunsWorkWithTheSampleConfiguration) {
  auto words = with_tls({CHAPERON_BINARY, "worker", "--name", "w1", "--threads", "1"}, "worker");
  Process worker(words, options({"CHAPERON_NATS_PASSWORD=worker secret"}));
  const auto line = worker.read_line(kPatience);
  ASSERT_TRUE(line) << worker.wait(kPatience).err;
  // It may not make what the first run makes.
  EXPECT_THAT(*line,
              HasSubstr("w1: waits until a run or a master has set up the cluster at tls://127.0.0.1:"));
  const TargetServer target;
  const auto run = chaperon(with_tls({"run", source("examples/first.cpp"), "--base-url", target.url(),
                                      "--workers", "1", "--output", "m.json"},
                                     "coordinator"),
                            {"CHAPERON_NATS_PASSWORD=coordinator secret"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(json("m.json").at("sessions").at("ok"), 50);
  // The worker may give its lease back as well.
  for (int joined = 0; joined < 2;) {
    const auto next = worker.read_line(kPatience);
    ASSERT_TRUE(next);
    joined += next->find("waits for work") != std::string::npos ? 1 : 0;
  }
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(kPatience).exit_code, 0);
}

TEST_F(ClusterSecurity, TheQueueWorksWithTheSampleConfiguration) {
  const Words password{"CHAPERON_NATS_PASSWORD=coordinator secret"};
  auto words = with_tls({CHAPERON_BINARY, "master", "--listen", "127.0.0.1:0"}, "coordinator");
  Process master(words, options(password));
  ASSERT_TRUE(master.read_line(30s)) << master.wait(30s).err;
  words = with_tls({CHAPERON_BINARY, "worker", "--name", "w1", "--threads", "1"}, "worker");
  Process worker(words, options({"CHAPERON_NATS_PASSWORD=worker secret"}));
  ASSERT_TRUE(worker.read_line(30s)) << worker.wait(30s).err;
  const TargetServer target;
  const auto submitted =
      chaperon(with_tls({"submit", source("examples/first.cpp"), "--base-url", target.url()}, "coordinator"),
               password);
  ASSERT_EQ(submitted.exit_code, 0) << submitted.err;
  EXPECT_THAT(submitted.err, ::testing::Not(HasSubstr("no master")));
  const auto id = submitted.out.substr(0, submitted.out.find('\n'));
  bool passed = false;
  while (!passed) {
    const auto line = master.read_line(30s);
    ASSERT_TRUE(line) << chaperon(with_tls({"queue"}, "coordinator"), password).out;
    passed = line->find(id + "): passed") != std::string::npos;
  }
  EXPECT_EQ(chaperon(with_tls({"results", id, "-o", "m.json"}, "coordinator"), password).exit_code, 0);
  EXPECT_EQ(json("m.json").at("sessions").at("ok"), 50);
  master.signal(SIGTERM);
  EXPECT_EQ(master.wait(30s).exit_code, 0);
}

TEST_F(ClusterSecurity, AWorkerCannotCommandOthersNorReadWhatIsTheirs) {
  cluster::Nats coordinator(as("coordinator"));
  cluster::ensure_streams(coordinator, 1);
  static_cast<void>(coordinator.key_value(std::string(cluster::kArtifactsBucket), {}));
  static_cast<void>(coordinator.key_value(std::string(cluster::kWorkersBucket), {}));

  cluster::Nats worker(as("worker"));
  const auto forbidden = [&](const std::string& what, auto&& f) {
    EXPECT_THAT(refused(f), HasSubstr("Permissions Violation")) << what;
  };
  forbidden("command another worker",
            [&] { worker.publish_stored(cluster::command_subject("w2"), "{}", "", 500ms); });
  forbidden("speak as a coordinator", [&] {
    // A refusal that comes before flush() is called is not told by it: one of the next is.
    for (int i = 0; i < 50; ++i) {
      worker.publish(cluster::beat_subject("run"), {});
      worker.flush();
    }
  });
  forbidden("put a library there", [&] {
    auto artifacts = worker.key_value(std::string(cluster::kArtifactsBucket), {});
    artifacts.put("x", "code");
  });
  forbidden("read reports", [&] {
    const cluster::Consumer reports(worker, {.stream = std::string(cluster::kReportsStream)});
  });
  forbidden("hear the coordinator's answers", [&] {
    const auto heard = worker.subscribe("_INBOX.coordinator.>", [](const cluster::Message&) {});
    worker.flush();
  });
  // Who may make streams may have them republish to others' subjects.
  forbidden("make a stream",
            [&] { worker.ensure_stream({.name = "OWN", .subjects = {"chaperon.report.x.*"}}); });
  forbidden("remove a stream", [&] { worker.remove_stream(std::string(cluster::kReportsStream)); });
  forbidden("purge a stream",
            [&] { worker.purge(std::string(cluster::kCommandsStream), "chaperon.command.*"); });
}

// Somebody with a worker's password and a program of his own.
class Intruder {
 public:
  explicit Intruder(const cluster::NatsOptions& options) : connection_(options) {
    // By its full name: the server pushes to no others.
    natsSubscription* raw = nullptr;
    if (natsConnection_SubscribeSync(&raw, connection_.get(), kInbox) != NATS_OK)
      throw std::runtime_error("the intruder has no inbox");
    answers_.reset(raw);
  }

  /// Publishes with a subject for the answer that may be another's.
  void ask(const std::string& subject, const std::string& payload, const std::string& answer_to) {
    natsConnection_PublishRequest(connection_.get(), subject.c_str(), answer_to.c_str(), payload.data(),
                                  static_cast<int>(payload.size()));
    natsConnection_Flush(connection_.get());
  }
  /// What comes if the answer goes to its own inbox.
  std::string answer(const std::string& subject, const std::string& payload) {
    ask(subject, payload, kInbox);
    return received();
  }
  std::string received() {
    natsMsg* raw = nullptr;
    if (natsSubscription_NextMsg(&raw, answers_.get(), kPatience / 1ms) != NATS_OK) return "nothing";
    const cluster::CnatsPointer<natsMsg> message(raw);
    return {natsMsg_GetData(raw), static_cast<std::size_t>(natsMsg_GetDataLength(raw))};
  }
  /// What the server says when it refuses that; empty if it does not.
  std::string refusal(const std::string& subject, const std::string& payload, const std::string& answer_to) {
    const auto seen = connection_.refusals();
    ask(subject, payload, answer_to);
    const auto deadline = std::chrono::steady_clock::now() + 3s;
    while (connection_.refusals() == seen && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    return connection_.refused_since(seen);
  }

  static constexpr const char* kInbox = "_INBOX.worker.intruder";

 private:
  cluster::Connection connection_;
  cluster::CnatsPointer<natsSubscription> answers_;
};

class ClusterIntruder : public ClusterSecurity {
 protected:
  ClusterIntruder() {
    cluster::ensure_streams(coordinator_, 1);
    static_cast<void>(coordinator_.key_value(std::string(cluster::kWorkersBucket), {}));
    artifacts_.emplace(coordinator_.key_value(std::string(cluster::kArtifactsBucket), {}));
    artifacts_->put("library", "its bytes");
    victim_.emplace(worker_, cluster::ConsumerOptions{.stream = std::string(cluster::kCommandsStream),
                                                      .subject = cluster::command_subject("w2"),
                                                      .only_new = true});
    intruder_.emplace(as("worker"));
    // Where it may write: both are evil commands, if they come to be commands.
    EXPECT_THAT(intruder_->answer("$KV.chaperon_workers.zz", kEvil), HasSubstr("KV_chaperon_workers"));
    EXPECT_THAT(intruder_->answer("chaperon.scheduled.evil.x", kEvil), HasSubstr("CHAPERON_SCHEDULED"));
  }

  // Whether worker w2 has come to hear an evil command, or the library is an evil one.
  void expect_no_harm(const std::string& what) {
    const cluster::Command last{.kind = cluster::Command::Kind::leave, .run = "r", .reason = what};
    const auto marker = encode(last);
    coordinator_.publish_stored(cluster::command_subject("w2"), marker, "");
    for (auto next = victim_->next(kPatience);; next = victim_->next(kPatience)) {
      ASSERT_TRUE(next) << what;
      if (next->payload == marker) break;
      EXPECT_THROW(static_cast<void>(cluster::decode_command(next->payload)), MalformedBytes)
          << what << ": " << next->payload;
    }
    const auto library = artifacts_->get("library");
    EXPECT_TRUE(library && library->value != kEvil) << what;
  }

  static constexpr const char* kEvil =
      R"({"kind":"leave","run":"evil","epoch":1,"coordinator":"intruder","reason":"evil"})";
  static constexpr const char* kEvilKey = R"({"last_by_subj":"$KV.chaperon_workers.zz"})";
  cluster::Nats coordinator_{as("coordinator")};
  cluster::Nats worker_{as("worker")};
  std::optional<cluster::KeyValue> artifacts_;
  std::optional<cluster::Consumer> victim_;
  std::optional<Intruder> intruder_;
};

// Whoever asks a NATS server for something says where the answer goes, and the server does not look whether
// he might publish there himself.
TEST_F(ClusterIntruder, MayNotAskForWhatTheServerSendsAsItWasStored) {
  for (const std::string target : {"chaperon.command.w2", "$KV.chaperon_artifacts.library"}) {
    const auto forbidden = [&](const std::string& api, const std::string& payload) {
      EXPECT_THAT(intruder_->refusal("$JS.API." + api, payload, target), HasSubstr("Permissions Violation"))
          << api;
      expect_no_harm(api);
    };
    forbidden("DIRECT.GET.KV_chaperon_workers.$KV.chaperon_workers.zz", "");
    forbidden("DIRECT.GET.KV_chaperon_workers", kEvilKey);
    forbidden("DIRECT.GET.CHAPERON_SCHEDULED", R"({"seq":1})");
    forbidden("CONSUMER.MSG.NEXT.CHAPERON_SCHEDULED.x", "");
    forbidden("CONSUMER.DURABLE.CREATE.CHAPERON_SCHEDULED.x",
              R"({"stream_name":"CHAPERON_SCHEDULED","config":{"durable_name":"x","ack_policy":"none"}})");
  }
}

TEST_F(ClusterIntruder, AnAnswerOfTheServerIsNoCommandAndNoLibrary) {
  for (const std::string target : {"chaperon.command.w2", "$KV.chaperon_artifacts.library"}) {
    const auto harmless = [&](const std::string& subject, const std::string& payload) {
      intruder_->ask(subject, payload, target);
      // The server works on what one connection asks in its order.
      EXPECT_THAT(intruder_->answer(subject, payload), HasSubstr("{\"")) << subject;
      expect_no_harm(subject);
    };
    harmless("chaperon.report.evil.x", kEvil);
    harmless("chaperon.scheduled.evil.x", kEvil);
    harmless("$KV.chaperon_workers.zz", kEvil);
    harmless("$JS.API.INFO", "");
    harmless("$JS.API.STREAM.INFO.CHAPERON_SCHEDULED", "");
    harmless("$JS.API.STREAM.MSG.GET.KV_chaperon_workers", kEvilKey);
    harmless("$JS.API.CONSUMER.CREATE.CHAPERON_SCHEDULED",
             R"({"stream_name":"CHAPERON_SCHEDULED","config":{"deliver_subject":"_INBOX.worker.x"}})");
    harmless("$JS.API.CONSUMER.DELETE.CHAPERON_SCHEDULED.x", "");
  }
}

// What a consumer pushes is as it was stored, and goes wherever its maker has said; but under its own
// subject.
TEST_F(ClusterIntruder, WhatAConsumerPushesIsNoCommandAndNoLibrary) {
  const auto consumer = [](const std::string& stream, const std::string& to) {
    return R"({"stream_name":")" + stream + R"(","config":{"deliver_subject":")" + to +
           R"(","deliver_policy":"all","ack_policy":"none"}})";
  };
  const std::string api = "$JS.API.CONSUMER.CREATE.";
  for (const std::string target : {"chaperon.command.w2", "$KV.chaperon_artifacts.library",
                                   "$JS.API.STREAM.CREATE.EVIL", "$JS.API.STREAM.PURGE.CHAPERON_COMMANDS"}) {
    EXPECT_THAT(intruder_->answer(api + "CHAPERON_SCHEDULED", consumer("CHAPERON_SCHEDULED", target)),
                HasSubstr("\"name\""));
    // Another one of the same stream has pushed: so has that.
    const std::vector<std::string> received{
        intruder_->answer(api + "CHAPERON_SCHEDULED", consumer("CHAPERON_SCHEDULED", Intruder::kInbox)),
        intruder_->received()};
    EXPECT_THAT(received, ::testing::UnorderedElementsAre(HasSubstr("\"name\""), kEvil));
    expect_no_harm("pushed to " + target);
  }
  EXPECT_THAT(
      intruder_->answer(api + "CHAPERON_COMMANDS", consumer("CHAPERON_COMMANDS", "chaperon.command.w2")),
      HasSubstr("forms a cycle"));
  EXPECT_THAT(refused([&] { static_cast<void>(cluster::Consumer(worker_, {.stream = "EVIL"})); }),
              HasSubstr("does not exist"));
  // Not even a pull consumer, which only a coordinator can make, has the server store it as a command.
  cluster::Connection may_all(as("coordinator"));
  const auto publish = [&](const std::string& subject, const std::string& payload, const std::string& reply) {
    natsConnection_PublishRequest(may_all.get(), subject.c_str(), reply.c_str(), payload.data(),
                                  static_cast<int>(payload.size()));
    natsConnection_Flush(may_all.get());
  };
  publish("$JS.API.CONSUMER.DURABLE.CREATE.CHAPERON_SCHEDULED.pulled",
          R"({"stream_name":"CHAPERON_SCHEDULED","config":{"durable_name":"pulled","ack_policy":"none"}})",
          "_INBOX.coordinator.x");
  publish("$JS.API.CONSUMER.MSG.NEXT.CHAPERON_SCHEDULED.pulled", "", "chaperon.command.w2");
  cluster::Consumer all(coordinator_, {.stream = std::string(cluster::kCommandsStream)});
  for (auto next = all.next(kPatience);; next = all.next(kPatience)) {
    ASSERT_TRUE(next);
    if (next->payload != kEvil) continue;
    EXPECT_EQ(next->subject, "chaperon.scheduled.evil.x");
    break;
  }
  expect_no_harm("pulled");
}

TEST_F(ClusterSecurity, WhoIsNotLetInIsToldWhy) {
  const auto check = [&](Words words, const Words& environment, const std::string& why) {
    const auto result = chaperon(std::move(words), environment);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr(why));
    EXPECT_THAT(result.err, ::testing::Not(HasSubstr("secret")));
  };
  check(with_tls({"worker"}, "worker"), {"CHAPERON_NATS_PASSWORD=wrong secret"}, "uthoriz");
  check(with_tls({"run", source("examples/first.cpp")}, "coordinator"),
        {"CHAPERON_NATS_PASSWORD=wrong secret"}, "uthoriz");
  check({"worker", "--nats", url(), "--user", "worker"}, {"CHAPERON_NATS_PASSWORD=worker secret"},
        "--tls-ca");
  check({"worker", "--nats", "nats://192.0.2.1:4222"}, {},
        "use tls://, or --insecure in a network you trust");
  check({"run", source("examples/first.cpp"), "--nats", "nats://192.0.2.1:4222"}, {}, "use tls://");
}

}  // namespace
}  // namespace chaperon::test
