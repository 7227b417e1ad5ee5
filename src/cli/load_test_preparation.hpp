// From what somebody wants through the control API to a library that can be run.
#pragma once

#include <chrono>
#include <filesystem>

#include <chaperon/duration.hpp>

#include "cli/process.hpp"
#include "cluster/load_test_control.hpp"

namespace chaperon::cli {

/// How long a load test may take to be compiled and loaded.
inline constexpr Duration kPreparationPatience = std::chrono::minutes(3);

/// Compiles the source, or the file of that name in `known` (empty: there are none), in a process of its own:
/// no code of a scenario runs in this one. Blocks until that is done, `patience` is over or process.stop is
/// requested. Not for two threads at a time. Throws cluster::LoadTestRefused.
cluster::PreparedLoadTest prepare_load_test(const Process& process, const std::filesystem::path& known,
                                            const cluster::WantedLoadTest& wanted,
                                            Duration patience = kPreparationPatience);

}  // namespace chaperon::cli
