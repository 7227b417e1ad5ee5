// Files for tests.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace chaperon::test {

/// A new, empty directory that is removed with all it holds at the end.
class TempDir {
 public:
  /// Throws std::system_error if it cannot be made.
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  /// Its absolute path.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// The path of something in it.
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// A file's whole content. Throws std::runtime_error that names the file.
std::string read_file(const std::filesystem::path& path);

/// Writes a file and the directories above it. Throws std::runtime_error that names the file.
void write_file(const std::filesystem::path& path, std::string_view content);

}  // namespace chaperon::test
