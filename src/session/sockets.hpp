// The WebSockets that a session has opened, by name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "metrics/recorder.hpp"
#include "websocket/connection.hpp"

namespace chaperon::session {

/// What is done with an open WebSocket.
enum class SocketAction : std::uint8_t { send, recv, await_recv, ping, close, skipped };
inline constexpr std::size_t kSocketActions = 6;

/// The word for it in metric rows: `ws_send`.
std::string_view to_string(SocketAction action) noexcept;

/// The metric rows of the actions on one URL.
struct SocketRoute {
  std::string url;
  std::array<metrics::MetricId, kSocketActions> metrics{};
  std::array<std::string, kSocketActions> labels;  ///< `ws_send(ws://localhost:5000/foo)`

  [[nodiscard]] metrics::MetricId metric(SocketAction action) const noexcept {
    return metrics[static_cast<std::size_t>(action)];
  }
  [[nodiscard]] const std::string& label(SocketAction action) const noexcept {
    return labels[static_cast<std::size_t>(action)];
  }
};

/// The routes of one loop's sockets.
class SocketRoutes {
 public:
  static constexpr std::size_t kMost = 4096;

  /// The route of a URL for sessions of that profile; made if it is not known. More than kMost are not kept.
  std::shared_ptr<const SocketRoute> find(metrics::Recorder& recorder, std::uint32_t profile,
                                          std::string_view session_name, std::string_view url);

 private:
  std::unordered_map<std::string, std::shared_ptr<const SocketRoute>> routes_;
};

/// One name under which a session has connected.
struct Socket {
  std::string name;
  std::unique_ptr<websocket::Connection> connection{};  ///< null: it is not open
  std::shared_ptr<const SocketRoute> route{};           ///< null if it never was
  std::string why_not{};                                ///< why it is not open
};

}  // namespace chaperon::session
