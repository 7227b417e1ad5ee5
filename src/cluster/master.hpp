// The master: a coordinator for as long as there are load tests to run.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <chaperon/duration.hpp>

#include "cluster/lease.hpp"
#include "cluster/load_test_control.hpp"
#include "cluster/load_test_queue.hpp"
#include "cluster/load_test_record.hpp"
#include "cluster/master_status.hpp"
#include "cluster/nats.hpp"

namespace chaperon::cluster {

/// How a load test has ended, with its results by their kind.
struct LoadTestOutcome {
  LoadTestState state = LoadTestState::error;
  std::string message{};
  std::optional<int> exit_code{};
  std::map<std::string, std::string> results{};
};

/// A load test that runs in a process of its own, so that it cannot damage the master. The destructor kills
/// it.
class LoadTestProcess {
 public:
  LoadTestProcess() = default;
  virtual ~LoadTestProcess();
  LoadTestProcess(const LoadTestProcess&) = delete;
  LoadTestProcess& operator=(const LoadTestProcess&) = delete;

  /// Has it cancelled: its sessions end, what was measured is reported.
  virtual void interrupt() = 0;
  /// Kills it, unless it ends in time by itself.
  virtual void stop(Duration patience) = 0;
  /// Whether it has ended.
  virtual bool ended() = 0;
  /// How it has ended; once it has.
  virtual LoadTestOutcome outcome() = 0;
  /// The line that it has said last, for people; may be empty.
  virtual std::string doing() = 0;
};

/// What a master is made of.
struct MasterOptions {
  std::string name{};  ///< where it is, for people
  std::string abi{};   ///< of this program
  int replicas = 1;    ///< of what it makes in a NATS cluster
  /// Starts a load test of a library with that content. Called by the thread of serve(). Throws
  /// std::runtime_error.
  std::function<std::unique_ptr<LoadTestProcess>(const LoadTestRecord& record, const std::string& library)>
      start{};
  /// Compiles, or finds, what is wanted. Called by threads of the API, one at a time. Throws LoadTestRefused.
  std::function<PreparedLoadTest(const WantedLoadTest& wanted)> prepare{};
  /// Called with what it does, one line.
  std::function<void(const std::string& line)> on_news{};
};

/// Runs the load tests of the queue, one at a time, and is the only one in its cluster who does.
class Master final : public LoadTestControl {
 public:
  /// `nats` outlives it. Throws NatsError.
  Master(Nats& nats, MasterOptions options);
  ~Master() override;
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  /// Becomes the master: waits until the lease of one that has died has expired, and for NATS. What it finds
  /// running is an error from then on. `api`: the URL of its API. Throws InputError if there is a master
  /// already; NatsError, not retryable. Returns without being it if `stop` is requested.
  void join(const std::stop_token& stop, const std::string& api);
  /// Runs load tests until it is stopped; the one that runs then is cancelled. After join(). Throws as that
  /// does, since it may have to join again.
  void serve(const std::stop_token& stop);

  std::vector<QueuedLoadTest> all() override;
  std::optional<QueuedLoadTest> find(const std::string& id) override;
  Cancelled cancel(const std::string& id, bool only_scheduled) override;
  std::optional<std::string> results(const std::string& id, std::string_view kind) override;
  std::vector<LoadTestRecord> submit(const std::vector<WantedLoadTest>& wanted) override;
  MasterStatus status() override;
  std::string trouble() override;

 private:
  // The load test that runs, or has run and is not recorded as ended yet.
  struct Current {
    std::string id;
    std::string what;  // `ShopTest (3f2a9c01)`
    std::unique_ptr<LoadTestProcess> process;
    bool interrupted = false;
    Instant end_by{};  // once it is interrupted
    std::string stopped_because;
    std::optional<LoadTestOutcome> outcome;
    std::vector<std::string> kept;  // kinds of results that are stored
  };

  void take_changes(Duration patience);
  void abandon_others();
  void start_next();
  void start(const LoadTestRecord& record);
  void look_at_current();
  void record_end();
  void leave();
  void join_again(const std::stop_token& stop);
  void end_current(LoadTestState state, const std::string& message);
  void tidy();
  void note_doing();
  void say_connection();
  bool try_nats(const std::function<void()>& work);
  void news(const std::string& line) const;

  Nats& nats_;
  const MasterOptions options_;
  LoadTestQueue queue_;
  std::mutex prepare_mutex_;  // one is compiled at a time
  std::mutex mutex_;          // of what others ask for
  MasterStatus status_;
  bool joined_ = false;
  std::string api_;
  Subscription questions_;
  Subscription progress_;
  std::unique_ptr<Lease> lease_;
  std::uint64_t epoch_ = 0;  // of the lease, or the last one
  std::optional<Watcher> watcher_;
  std::map<std::string, QueuedLoadTest> known_;  // as the watcher tells
  bool up_to_date_ = false;                      // all that is there was told
  Instant free_at_{};                            // when what a former master ran has stopped
  bool changed_ = false;                         // something has since the last tidy()
  Instant next_tidy_{};
  std::unique_ptr<Current> current_;
  bool connected_ = true;
};

}  // namespace chaperon::cluster
