// Scheduled scenarios between the workers of a run.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cluster/consumer.hpp"
#include "cluster/outbox.hpp"
#include "cluster/protocol.hpp"
#include "cluster/scenario_image.hpp"
#include "cluster/scheduled_codec.hpp"
#include "load_test/run.hpp"

namespace chaperon::cluster {

/// Sends scheduled scenarios to the other workers of a run, and runs those that come from them.
class RemoteScenarios final : public load_test::RemoteLoops {
 public:
  /// `outbox` and `image` outlive it. Throws NatsError.
  RemoteScenarios(Nats& nats, std::string run, std::string worker, const std::vector<Seat>& seats,
                  Outbox& outbox, const ScenarioImage& image, std::size_t profiles);
  ~RemoteScenarios() override;

  /// From then on, what comes from others runs here. `run` is used until the destructor.
  void begin(load_test::Run& run);
  /// Nothing more that comes from others runs here: they are told why at once. What runs goes on.
  void refuse(const std::string& reason);
  /// Takes nothing in any more. May be called again.
  void end();
  /// A worker is lost: what was sent there has failed, what came from there is cancelled.
  void lost(const std::string& worker);

  bool run_scheduled(unsigned loop, const std::shared_ptr<session::ScheduledScenario>& scheduled) override;
  void cancel_scheduled(const std::shared_ptr<session::ScheduledScenario>& scheduled, session::Outcome as,
                        const std::string& reason) override;

 private:
  using Scheduled = std::shared_ptr<session::ScheduledScenario>;
  struct Sent {
    Scheduled scheduled;
    std::string to;
  };
  // Which numbers have come of those that are given from 1 on, nearly in their order.
  class SeenNumbers {
   public:
    /// Whether this one comes for the first time.
    bool insert(std::uint64_t number) {
      if (number <= all_up_to_ || !beyond_.insert(number).second) return false;
      for (; beyond_.erase(all_up_to_ + 1) > 0; ++all_up_to_) {
      }
      return true;
    }

   private:
    std::uint64_t all_up_to_ = 0;
    std::set<std::uint64_t> beyond_;
  };
  using Origin = std::pair<std::string, std::uint64_t>;  // the worker and its number of the request

  void receive();
  void take(const std::string& bytes);
  void take_request(ScheduledRequest request);
  void take_cancel(const ScheduledCancel& cancel);
  void take_result(ScheduledResult result);
  void send_result(const std::string& to, const ScheduledResult& result);
  void has_ended(const Origin& origin);

  const std::string run_name_;
  const std::string worker_;
  std::vector<std::string> worker_of_loop_;
  Outbox& outbox_;
  const ScenarioImage& image_;
  const std::size_t profiles_;
  Consumer incoming_;
  load_test::Run* run_ = nullptr;

  std::mutex mutex_;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>
      last_numbers_;                         // by worker: its place, the last
  std::map<std::uint64_t, Sent> sent_;       // that run elsewhere
  std::map<Origin, Scheduled> running_;      // here, for others
  std::map<std::string, SeenNumbers> seen_;  // by worker: its requests that have come
  std::string refusal_;                      // why nothing more is taken; empty: it is
  std::vector<std::string> lost_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace chaperon::cluster
