// WebSocket as a scenario sees it: the options of its actions, and a message.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <chaperon/duration.hpp>
#include <chaperon/errors.hpp>
#include <chaperon/http.hpp>
#include <chaperon/json.hpp>

namespace chaperon {
inline namespace v1 {

class Session;

namespace detail {
struct WsMessageData {
  std::string payload;
  bool binary = false;
  Instant at{};
};
}  // namespace detail

/// A message of a WebSocket: a cheap handle, by value, to something that does not change. Views live as long
/// as a handle does.
class CHAPERON_API WsMessage {
 public:
  /// An empty text.
  WsMessage();
  /// Made by ws_recv() and ws_await_recv().
  explicit WsMessage(std::shared_ptr<const detail::WsMessageData> data) noexcept : data_(std::move(data)) {}

  /// The message as text; of a binary one, its bytes.
  [[nodiscard]] std::string_view text() const noexcept { return data_->payload; }
  /// The message as bytes.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return std::as_bytes(std::span(data_->payload.data(), data_->payload.size()));
  }
  /// Whether it was sent as binary, and not as text.
  [[nodiscard]] bool is_binary() const noexcept { return data_->binary; }
  /// The message as JSON. Throws DecodeError, which shows its beginning.
  [[nodiscard]] Json json() const;
  /// When its last byte had come (steady clock), also if it had to wait for a receiver:
  /// `session.time_since(sent, "latency")` from here on is the scenario's own time.
  [[nodiscard]] Instant arrived_at() const noexcept { return data_->at; }

 private:
  std::shared_ptr<const detail::WsMessageData> data_;
};

/// A callback for a message: `(Session&, const WsMessage&)`, or `(Session&, const Json&)`, which gets it
/// parsed.
class WsMessageCallback {
 public:
  /// No callback.
  WsMessageCallback() = default;
  /// Calls `callback`.
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, WsMessageCallback>) &&
      (std::invocable<F&, Session&, const WsMessage&> || std::invocable<F&, Session&, const Json&>)
          WsMessageCallback(F callback) {  // NOLINT(google-explicit-constructor)
    if constexpr (std::invocable<F&, Session&, const WsMessage&>) {
      message_ = std::move(callback);
    } else {
      json_ = std::move(callback);
    }
  }

  /// Whether it wants the parsed message.
  [[nodiscard]] bool takes_json() const noexcept { return static_cast<bool>(json_); }
  /// Whether there is one.
  [[nodiscard]] explicit operator bool() const noexcept { return message_ || json_; }
  /// Calls one that does not take JSON.
  void operator()(Session& session, const WsMessage& message) const { message_(session, message); }
  /// Calls one that takes JSON.
  void operator()(Session& session, const Json& json) const { json_(session, json); }

 private:
  std::function<void(Session&, const WsMessage&)> message_;
  std::function<void(Session&, const Json&)> json_;
};

/// The options of ws_connect(). Every member has a default; name those you set.
struct WsConnectOptions {
  std::string_view name{};                  ///< of the connection, if the session has several
  std::optional<Duration> timeout{};        ///< for the whole handshake; default: config `timeout`, else 10 s
  Headers headers{};                        ///< sent with the handshake, beside the session's
  ErrorCallback on_error{};                 ///< called if it fails; without, WebSocketError is thrown
  std::vector<std::string> subprotocols{};  ///< offered, the most welcome first
  bool compression = false;  ///< offer permessage-deflate (40 KiB a direction if it is agreed on)
};

/// The options of ws_send().
struct WsSendOptions {
  std::string_view name{};  ///< of the connection
  std::optional<Duration>
      timeout{};             ///< until the kernel has all of it; default: config `timeout`, else 10 s
  ErrorCallback on_error{};  ///< called if it fails; without, WebSocketError is thrown
};

/// The options of ws_recv() and ws_await_recv().
struct WsRecvOptions {
  std::string_view name{};            ///< of the connection
  std::optional<Duration> timeout{};  ///< default: config `timeout`, else 10 s
  Decode decode = Decode::none;       ///< Decode::json: a message that is no JSON is `Error decode`
  WsMessageCallback with_result{};    ///< called with the message
  ErrorCallback on_error{};           ///< called if it fails; without, WebSocketError is thrown
};

/// The options of ws_ping().
struct WsPingOptions {
  std::string_view name{};            ///< of the connection
  std::optional<Duration> timeout{};  ///< for the pong; default: config `timeout`, else 10 s
  ErrorCallback on_error{};           ///< called if it fails; without, WebSocketError is thrown
};

/// The options of ws_close().
struct WsCloseOptions {
  std::string_view name{};            ///< of the connection
  std::optional<Duration> timeout{};  ///< for the server's close frame; default: config `timeout`, else 10 s
  ErrorCallback on_error{};           ///< called if it fails; without, WebSocketError is thrown
  int code = 1000;                    ///< 1000 to 1003, 1007 to 1014, 3000 to 4999
  std::string_view reason{};          ///< at most 123 bytes are sent
};

}  // namespace v1
}  // namespace chaperon
