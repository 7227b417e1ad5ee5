// Node's ws as a child process, for WebSocket tests against a server that others wrote.
#pragma once

#include <cstdint>
#include <string>

#include "support/process.hpp"

namespace chaperon::test {

/// What the server agrees to.
enum class WsCompression : std::uint8_t { off, with_takeover, without_takeover };

/// The server of node_ws_server.js, where its paths are listed, on an ephemeral port of 127.0.0.1. For one
/// thread at a time; connections may come from anywhere.
class NodeWsServer {
 public:
  /// Starts it and waits until it listens. Throws std::runtime_error with the remedy if it does not.
  explicit NodeWsServer(WsCompression compression = WsCompression::off);
  /// Stops it, and waits for its end.
  ~NodeWsServer();
  NodeWsServer(const NodeWsServer&) = delete;
  NodeWsServer& operator=(const NodeWsServer&) = delete;

  /// `http://127.0.0.1:PORT`.
  [[nodiscard]] std::string url() const;
  /// `ws://127.0.0.1:PORT`.
  [[nodiscard]] std::string ws_url() const;
  /// What it has counted so far, as JSON.
  [[nodiscard]] std::string stats() const;

 private:
  Process process_;
  std::uint16_t port_ = 0;
};

}  // namespace chaperon::test
