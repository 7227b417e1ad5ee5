// The real nginx as a child process, for tests against a server that others wrote.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace chaperon::test {

struct NginxOptions {
  std::string log_format = "$request_method $request_uri $status";  ///< of a line of requests()
  std::string locations{};                                          ///< more lines of its configuration
};

/// nginx with one worker on an ephemeral port of 127.0.0.1, and on a Unix socket. `/` answers any method with
/// 240 bytes of text, every other path is a file of document_root(), or 404. For one thread at a time;
/// requests may come from anywhere.
class NginxServer {
 public:
  /// Starts it and waits until it answers. Throws std::runtime_error with the remedy if nginx is missing, or
  /// with its own words if it does not start.
  explicit NginxServer(NginxOptions options = {});
  /// Stops it, and waits for its end.
  ~NginxServer();
  NginxServer(const NginxServer&) = delete;
  NginxServer& operator=(const NginxServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// `http://127.0.0.1:PORT`.
  [[nodiscard]] std::string url() const;
  /// `http+unix://PATH`: the same server where there is no network.
  [[nodiscard]] std::string unix_url() const;
  /// Where its files are; write what a test needs with write_file().
  [[nodiscard]] std::filesystem::path document_root() const { return directory_ / "www"; }

  /// One line a request, in the order in which they ended: `GET /index.html 200`, unless the options have
  /// another format. Every request whose answer has arrived is among them.
  [[nodiscard]] std::vector<std::string> requests() const;
  /// How many requests there were; with a line, how many with exactly that line.
  [[nodiscard]] std::size_t count_requests(std::string_view line = {}) const;

 private:
  [[nodiscard]] std::string config() const;
  void listen_and_start();
  [[nodiscard]] bool synchronize() const;

  NginxOptions options_;
  TempDir directory_;
  std::uint16_t port_ = 0;
  std::optional<Process> process_;
};

}  // namespace chaperon::test
