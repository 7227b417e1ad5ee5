// WebSockets against real servers, and against scripted ones that do it wrong.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "runtime/sanitizers.hpp"
#include "session_fixture.hpp"
#include "support/node_ws_server.hpp"
#include "support/target_thread.hpp"
#include "unit/websocket/server_side.hpp"
#include "websocket/handshake.hpp"

namespace chaperon::session_test {

using test::close_payload;
using test::NodeWsServer;
using test::server_frame;
using test::TargetThread;
using test::WsCompression;

inline constexpr unsigned kTextFrame = 0x81;
inline constexpr unsigned kBinaryFrame = 0x82;
inline constexpr unsigned kCloseFrame = 0x88;
inline constexpr unsigned kPingFrame = 0x89;
inline constexpr unsigned kPongFrame = 0x8a;

#if defined(CHAPERON_ASAN) || defined(CHAPERON_TSAN)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// --- The server's side ---------------------------------------------------------------------------

/// The answer to an upgrade request that a server should give, without its last empty line.
inline std::string upgrade_answer(std::string_view request) {
  constexpr std::string_view kKey = "Sec-WebSocket-Key: ";
  const auto at = request.find(kKey);
  if (at == std::string_view::npos) return "HTTP/1.1 400 Bad Request\r\n";
  const auto key = request.substr(at + kKey.size(), request.find("\r\n", at) - at - kKey.size());
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         websocket::accept_of(key) + "\r\n";
}

/// Receives an upgrade request and agrees to it; `more` are header lines. With `behind`, what is sent in the
/// same piece.
inline void accept_upgrade(Peer& peer, std::string_view behind = {}, std::string_view more = {}) {
  const auto request = peer.receive_request();
  if (request.empty()) return;
  peer.send(upgrade_answer(request).append(more).append("\r\n").append(behind));
}

/// The next frame of the client; its first byte is 0 if it has closed the connection.
inline test::ClientFrame receive_frame(Peer& peer) {
  std::string bytes = peer.receive(2);
  if (bytes.size() < 2) return {};
  std::size_t size = static_cast<unsigned char>(bytes[1]) & 0x7FU;
  const std::size_t more = size == 126 ? 2 : size == 127 ? 8 : 0;
  bytes += peer.receive(more + 4);
  if (more > 0) {
    size = 0;
    for (std::size_t i = 0; i < more; ++i)
      size = size * 256 + static_cast<unsigned char>(bytes[2 + i]);
  }
  bytes += peer.receive(size);
  if (bytes.size() < 2 + more + 4 + size) return {};
  std::string_view view = bytes;
  return test::take_client_frame(view);
}

/// `1000`, or `4001 why`: what is in a close frame; empty for another frame.
inline std::string close_text(const test::ClientFrame& frame) {
  if (frame.first_byte != kCloseFrame) return {};
  if (frame.payload.size() < 2) return "no code";
  const int code =
      static_cast<unsigned char>(frame.payload[0]) * 256 + static_cast<unsigned char>(frame.payload[1]);
  const auto reason = frame.payload.substr(2);
  return std::to_string(code) + (reason.empty() ? "" : " " + reason);
}

/// Sends every message back and answers a close frame, until the connection ends; what the close frame says.
inline std::string echo_frames(Peer& peer) {
  for (;;) {
    const auto frame = receive_frame(peer);
    if (frame.first_byte == 0) return "closed without a close frame";
    if (frame.first_byte == kPingFrame) {
      peer.send(server_frame(kPongFrame, frame.payload));
    } else if (frame.first_byte != kPongFrame) {
      peer.send(server_frame(frame.first_byte, frame.payload));
    }
    if (frame.first_byte == kCloseFrame) return close_text(frame);
  }
}

/// Counts what a server's thread has done, for wait_for().
inline void add_one(std::atomic<int>& counter) {
  ++counter;
  counter.notify_all();
}

/// Waits until a server's thread has done that so many times.
inline void wait_for(const std::atomic<int>& counter, int count) {
  for (int now = counter; now < count; now = counter)
    counter.wait(now);
}

/// `ws://…` of an `http://…`.
inline std::string ws_url(const std::string& url) {
  return "ws" + url.substr(url.find(':'));
}

/// What Node's ws has counted once `enough` says that it is; after ten seconds, in any case.
inline Json stats_when(const NodeWsServer& server, const std::function<bool(const Json&)>& enough) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  for (;;) {
    Json stats = Json::parse(server.stats());
    if (enough(stats) || std::chrono::steady_clock::now() > deadline) return stats;
    std::this_thread::sleep_for(5ms);
  }
}

/// The same once that many connections have been opened and closed.
inline Json stats_when_closed(const NodeWsServer& server, std::uint64_t connections) {
  return stats_when(
      server, [&](const Json& stats) { return stats["connections"] == connections && stats["open"] == 0; });
}

// --- The client's side ---------------------------------------------------------------------------

class WebSocketRunTest : public SessionRunTest {
 protected:
  /// Runs one session of A that does this and must end ok.
  static Results run_ok(const std::string& base_url, test::ScenarioBody body, Json config = Json::object()) {
    A::script.run = std::move(body);
    config["base_url"] = base_url;
    auto results = run({{scenario<A>, {}}}, std::move(config));
    EXPECT_EQ(results.sessions.ok, 1U) << ending(results);
    return results;
  }
  /// Why the first session that did not end ok did not.
  static std::string ending(const Results& results) {
    return results.endings.empty() ? "no session ended badly" : results.endings.front().example;
  }
};

/// The message of the WebSocketError that `f` throws.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const WebSocketError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// Receives a message and returns its text.
inline std::string received(Session& session, std::string_view name = {},
                            std::optional<Duration> timeout = std::nullopt) {
  std::string text;
  session.ws_recv({.name = name, .timeout = timeout, .with_result = [&](Session&, const WsMessage& m) {
                     text = m.text();
                   }});
  return text;
}

}  // namespace chaperon::session_test
