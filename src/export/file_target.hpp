// One path that something will be written to, checked long before it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace chaperon::exporting {

/// Whether the directories of a path are made when it is written.
enum class Parents : std::uint8_t { must_exist, create };

/// A path that can be written. A regular file is replaced as a whole, through a temporary name in its
/// directory; its permissions stay, links to it stay links. Devices and pipes are written as they are.
class FileTarget {
 public:
  /// Checks that `path` can be written, by making and removing a file in its directory; a device or pipe is
  /// opened, and a pipe waits for its reader. Leaves nothing behind. Throws OutputError.
  FileTarget(std::filesystem::path path, Parents parents);
  FileTarget(FileTarget&& other) noexcept;
  FileTarget(const FileTarget&) = delete;
  FileTarget& operator=(const FileTarget&) = delete;
  ~FileTarget();

  /// The path as it was given.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Whether it is a regular file, or will be one.
  [[nodiscard]] bool is_regular() const noexcept { return descriptor_ < 0; }

  /// Writes `content`: the file has all of it or is as it was. Throws OutputError.
  void write(std::string_view content);

 private:
  void open_directly();
  void check_directory() const;
  void replace(std::string_view content) const;

  std::filesystem::path path_;
  std::filesystem::path target_;  // absolute, links followed
  Parents parents_;
  int descriptor_ = -1;  // of a device or pipe
};

}  // namespace chaperon::exporting
