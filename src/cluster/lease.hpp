// A worker's right to take part, which it has to renew.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <chaperon/duration.hpp>
#include <chaperon/errors.hpp>

#include "cluster/key_value.hpp"
#include "cluster/protocol.hpp"

namespace chaperon::cluster {

/// Somebody else holds the name that was wanted.
class NameTaken final : public InputError {
 public:
  /// `holder`: what is known of who holds it.
  NameTaken(const std::string& what, std::optional<WorkerInfo> holder)
      : InputError(what), holder_(std::move(holder)) {}
  ~NameTaken() override;

  [[nodiscard]] const std::optional<WorkerInfo>& holder() const noexcept { return holder_; }

 private:
  std::optional<WorkerInfo> holder_;
};

/// Holds the lease of a worker's name: a key of the workers' bucket that only its holder may change, by
/// compare-and-set. A thread renews it every kBeat. Whoever takes the key away, or lets it expire, ends the
/// lease, and the holder knows at the latest kLease after the last renewal that went well.
class Lease {
 public:
  /// Takes the name. Blocks, and takes the lease of a former holder once that has expired, for at most
  /// kLeaseExpiry and a second. Throws NameTaken if somebody else holds it, NatsError if the server was not
  /// reached. `info` is what its value says; its epoch is that of a former life of this very
  /// holder, which is over and need not expire (0: there was none); `renewed` is called on the lease's thread
  /// with the moment until which it may be used, which is somewhat before its end.
  Lease(Nats& nats, int replicas, WorkerInfo info, std::function<void(Instant until)> renewed);
  /// Gives the name back if it is still held.
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  /// Tells this life of the name from others; grows from one to the next.
  [[nodiscard]] std::uint64_t epoch() const noexcept { return info_.epoch; }
  /// Whether it is over: taken away, or not renewed in time. From any thread.
  [[nodiscard]] bool over() const;
  /// Changes what the value says of the worker; it is published at once. From any thread.
  void say(const std::string& run, const std::string& doing);

 private:
  void keep();
  bool renew();

  KeyValue bucket_;
  WorkerInfo info_;
  std::function<void(Instant)> renewed_;
  std::uint64_t revision_ = 0;  // of the last renewal; the thread's

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  WorkerInfo wanted_;  // what the value is to say
  bool changed_info_ = false;
  bool stopping_ = false;
  bool taken_away_ = false;
  Instant until_{};
  std::thread thread_;
};

/// The bucket of leases, made if need be. Throws NatsError.
KeyValue workers_bucket(Nats& nats, int replicas);

}  // namespace chaperon::cluster
