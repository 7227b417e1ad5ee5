// Messages that have to arrive.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include <chaperon/duration.hpp>

#include "cluster/nats.hpp"

namespace chaperon::cluster {

/// Publishes messages to streams in the order in which they were put in, on a thread of its own, each until
/// the server has confirmed that it is stored: over losses of the connection and restarts. From any thread.
class Outbox {
 public:
  /// `name` begins the ids of its messages and must be of no other outbox. `give_up` says that nothing may be
  /// sent any more.
  Outbox(Nats& nats, std::string name, std::function<bool()> give_up);
  /// Drops what has not been sent.
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// Puts a message in; does not block.
  void put(std::string subject, std::string payload);
  /// Blocks until all is sent, or `patience` has passed; whether all is sent.
  bool flush(Duration patience);
  /// What went wrong for good with a message, which was dropped then; empty if nothing has.
  [[nodiscard]] std::string failure() const;
  /// How many bytes were sent.
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct Outgoing {
    std::string subject;
    std::string payload;
    std::string id;
  };
  void send_all();
  void send(const Outgoing& message);

  Nats& nats_;
  const std::string name_;
  const std::function<bool()> give_up_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Outgoing> waiting_;  // the first one is under way
  std::uint64_t number_ = 0;
  std::uint64_t bytes_ = 0;
  std::string failure_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace chaperon::cluster
