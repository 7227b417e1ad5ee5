#include "cli/cluster_run.hpp"

#include <charconv>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "base/files.hpp"
#include "cli/options.hpp"
#include "cli/run_variables.hpp"
#include "cluster/coordinator.hpp"
#include "cluster/load_test_options.hpp"
#include "cluster/protocol.hpp"
#include "cluster/recruiting.hpp"

namespace chaperon::cli {
cluster::OnWorkerLoss on_worker_loss_option(const std::string& text) {
  if (text.empty()) return cluster::OnWorkerLoss::leave_out;
  if (const auto what = cluster::on_worker_loss(text)) return *what;
  throw InputError(fmt::format(
      "--on-worker-loss {}: write leave-out (its unfinished users are left out), restart (they begin anew "
      "elsewhere) or abort (the run ends)",
      text));
}

unsigned workers_option(const std::string& text) {
  return text.empty() ? 0 : static_cast<unsigned>(positive_option("--workers", text, cluster::kMostWorkers));
}

std::string read_library(const std::filesystem::path& path) {
  auto content = read_file(path);
  if (!content) {
    throw InputError(
        fmt::format("{} cannot be read ({})", path.string(), std::generic_category().message(errno)));
  }
  return std::move(*content);
}

void ClusterArguments::declare(Arguments& arguments) {
  arguments.option("--workers", workers, "N",
                   "with --nats: wait for N workers and use these; default: all that are there");
  arguments.repeated("--label", labels, "KEY=VALUE",
                     "with --nats: only workers with this label (may be repeated)");
  arguments.option("--on-worker-loss", on_worker_loss, "WHAT",
                   "with --nats: leave-out (default), restart or abort what a lost worker had not finished");
  nats.declare(arguments);
}

void ClusterArguments::take_variables(const Process& process) {
  run_name = process.variable(kRunName).value_or("");
  if (run_name.empty()) return;
  if (!cluster::is_worker_name(run_name))
    throw InputError(fmt::format("{}={}: a run's name has letters, digits, - and _", kRunName, run_name));
  if (nats.url.empty()) nats.url = process.variable(kRunNatsUrl).value_or("");
  const auto epoch = process.variable(kRunMaster).value_or("0");
  const auto [end, error] = std::from_chars(epoch.data(), epoch.data() + epoch.size(), master);
  if (error != std::errc() || end != epoch.data() + epoch.size())
    throw InputError(fmt::format("{}={}: an epoch is a whole number", kRunMaster, epoch));
}

bool ClusterArguments::given() const {
  if (nats.given()) return true;
  const auto refuse = [](bool is_given, const char* option) {
    if (!is_given) return;
    throw InputError(fmt::format(
        "{} is for a run on a cluster: say where its NATS server is, as in --nats nats://127.0.0.1:4222",
        option));
  };
  refuse(!workers.empty(), "--workers");
  refuse(!labels.empty(), "--label");
  refuse(!on_worker_loss.empty(), "--on-worker-loss");
  return false;
}

RunLoadTest ClusterArguments::runner(Process& process, const std::filesystem::path& library,
                                     const std::string& library_name, const std::string& log_level) const {
  cluster::CoordinatorOptions options{.workers = workers_option(workers),
                                      .labels = label_options(labels),
                                      .on_worker_loss = on_worker_loss_option(on_worker_loss),
                                      .name = own_name(),
                                      .run_name = run_name,
                                      .master = master,
                                      .library = read_library(library),
                                      .library_name = std::filesystem::path(library_name).filename().string(),
                                      .abi = cluster::platform(),
                                      .log_level = log_level,
                                      .replicas = nats.replica_count()};
  const auto connection = std::make_shared<cluster::Nats>(nats.options(
      process, "coordinator", fmt::format("chaperon run {} ({})", options.library_name, options.name)));
  return [connection, options = std::move(options)](const RegisteredLoadTest& load_test,
                                                    const RunOptions& run_options, const News& news) mutable {
    options.on_news = news;
    try {
      return cluster::run_on_cluster(*connection, load_test, run_options, options);
    } catch (const cluster::NatsError& error) {
      throw InputError(error.what());
    }
  };
}

}  // namespace chaperon::cli
