// A stream of JetStream, read in order over losses of the connection.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <chaperon/duration.hpp>
#include <chaperon/json.hpp>

#include "cluster/connection.hpp"
#include "cluster/listener.hpp"
#include "cluster/nats.hpp"

namespace chaperon::cluster {

/// What comes of an OrderedReader.
struct ReaderItem {
  enum class Kind : std::uint8_t {
    message,
    current,  ///< the last message of each subject was told
    again,    ///< they are told again
  };
  Kind kind = Kind::message;
  Message message{};
  std::string operation{};        ///< the header KV-Operation
  std::int64_t stored_at_ns = 0;  ///< since 1970
};

/// Reads through a consumer of its own on the server, which pushes messages into an inbox. The server numbers
/// what it pushes and sends a heartbeat where there is nothing, so that a gap or a stall is noticed; then,
/// and after each loss of the connection, the consumer is given up and a new one made. That is the ordered
/// consumer of NATS's ADR-17, as a state machine that never waits for an answer: stop() always finds it
/// waiting for its own condition.
class OrderedReader final : private ConnectionWatcher {
 public:
  /// Where to begin, and where to go on after a new beginning.
  enum class Mode : std::uint8_t {
    all,               ///< after the last message that was told; at first after `after`
    only_new,          ///< likewise; at first after what is there
    last_per_subject,  ///< each time with the last message of each subject
  };
  struct Options {
    std::string stream{};
    std::string subject{};  ///< empty: all
    Mode mode = Mode::all;
    std::uint64_t after = 0;
  };

  /// Does not wait for anything.
  OrderedReader(std::shared_ptr<Connection> connection, Options options);
  ~OrderedReader() override;

  /// Blocks until the server has the consumer, for `timeout` at most. Throws NatsError, also if the time
  /// ends.
  void start(Duration timeout);
  /// Blocks until there is something, for `timeout` at most; nothing then, or after stop(). Throws NatsError
  /// where it is no use to go on: the stream has been removed, the connection closed, a permission is
  /// missing.
  std::optional<ReaderItem> next(Duration timeout);
  /// From any thread.
  void stop();
  /// The number of the last message told, or after which it begins.
  [[nodiscard]] std::uint64_t last_sequence() const noexcept { return last_; }

 private:
  enum class State : std::uint8_t { idle, asked_for_stream, asked_for_consumer, reading };
  enum class ArrivalKind : std::uint8_t { answer, message, heartbeat, flow_control, ended };
  // What has come into the inbox.
  struct Arrival {
    ArrivalKind kind = ArrivalKind::message;
    ReaderItem item{};
    std::uint64_t number =
        0;  // of a message: how many the consumer has pushed; of a heartbeat: likewise, so far
    std::uint64_t pending = 0;  // of a message: how many there are behind it
    std::string reply_to{};     // where the server waits for a word before it sends more
  };

  void connection_changed() noexcept override;
  void arrived(__natsMsg& message);
  std::optional<Arrival> read_message(__natsMsg& message) const;
  static Arrival read_status(__natsMsg& message, std::string_view status);

  bool step(Instant deadline);
  [[nodiscard]] Instant next_check() const;
  std::optional<Arrival> wait_for_arrival(Instant until);
  void look_at_connection();
  void begin();
  void give_up(Duration delay);
  void ask(const std::string& api, const Json& question);
  void answer_to_server(const std::string& subject);
  void handle(Arrival arrival);
  void handle_message(Arrival arrival);
  void handle_answer(const std::string& text);
  void handle_stream(const Json& answer);
  void handle_consumer(const Json& answer);
  void handle_error(const Json& error);
  void tell_current();
  [[nodiscard]] Json consumer_config() const;
  [[noreturn]] void fail(const std::string& why, bool retryable = false);

  const std::shared_ptr<Connection> connection_;
  const Options options_;

  // Of the thread that reads.
  State state_ = State::idle;
  std::unique_ptr<Listener> listener_;
  std::string inbox_;
  std::string consumer_;        // its name, once known
  std::string stream_created_;  // when, as the server writes it
  std::string last_problem_;    // why there is no consumer yet
  std::uint64_t last_ = 0;      // the number in the stream of the last message told
  std::uint64_t pushed_ = 0;    // how many messages have come from this consumer
  std::uint64_t losses_seen_ = 0;
  std::uint64_t refusals_seen_ = 0;
  Instant retry_at_{};
  bool begun_;  // last_ is where to go on
  bool told_current_ = false;
  bool told_any_ = false;
  std::deque<ReaderItem> items_;

  // Shared with the thread of cnats and with those who stop.
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Arrival> arrivals_;
  Instant heard_{};
  bool connection_changed_ = false;
  bool stopped_ = false;
};

}  // namespace chaperon::cluster
