#include "cli/artifact_cache.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chaperon/json.hpp>

#include "base/files.hpp"
#include "base/json.hpp"
#include "cli/fingerprint.hpp"

namespace chaperon::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifest = ".json";
constexpr std::string_view kTemporary = "build-";
constexpr std::string_view kPrecompiled = ".gch";
constexpr auto kUnusedFor = std::chrono::hours(24 * 30);
constexpr auto kAbandonedAfter = std::chrono::hours(1);
constexpr std::size_t kKeptPrecompiled = 2;

Json describe_file(const fs::path& file, const FileStamp& stamp) {
  return {{"path", file.string()},
          {"size", stamp.size},
          {"modified", stamp.modified},
          {"changed", stamp.changed},
          {"content", fingerprint_of(file).value_or("")}};
}

enum class State : std::uint8_t { same, touched, changed };

// Compares a file with what the manifest says of it; refreshes the stamp of one whose content is the same.
State compare(Json& entry, ArtifactCache::Match match) {
  const fs::path file(entry.at("path").get_ref<const std::string&>());
  const auto stamp = stamp_of(file);
  if (!stamp) return State::changed;
  const FileStamp known{.size = entry.at("size").get<std::uint64_t>(),
                        .modified = entry.at("modified").get<std::int64_t>(),
                        .changed = entry.at("changed").get<std::int64_t>()};
  if (*stamp == known) return State::same;
  if (match == ArtifactCache::Match::stamp && stamp->modified != known.modified) return State::changed;
  if (stamp->size != known.size || fingerprint_of(file) != entry.at("content").get<std::string>())
    return State::changed;
  entry["modified"] = stamp->modified;
  entry["changed"] = stamp->changed;
  return State::touched;
}

}  // namespace

ArtifactCache::ArtifactCache(fs::path directory) : directory_(std::move(directory)) {}

ArtifactCache::Lock::~Lock() {
  if (file_ >= 0) close(file_);
}

ArtifactCache::Lock::Lock(Lock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

ArtifactCache::Lock& ArtifactCache::Lock::operator=(Lock&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

fs::path ArtifactCache::path_of(const std::string& key, std::string_view suffix) const {
  return directory_ / (key + std::string(suffix));
}

// A few files for all keys: one for each could never be removed while others wait for it.
int ArtifactCache::open_lock(const std::string& key) const {
  const auto file = directory_ / fmt::format("lock-{}", key.substr(0, 1));
  const int descriptor = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), file.string());
  return descriptor;
}

ArtifactCache::Lock ArtifactCache::lock(const std::string& key) {
  const int descriptor = open_lock(key);
  Lock held(descriptor);
  while (flock(descriptor, LOCK_EX) != 0) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "flock");
  }
  return held;
}

std::optional<ArtifactCache::Lock> ArtifactCache::try_lock(const std::string& key) {
  const int descriptor = open_lock(key);
  Lock held(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) return std::nullopt;
  return held;
}

std::optional<fs::path> ArtifactCache::find(const std::string& key, std::string_view suffix, Match match) {
  auto artifact = path_of(key, suffix);
  const auto text = read_file(path_of(key, kManifest));
  if (!text || !stamp_of(artifact)) return std::nullopt;
  auto manifest = Json::parse(*text, nullptr, false);
  bool touched = false;
  try {
    for (auto& entry : manifest.at("files")) {
      const auto state = compare(entry, match);
      if (state == State::changed) return std::nullopt;
      touched = touched || state == State::touched;
    }
  } catch (const Json::exception&) {
    return std::nullopt;  // damaged, or of another version
  }
  if (touched) {
    write_manifest(key, dump(manifest));
  } else {
    utimensat(AT_FDCWD, path_of(key, kManifest).c_str(), nullptr, 0);
  }
  return artifact;
}

fs::path ArtifactCache::temporary_name(std::string_view suffix) {
  static std::atomic<unsigned> number{0};
  return directory_ / fmt::format("{}{}-{}{}", kTemporary, getpid(), ++number, suffix);
}

