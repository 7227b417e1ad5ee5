// What a coordinator says and hears in one run.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include <chaperon/duration.hpp>
#include <chaperon/load_test.hpp>

#include "cluster/consumer.hpp"
#include "cluster/nats.hpp"
#include "cluster/outbox.hpp"
#include "cluster/protocol.hpp"

namespace chaperon::cluster {

/// The coordinator's end of one run: commands to its workers, their reports, and the beats without which they
/// stop, sent on a thread of its own from the beginning to the end of this object. Everything else belongs to
/// one thread.
class RunChannel {
 public:
  /// `coordinator` is what workers call this end. Blocks until the server has it, for 5 s at most. Throws
  /// NatsError.
  RunChannel(Nats& nats, std::string run, std::string coordinator);
  ~RunChannel();
  RunChannel(const RunChannel&) = delete;
  RunChannel& operator=(const RunChannel&) = delete;

  /// Puts in a command to a worker; does not block.
  void send(Command command, const Seat& to);
  /// Blocks until all commands are sent, or `patience` has passed.
  void flush(Duration patience);
  /// What went wrong for good with a command; empty if nothing has.
  [[nodiscard]] std::string failure() const;
  /// Gives the reports that have come to `take`; blocks until there is one, for `patience` at most. One that
  /// cannot be read, and one of which `take` throws MalformedBytes, is refused with a line in the log. Throws
  /// NatsError if the server has lost them, and what else `take` throws.
  void take_reports(Duration patience, const std::function<void(const Report&)>& take);
  /// Tells whoever listens how far the run is. Does not block; not said again if it gets lost.
  void publish(const Progress& progress);
  /// Removes from the server, if it is reached, what nobody needs after the run. Blocks for some seconds at
  /// most.
  void clean_up();

 private:
  void beat();

  Nats& nats_;
  const std::string run_;
  const std::string coordinator_;
  Consumer reports_;
  Outbox outbox_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::thread beats_;
};

}  // namespace chaperon::cluster
