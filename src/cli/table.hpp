// The table of the summary: one line for each action of each session name.
#pragma once

#include <cstddef>
#include <string>

#include <chaperon/results.hpp>

#include "cli/text_layout.hpp"

namespace chaperon::cli {

/// The table with its footnotes, each line ended by a line break; empty if nothing was recorded. It is at
/// most `width` columns wide; below kColumns it leaves columns out. A percentile is shown where there are
/// samples beyond it: at least 1 / (1 - q). One that would be higher if unanswered requests counted at the
/// time they took gets a star. Of many rows of a session name, or many session names, those with the most
/// samples are shown, and a line says how many there are more.
std::string render_table(const Results& results, std::size_t width = kColumns);

}  // namespace chaperon::cli
