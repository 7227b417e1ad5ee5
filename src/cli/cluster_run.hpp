// `chaperon run --nats`: a load test on the workers of a cluster.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/nats_arguments.hpp"
#include "cli/process.hpp"
#include "cli/run_report.hpp"
#include "cluster/coordinator.hpp"

namespace chaperon::cli {

/// The options of `chaperon run` that are about a cluster.
struct ClusterArguments {
  NatsArguments nats{};
  std::string workers{};
  std::vector<std::string> labels{};
  std::string on_worker_loss{};
  std::string run_name{};    ///< given by a master; empty: drawn
  std::uint64_t master = 0;  ///< its epoch; 0: there is none

  /// Declares them.
  void declare(Arguments& arguments);
  /// Takes what a master has told the run (run_variables.hpp).
  void take_variables(const Process& process);
  /// Whether the run is to be on a cluster. Throws InputError if it is not and an option is for a cluster
  /// only.
  [[nodiscard]] bool given() const;
  /// Connects, and returns what runs a load test of this library on the cluster. Throws InputError if the
  /// options cannot work or the cluster is not reached. `log_level` is that of the workers; empty: theirs.
  [[nodiscard]] RunLoadTest runner(Process& process, const std::filesystem::path& library,
                                   const std::string& library_name, const std::string& log_level) const;
};

/// `--on-worker-loss WHAT`; leave-out if the text is empty. Throws InputError.
cluster::OnWorkerLoss on_worker_loss_option(const std::string& text);
/// `--workers N`; 0 if the text is empty. Throws InputError.
unsigned workers_option(const std::string& text);
/// The content of a library. Throws InputError.
std::string read_library(const std::filesystem::path& path);

}  // namespace chaperon::cli
