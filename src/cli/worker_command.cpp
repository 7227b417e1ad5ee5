#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <ostream>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <linux/close_range.h>
#include <unistd.h>

#include <chaperon/errors.hpp>

#include "base/log.hpp"
#include "cli/arguments.hpp"
#include "cli/cache_directory.hpp"
#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/live_line.hpp"
#include "cli/nats_arguments.hpp"
#include "cli/options.hpp"
#include "cli/run_arguments.hpp"
#include "cli/scenario_library.hpp"
#include "cluster/recruiting.hpp"
#include "cluster/worker.hpp"

namespace chaperon::cli {
namespace {

// Set by a worker that replaces itself: its cluster was there before, and will be again.
constexpr const char* kRejoining = "CHAPERON_WORKER_REJOINS";
constexpr Duration kRetry = 500ms;

// A process begins anew in its place: a library of scenarios cannot be unloaded, and loops that stand still
// cannot be ended.
[[noreturn]] void replace(const Process& process, const std::string& name) {
  std::vector<std::string> words{process.executable.string()};
  words.insert(words.end(), process.args.begin() + 1, process.args.end());
  // The name that was drawn stays.
  bool named = false;
  for (const auto& word : words)
    named = named || word == "--name" || word.starts_with("--name=");
  if (!named) words.insert(words.end(), {"--name", name});
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (auto& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::setenv(kRejoining, "1", 1);
  // Connections to the server that is loaded, and to NATS, end here.
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execv(words.front().c_str(), arguments.data());
  // The loops may stand still for good, so there is no way back.
  const auto text =
      fmt::format("error: {} cannot be started again: {}\n", words.front(), std::strerror(errno));
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(static_cast<int>(ExitCode::internal));
}

// Blocked signals stay pending over the exec; Interrupt lets them in again.
void block_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

// Connects; a worker that rejoins waits until the server is there. Null if it was stopped meanwhile.
std::unique_ptr<cluster::Nats> connect(Process& process, const cluster::NatsOptions& options) {
  const bool rejoins = process.variable(kRejoining).has_value();
  bool said = false;
  while (true) {
    try {
      return std::make_unique<cluster::Nats>(options);
    } catch (const InputError& error) {
      if (!rejoins) throw;
      if (process.stop.stop_requested()) return nullptr;
      if (!std::exchange(said, true)) *process.err << error.what() << ": trying again" << std::endl;
      std::this_thread::sleep_for(kRetry);
    }
  }
}

}  // namespace

ExitCode worker_command(Process& process, const std::vector<std::string>& words) {
  Arguments arguments(
      "chaperon worker", "--nats URL [OPTIONS]",
      "Joins a cluster and runs users for whoever starts a load test there, until it is interrupted.\n"
      "Whoever may send to the cluster runs code here: see docs/cluster.md for accounts and TLS.",
      {"chaperon worker --nats nats://127.0.0.1:4222",
       "chaperon worker --nats tls://nats.example.com --creds worker.creds --label region=eu"});
  NatsArguments nats_arguments;
  std::string name;
  std::string threads;
  std::string log_level;
  std::vector<std::string> labels;
  bool no_work = false;
  nats_arguments.declare(arguments);
  arguments.option("--name", name, "NAME", "the worker's name in the cluster; default: HOST-PROCESS");
  arguments.option("--threads", threads, "N", "event loops; default: one per core");
  arguments.repeated("--label", labels, "KEY=VALUE",
                     "what runs can choose workers by, such as region=eu (may be repeated)");
  arguments.flag("--no-work", no_work, "only join, to look on: no users run here");
  arguments.option("--log-level", log_level, "LEVEL", "debug, info (default), warn, error or off");
  if (!arguments.parse(words, process)) return ExitCode::passed;

  if (name.empty()) name = own_name();
  if (!cluster::is_worker_name(name))
    throw InputError(fmt::format("--name {}: a name has letters, digits, - and _, 64 at most", name));
  const auto loops = threads_option(threads);
  cluster::WorkerOptions options{
      .name = name,
      .loops = loops != 0 ? loops : std::max(1U, std::thread::hardware_concurrency()),
      .labels = label_options(labels),
      .works = !no_work,
      .abi = cluster::platform(),
      .artifacts = cache_directory(process) / "cluster",
      .replicas = nats_arguments.replica_count(),
      .load = load_scenario_library};
  if (!make_private_directory(options.artifacts)) {
    throw InputError(fmt::format("{} cannot be used: it must belong to this user alone, or not be there",
                                 options.artifacts.string()));
  }
  const auto nats_options =
      nats_arguments.options(process, "worker." + name, fmt::format("chaperon worker {}", name));

  const LogSession log(process, log_level.empty() ? LogLevel::info : log_level_option(log_level));
  const Interrupt interrupt(process);
  LiveLine live(*process.err, process.err_is_terminal, process.columns);
  options.on_doing = [&](const std::string& line, bool lasting) {
    if (!lasting) {
      live.show(line);
      return;
    }
    live.clear();
    *process.out << line << std::endl;
  };
  // Not destroyed where it has to be replaced: loops that stand still use it.
  auto nats = connect(process, nats_options);
  const auto worker = nats ? std::make_unique<cluster::Worker>(*nats, std::move(options)) : nullptr;
  try {
    const auto end = worker ? worker->serve(process.stop.get_token()) : cluster::Worker::End::stopped;
    if (end != cluster::Worker::End::stopped) {
      live.clear();
      stop_log();
      // A signal that comes from now on is for the process that begins anew.
      block_signals();
      if (end == cluster::Worker::End::replace && !process.stop.stop_requested()) replace(process, name);
      *process.out << fmt::format("{}: has left the cluster\n", name) << std::flush;
      ::_exit(static_cast<int>(ExitCode::passed));
    }
  } catch (const cluster::NatsError& error) {
    throw InputError(error.what());
  }
  live.clear();
  *process.out << fmt::format("{}: has left the cluster\n", name) << std::flush;
  return ExitCode::passed;
}

}  // namespace chaperon::cli