std::int64_t ArtifactCache::start_of_build() {
  // File times are as coarse as the kernel's tick (4 ms or so). What was written within the same tick,
  // before, must not look as if it had been written since.
  constexpr timespec kTick{.tv_sec = 0, .tv_nsec = 20'000'000};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &kTick, nullptr);
  const auto file = temporary_name(".stamp");
  std::ofstream(file).put('\n');
  const auto stamp = stamp_of(file);
  std::error_code error;
  fs::remove(file, error);
  return stamp ? stamp->modified : 0;
}

void ArtifactCache::write_manifest(const std::string& key, const std::string& text) {
  const auto file = temporary_name(kManifest);
  {
    std::ofstream stream(file, std::ios::binary);
    stream << text;
    if (!stream.flush()) return;  // nothing is found then, which costs a compilation
  }
  fs::rename(file, path_of(key, kManifest));
}

fs::path ArtifactCache::keep(const std::string& key, std::string_view suffix, const fs::path& built,
                             const std::vector<fs::path>& made_from, std::int64_t started) {
  Json files = Json::array();
  bool settled = started != 0;
  for (const auto& file : made_from) {
    const auto path = fs::absolute(file).lexically_normal();
    const auto stamp = stamp_of(path);
    if (!stamp || stamp->latest() >= started) {
      settled = false;
      break;
    }
    files.push_back(describe_file(path, *stamp));
  }
  auto artifact = path_of(key, suffix);
  // The old manifest goes first: should this process die here, nobody takes the new file for the old one.
  std::error_code error;
  fs::remove(path_of(key, kManifest), error);
  fs::rename(built, artifact);
  if (settled) write_manifest(key, dump(Json{{"files", std::move(files)}}));
  return artifact;
}

void ArtifactCache::remove_entry(const std::string& key) {
  std::error_code error;
  fs::remove(path_of(key, kManifest), error);
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    if (entry.path().filename().string().starts_with(key + ".")) fs::remove(entry.path(), error);
  }
}

void ArtifactCache::prune() {
  const auto now = fs::file_time_type::clock::now();
  std::error_code error;
  std::vector<std::string> unused;
  std::vector<std::pair<fs::file_time_type, std::string>> precompiled;
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    const auto name = entry.path().filename().string();
    const auto written = entry.last_write_time(error);
    if (error) continue;
    if (name.starts_with(kTemporary)) {
      if (now - written > kAbandonedAfter) fs::remove(entry.path(), error);
      continue;
    }
    if (name.starts_with("lock-")) continue;
    const auto key = name.substr(0, name.find('.'));
    const auto manifest = fs::last_write_time(path_of(key, kManifest), error);
    const auto used = error ? written : manifest;
    if (now - used > kUnusedFor) {
      unused.push_back(key);
    } else if (name.ends_with(kPrecompiled)) {
      precompiled.emplace_back(used, key);
    }
  }
  std::sort(precompiled.rbegin(), precompiled.rend());
  for (std::size_t at = kKeptPrecompiled; at < precompiled.size(); ++at)
    unused.push_back(precompiled[at].second);
  for (const auto& key : unused)
    remove_entry(key);
}

std::vector<fs::path> parse_dependency_file(std::string_view text) {
  // Make's syntax: `target: file file \` over several lines; blanks and # are escaped by a backslash, $ is
  // doubled.
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return {};
  text.remove_prefix(colon + 1);
  std::vector<fs::path> files;
  std::string name;
  const auto finish = [&] {
    if (!name.empty()) files.emplace_back(std::exchange(name, {}));
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (c == '\\' && (next == '\n' || next == '\r')) {
      finish();
    } else if ((c == '\\' && (next == ' ' || next == '#')) || (c == '$' && next == '$')) {
      name += next;
      ++at;
    } else if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
      finish();
    } else {
      name += c;
    }
  }
  finish();
  return files;
}

}  // namespace chaperon::cli
