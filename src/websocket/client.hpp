// The WebSocket connections of one loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/intrusive/list.hpp>

#include "base/random.hpp"
#include "runtime/event_loop.hpp"
#include "websocket/connection.hpp"

namespace chaperon::websocket {

/// What a client has counted.
struct ClientCounters {
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t messages_sent = 0;
  std::uint64_t messages_received = 0;
};

/// What connections share: buffers, masks. Outlives them. Everything on the loop's thread and stack.
class Client {
 public:
  Client(runtime::EventLoop& loop, std::uint64_t seed);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// For the keys of handshakes.
  [[nodiscard]] Random& random() noexcept { return random_; }
  [[nodiscard]] const ClientCounters& counters() const noexcept { return counters_; }

 private:
  friend class Connection;

  // Goes on with connections that had more to read than their share of a turn.
  class Later final : public runtime::Timer {
   public:
    explicit Later(Client& client) : client_(client) {}
    void on_timer() override { client_.go_on(); }

   private:
    Client& client_;
  };

  void read_later(Connection& connection);
  void forget(Connection& connection) noexcept;
  void go_on();

  static constexpr std::size_t kReadShare = std::size_t{64} * 1024;

  runtime::EventLoop& loop_;
  Random random_;
  std::vector<Connection*> reading_;
  boost::intrusive::list<Connection> dismissed_;
  Later later_;
  ClientCounters counters_;
  std::string frame_;  // scratch for what is being sent
  std::vector<char> buffer_ = std::vector<char>(kReadShare);
};

}  // namespace chaperon::websocket
