// From what somebody wants through the control API to a library that can be run.
#pragma once

#include <filesystem>

#include "cli/process.hpp"
#include "cluster/load_test_control.hpp"

namespace chaperon::cli {

/// Compiles the source, or the file of that name in `known` (empty: there are none), in a process of its own:
/// no code of a scenario runs in this one. Blocks until that is done, or process.stop is requested. Not for
/// two threads at a time. Throws cluster::LoadTestRefused.
cluster::PreparedLoadTest prepare_load_test(const Process& process, const std::filesystem::path& known,
                                            const cluster::WantedLoadTest& wanted);

}  // namespace chaperon::cli
