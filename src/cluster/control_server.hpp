// The control API on a socket.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cluster/control_api.hpp"

namespace chaperon::cluster {

/// Where the API listens.
struct ListenAddress {
  std::string host = "127.0.0.1";  ///< numeric, or `localhost`
  std::uint16_t port = 8710;       ///< 0: the system chooses one
};

/// Reads `HOST:PORT`, `[::1]:PORT` or `HOST`. Throws InputError.
ListenAddress listen_address(const std::string& text);

/// Serves a ControlApi: HTTP/1.1 on threads of its own.
class ControlServer {
 public:
  /// Listens from now on, and serves from start() on. `api` outlives it. Throws InputError, with the remedy,
  /// if it cannot listen.
  ControlServer(ControlApi& api, const ListenAddress& address);
  /// Closes all connections, and waits for what is under way.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// `http://127.0.0.1:8710`.
  [[nodiscard]] std::string url() const;
  /// Begins to serve.
  void start();

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
};

}  // namespace chaperon::cluster
