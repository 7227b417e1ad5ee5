// Which workers there are, as a coordinator sees them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <chaperon/duration.hpp>

#include "cluster/key_value.hpp"
#include "cluster/nats.hpp"
#include "cluster/protocol.hpp"

namespace chaperon::cluster {

/// A worker whose lease is there.
struct Member {
  WorkerInfo info{};
  std::uint64_t revision = 0;  ///< of its last renewal
  Instant seen{};              ///< when that was seen, by this machine's steady clock
};

/// Watches the leases. For one thread.
class Roster {
 public:
  /// Throws NatsError.
  Roster(Nats& nats, int replicas);

  /// Takes in what has changed; blocks until something has, for `patience` at most. Throws NatsError, not
  /// retryable.
  void update(Duration patience);
  /// Forgets workers whose leases have expired: that is not told.
  void forget_expired();
  /// The workers, by name; those whose leases have expired as well, until forget_expired().
  [[nodiscard]] const std::map<std::string, Member>& members() const noexcept { return members_; }
  /// The worker of that name in that life; nullptr if there is none.
  [[nodiscard]] const Member* find(const std::string& name, std::uint64_t epoch) const;
  /// What the clock of a worker shows; nothing if it does not answer, or is in another life by now. Blocks
  /// for `patience` at most.
  [[nodiscard]] std::optional<Duration> ask_clock(const std::string& name, std::uint64_t epoch,
                                                  Duration patience);

  /// What has come of taking a lease away.
  enum class Revoked : std::uint8_t {
    done,     ///< it has not been renewed since it was last seen, and never will be
    renewed,  ///< the worker has renewed it meanwhile: it lives
    left,     ///< it is not the worker's any more: it was given back, or has expired
    unknown,  ///< the server was not reached
  };
  /// Takes a worker's lease away, by compare-and-set with what was last seen of it: once done, and kLease
  /// after it was last seen, the worker certainly stands still. Blocks for 5 s at most.
  Revoked revoke(const Member& member);

 private:
  Nats& nats_;
  KeyValue bucket_;
  Watcher watcher_;
  std::map<std::string, Member> members_;
};

}  // namespace chaperon::cluster
