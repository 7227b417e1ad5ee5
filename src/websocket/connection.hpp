// One WebSocket connection: an engine that runs on the loop's stack.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include <boost/intrusive/list.hpp>

#include <chaperon/errors.hpp>

#include "net/socket.hpp"
#include "runtime/reactor.hpp"
#include "runtime/timer_queue.hpp"
#include "websocket/message_reader.hpp"
#include "websocket/message_writer.hpp"

namespace chaperon::websocket {

class Client;
class Connection;

using WaiterHook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// Somebody who waits for something on a connection. Whoever destroys it, or unlinks it, waits no more.
class Waiter : public WaiterHook {
 public:
  Waiter() = default;
  virtual ~Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  /// It has happened (Reason::none), or never will, because the connection is over: `why` is a sentence.
  /// Called once, on the loop's stack, after it was unlinked; the connection may be destroyed any time later.
  virtual void done(Reason reason, std::string_view why) = 0;
  /// It does not wait any more.
  virtual void give_up() {
    if (is_linked()) unlink();
  }

  Waiter* outer = nullptr;  ///< whoever waits for the end of this one, of the same owner; else null

 private:
  friend class Connection;
  std::uint64_t mark_ = 0;  // what it waits for: a number of bytes sent, or of a ping
};

/// A message as it came.
struct Incoming {
  bool binary = false;
  std::string_view payload{};  ///< valid during the call
  Instant at{};                ///< when its last byte was parsed
};

/// What a receiver makes of a message.
enum class Take : std::uint8_t {
  taken,     ///< it is the one, and no other is wanted
  skipped,   ///< it was not the one: the next is wanted too
  undecided  ///< it will be decided later: nobody gets the next one before
};

/// Somebody who waits for messages. Its done() is called only if the connection is over.
class Receiver : public Waiter {
 public:
  /// Gets a message. If it cannot decide about it, it calls receive() again later, for the next, or
  /// distribute() if it wants no more.
  virtual Take take(const Incoming& message) = 0;
};

/// Reads and writes messages; keeps those that nobody waits for, up to a limit, past which it stops reading,
/// so that the server is held up and nothing is lost; answers pings; closes as RFC 6455, section 7 says.
class Connection final : public runtime::IoHandler,
                         public runtime::Timer,
                         public boost::intrusive::list_base_hook<> {
 public:
  /// The server is held up when so much waits to be received: bytes, counting kMessageCost for each message.
  static constexpr std::size_t kMostQueued = std::size_t{1} << 20;
  static constexpr std::size_t kMessageCost = 64;

  /// Takes over the socket of a handshake that has gone well. `rest`: what came behind the answer. `peer`:
  /// what messages call the server.
  Connection(Client& client, net::Socket socket, const MessageReader::Options& options, std::string peer);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Begins to read, with what came behind the answer to the handshake.
  void start(std::string_view rest);

  /// Whether messages can be sent: neither side has closed it.
  [[nodiscard]] bool is_open() const noexcept { return state_ == State::open; }
  /// Whether it does not read, because so many messages wait to be received.
  [[nodiscard]] bool is_held_up() const noexcept { return held_up_; }
  /// Why it is over; Reason::none if it is not.
  [[nodiscard]] Reason reason() const noexcept { return reason_; }
  /// The same as a sentence.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

  /// Sends a message. True: it is with the kernel; else the waiter is told when it is, or that it never will
  /// be. Only while it is open.
  [[nodiscard]] bool send(Opcode opcode, std::string_view payload, Waiter& waiter);
  /// Sends a ping; the waiter is told of its pong. Only while it is open.
  void ping(Waiter& waiter);
  /// Gives the receiver the next message, now or when it comes, or tells it that there will be none. One that
  /// was undecided keeps its place before those that wait already.
  void receive(Receiver& receiver);
  /// Gives what has come to those who wait for it. Called when a receiver that was undecided wants no more,
  /// and waits no more.
  void distribute();
  /// Sends a close frame; the waiter is told when the server has sent its own, or the connection is over
  /// otherwise. Whoever else waits is told at once that it is closed. Only while it is open.
  void close(int code, std::string_view reason, Waiter& waiter);
  /// Ends it without waiting for anything, and tells whoever waits on it why; it is destroyed by the client
  /// once the server has closed it too, or has had time to.
  static void dismiss(std::unique_ptr<Connection> owned,
                      std::string_view why = "the session that has opened the connection has ended") noexcept;

  /// Goes on reading a connection that had used up its share of a turn.
  void read();

 private:
  friend class Client;
  enum class State : std::uint8_t {
    open,
    closing,  // a close frame was sent
    closed    // nothing is sent or received any more
  };
  struct Queued {
    std::string payload;
    bool binary;
    Instant at;
  };
  using Waiters = boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>>;

  void on_io(bool readable, bool writable, bool hung_up) override;
  void on_timer() override;

  void take(std::string_view bytes);
  void take_message(bool binary);
  void take_close();
  void answer_ping();
  void take_pong();
  void queue(const Incoming& message);
  [[nodiscard]] bool has_queued() const noexcept { return queue_ && !queue_->empty(); }
  Take give_queued(Receiver& receiver);
  void write(std::string_view bytes);
  void flush();
  void sending_failed(int error);
  void drop_queue() noexcept;
  void shut(int code, std::string_view reason);
  void end(Reason reason, std::string why);
  static void tell(Waiters& waiters, Reason reason, std::string_view why);
  [[nodiscard]] bool holds_up() const noexcept { return queued_bytes_ >= kMostQueued; }

  Client& client_;
  net::Socket socket_;
  State state_ = State::open;
  bool hung_up_ = false;
  bool held_up_ = false;    // reading has stopped
  bool dismissed_ = false;  // it belongs to the client
  Reason reason_ = Reason::none;
  int send_error_ = 0;
  MessageReader reader_;
  MessageWriter writer_;
  std::string peer_;
  std::string why_;
  std::string unsent_;       // what the kernel has not taken yet
  std::uint64_t given_ = 0;  // bytes that were to be sent so far
  std::uint64_t pings_ = 0;
  std::unique_ptr<std::deque<Queued>> queue_;  // messages nobody has waited for
  std::size_t queued_bytes_ = 0;
  Waiters receivers_;
  Waiters undecided_;  // the receiver, if one is, that has to decide before others get something
  Waiters senders_;
  Waiters pingers_;
  Waiters closers_;
};

}  // namespace chaperon::websocket
