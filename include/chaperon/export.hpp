// Writing results to a file from a program of one's own; `chaperon run --output` does it by itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <chaperon/results.hpp>

namespace chaperon {
inline namespace v1 {

/// Writes results to `path`, with the config and the scenario table beside it; replaces existing files.
/// `format` is "csv" or "json"; empty: by the path's extension, else CSV. Returns the names of the files
/// written; throws InputError if the path cannot be written or the format is unknown.
CHAPERON_API std::vector<std::string> export_results(const Results& results, const std::string& path,
                                                     std::string_view format = {});

}  // namespace v1
}  // namespace chaperon
