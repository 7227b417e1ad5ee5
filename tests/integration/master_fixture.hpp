// A cluster with a queue, as its users have it: nats-server, masters and workers, each a process.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli_fixture.hpp"
#include "cluster/load_test_queue.hpp"
#include "nats_fixture.hpp"
#include "support/nats_server.hpp"
#include "support/nginx_server.hpp"

namespace chaperon::test {

/// An answer of the control API.
struct ApiAnswer {
  unsigned status = 0;
  std::string head{};
  std::string body{};
  [[nodiscard]] Json json() const { return Json::parse(body); }
};

/// Sends bytes to a port of this machine and reads until the server closes.
inline ApiAnswer ask_server(std::uint16_t port, const std::string& bytes) {
  const Descriptor socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  const timeval patience{.tv_sec = 30, .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  checked(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto size = ::send(socket.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) break;  // the answer may have come before all was sent
    sent += static_cast<std::size_t>(size);
  }
  std::string text;
  std::vector<char> piece(65'536);
  for (ssize_t size = 0; (size = ::recv(socket.get(), piece.data(), piece.size(), 0)) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(size));
  const auto end = text.find("\r\n\r\n");
  if (end == std::string::npos || !text.starts_with("HTTP/1.1 ")) return {.head = text};
  return {.status = static_cast<unsigned>(std::stoul(text.substr(9, 3))),
          .head = text.substr(0, end + 2),
          .body = text.substr(end + 4)};
}

class MasterTest : public CliTest {
 protected:
  static constexpr std::chrono::seconds kPatient{30};
  static constexpr const char* kToken = "secret";

  [[nodiscard]] Words with_nats(Words words) const {
    words.insert(words.end(), {"--nats", server_.url()});
    return words;
  }
  [[nodiscard]] std::unique_ptr<Process> begin(Words words, const Words& environment = {}) const {
    words.insert(words.begin(), CHAPERON_BINARY);
    return std::make_unique<Process>(with_nats(std::move(words)), options(environment));
  }

  /// Starts a worker, and waits until it is in the cluster.
  [[nodiscard]] std::unique_ptr<Process> start_worker(const std::string& name = "w1") const {
    auto worker = begin({"worker", "--name", name, "--threads", "1"});
    const auto line = worker->read_line(kPatient);
    if (!line) throw std::runtime_error("the worker did not start: " + worker->wait(kPatient).err);
    return worker;
  }
  /// Starts a master with a token, and waits until it listens.
  void start_master(const Words& more = {}, const std::string& token = kToken, Words environment = {}) {
    Words words{"master", "--listen", "127.0.0.1:0"};
    words.insert(words.end(), more.begin(), more.end());
    environment.push_back("CHAPERON_API_TOKEN=" + token);
    master_ = begin(words, environment);
    const std::string listening = "listening on http://127.0.0.1:";
    while (const auto line = master_->read_line(kPatient)) {
      if (!line->starts_with(listening)) continue;
      port_ = static_cast<std::uint16_t>(std::stoi(line->substr(listening.size())));
      return;
    }
    throw std::runtime_error("the master did not start: " + master_->wait(kPatient).err);
  }
  /// Waits until the master says something with that in it.
  void await_news(const std::string& part) const {
    while (const auto line = master_->read_line(kPatient)) {
      if (line->find(part) != std::string::npos) return;
    }
    throw std::runtime_error("the master did not say " + part);
  }

  /// `chaperon submit`; the id.
  [[nodiscard]] std::string submit(const std::string& load_test, const Words& more = {}) const {
    Words words{"submit", scenario_file("queue.cpp"), load_test, "--base-url", nginx_.url()};
    words.insert(words.end(), more.begin(), more.end());
    const auto result = chaperon(with_nats(words));
    if (result.exit_code != 0) throw std::runtime_error("not submitted: " + result.err);
    return result.out.substr(0, result.out.find('\n'));
  }
  /// Waits until a load test is as wanted, and returns it; as it is in the end if that does not come in time.
  cluster::LoadTestRecord await(const std::string& id,
                                const std::function<bool(const cluster::LoadTestRecord&)>& wanted) {
    auto watcher = queue().watch();
    const auto deadline = std::chrono::steady_clock::now() + kPatient;
    cluster::LoadTestRecord last;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto change = watcher.next(1s);
      if (!change || change->kind != cluster::Change::Kind::put || change->entry.key != id) continue;
      last = cluster::decode_record(change->entry.value).value_or(last);
      if (wanted(last)) return last;
    }
    ADD_FAILURE() << id << " is " << to_string(last.state) << ": " << last.message;
    return last;
  }
  cluster::LoadTestRecord await_end(const std::string& id) {
    return await(id, [](const auto& record) { return has_ended(record.state); });
  }
  cluster::LoadTestRecord await_running(const std::string& id) {
    return await(id, [](const auto& record) { return record.state == cluster::LoadTestState::running; });
  }
  /// Waits until what runs has reported that many requests.
  void await_reported_requests(std::uint64_t count) const {
    const auto deadline = std::chrono::steady_clock::now() + kPatient;
    std::uint64_t reported = 0;
    while (reported < count) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << reported;
      std::this_thread::sleep_for(20ms);
      const auto running = api("GET", "/load_tests").json().at("running");
      if (running.empty() || running[0].at("progress").is_null()) continue;
      reported = running[0].at("progress").at("requests").get<std::uint64_t>();
    }
  }
  /// Waits until nginx has that many requests.
  void await_requests(std::size_t count) const {
    const auto deadline = std::chrono::steady_clock::now() + kPatient;
    while (nginx_.count_requests() < count) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << nginx_.count_requests();
      std::this_thread::sleep_for(20ms);
    }
  }

  /// The queue as any member of the cluster has it.
  cluster::LoadTestQueue& queue() {
    if (!nats_) nats_ = std::make_unique<cluster::Nats>(options_for(server_.url()));
    if (!queue_) queue_ = std::make_unique<cluster::LoadTestQueue>(*nats_, 1);
    return *queue_;
  }

  /// A request with the token to the control API; `more`: header lines, each with its end.
  [[nodiscard]] ApiAnswer api(const std::string& method, const std::string& target,
                              const std::string& body = {}, const std::string& more = kAuthorization) const {
    auto request = method + " " + target + " HTTP/1.1\r\nConnection: close\r\n" + more;
    if (more.find("Host:") == std::string::npos) request += "Host: 127.0.0.1\r\n";
    if (!body.empty())
      request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return ask_server(port_, request + "\r\n" + body);
  }
  static constexpr const char* kAuthorization = "Authorization: Basic Y2hhcGVyb246c2VjcmV0\r\n";

  NatsServer server_;
  NginxServer nginx_;
  std::unique_ptr<cluster::Nats> nats_;
  std::unique_ptr<cluster::LoadTestQueue> queue_;
  std::unique_ptr<Process> master_;
  std::uint16_t port_ = 0;
};

}  // namespace chaperon::test
