// What is shown at the end of a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <chaperon/results.hpp>

#include "cli/text_layout.hpp"
#include "cli/verdict.hpp"

namespace chaperon::cli {

/// How the summary looks.
struct SummaryStyle {
  bool colours = false;
  std::size_t width = kColumns;  ///< columns; never more than kColumns are used
};

/// The whole summary: verdict, totals, health of the generator, table, errors, endings of sessions, names of
/// the files written. `title` is the load test's name or `bench http://…`.
std::string render_summary(const Results& results, const std::string& title, const Verdict& verdict,
                           const std::vector<std::string>& files, const SummaryStyle& asked);

/// The load above which latencies are partly the generator's own: a loop's CPU as a share of a core, and how
/// late a loop comes to its events.
inline constexpr double kBusyLoop = 0.85;
inline constexpr Duration kLateLoop = 5ms;
/// A shorter run, or one of fewer requests, says nothing about its generator: a single event that came late
/// is the 99th percentile, and starting takes CPU as well.
inline constexpr Duration kTellingRun = 1s;
inline constexpr std::uint64_t kTellingRequests = 1000;
/// Requests that waited longer than this for the generator (a connection slot, a descriptor) are worth a
/// word.
inline constexpr Duration kLongQueue = 1ms;

}  // namespace chaperon::cli
