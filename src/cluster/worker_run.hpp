// A worker's part of a run.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <chaperon/load_test.hpp>

#include "cluster/nats.hpp"
#include "cluster/outbox.hpp"
#include "cluster/protocol.hpp"
#include "cluster/remote_scenarios.hpp"
#include "cluster/scenario_image.hpp"
#include "load_test/plan.hpp"
#include "load_test/run.hpp"
#include "runtime/fence.hpp"

namespace chaperon::cluster {

/// Runs the users of a worker, says once a second what was measured, and does what the coordinator wants.
/// Made and used by one thread.
class WorkerRun {
 public:
  /// Works out the load test and starts the loops, on which no user runs yet. `prepare` names the run;
  /// `fence` is what the loops keep to, has not passed, and outlives it. Throws what a load test that cannot
  /// be run throws, NatsError.
  WorkerRun(Nats& nats, const std::string& worker, const Command& prepare,
            const RegisteredLoadTest& load_test, runtime::Fence& fence);
  ~WorkerRun();
  WorkerRun(const WorkerRun&) = delete;
  WorkerRun& operator=(const WorkerRun&) = delete;

  /// Says that it is ready.
  void report_ready();
  /// What the coordinator wants, but `prepare`.
  void obey(const Command& command);
  /// From any thread: the lease holds until then.
  void lease_holds(Instant until);
  /// Cancels all users because this worker is to end; their results are sent.
  void stop(const std::string& reason);
  /// Why this worker has begun to cancel its users by itself; once, and empty otherwise.
  [[nodiscard]] std::string take_stop_reason() { return std::exchange(stop_reason_, {}); }
  /// Does what is due; to be called a few times a second.
  void look(Instant now);
  /// Whether there is nothing more to do: all is sent, or nothing may be sent any more.
  [[nodiscard]] bool over() const noexcept { return over_; }
  /// Whether the loops stand still because the time of lease or coordinator has passed.
  [[nodiscard]] bool fenced(Instant now) const noexcept { return fence_.passed(now); }
  /// One line: what it does.
  [[nodiscard]] std::string doing() const;

 private:
  void heard_of_coordinator();
  void extend_fence();
  void report_every_second();
  [[nodiscard]] Duration elapsed_at(Instant now) const;
  void report_now();
  void send(Report report);
  void send_measurements(load_test::Measurements measurements, const Report& report);
  void finish();
  void take_over(const std::vector<std::uint64_t>& users);
  void stop_reporter();

  const std::string run_name_;
  const std::string worker_;
  const std::uint64_t epoch_;
  runtime::Fence& fence_;
  const load_test::Plan plan_;
  const ScenarioImage image_;
  Outbox outbox_;
  Outbox scheduled_outbox_;  // of its own: reports are not to stand behind what sessions send
  RemoteScenarios remote_;
  load_test::Run run_;
  Subscription beats_;

  std::atomic<Duration::rep> lease_until_{0};
  std::atomic<Duration::rep> heard_at_{0};
  bool started_ = false;
  bool cancelling_ = false;
  bool leaving_by_itself_ = false;  // its users have been cancelled by this worker, not by the coordinator
  bool over_ = false;
  std::vector<bool> taken_over_;  // by user: whether it belonged to another worker
  std::string stop_reason_;       // that was not taken yet

  std::mutex report_mutex_;  // reports are numbered in the order in which they are sent
  std::uint64_t sequence_ = 0;
  Instant last_report_{};
  metrics::Snapshot metrics_;          // of the whole run, at full precision
  std::vector<std::string> warnings_;  // that were not sent yet
  std::vector<Duration> cpu_;          // of each loop, until then
  mutable std::mutex state_mutex_;
  std::uint64_t waiting_ = 0;
  std::uint64_t live_ = 0;

  std::condition_variable reporter_wakes_;
  std::mutex reporter_mutex_;
  bool reporter_ends_ = false;
  std::thread reporter_;
};

/// A digest of what a load test would run: the same on every machine, or its results mean nothing.
std::string table_digest(const load_test::Plan& plan);

}  // namespace chaperon::cluster
