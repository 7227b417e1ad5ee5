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
/// `chaperon cluster up`: starts a cluster on this machine, and ends it when it is interrupted.
ExitCode cluster_command(Process& process, const std::vector<std::string>& words);
/// `chaperon target`: serves the built-in target until it is interrupted.
ExitCode target_command(Process& process, const std::vector<std::string>& words);

}  // namespace chaperon::cli
