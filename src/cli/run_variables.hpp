// What a master tells the run that it has started: in the environment, which others cannot see, unlike the
// words of a command.
#pragma once

namespace chaperon::cli {

/// The name of the run in the cluster.
inline constexpr const char* kRunName = "CHAPERON_RUN_NAME";
/// For a run with a name: the NATS server, as for --nats.
inline constexpr const char* kRunNatsUrl = "CHAPERON_RUN_NATS_URL";
/// As --base-url, where that is not given.
inline constexpr const char* kRunBaseUrl = "CHAPERON_RUN_BASE_URL";

/// For a run with a name: the epoch of the master, with which the run ends.
inline constexpr const char* kRunMaster = "CHAPERON_RUN_MASTER";

}  // namespace chaperon::cli
