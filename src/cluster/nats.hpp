// A connection to NATS: subjects, and the streams and buckets that JetStream keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <chaperon/duration.hpp>

namespace chaperon::cluster {

class Connection;
class KeyValue;
class Listener;
struct KeyValueOptions;

/// Where the NATS server is and who we are.
struct NatsOptions {
  /// `nats://host:port` or `tls://host:port`, with `user:password@` or `token@` before the host where wanted;
  /// several of one cluster with commas in between. The port is 4222 where there is none.
  std::string url{};
  std::string credentials_file{};  ///< path of a `.creds` file: JWT and seed
  std::string user{};
  std::string password{};
  std::string token{};
  std::string tls_ca{};       ///< path of a PEM file: whom to trust instead of the machine's authorities
  std::string tls_cert{};     ///< path of a PEM file: our certificate chain
  std::string tls_key{};      ///< path of a PEM file: its key
  bool insecure = false;      ///< whether `nats://` may go to another host than this one
  std::string client_name{};  ///< what the server calls us in its lists
  /// What the subjects of answers to us begin with, so that an account can be held to its own: letters,
  /// digits, `_`, and dots within.
  std::string inbox = "_INBOX";
};

/// Something asked of NATS was not done. what() is a sentence for a person.
class NatsError : public std::runtime_error {
 public:
  /// `what`: one sentence for a person. `retryable`: see retryable().
  NatsError(const std::string& what, bool retryable) : std::runtime_error(what), retryable_(retryable) {}
  ~NatsError() override;

  /// Whether the same call may work later: the server was not reached, did not answer in time or is not
  /// ready. It may have been done all the same. False where it will fail again: no permission, too large,
  /// wrong name.
  [[nodiscard]] bool retryable() const noexcept { return retryable_; }

 private:
  bool retryable_;
};

/// A server has not the room on its disk that a stream is to have, or does not give that much to our account.
class NatsRoomError final : public NatsError {
 public:
  /// `what`: one sentence for a person.
  explicit NatsRoomError(const std::string& what) : NatsError(what, false) {}
  ~NatsRoomError() override;
};

/// What was published.
struct Message {
  std::string subject{};
  std::string reply_to{};      ///< the subject on which an answer is awaited; empty if none is
  std::string payload{};       ///< any bytes
  std::uint64_t sequence = 0;  ///< its number in the stream that it was read from; else 0
};

/// Interest in a subject; ends with the object. Movable.
class Subscription {
 public:
  /// None.
  Subscription() noexcept;
  Subscription(Subscription&& other) noexcept;
  /// Ends the subscription that was here, as the destructor does.
  Subscription& operator=(Subscription&& other) noexcept;
  /// Blocks until the callback does not run and will not any more; messages that wait for it are dropped. Not
  /// to be called within the callback.
  ~Subscription();

 private:
  friend class Nats;
  explicit Subscription(std::unique_ptr<Listener> listener) noexcept;
  std::unique_ptr<Listener> listener_;
};

/// A stream: which messages JetStream keeps, in files, and for how long.
struct StreamOptions {
  std::string name{};                   ///< letters, digits, `-` and `_`
  std::vector<std::string> subjects{};  ///< what it keeps, wildcards allowed
  Duration max_age{0};                  ///< for how long; 0: for ever
  /// The oldest go beyond that; the server reserves that much of its disk. -1: no limit, and none reserved.
  std::int64_t max_bytes = -1;
  std::int64_t max_messages = -1;      ///< likewise
  std::int32_t max_message_size = -1;  ///< bytes; larger ones are refused; -1: the server's limit
  Duration duplicate_window{2min};     ///< how long message ids are remembered; at most max_age
  int replicas = 1;                    ///< on how many servers of a NATS cluster
};

/// A connection to a NATS server or cluster. It reconnects by itself, for ever, about every 100 ms. What is
/// published meanwhile is not kept: the call fails at once. Thread-safe. Subscriptions, buckets and consumers
/// made with it may outlive it: their calls fail then.
class Nats {
 public:
  /// Connects; blocks for 5 s at most. Throws InputError, with the remedy, if a server cannot be reached,
  /// refuses us, or has no JetStream, if `url` cannot be read, or if it leaves this machine in the clear
  /// without `insecure`.
  explicit Nats(const NatsOptions& options);
  /// Closes the connection; blocks until no callback of on_connection_change() runs. Not to be called within
  /// a callback.
  ~Nats();
  Nats(const Nats&) = delete;
  Nats& operator=(const Nats&) = delete;

  /// Whether there is a connection now.
  [[nodiscard]] bool connected() const;
  /// The server we are connected to, or were last, as `nats://host:port`, without user and password.
  [[nodiscard]] std::string server() const;
  /// The most bytes a message may have; 1 MiB unless the server is configured otherwise.
  [[nodiscard]] std::size_t max_payload() const;
  /// Has `callback` called each time the connection is lost or there again, on a thread of its own; replaces
  /// the one before, none if empty. Blocks while the one before runs: not to be called within it.
  void on_connection_change(std::function<void(bool connected)> callback);

  /// Sends a message to whoever subscribes now; does not wait for anything. Throws NatsError.
  void publish(const std::string& subject, const std::string& payload);
  /// Blocks until the server has all that was published, for `timeout` at most. Throws NatsError, also if the
  /// server has refused something that was published before.
  void flush(Duration timeout = 5s);
  /// Has `callback` called for each message of a subject, wildcards allowed, one at a time, on a thread of
  /// the subscription. Blocks until the server knows of it, for 5 s at most. Throws NatsError. The
  /// subscription survives the loss of the connection, what is published meanwhile does not come. An
  /// exception must not leave `callback`.
  [[nodiscard]] Subscription subscribe(const std::string& subject, std::function<void(Message)> callback);
  /// Sends a message and blocks until the first answer; nothing if there is none in time or nobody
  /// subscribes. Throws NatsError if the connection is lost or the server forbids it.
  [[nodiscard]] std::optional<Message> request(const std::string& subject, const std::string& payload,
                                               Duration timeout);

  /// Creates a stream, or leaves it as it is if there is one of that name. Blocks for 5 s at most. Throws
  /// NatsError, a NatsRoomError if there is no room for it.
  void ensure_stream(const StreamOptions& options);
  /// Sends a message to the stream that keeps its subject and blocks until it is stored, for `timeout` at
  /// most. A `message_id` that was there before within the stream's duplicate window is not stored again, so
  /// that a call that has thrown a retryable NatsError can be made again; empty: no such check. Throws
  /// NatsError.
  void publish_stored(const std::string& subject, const std::string& payload, const std::string& message_id,
                      Duration timeout = 5s);
  /// Removes a stream's messages of a subject, wildcards allowed. Blocks for 5 s at most. Throws NatsError.
  void purge(const std::string& stream, const std::string& subject);
  /// Removes a stream and all it keeps; nothing happens if there is none. Blocks for 5 s at most. Throws
  /// NatsError.
  void remove_stream(const std::string& stream);
  /// Opens a bucket, or creates it if there is none of that name: letters, digits, `-` and `_`. Blocks for 5
  /// s at most. Throws NatsError. Include "cluster/key_value.hpp".
  [[nodiscard]] KeyValue key_value(const std::string& name, const KeyValueOptions& options);

 private:
  friend class Consumer;
  std::shared_ptr<Connection> connection_;
};

}  // namespace chaperon::cluster
