// A TCP server that does exactly what a test tells it to, however wrong.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/descriptor.hpp"
#include "support/temp_dir.hpp"

namespace chaperon::test {

class ScriptedServer;

/// The server's side of one connection. Every call ends by an exception that only ScriptedServer catches when
/// the server is being destroyed; a peer that has gone is no error.
class Peer {
 public:
  /// Reads a head up to its blank line, and the body that its Content-Length announces; returns both, and the
  /// server records it. What the peer sends beyond that is kept for the next call. Empty, and not recorded,
  /// if the peer closes before a byte of it; cut short if later.
  std::string receive_request();
  /// Reads that many bytes, of a WebSocket frame for example; fewer if the peer closes before. They are not
  /// recorded.
  std::string receive(std::size_t size);
  /// Sends bytes.
  void send(std::string_view bytes);
  /// Sends bytes in pieces, with a short pause between them, so that the peer most likely reads them one by
  /// one.
  void send_slowly(std::string_view bytes, std::size_t per_chunk);
  /// Ends the sending side (FIN); receiving goes on.
  void shutdown_write();
  /// Closes in order (FIN), even if the peer has sent something that was not received.
  void close();
  /// Closes with a reset (RST; TCP only).
  void reset();
  /// Waits until the server is destroyed.
  void stall();
  /// Waits until the peer has closed its side and drops what comes until then.
  void wait_for_close();

 private:
  friend class ScriptedServer;
  Peer(ScriptedServer& server, Descriptor socket) : server_(server), socket_(std::move(socket)) {}
  bool wait_for(short events, int timeout_ms);
  bool receive_some();

  ScriptedServer& server_;
  Descriptor socket_;
  std::string received_;
};

/// What happens on a connection; closed in order when it returns.
using Script = std::function<void(Peer&)>;

enum class Listen : std::uint8_t {
  ipv4,         ///< 127.0.0.1
  ipv6,         ///< ::1
  unix_socket,  ///< a path in a temporary directory; see ScriptedServer::unix_path()
  full,  ///< 127.0.0.1 with its queue of connections full, so that connecting neither succeeds nor fails
};

/// Accepts connections on an ephemeral port and runs a script on each, in a thread of its own: the first
/// script on the first connection, and so on, the last one on all that follow. Its calls may come from any
/// thread.
class ScriptedServer {
 public:
  /// Listens from here on. Throws std::system_error. Without scripts every connection is closed at once.
  explicit ScriptedServer(std::vector<Script> scripts, Listen listen = Listen::ipv4);
  /// Every connection gets the same script.
  explicit ScriptedServer(Script script, Listen listen = Listen::ipv4);
  /// Interrupts the scripts and closes everything.
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  /// The TCP port; 0 for a Unix socket.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// `http://127.0.0.1:PORT`, `http://[::1]:PORT`; of a Unix socket `http+unix://` and the percent-encoded
  /// path.
  [[nodiscard]] std::string url() const;
  /// The Unix socket's path; empty for TCP.
  [[nodiscard]] const std::filesystem::path& unix_path() const noexcept { return unix_path_; }

  /// The requests received so far, in the order in which they were complete.
  [[nodiscard]] std::vector<std::string> requests() const;
  /// How many connections were accepted so far.
  [[nodiscard]] std::size_t connections() const;
  /// Waits for that many requests; whether they came in time.
  bool wait_for_requests(std::size_t count,
                         std::chrono::milliseconds timeout = std::chrono::seconds(10)) const;
  /// Waits for that many connections; whether they came in time.
  bool wait_for_connections(std::size_t count,
                            std::chrono::milliseconds timeout = std::chrono::seconds(10)) const;

 private:
  friend class Peer;
  void listen_tcp(int family, int backlog);
  void listen_unix();
  void fill_queue();
  void accept_loop();
  void serve(std::size_t number, Descriptor socket);
  void record(std::string request);

  std::vector<Script> scripts_;
  Listen listen_;
  Descriptor stop_;  // an eventfd, readable from the destructor on
  Descriptor listener_;
  std::vector<Descriptor> fillers_;
  std::uint16_t port_ = 0;
  std::optional<TempDir> directory_;  // of the Unix socket
  std::filesystem::path unix_path_;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> requests_;
  std::size_t connections_ = 0;
  std::vector<std::jthread> threads_;  // only touched by the accepting thread, and after its end
  std::jthread accepting_;
};

}  // namespace chaperon::test
