#include <ostream>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/options.hpp"

namespace chaperon::cli {
namespace {

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address == "[::1]" || address.starts_with("127.");
}

std::uint16_t port_option(const std::string& text) {
  return static_cast<std::uint16_t>(number_option("--port", text, 0, 65'535));
}

}  // namespace

ExitCode target_command(Process& process, const std::vector<std::string>& words) {
  Arguments arguments(
      "chaperon target", "[OPTIONS]",
      "Serves the built-in target: an HTTP and WebSocket server to try load tests on. Its paths are /\n"
      "(a small text), /echo, /status/N, /delay/MS, /bytes/N, /chunked/N, /cookies/set, /redirect/N,\n"
      "/login, /counter and /publications; any other answers with a small JSON. As a WebSocket, /foo gets\n"
      "what is posted to /publications, /close/N echoes N messages and closes, any other path echoes.",
      {"chaperon target", "chaperon target --port 0        a free port, named in the first line"});
  TargetOptions options;
  std::string port;
  std::string threads;
  arguments.option("-p,--port", port, "N", "the port to listen on; default 5000; 0 is a free one");
  arguments.option("--address", options.address, "ADDRESS",
                   "the address to listen on; default 127.0.0.1: this machine only");
  arguments.option("--threads", threads, "N", "threads that serve; default 1");
  arguments.option("--unix-socket", options.unix_path, "PATH", "a Unix socket to listen on as well");
  if (!arguments.parse(words, process)) return ExitCode::passed;
  if (!process.serve_target)
    throw InputError("this program has no built-in target: use the program chaperon");
  if (!port.empty()) options.port = port_option(port);
  if (!threads.empty()) options.threads = static_cast<unsigned>(positive_option("--threads", threads, 1024));

  if (!is_loopback(options.address)) {
    *process.err << fmt::format(
                        "warning: the target listens on {}: whoever reaches this machine can use it\n",
                        options.address)
                 << std::flush;
  }
  const Interrupt interrupt(process);
  try {
    process.serve_target(
        options, [&](const std::string& url) { *process.out << "listening on " << url << std::endl; },
        process.stop.get_token());
  } catch (const std::runtime_error& error) {
    throw InputError(error.what());
  }
  return ExitCode::passed;
}

}  // namespace chaperon::cli
