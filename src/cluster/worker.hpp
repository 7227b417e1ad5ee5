// A worker: a process that runs users for whoever coordinates a load test.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <chaperon/load_test.hpp>

#include "cluster/consumer.hpp"
#include "cluster/lease.hpp"
#include "cluster/nats.hpp"
#include "cluster/protocol.hpp"
#include "cluster/worker_run.hpp"
#include "runtime/fence.hpp"

namespace chaperon::cluster {

/// What a worker is.
struct WorkerOptions {
  std::string name{};
  unsigned loops = 1;
  std::map<std::string, std::string> labels{};
  bool works = true;                  ///< false: it looks on
  std::string abi{};                  ///< of this program
  std::filesystem::path artifacts{};  ///< where libraries of load tests are kept
  int replicas = 1;                   ///< of what it makes in a NATS cluster
  /// The load tests in a library. Throws what cannot be loaded throws.
  std::function<std::vector<RegisteredLoadTest>(const std::filesystem::path& file, const std::string& name)>
      load{};
  /// Called with what it does, one line, whenever that changes, and every second while it runs users.
  std::function<void(const std::string& line, bool lasting)> on_doing{};
};

/// Takes part in the cluster until it is told to stop, or has to begin anew.
class Worker {
 public:
  /// `nats` outlives it.
  Worker(Nats& nats, WorkerOptions options);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  enum class End : std::uint8_t {
    stopped,  ///< by `stop`
    /// It has loaded a library, or its loops stand still for good: the process has to replace itself by a new
    /// one, at once, and without ending this object.
    replace,
    /// It was told to stop, and its loops stand still for good: the process has to end at once, without
    /// ending this object.
    leave_at_once,
  };

  /// Joins, and works until one of the ends. Blocks. Throws InputError if the name is taken, NatsError,
  /// not retryable, if the server does not let it.
  End serve(const std::stop_token& stop);

 private:
  void join(const std::stop_token& stop);
  void obey(const std::string& payload);
  void prepare(const Command& command);
  void refuse(const Command& command, Report::Kind kind, const std::string& reason);
  void read_command();

  Nats& nats_;
  const WorkerOptions options_;
  Subscription clock_;
  std::optional<Consumer> commands_;
  std::optional<Lease> lease_;
  std::atomic<std::uint64_t> epoch_ = 0;  // of the lease; 0: there is none yet
  bool loaded_ = false;

  std::mutex mutex_;  // of what the lease's thread touches
  Instant lease_until_{};
  runtime::Fence* fence_ = nullptr;
  std::unique_ptr<runtime::Fence> own_fence_;
  WorkerRun* running_ = nullptr;
  std::unique_ptr<WorkerRun> run_;
  std::string run_name_;
};

}  // namespace chaperon::cluster
