#include "cli/fingerprint.hpp"

#include <array>
#include <fstream>

#include <fmt/format.h>
#include <sys/stat.h>

namespace chaperon::cli {

void Fingerprint::add_bytes(std::string_view bytes) {
  constexpr Word kPrime = (Word{1} << 88) | 0x13b;
  for (const char byte : bytes) {
    state_ ^= static_cast<unsigned char>(byte);
    state_ *= kPrime;
  }
}

Fingerprint& Fingerprint::add(std::string_view text) {
  add_bytes(fmt::format("{}:", text.size()));
  add_bytes(text);
  return *this;
}

std::string Fingerprint::text() const {
  return fmt::format("{:016x}{:016x}", static_cast<std::uint64_t>(state_ >> 64),
                     static_cast<std::uint64_t>(state_));
}

std::optional<FileStamp> stamp_of(const std::filesystem::path& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const auto nanoseconds = [](const timespec& time) {
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
  };
  return FileStamp{.size = static_cast<std::uint64_t>(status.st_size),
                   .modified = nanoseconds(status.st_mtim),
                   .changed = nanoseconds(status.st_ctim)};
}

std::optional<std::string> fingerprint_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  Fingerprint fingerprint;
  std::array<char, 65'536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read() fills it
  while (stream.read(buffer.data(), buffer.size()) || stream.gcount() > 0) {
    fingerprint.add({buffer.data(), static_cast<std::size_t>(stream.gcount())});
  }
  if (stream.bad()) return std::nullopt;
  return fingerprint.text();
}

}  // namespace chaperon::cli
