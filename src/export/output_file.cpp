#include "export/output_file.hpp"

#include <algorithm>
#include <cassert>
#include <iostream>

#include "export/output_error.hpp"
#include "export/output_path.hpp"

namespace chaperon::exporting {

OutputFile::OutputFile(const std::filesystem::path& path, Parents parents, std::ostream* standard_output) {
  if (path == "-" || path == "/dev/stdout") {
    standard_output_ = standard_output != nullptr ? standard_output : &std::cout;
    return;
  }
  target_.emplace(path, parents);
  if (!target_->is_regular()) return;
  for (const auto part : kSideParts)
    sides_.emplace_back(side_path(path, part), parents);
}

std::string OutputFile::write(std::string_view content) {
  if (target_) {
    target_->write(content);
    return target_->path().string();
  }
  standard_output_->write(content.data(), static_cast<std::streamsize>(content.size())).flush();
  if (!*standard_output_) {
    throw OutputError(
        "cannot write the results to the standard output: it is closed or full: choose a file instead");
  }
  return "-";
}

std::string OutputFile::write_beside(std::string_view part, std::string_view content) {
  assert(has_side_files());
  const auto found = std::find(kSideParts.begin(), kSideParts.end(), part);
  assert(found != kSideParts.end());
  auto& side = sides_[static_cast<std::size_t>(found - kSideParts.begin())];
  side.write(content);
  return side.path().string();
}

}  // namespace chaperon::exporting
