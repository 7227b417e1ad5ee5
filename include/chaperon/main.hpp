// The command line of a program of one's own that contains its load tests: link chaperon::main, which calls
// this.
#pragma once

#include <chaperon/version.hpp>

namespace chaperon {
inline namespace v1 {

/// Runs a load test registered in this program with CHAPERON_LOAD_TEST, with the options of `chaperon run`:
/// `PROGRAM [LOAD_TEST] [--base-url URL] …`. Blocks until the run has ended; returns the exit code of
/// `chaperon run`. Never throws: what goes wrong is said on stderr.
///
///     int main(int argc, char** argv) { return chaperon::program_main(argc, argv); }
CHAPERON_API int program_main(int argc, const char* const* argv) noexcept;

}  // namespace v1
}  // namespace chaperon
