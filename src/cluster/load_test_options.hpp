// How a load test of the queue is to be run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <chaperon/json.hpp>

#include "cluster/coordinator.hpp"

namespace chaperon::cluster {

/// What `chaperon run` has options for, as far as it matters to a load test of the queue.
struct LoadTestOptions {
  Json config = Json::object();                 ///< merged over the load test's own
  std::string base_url{};                       ///< empty: the load test's own
  unsigned workers = 0;                         ///< how many it waits for; 0: whoever is there
  std::map<std::string, std::string> labels{};  ///< only workers that have all of these
  OnWorkerLoss on_worker_loss = OnWorkerLoss::leave_out;
  std::optional<std::uint64_t> seed{};  ///< default: drawn
  std::uint64_t stack_size = 0;         ///< bytes; 0: the default
  std::vector<std::string> metrics{};   ///< record only these; empty: all
  friend bool operator==(const LoadTestOptions&, const LoadTestOptions&) = default;
};

/// The options as a JSON object; what is as by default is not in it.
Json to_json(const LoadTestOptions& options);
/// Reads such an object, from outside too. Throws InputError, which names the key, what is wrong and what to
/// write.
LoadTestOptions load_test_options(const Json& json);

/// Throws InputError unless a load test can be run with these, as far as that can be said without its code:
/// the base URL, labels and names of metrics.
void require_usable(const LoadTestOptions& options);

/// The word for what becomes of a lost worker's users: `leave-out`, `restart`, `abort`.
std::string_view to_string(OnWorkerLoss what) noexcept;
/// The reverse; nothing for any other text.
std::optional<OnWorkerLoss> on_worker_loss(std::string_view text) noexcept;

/// How many workers a load test may wait for.
inline constexpr unsigned kMostWorkers = 1000;

}  // namespace chaperon::cluster
