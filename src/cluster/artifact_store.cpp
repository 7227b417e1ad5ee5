#include "cluster/artifact_store.hpp"

#include <chrono>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include <chaperon/errors.hpp>
#include <chaperon/json.hpp>

#include "base/files.hpp"
#include "cluster/digest.hpp"
#include "cluster/protocol.hpp"

namespace chaperon::cluster {
namespace {

namespace fs = std::filesystem;

constexpr auto kExpiry = std::chrono::hours(24);
// What expires sooner than that is put there anew: nothing is to vanish while workers fetch it.
constexpr auto kFresh = std::chrono::hours(12);

bool is_digest(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// What no run has used for a week.
void remove_unused(const fs::path& directory) {
  constexpr auto kUnused = std::chrono::hours(24 * 7);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    const auto used = entry.last_write_time(ignored);
    if (!ignored && fs::file_time_type::clock::now() - used > kUnused) fs::remove(entry.path(), ignored);
  }
}

// Nothing larger goes through the bucket.
void require_size(std::string_view library) {
  if (library.size() <= BlobStore::kLargest) return;
  throw InputError(
      fmt::format("the compiled scenario has {} MiB, and workers take at most {}: leave out what "
                  "it does not need, or debug information (--cxxflags -g0)",
                  library.size() >> 20U, BlobStore::kLargest >> 20U));
}

}  // namespace

ArtifactStore::ArtifactStore(Nats& nats, int replicas)
    : blobs_(nats.key_value(std::string(kArtifactsBucket), {.ttl = kExpiry, .replicas = replicas})) {}

std::string ArtifactStore::put(std::string_view content) {
  require_size(content);
  auto digest = sha256(content);
  if (!has(digest, content)) blobs_.put(digest, content);
  return digest;
}

// Read again as a whole: a worker can only refuse what is damaged, and nobody else would mend it.
bool ArtifactStore::has(const std::string& digest, std::string_view content) const {
  const auto written = blobs_.written(digest);
  if (!written || std::chrono::system_clock::now() - *written >= kFresh) return false;
  try {
    return blobs_.get(digest) == content;
  } catch (const NatsError&) {
    throw;
  } catch (const std::runtime_error&) {
    return false;
  }
}

std::string ArtifactStore::get(const std::string& digest, const std::function<void()>& more) const {
  const auto refuse = [&digest](const std::string& why) {
    throw std::runtime_error(fmt::format("the compiled scenario {}… {}", digest.substr(0, 12), why));
  };
  if (!is_digest(digest)) refuse("has a name that is no SHA-256");
  std::optional<std::string> content;
  try {
    content = blobs_.get(digest, more);
  } catch (const NatsError&) {
    throw;
  } catch (const std::runtime_error& error) {
    refuse(error.what());
  }
  if (!content) refuse("is not in the cluster: run it again");
  if (sha256(*content) != digest) refuse("is not what its digest says");
  return std::move(*content);
}

fs::path fetch_artifact(const ArtifactStore& store, const std::string& digest, const fs::path& directory,
                        const std::function<void()>& more) {
  // The digest is part of a path, and comes from outside.
  if (!is_digest(digest)) throw std::runtime_error("the compiled scenario has a name that is no SHA-256");
  auto kept = directory / (digest + ".so");
  std::error_code ignored;
  if (const auto known = read_file(kept); known && sha256(*known) == digest) {
    fs::last_write_time(kept, fs::file_time_type::clock::now(), ignored);
    return kept;
  }
  const auto content = store.get(digest, more);
  remove_unused(directory);
  const auto temporary = directory / fmt::format("{}.{}.new", digest, ::getpid());
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    file.close();
    if (!file) {
      fs::remove(temporary, ignored);
      throw std::runtime_error(fmt::format("the compiled scenario cannot be written to {}: is the disk full?",
                                           directory.string()));
    }
  }
  fs::rename(temporary, kept);
  return kept;
}

}  // namespace chaperon::cluster
