// What a command may touch of the process it runs in, so that tests run the whole command line in-process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace chaperon::cli {

/// How the built-in target listens.
struct TargetOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 5000;  ///< 0: the system chooses one
  unsigned threads = 1;
  std::string unix_path{};  ///< a Unix socket to listen on as well; empty: none
};

/// Serves the built-in target: calls `listening` with its URL once it listens, then returns when `stop` is
/// requested. Throws std::runtime_error, with the remedy, if it cannot listen.
using ServeTarget =
    std::function<void(const TargetOptions& options,
                       const std::function<void(const std::string& url)>& listening, std::stop_token stop)>;

/// The state of a process that commands use. Everything comes from here: no command reads std::cout, getenv()
/// or argv.
struct Process {
  std::vector<std::string> args;  ///< args[0] is the program's name
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::ostream* out = nullptr;              ///< must not be null when a command runs
  std::ostream* err = nullptr;              ///< likewise
  std::function<bool()> out_reader_gone{};  ///< whether nobody reads `out` any more; empty: never so
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  unsigned columns = 0;  ///< of the terminal; 0: unknown
  std::filesystem::path
      executable;              ///< this program's file: headers and the built-in target are found from it
  ServeTarget serve_target{};  ///< empty: this program has no built-in target
  std::stop_source stop{};     ///< requested by Ctrl-C, or by a test
  bool handle_signals =
      false;  ///< whether Ctrl-C and SIGTERM are turned into `stop` while a run is under way

  /// The value of an environment variable; nothing if it is not set or empty.
  [[nodiscard]] std::optional<std::string> variable(const std::string& name) const;
  /// Whether all that was written to `out` has arrived, or nobody wants it any more.
  [[nodiscard]] bool out_is_written() const;
  /// Whether text for stdout, or stderr, may be coloured: only for terminals, and not with NO_COLOR.
  [[nodiscard]] bool colours_out() const;
  [[nodiscard]] bool colours_err() const;
};

/// The process that this code runs in, with its environment, std::cout, std::cerr and signals. From then on
/// SIGPIPE is ignored.
Process this_process(int argc, const char* const* argv);

}  // namespace chaperon::cli
