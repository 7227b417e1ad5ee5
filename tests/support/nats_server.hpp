// The real nats-server as a child process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace chaperon::test {

struct NatsServerOptions {
  std::string config{};          ///< more lines of its configuration: accounts, TLS, limits
  bool jetstream = true;         ///< whether it keeps streams
  std::string max_file_store{};  ///< how much they may take, such as `300MB`; empty: what the disk has
};

/// nats-server on a port of 127.0.0.1 that the system chooses, with its streams in a directory that goes with
/// it. It ends with the thread that has started it, even if that is killed. For one thread at a time.
class NatsServer {
 public:
  /// Starts it and waits until it greets. Throws std::runtime_error with the remedy if it is missing, or with
  /// its own words if it does not start.
  explicit NatsServer(const NatsServerOptions& options = {});
  /// Stops it, and waits for its end.
  ~NatsServer();
  NatsServer(const NatsServer&) = delete;
  NatsServer& operator=(const NatsServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// `nats://127.0.0.1:PORT`.
  [[nodiscard]] std::string url() const;
  /// Where it keeps its things; the test may put files beside them.
  [[nodiscard]] const TempDir& directory() const noexcept { return directory_; }

  /// Ends it without a chance to say anything, and waits for its end.
  void kill();
  /// Stops it as an operator does, and waits for its end.
  void stop();
  /// Has it stand still, and go on: it keeps its connections and answers nothing.
  void freeze();
  void thaw();
  /// Starts it again after kill() or stop(), on the same port and with what it had stored. With other lines
  /// of configuration, if given.
  void restart(std::optional<std::string> config = std::nullopt);

 private:
  void start();
  void read_port();
  [[nodiscard]] bool greets();
  [[noreturn]] void throw_ended();

  TempDir directory_;
  NatsServerOptions options_;
  std::uint16_t port_ = 0;
  std::optional<Process> process_;
};

}  // namespace chaperon::test
