// Fingerprints of files and settings, for cache keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace chaperon::cli {

/// The FNV-1a hash of 128 bits (Fowler, Noll, Vo; RFC 9923). Not for secrets: who can write the cache can
/// replace what is in it anyway.
class Fingerprint {
 public:
  /// Adds a text with its length, so that {"ab", "c"} is not {"a", "bc"}.
  Fingerprint& add(std::string_view text);
  /// 32 hexadecimal digits.
  [[nodiscard]] std::string text() const;

 private:
  void add_bytes(std::string_view bytes);

  __extension__ using Word = unsigned __int128;
  Word state_ = (Word{0x6c62272e07bb0142} << 64) | 0x62b821756295c58d;
};

/// What shows that a file has not changed, without reading it.
struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t modified = 0;  ///< nanoseconds since 1970; so is `changed`
  std::int64_t changed = 0;   ///< the inode's own time, which nobody can set back
  friend bool operator==(const FileStamp&, const FileStamp&) = default;

  /// The later of the two times.
  [[nodiscard]] std::int64_t latest() const noexcept { return modified > changed ? modified : changed; }
};

/// The stamp of a regular file; nothing if there is none.
std::optional<FileStamp> stamp_of(const std::filesystem::path& file);

/// The fingerprint of a file's content; nothing if it cannot be read.
std::optional<std::string> fingerprint_of(const std::filesystem::path& file);

}  // namespace chaperon::cli
