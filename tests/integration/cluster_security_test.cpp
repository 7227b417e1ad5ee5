// The sample configuration of NATS: TLS, and accounts that may do what their role needs and no more.
#include <csignal>
#include <optional>

#include "cli_fixture.hpp"
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
