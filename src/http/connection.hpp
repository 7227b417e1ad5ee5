// One connection to a server: an engine that runs on the loop's stack.
#pragma once

#include <string>
#include <string_view>

#include <boost/intrusive/list.hpp>

#include "http/exchange.hpp"
#include "http/response_parser.hpp"
#include "net/resolver.hpp"
#include "net/socket.hpp"
#include "runtime/reactor.hpp"
#include "runtime/timer_queue.hpp"

namespace chaperon::http {

class Client;
class Origin;

/// Carries one exchange after the other. Created by Client, belongs to a Pool.
class Connection final : public runtime::IoHandler,
                         public runtime::Timer,
                         public boost::intrusive::list_base_hook<> {
 public:
  Connection(Client& client, Origin& origin, Pool& pool);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Opens the connection, then carries `exchange`.
  void open(Exchange& exchange);
  /// Carries an exchange over the open, idle connection.
  void carry(Exchange& exchange);
  /// Gives the present exchange up and closes the connection.
  void abandon() noexcept;

  [[nodiscard]] const Origin& origin() const noexcept { return origin_; }
  [[nodiscard]] bool idle() const noexcept { return state_ == State::idle; }
  [[nodiscard]] bool closed() const noexcept { return state_ == State::closed; }

  /// Goes on reading a connection that had used up its share of a turn.
  void read();

 private:
  enum class State : std::uint8_t { created, resolving, queue_full, connecting, busy, idle, closed };

  // Waits for the host's addresses; made only when they are not known yet.
  struct Resolving final : net::ResolveRequest {
    explicit Resolving(Connection& connection) : connection_(connection) {}
    void resolved(const net::SharedResolution& resolution) override;
    Connection& connection_;
  };

  struct Opening {
    explicit Opening(Connection& connection) : resolving(connection) {}
    Resolving resolving;
    net::SharedResolution resolution;
    std::size_t first = 0;
    std::size_t tried = 0;
    net::Address peer;
    Instant began{};
    Instant resolved{};
    Instant deadline{};
  };

  void on_io(bool readable, bool writable, bool hung_up) override;
  void on_timer() override;

  void use_addresses(const net::SharedResolution& resolution);
  void try_next_address();
  void connect_to(const net::Address& address);
  void connect_socket();
  void connect_finished(int error, bool readable);
  void established(bool readable);
  bool spoke_first();

  void send_request();
  void send_body();
  void send_pending();
  void sending_failed(int error);
  void take(std::string_view bytes);
  bool more_waits();
  void peer_closed(int error);
  void complete(bool surplus);
  void note_end(Exchange& exchange);
  void upgrade(std::string_view rest);
  void fail(Reason reason, std::string message);
  void close() noexcept;
  [[nodiscard]] bool unsent() const noexcept { return !pending_.empty() || !body_left_.empty(); }
  [[nodiscard]] std::string peer_text() const;

  Client& client_;
  Origin& origin_;
  Pool& pool_;
  net::Socket socket_;
  State state_ = State::created;
  bool hung_up_ = false;
  bool reused_ = false;
  bool awaiting_continue_ = false;
  bool first_byte_seen_ = false;
  int send_error_ = 0;  // of the present request
  Exchange* exchange_ = nullptr;
  ResponseParser parser_;
  std::string pending_;         // of the head, or of a chunked body: what the kernel has not taken yet
  std::string_view body_left_;  // of the exchange's body: likewise

  std::unique_ptr<Opening> opening_;  // only while it is being opened

  // When the request was handed to the kernel and when the first byte came.
  Instant carried_at_{};
  Instant sent_at_{};
  Instant first_byte_at_{};
};

}  // namespace chaperon::http
