// The HTTP client of one loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/connection.hpp"
#include "http/exchange.hpp"
#include "http/origin.hpp"
#include "http/pool.hpp"
#include "net/resolver.hpp"
#include "runtime/event_loop.hpp"

namespace chaperon::http {

/// What a client has counted.
struct ClientCounters {
  std::uint64_t retried = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
};

/// How the connections of a load test are made.
struct ClientOptions {
  std::vector<net::Address> local_addresses{};  ///< connect from these in turn; empty: the system chooses
  std::optional<Duration> dns_ttl{};
};

/// Starts exchanges on connections. Everything on the loop's thread and stack.
class Client {
 public:
  Client(runtime::EventLoop& loop, std::shared_ptr<net::DnsCache> dns, ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// The origin of a URL; it lives as long as the client.
  Origin& origin(const Url& url);

  /// Sends the request as soon as a connection is to be had; exchange.finished() is called, perhaps before
  /// this returns.
  void start(Exchange& exchange);
  /// Gives an exchange up that has not finished; finished() is not called. Its connection is closed.
  void abandon(Exchange& exchange);

  [[nodiscard]] const ClientCounters& counters() const noexcept { return counters_; }

 private:
  friend class Connection;

  // Goes on with connections that had more to read than their share of a turn, and with exchanges that wait
  // for a descriptor.
  class Later final : public runtime::Timer {
   public:
    explicit Later(Client& client) : client_(client) {}
    void on_timer() override { client_.go_on(); }

   private:
    Client& client_;
  };

  void open_connection(Exchange& exchange);
  void handshake_ended(Origin& origin);
  void wait_for_descriptor(Exchange& exchange);
  void read_later(Connection& connection);
  void retire(Connection& connection) noexcept;
  void go_on();
  void end_wait(Exchange& exchange);
  Duration report_wait(Exchange& exchange);
  const net::Address* next_local_address(int family) noexcept;

  static constexpr std::size_t kReadShare = 64 * 1024;

  runtime::EventLoop& loop_;
  net::Resolver resolver_;
  ClientOptions options_;
  std::size_t next_local_ = 0;
  std::unordered_map<std::string, std::unique_ptr<Origin>> origins_;
  WaitingExchanges starved_;
  std::vector<Connection*> reading_;
  std::vector<Origin*> ready_origins_;
  Later later_;
  ClientCounters counters_;
  std::string head_;  // scratch for the request being sent
  std::vector<char> buffer_ = std::vector<char>(kReadShare);
};

}  // namespace chaperon::http
