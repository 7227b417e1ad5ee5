// Runs a load test on the workers of a cluster.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <chaperon/load_test.hpp>

#include "cluster/nats.hpp"

namespace chaperon::cluster {

/// What becomes of a run when a worker is lost.
enum class OnWorkerLoss : std::uint8_t {
  leave_out,  ///< its unfinished users are left out
  restart,    ///< they begin anew on the other workers
  abort       ///< the run ends
};

/// How a load test is run on a cluster.
struct CoordinatorOptions {
  unsigned workers = 0;                         ///< how many it waits for; 0: whoever is there, one at least
  std::map<std::string, std::string> labels{};  ///< only workers that have all of these
  OnWorkerLoss on_worker_loss = OnWorkerLoss::leave_out;
  std::string name{};      ///< of this coordinator, for people
  std::string run_name{};  ///< of the run, a word of letters and digits; empty: one is drawn
  /// The epoch of the master that has started the run, which ends when that master does; 0: none has.
  std::uint64_t master = 0;
  std::string library{};       ///< the content of the library that has the load test
  std::string library_name{};  ///< how messages call it
  std::string abi{};           ///< what it was made with
  std::string log_level{};     ///< of the workers
  int replicas = 1;            ///< of what is made in a NATS cluster
  /// Called with one line whenever something happens that people should know of.
  std::function<void(const std::string& line)> on_news{};
};

/// Runs a load test on the workers of a cluster: waits for them, has them load it, starts their users at one
/// moment, merges what they measure. Blocks until it has ended. `options` as for run_load_test(), without its
/// threads. If it is stopped before it began, the results are empty and interrupted. Throws InputError if the
/// load test cannot be run, by any of the workers too; NatsError if the server does not let it.
Results run_on_cluster(Nats& nats, const RegisteredLoadTest& load_test, const RunOptions& options,
                       const CoordinatorOptions& cluster_options);

}  // namespace chaperon::cluster
