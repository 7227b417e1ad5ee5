// The file that results are written to, and the files beside it.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "export/file_target.hpp"

namespace chaperon::exporting {

/// Where results go. Make it before the run, so that a path which cannot be written costs no run; nothing is
/// made or changed before write().
class OutputFile {
 public:
  /// Checks that `path`, and the files beside it, can be written. `-` and `/dev/stdout` are `standard_output`
  /// (nullptr: std::cout), which must outlive this. Throws OutputError.
  explicit OutputFile(const std::filesystem::path& path, Parents parents = Parents::must_exist,
                      std::ostream* standard_output = nullptr);

  /// Whether this is the standard output.
  [[nodiscard]] bool is_standard_output() const noexcept { return !target_.has_value(); }
  /// Whether there are files beside it: not for the standard output, devices and pipes.
  [[nodiscard]] bool has_side_files() const noexcept { return !sides_.empty(); }

  /// Writes the content, and returns the name of what was written, as given. Throws OutputError.
  std::string write(std::string_view content);
  /// Writes the file beside it for one of kSideParts, and returns its name. Throws OutputError.
  std::string write_beside(std::string_view part, std::string_view content);

 private:
  std::ostream* standard_output_ = nullptr;
  std::optional<FileTarget> target_;
  std::vector<FileTarget> sides_;  // in the order of kSideParts
};

}  // namespace chaperon::exporting
