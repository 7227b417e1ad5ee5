// Compiled files, kept for as long as what they were made from stays the same.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chaperon::cli {

/// Keeps one artifact for each key, as KEY + suffix, with a manifest of the files it was made from. Processes
/// that use one directory at the same time do not disturb each other: files are renamed into place, and
/// whoever makes an artifact holds its lock.
class ArtifactCache {
 public:
  /// The directory must exist and belong to this user alone.
  explicit ArtifactCache(std::filesystem::path directory);

  /// Held while an artifact is made; released by the destructor, or by the kernel if the process dies.
  class Lock {
   public:
    explicit Lock(int file) noexcept : file_(file) {}
    ~Lock();
    Lock(Lock&& other) noexcept;
    Lock& operator=(Lock&& other) noexcept;

   private:
    int file_;
  };

  /// How sure find() must be that a file is what it was.
  enum class Match : std::uint8_t {
    content,  ///< a file with another time but the same content has not changed
    stamp,    ///< any other time is a change: Clang refuses a precompiled header of such files
  };

  /// Waits for the lock of a key. Keys share locks, so never hold one while asking for another. Throws
  /// std::system_error.
  [[nodiscard]] Lock lock(const std::string& key);
  /// The same without waiting: nothing if somebody holds it.
  [[nodiscard]] std::optional<Lock> try_lock(const std::string& key);

  /// The artifact of a key, if it is there and nothing that it was made from has changed. Marks it as used
  /// now.
  [[nodiscard]] std::optional<std::filesystem::path> find(const std::string& key, std::string_view suffix,
                                                          Match match);

  /// A new name in the directory to build something under; what is left under such names is removed in time.
  [[nodiscard]] std::filesystem::path temporary_name(std::string_view suffix);

  /// The time to give to keep(): take it before the files are read. Later changes to them have later stamps.
  [[nodiscard]] std::int64_t start_of_build();

  /// Moves a built file into place and returns its path. It is found again unless one of the files it was
  /// made from changed since `started`. Hold the lock. Throws std::filesystem::filesystem_error.
  std::filesystem::path keep(const std::string& key, std::string_view suffix,
                             const std::filesystem::path& built,
                             const std::vector<std::filesystem::path>& made_from, std::int64_t started);

  /// Removes what has not been used for 30 days, all but the last two precompiled headers, and what broken
  /// runs left.
  void prune();

  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

 private:
  [[nodiscard]] std::filesystem::path path_of(const std::string& key, std::string_view suffix) const;
  [[nodiscard]] int open_lock(const std::string& key) const;
  void write_manifest(const std::string& key, const std::string& text);
  void remove_entry(const std::string& key);

  std::filesystem::path directory_;
};

/// The files that a compiler's dependency file (-MD) names, without its target.
std::vector<std::filesystem::path> parse_dependency_file(std::string_view text);

}  // namespace chaperon::cli
