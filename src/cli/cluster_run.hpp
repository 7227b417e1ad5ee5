// `chaperon run --nats`: a load test on the workers of a cluster.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/nats_arguments.hpp"
#include "cli/process.hpp"
#include "cli/run_report.hpp"

namespace chaperon::cli {

/// The options of `chaperon run` that are about a cluster.
struct ClusterArguments {
  NatsArguments nats{};
  std::string workers{};
  std::vector<std::string> labels{};
  std::string on_worker_loss{};

  /// Declares them.
  void declare(Arguments& arguments);
  /// Whether the run is to be on a cluster. Throws InputError if it is not and an option is for a cluster
  /// only.
  [[nodiscard]] bool given() const;
  /// Connects, and returns what runs a load test of this library on the cluster. Throws InputError if the
  /// options cannot work or the cluster is not reached. `log_level` is that of the workers; empty: theirs.
  [[nodiscard]] RunLoadTest runner(Process& process, const std::filesystem::path& library,
                                   const std::string& library_name, const std::string& log_level) const;
};

}  // namespace chaperon::cli
