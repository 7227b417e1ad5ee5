// The connection of cnats, and what came of a call to it. Its types are declared here so that its header
// stays in the sources.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <chaperon/duration.hpp>

#include "cluster/nats.hpp"

struct __jsCtx;
struct __natsConnection;
struct __natsMsg;
struct __natsOptions;
struct __natsSubscription;

namespace chaperon::cluster {

/// Frees what cnats has made.
struct CnatsDeleter {
  void operator()(__jsCtx* context) const noexcept;
  void operator()(__natsConnection* connection) const noexcept;
  void operator()(__natsMsg* message) const noexcept;
  void operator()(__natsOptions* options) const noexcept;
  void operator()(__natsSubscription* subscription) const noexcept;
};

template <class T>
using CnatsPointer = std::unique_ptr<T, CnatsDeleter>;

/// The instant after `timeout`, as late as there is one where it would be later.
Instant deadline_after(Duration timeout);

/// A timeout as cnats takes it: at least 1 ms.
std::int64_t milliseconds(Duration timeout);

/// How long a call may take that says nothing else.
inline constexpr Duration kPatience = std::chrono::seconds(5);

/// Who wants to be woken when the connection is lost, there again or closed.
class ConnectionWatcher {
 public:
  ConnectionWatcher() = default;
  virtual ~ConnectionWatcher() = default;
  ConnectionWatcher(const ConnectionWatcher&) = delete;
  ConnectionWatcher& operator=(const ConnectionWatcher&) = delete;

  /// Called on a thread of cnats; must not wait.
  virtual void connection_changed() noexcept = 0;
};

/// A connection to NATS with its JetStream context. Thread-safe. Held by all that was made with it.
class Connection {
 public:
  /// Connects; blocks for 5 s at most. Throws InputError.
  explicit Connection(const NatsOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Closes it for good and waits until no callback runs. May be called again.
  void close();

  [[nodiscard]] __natsConnection* get() const noexcept { return connection_.get(); }
  [[nodiscard]] __jsCtx* jetstream() const noexcept { return jetstream_.get(); }

  /// Never waits. cnats is not asked: it holds its lock while it tries to connect again, which takes seconds.
  [[nodiscard]] bool connected() const noexcept { return connected_; }
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  /// What subjects of answers begin with.
  [[nodiscard]] const std::string& inbox() const noexcept { return inbox_; }
  /// How often it was lost.
  [[nodiscard]] std::uint64_t losses() const noexcept { return losses_; }
  /// Where it goes to, or went last.
  [[nodiscard]] std::string server() const;
  /// Why it was closed, as the end of a sentence: `was closed: the server says ...`.
  [[nodiscard]] std::string why_closed() const;

  /// See Nats.
  void on_change(std::function<void(bool)> callback);
  void add(ConnectionWatcher& watcher);
  /// It is not called any more.
  void remove(ConnectionWatcher& watcher);

  /// How often the server has refused something so far.
  [[nodiscard]] std::uint64_t refusals() const;
  /// What the server has said last when it refused something, if that was after the first `seen` times; else
  /// empty.
  [[nodiscard]] std::string refused_since(std::uint64_t seen) const;
  /// The same, after waiting for what the server has refused but was not told here yet.
  [[nodiscard]] std::string refused_by_now(std::uint64_t seen) const;

 private:
  friend struct ConnectionCallbacks;
  void lost();
  void there_again(__natsConnection* raw);
  void was_closed(__natsConnection* raw);
  void went_wrong(int status, const char* text);
  void wake_watchers();
  void tell(bool connected);
  void require_jetstream(Instant deadline, const std::string& shown);

  const std::string inbox_;
  CnatsPointer<__natsConnection> connection_;
  CnatsPointer<__jsCtx> jetstream_;
  std::atomic<bool> connected_{true};  // from the end of the constructor on
  std::atomic<bool> closed_{false};
  std::atomic<std::uint64_t> losses_{0};

  std::mutex callback_mutex_;  // held while the callback runs
  std::function<void(bool)> callback_;
  std::mutex watchers_mutex_;  // held while they are called
  std::vector<ConnectionWatcher*> watchers_;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool finished_ = false;  // the last callback has come
  std::uint64_t refusals_ = 0;
  std::string last_refusal_;
  std::string server_;
  std::string why_closed_;
};

}  // namespace chaperon::cluster
