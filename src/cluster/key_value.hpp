// A bucket of keys and values that JetStream keeps.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <chaperon/duration.hpp>

#include "cluster/nats.hpp"

namespace chaperon::cluster {

class Bucket;
class OrderedReader;

/// What a bucket is created with. A bucket that is there already stays as it is.
struct KeyValueOptions {
  Duration ttl{0};              ///< how long after its last change a key goes; 0: never; at least 100 ms
  std::int64_t max_bytes = -1;  ///< writes fail beyond that; -1: no limit
  int history = 1;        ///< how many values of a key are kept, 1 to 64; only the last can be read here
  int replicas = 1;       ///< on how many servers of a NATS cluster
  Duration patience{5s};  ///< how long its calls wait for an answer, at most; not part of what is created
};

/// A value and what is known of it.
struct Entry {
  std::string key{};
  std::string value{};
  std::uint64_t revision = 0;                       ///< grows with every change in the bucket
  std::chrono::system_clock::time_point created{};  ///< when it was written, by the server's clock
};

/// What a Watcher has seen.
struct Change {
  enum class Kind : std::uint8_t {
    put,      ///< a key has this value
    removed,  ///< a key was removed; the entry's value is empty
    current,  ///< all that was there has been told; the entry is empty
    again,    ///< connection or server had to be begun anew: forget all, it is told again from the start
  };
  Kind kind = Kind::put;
  Entry entry{};
};

/// Tells the keys of a bucket: first those that are there, then `current`, then each change. Of a key that
/// changes fast at least the last value comes. Expiry is not told. After a loss of the connection there is
/// `again`, then all that is there, then `current`. For one thread at a time, except stop().
class Watcher {
 public:
  ~Watcher();
  Watcher(Watcher&& other) noexcept;
  Watcher& operator=(Watcher&& other) noexcept;

  /// The next change; blocks until there is one, for `timeout` at most; nothing then, or after stop(). Waits
  /// through losses of the connection. Throws NatsError, not retryable, if the bucket has been removed.
  [[nodiscard]] std::optional<Change> next(Duration timeout);
  /// Has next() return at once, now and from then on. From any thread.
  void stop();

 private:
  friend class KeyValue;
  explicit Watcher(std::unique_ptr<OrderedReader> reader) noexcept;
  std::unique_ptr<OrderedReader> reader_;
};

/// A bucket, opened by Nats::key_value(). Keys are of letters, digits and `-_/=.`, with no dot at either end
/// and no two in a row. All calls block for 5 s at most, or for `patience`, and throw NatsError: retryable if
/// the server was not reached or did not answer, in which case a write may have happened. Thread-safe.
/// Movable.
class KeyValue {
 public:
  ~KeyValue();
  KeyValue(KeyValue&& other) noexcept;
  KeyValue& operator=(KeyValue&& other) noexcept;

  /// A key's value; nothing if it was never set, was removed or has expired.
  [[nodiscard]] std::optional<Entry> get(const std::string& key) const;
  /// Sets a key that has no value, and returns its revision; nothing if it has one.
  [[nodiscard]] std::optional<std::uint64_t> create(const std::string& key, const std::string& value);
  /// Sets a key whose last revision is `revision`, and returns the new one; nothing if the key has changed
  /// since, was removed or has expired.
  [[nodiscard]] std::optional<std::uint64_t> update(const std::string& key, const std::string& value,
                                                    std::uint64_t revision);
  /// Sets a key whatever it was, and returns its revision.
  std::uint64_t put(const std::string& key, const std::string& value);
  /// Removes a key; nothing happens if there is none.
  void remove(const std::string& key);
  /// The keys that match, in the order of their last changes: `>` for all, `worker.*` for those under
  /// `worker`.
  [[nodiscard]] std::vector<Entry> entries(const std::string& filter = ">") const;
  /// The names of what entries() gives.
  [[nodiscard]] std::vector<std::string> keys(const std::string& filter = ">") const;
  /// Begins to watch the keys that match.
  [[nodiscard]] Watcher watch(const std::string& filter = ">") const;

 private:
  friend class Nats;
  explicit KeyValue(std::unique_ptr<Bucket> bucket) noexcept;
  std::unique_ptr<Bucket> bucket_;
};

}  // namespace chaperon::cluster
