// The built-in target server: something to load, for examples, tests and first steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace chaperon::target {

struct Options {
  std::string address = "127.0.0.1";                 ///< a numeric IPv4 or IPv6 address, or `localhost`
  std::uint16_t port = 5000;                         ///< 0: the system chooses one
  unsigned threads = 1;                              ///< each serves its own connections; 0 counts as 1
  std::uint64_t max_body = std::uint64_t{64} << 20;  ///< bytes of a request's body or a WebSocket message
  std::string unix_path{};  ///< if not empty, listens on this Unix socket too; the file is removed at the end
  std::size_t subscriber_queue = 16'384;  ///< messages that may wait for one subscriber of `/foo`
  std::uint64_t subscriber_bytes = std::uint64_t{64}
                                   << 20;  ///< bytes that may wait for one subscriber of `/foo`
};

/// An HTTP/1.1 and WebSocket server on Boost.Beast, which shares no protocol code with the client. Its routes
/// are listed in routes.hpp.
///
/// Connections have no idle timeout. A client that closes its sending side while a `/delay` is under way
/// counts as gone.
class Server {
 public:
  /// Binds and listens; connections are accepted from then on and answered once run() is called. Throws
  /// std::runtime_error, with the remedy, if the address is not one or is in use.
  explicit Server(Options options = {});
  /// run() must not be under way.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The TCP port it listens on.
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// Where it listens, as in `http://127.0.0.1:5000`.
  [[nodiscard]] std::string url() const;

  /// Serves on this thread and `threads - 1` others until stop(), then closes every connection. Call it once.
  void run();
  /// Makes run() return soon, or at once if it has not started. May be called from any thread, more than
  /// once, but not from a signal handler.
  void stop();

 private:
  class Loops;
  std::unique_ptr<Loops> loops_;
};

}  // namespace chaperon::target
