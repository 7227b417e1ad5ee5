// How the master is, as it tells whoever asks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <chaperon/duration.hpp>
#include <chaperon/json.hpp>

#include "cluster/nats.hpp"

namespace chaperon::cluster {

/// What a master says of itself.
struct MasterStatus {
  std::string name{};              ///< where it is, for people
  std::string api{};               ///< the URL of its control API
  std::string running{};           ///< the id of the load test that runs; empty if none does
  std::string doing{};             ///< what that load test has said last, one line; may be empty
  std::optional<Json> progress{};  ///< how far that is (progress_json.hpp); nothing before it has begun
};

std::string encode(const MasterStatus& status);
/// Nothing if the text is no such status.
std::optional<MasterStatus> decode_master_status(std::string_view text);

/// Asks the master; nothing if there is none. Blocks for `patience` at most. Throws NatsError.
std::optional<MasterStatus> ask_master(Nats& nats, Duration patience = 2s);

}  // namespace chaperon::cluster
