#include <algorithm>
#include <ostream>
#include <thread>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "base/clock.hpp"
#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/load_test_ids.hpp"
#include "cli/nats_arguments.hpp"
#include "cli/text_layout.hpp"
#include "cluster/load_test_queue.hpp"
#include "cluster/master_status.hpp"

namespace chaperon::cli {
namespace {

using cluster::Cancelled;

// Longer than a master waits before it kills a load test.
constexpr Duration kPatience = 75s;
constexpr Duration kLook = 100ms;

// It has ended, or begun where only scheduled ones are wanted.
class TooLate : public InputError {
 public:
  using InputError::InputError;
};

std::string what_became(const cluster::LoadTestRecord& record) {
  return fmt::format("{}: {}\n", record.id, fate_text(record.state, record.message));
}

// Waits until the master has done it.
ExitCode await_end(Process& process, cluster::Nats& nats, const cluster::LoadTestQueue& queue,
                   const std::string& id) {
  if (!cluster::ask_master(nats)) {
    throw InputError(fmt::format(
        "{} is to be cancelled, but no master is there to do it: once 'chaperon master --nats URL' "
        "is started, it marks it as ended",
        id));
  }
  *process.err << fmt::format("{}: its sessions are cancelled, which may take some seconds\n", id)
               << std::flush;
  const auto deadline = steady_now() + kPatience;
  while (steady_now() < deadline) {
    if (process.stop.stop_requested()) return ExitCode::interrupted;
    const auto found = queue.find(id);
    if (!found) return ExitCode::passed;
    if (has_ended(found->record.state)) {
      *process.out << what_became(found->record) << std::flush;
      return ExitCode::passed;
    }
    std::this_thread::sleep_for(kLook);
  }
  throw InputError(fmt::format("{} has not ended after {:.0f} s: see what its master says", id,
                               std::chrono::duration<double>(kPatience).count()));
}

ExitCode cancel_one(Process& process, cluster::Nats& nats, cluster::LoadTestQueue& queue,
                    const std::string& id, bool only_scheduled) {
  switch (queue.cancel(id, only_scheduled)) {
    case Cancelled::wanted:
      return await_end(process, nats, queue, id);
    case Cancelled::done:
      *process.out << fmt::format("{}: cancelled before it began\n", id) << std::flush;
      return ExitCode::passed;
    case Cancelled::too_late: {
      const auto found = queue.find(id);
      throw TooLate(fmt::format("{} cannot be cancelled: it is {}", id,
                                found ? to_string(found->record.state) : "gone"));
    }
    case Cancelled::unknown:
      break;
  }
  refuse_unknown_id(queue, id);
}

}  // namespace

ExitCode cancel_command(Process& process, const std::vector<std::string>& words) {
  Arguments arguments(
      "chaperon cancel", "ID|--all|--scheduled --nats URL [OPTIONS]",
      "Cancels load tests of the cluster's queue. The sessions of one that runs are cancelled, and\n"
      "what they have measured is kept.",
      {"chaperon cancel 3f2a9c01 --nats nats://127.0.0.1:4222",
       "chaperon cancel --scheduled --nats nats://127.0.0.1:4222"});
  NatsArguments nats_arguments;
  std::string id;
  bool all = false;
  bool scheduled = false;
  arguments.positional("ID", id, false, "of the load test, as 'chaperon queue' shows it");
  arguments.flag("--all", all, "cancel the one that runs, and all that are scheduled");
  arguments.flag("--scheduled", scheduled, "cancel all that are scheduled, not the one that runs");
  nats_arguments.declare(arguments);
  if (!arguments.parse(words, process)) return ExitCode::passed;
  if ((id.empty() ? 0 : 1) + (all ? 1 : 0) + (scheduled ? 1 : 0) != 1)
    throw InputError("say which load tests: give one of ID, --all and --scheduled");
  try {
    cluster::Nats nats(nats_arguments.options(process, "coordinator", "chaperon cancel"));
    cluster::LoadTestQueue queue(nats, nats_arguments.replica_count());
    const Interrupt interrupt(process);
    if (!id.empty()) return cancel_one(process, nats, queue, id, false);
    auto queued = queue.all();
    std::erase_if(queued, [&](const cluster::QueuedLoadTest& one) {
      return has_ended(one.record.state) ||
             (scheduled && one.record.state == cluster::LoadTestState::running);
    });
    if (queued.empty()) *process.out << "nothing is there to cancel\n" << std::flush;
    // The last first, so that none of them has its turn meanwhile.
    std::ranges::reverse(queued);
    auto result = ExitCode::passed;
    for (const auto& [record, revision] : queued) {
      try {
        const auto code = cancel_one(process, nats, queue, record.id, scheduled);
        if (code != ExitCode::passed) return code;
      } catch (const TooLate& late) {
        // At this moment: nothing is left to do.
        *process.err << late.what() << std::endl;
      } catch (const InputError& error) {
        // The others are still to be cancelled.
        *process.err << coloured("error:", Colour::red, process.colours_err()) << ' ' << error.what()
                     << std::endl;
        result = ExitCode::input;
      }
    }
    return result;
  } catch (const cluster::NatsError& error) {
    throw InputError(error.what());
  }
  return ExitCode::passed;
}

}  // namespace chaperon::cli
