// A subscription of cnats.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cluster/connection.hpp"

namespace chaperon::cluster {

/// Has a handler called for each message of a subject, one at a time, on a thread of its own.
class Listener {
 public:
  using Handler = std::function<void(__natsMsg& message)>;

  /// Does not wait for the server. Throws NatsError.
  Listener(std::shared_ptr<Connection> connection, const std::string& subject, Handler handler);
  /// Waits until the handler does not run and will not any more.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

 private:
  struct State;
  void end() noexcept;

  std::shared_ptr<Connection> connection_;
  std::shared_ptr<State> state_;
  CnatsPointer<__natsSubscription> subscription_;
};

}  // namespace chaperon::cluster
