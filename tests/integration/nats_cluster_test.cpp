// Three NATS servers that keep everything three times, of which one goes.
#include <array>
#include <atomic>
#include <memory>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "cluster/protocol.hpp"
#include "integration/nats_fixture.hpp"

namespace chaperon::test {
namespace {

using cluster::Consumer;
using cluster::Nats;
using cluster::NatsError;

// A port that was free a moment ago.
int free_port() {
  const Descriptor socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = static_cast<sockaddr*>(static_cast<void*>(&address));
  checked(::bind(socket.get(), generic, size), "bind");
  checked(::getsockname(socket.get(), generic, &size), "getsockname");
  return ntohs(address.sin_port);
}

class NatsClusterTest : public ::testing::Test {
 protected:
  explicit NatsClusterTest(const std::string& max_file_store = "") {
    const std::array<int, 3> ports{free_port(), free_port(), free_port()};
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      // In a ring: where two ask each other at once, this version of the server may lose what they have said.
      servers_.at(i) = std::make_unique<NatsServer>(NatsServerOptions{
          .config = "server_name: n" + std::to_string(i) +
                    "\ncluster { name: C, listen: \"127.0.0.1:" + std::to_string(ports.at(i)) +
                    "\", routes: [\"nats://127.0.0.1:" + std::to_string(ports.at((i + 1) % 3)) + "\"] }",
          .max_file_store = max_file_store});
      urls_ += (urls_.empty() ? "" : ",") + servers_.at(i)->url();
    }
  }

  // The servers have to find each other and to agree on a leader first.
  [[nodiscard]] std::unique_ptr<Nats> connect() const {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (true) {
      try {
        return std::make_unique<Nats>(options_for(urls_));
      } catch (const InputError&) {
        if (std::chrono::steady_clock::now() > deadline) throw;
      }
    }
  }

  // Calls it until it works.
  template <class Function>
  static auto insist(Function function) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (true) {
      try {
        return function();
      } catch (const NatsError& error) {
        if (!error.retryable() || std::chrono::steady_clock::now() > deadline) throw;
        std::this_thread::sleep_for(20ms);
      }
    }
  }

  std::array<std::unique_ptr<NatsServer>, 3> servers_;
  std::string urls_;
};

class SmallNatsClusterTest : public NatsClusterTest {
 protected:
  SmallNatsClusterTest() : NatsClusterTest("300MB") {}
};

TEST_F(SmallNatsClusterTest, HasTooLittleRoomAndSaysSo) {
  const auto nats = connect();
  EXPECT_THAT(said<NatsError>([&] { insist([&] { cluster::ensure_streams(*nats, 3); }); }),
              ::testing::EndsWith("no suitable peers for placement, insufficient storage: Chaperon's streams "
                                  "reserve 576 MB there: raise max_file_store in its block jetstream, or the "
                                  "limit of the account, or free its disk"));
}

TEST_F(NatsClusterTest, LosesAndRepeatsNothingWhereAServerGoes) {
  constexpr int kCount = 1'000;
  const auto connection = connect();
  Nats& nats = *connection;
  insist([&] { nats.ensure_stream({.name = "S", .subjects = {"s"}, .replicas = 3}); });
  auto bucket = insist([&] { return nats.key_value("b", {.replicas = 3}); });
  insist([&] { bucket.put("a", "1"); });
  auto watcher = insist([&] { return bucket.watch(); });
  Nats writer(options_for(urls_));
  auto consumer = insist([&] { return Consumer(nats, {.stream = "S"}); });
  std::atomic<int> stored{0};
  std::thread writing([&] {
    for (int i = 1; i <= kCount; ++i) {
      insist([&] { writer.publish_stored("s", std::to_string(i), "id-" + std::to_string(i), 1s); });
      stored = i;
      stored.notify_all();
    }
  });
  std::vector<std::string> got;
  std::vector<std::string> wanted;
  std::thread reading([&] {
    for (int i = 1; i <= kCount; ++i) {
      const auto message = consumer.next(60s);
      if (!message) return;
      got.push_back(message->payload);
    }
  });
  for (int now = stored; now < kCount / 4; now = stored)
    stored.wait(now);
  servers_.at(0)->stop();
  writing.join();
  reading.join();
  for (int i = 1; i <= kCount; ++i)
    wanted.push_back(std::to_string(i));
  EXPECT_EQ(got, wanted);
  EXPECT_EQ(insist([&] { return bucket.get("a"); })->value, "1");
  insist([&] { bucket.put("a", "2"); });
  for (auto change = watcher.next(60s);; change = watcher.next(60s)) {
    ASSERT_TRUE(change);
    if (change->entry.value == "2") break;
  }
}

}  // namespace
}  // namespace chaperon::test
