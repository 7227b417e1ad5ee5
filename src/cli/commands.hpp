// The commands. Each takes what follows its name, and returns an exit code or throws what command_line.cpp
// turns into one.
#pragma once

#include <string>
#include <vector>

#include "cli/exit_code.hpp"
#include "cli/process.hpp"

namespace chaperon::cli {

/// `chaperon run`: compiles or loads a scenario file and runs a load test of it.
ExitCode run_command(Process& process, const std::vector<std::string>& words);
/// `chaperon bench`: loads one URL.
ExitCode bench_command(Process& process, const std::vector<std::string>& words);
/// `chaperon list`: shows the load tests of a scenario file.
ExitCode list_command(Process& process, const std::vector<std::string>& words);
/// `chaperon new`: writes a scenario file to begin with.
ExitCode new_command(Process& process, const std::vector<std::string>& words);
/// `chaperon worker`: runs users for load tests of a cluster until it is interrupted.
ExitCode worker_command(Process& process, const std::vector<std::string>& words);
/// `chaperon master`: runs the load tests of a cluster's queue until it is interrupted.
ExitCode master_command(Process& process, const std::vector<std::string>& words);
/// `chaperon submit`: puts a load test into a cluster's queue.
ExitCode submit_command(Process& process, const std::vector<std::string>& words);
/// `chaperon queue`: shows the load tests of a cluster's queue.
ExitCode queue_command(Process& process, const std::vector<std::string>& words);
/// `chaperon cancel`: cancels load tests of a cluster's queue.
ExitCode cancel_command(Process& process, const std::vector<std::string>& words);
/// `chaperon results`: shows or writes what a load test of a cluster's queue has measured.
ExitCode results_command(Process& process, const std::vector<std::string>& words);
/// `chaperon cluster up`: starts a cluster on this machine, and ends it when it is interrupted.
ExitCode cluster_command(Process& process, const std::vector<std::string>& words);
/// `chaperon target`: serves the built-in target until it is interrupted.
ExitCode target_command(Process& process, const std::vector<std::string>& words);

}  // namespace chaperon::cli
