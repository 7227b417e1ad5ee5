// Reads a stream of JetStream in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <chaperon/duration.hpp>

#include "cluster/nats.hpp"

namespace chaperon::cluster {

class OrderedReader;

/// What a consumer reads.
struct ConsumerOptions {
  std::string stream{};
  std::string subject{};  ///< which of the stream's messages, wildcards allowed; empty: all
  /// Whether it begins with what is stored from now on instead of the oldest message that is there.
  bool only_new = false;
  std::uint64_t after =
      0;  ///< begins after the message with this number, whatever only_new says; 0: not given
};

/// Reads a stream's messages in their order, each once, also over a loss of the connection and a restart of
/// the server: it remembers the number of the last one and goes on after it. What the stream itself drops
/// (max_age, max_bytes, purge) before it was read does not come. For one thread at a time, except stop().
class Consumer {
 public:
  /// Blocks until the server has it, for 5 s at most. Throws NatsError.
  Consumer(Nats& nats, const ConsumerOptions& options);
  ~Consumer();
  Consumer(Consumer&& other) noexcept;
  Consumer& operator=(Consumer&& other) noexcept;

  /// The next message; blocks until there is one, for `timeout` at most; nothing then, or after stop(). Waits
  /// through losses of the connection. Throws NatsError, not retryable, if the stream has been removed.
  [[nodiscard]] std::optional<Message> next(Duration timeout);
  /// Up to `count` messages: blocks until there is one, for `timeout` at most, and takes what has come with
  /// it. Otherwise like next().
  [[nodiscard]] std::vector<Message> fetch(std::size_t count, Duration timeout);
  /// The number of the last message that next() or fetch() has given; where it began, less one, if none has.
  [[nodiscard]] std::uint64_t last_sequence() const;
  /// Has next() and fetch() return at once, now and from then on. From any thread.
  void stop();

 private:
  std::unique_ptr<OrderedReader> reader_;
};

}  // namespace chaperon::cluster
