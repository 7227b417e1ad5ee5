// Whether a run has passed, and why not.
#pragma once

#include <cstdint>
#include <string>

#include <chaperon/results.hpp>

#include "cli/exit_code.hpp"

namespace chaperon::cli {

/// Which failures count.
enum class Strictness : std::uint8_t {
  any_failure,   ///< one failed or timed-out session fails the run
  all_failures,  ///< only if all sessions failed, or nothing was answered (`--allow-failures`)
};

/// The outcome of a run.
struct Verdict {
  ExitCode code = ExitCode::passed;
  std::string word;        ///< `PASSED`, `FAILED`, `INTERRUPTED`
  std::string reason{};    ///< empty where there is nothing to add
  bool explained = false;  ///< the reason is a sentence rather than a count of sessions
};

/// Judges a run: damaged by what should not happen, interrupted, failed or passed.
Verdict judge(const Results& results, Strictness strictness);

/// The verdict in one line after the title: `PASSED`, `FAILED (1 session failed, 1 timed out)`,
/// `FAILED: no request was answered: …`.
std::string verdict_text(const Verdict& verdict);

}  // namespace chaperon::cli
