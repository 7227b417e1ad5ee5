// How `chaperon` ends, in one number.
#pragma once

namespace chaperon::cli {

/// The exit codes. They are part of the interface: scripts rely on them.
enum class ExitCode : int {
  passed = 0,  ///< the run passed, or the command did what was asked
  failed = 1,  ///< a session failed or timed out, or no request was answered
  input = 2,   ///< an option, a file, the choice of load test, a base URL or an output path cannot work
  compile_error = 3,  ///< the scenario file does not compile
  internal = 70,      ///< a fault of Chaperon's, or of a scenario that damages the process: a stack overflow
  interrupted = 130,  ///< Ctrl-C: what was measured until then is reported and written
};

}  // namespace chaperon::cli
