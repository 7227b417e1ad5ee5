// All files of a run at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <chaperon/results.hpp>

#include "export/output_file.hpp"

namespace chaperon::exporting {

/// Writes the results in a format, and beside them config and scenarios without secrets. Returns the names of
/// the files written; none for the standard output. Throws OutputError.
std::vector<std::string> export_results(const Results& results, OutputFile& file, std::string_view format);

}  // namespace chaperon::exporting
