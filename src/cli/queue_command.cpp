#include <ostream>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "base/json.hpp"
#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/nats_arguments.hpp"
#include "cli/queue_table.hpp"

namespace chaperon::cli {

ExitCode queue_command(Process& process, const std::vector<std::string>& words) {
  constexpr std::size_t kMostEnded = 10;
  Arguments arguments(
      "chaperon queue", "--nats URL [OPTIONS]",
      "Shows the load tests of the cluster's queue: the one that runs, those that wait for their\n"
      "turn, and the last ones that have ended.",
      {"chaperon queue --nats nats://127.0.0.1:4222",
       "chaperon queue --nats nats://127.0.0.1:4222 --json | jq '.running[].progress'"});
  NatsArguments nats_arguments;
  bool as_json = false;
  bool all = false;
  arguments.flag("--all", all, fmt::format("also show those that have ended before the last {}", kMostEnded));
  arguments.flag("--json", as_json, "show it as JSON");
  nats_arguments.declare(arguments);
  if (!arguments.parse(words, process)) return ExitCode::passed;
  try {
    cluster::Nats nats(nats_arguments.options(process, "coordinator", "chaperon queue"));
    const cluster::LoadTestQueue queue(nats, nats_arguments.replica_count());
    const QueueView view{.load_tests = queue.all(),
                         .master = cluster::ask_master(nats),
                         .most_ended = all ? cluster::kMostEnded : kMostEnded,
                         .now = cluster::timestamp_now()};
    if (as_json) {
      *process.out << dump(queue_json(view), 2) << std::endl;
    } else {
      *process.out << render_queue(view, process.columns == 0 ? kColumns : process.columns) << std::flush;
    }
  } catch (const cluster::NatsError& error) {
    throw InputError(error.what());
  }
  return ExitCode::passed;
}

}  // namespace chaperon::cli
