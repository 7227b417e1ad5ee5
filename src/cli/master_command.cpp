#include <filesystem>
#include <ostream>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/load_test_preparation.hpp"
#include "cli/load_test_process.hpp"
#include "cli/nats_arguments.hpp"
#include "cli/options.hpp"
#include "cli/run_arguments.hpp"
#include "cluster/control_api.hpp"
#include "cluster/control_server.hpp"
#include "cluster/master.hpp"
#include "cluster/recruiting.hpp"

namespace chaperon::cli {
namespace {

void check_access(Process& process, const cluster::ListenAddress& address, bool has_token) {
  if (cluster::is_loopback_address(address.host)) return;
  if (!has_token) {
    throw InputError(fmt::format(
        "--listen {}: whoever reaches this machine could use the API: set {} to a token that they need, "
        "or listen on 127.0.0.1",
        address.host, cluster::kTokenVariable));
  }
  *process.err
      << fmt::format(
             "warning: the API listens on {} without TLS: who can read the network can read the token; "
             "put a proxy with TLS before it\n",
             address.host)
      << std::flush;
}

}  // namespace

ExitCode master_command(Process& process, const std::vector<std::string>& words) {
  Arguments arguments(
      "chaperon master", "--nats URL [OPTIONS]",
      "Runs the load tests of the cluster's queue, one at a time, until it is interrupted, and serves the\n"
      "control API, with the token in $CHAPERON_API_TOKEN (without one the API only shows). The queue is\n"
      "in the cluster: it outlives the master.",
      {"chaperon master --nats nats://127.0.0.1:4222",
       "CHAPERON_API_TOKEN=... chaperon master --nats tls://nats.example.com --load-tests ./load-tests"});
  NatsArguments nats_arguments;
  std::string listen;
  std::string load_tests;
  std::string log_level;
  std::vector<std::string> hosts;
  arguments.option("--listen", listen, "HOST:PORT",
                   "where the API listens; default 127.0.0.1:8710; port 0 is a free one");
  arguments.repeated("--host", hosts, "NAME",
                     "a name that this machine is called by in URLs of the API (may be repeated)");
  arguments.option("--load-tests", load_tests, "DIR",
                   "scenario files in DIR (NAME.cpp, NAME.so) can be run by their names through the API");
  arguments.option("--log-level", log_level, "LEVEL", "debug, info (default), warn, error or off");
  nats_arguments.declare(arguments);
  if (!arguments.parse(words, process)) return ExitCode::passed;

  const auto address = listen.empty() ? cluster::ListenAddress() : cluster::listen_address(listen);
  const auto token = process.variable(std::string(cluster::kTokenVariable)).value_or("");
  check_access(process, address, !token.empty());
  std::error_code not_there;
  if (!load_tests.empty() && !std::filesystem::is_directory(load_tests, not_there))
    throw InputError(fmt::format("--load-tests {}: there is no such directory", load_tests));
  const LogSession log(process, log_level.empty() ? LogLevel::info : log_level_option(log_level));
  const auto name = own_name();
  const auto nats_options =
      nats_arguments.options(process, "coordinator", fmt::format("chaperon master ({})", name));
  const auto say = [&process](const std::string& line) { *process.out << line << std::endl; };

  remove_abandoned_files(process);
  const Interrupt interrupt(process);
  const auto stop = process.stop.get_token();
  try {
    cluster::Nats nats(nats_options);
    cluster::Master master(nats, {.name = name,
                                  .abi = cluster::platform(),
                                  .replicas = nats_arguments.replica_count(),
                                  .start =
                                      [&](const cluster::LoadTestRecord& record, const std::string& library) {
                                        return start_load_test(process, nats_arguments, record, library);
                                      },
                                  .prepare =
                                      [&](const cluster::WantedLoadTest& wanted) {
                                        return prepare_load_test(process, load_tests, wanted);
                                      },
                                  .on_news = say});
    cluster::ControlApi api(cluster::ControlAccess(token, hosts), master);
    cluster::ControlServer server(api, address);
    master.join(stop, server.url());
    if (stop.stop_requested()) return ExitCode::passed;
    server.start();
    say(fmt::format("master of the cluster at {}: runs the load tests of its queue", nats.server()));
    say(fmt::format("listening on {}", server.url()));
    if (token.empty()) say(fmt::format("the API only shows: {} is not set", cluster::kTokenVariable));
    master.serve(stop);
  } catch (const cluster::NatsError& error) {
    throw InputError(error.what());
  }
  say("has left the cluster; what is scheduled stays in the queue");
  return ExitCode::passed;
}

}  // namespace chaperon::cli
