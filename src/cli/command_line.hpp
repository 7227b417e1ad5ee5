// The command line of `chaperon`, and of programs with load tests of their own.
#pragma once

#include <chaperon/version.hpp>

#include "cli/process.hpp"

namespace chaperon::cli {

/// Runs the command that process.args asks for, and returns its exit code (ExitCode). Never throws: what goes
/// wrong is said on process.err. Exported for the program `chaperon`, which adds the built-in target.
CHAPERON_API int run_command_line(Process& process) noexcept;

/// Runs a load test registered in this program: process.args are `PROGRAM [LOAD_TEST] [OPTIONS]`. As above
/// otherwise.
CHAPERON_API int run_program(Process& process) noexcept;

/// this_process() for the program `chaperon`.
CHAPERON_API Process command_line_process(int argc, const char* const* argv);

}  // namespace chaperon::cli
