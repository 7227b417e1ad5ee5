#include "cluster/artifact_store.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include <chaperon/errors.hpp>
#include <chaperon/json.hpp>

#include "cluster/digest.hpp"
#include "cluster/protocol.hpp"

namespace chaperon::cluster {
namespace {

namespace fs = std::filesystem;

constexpr auto kExpiry = std::chrono::hours(24);
// What expires sooner than that is put there anew: nothing is to vanish while workers fetch it.
constexpr auto kFresh = std::chrono::hours(12);

std::string piece_key(const std::string& digest, std::size_t piece) {
  return fmt::format("{}.{}", digest, piece);
}

std::size_t pieces_of(std::size_t size) {
  return (size + ArtifactStore::kPiece - 1) / ArtifactStore::kPiece;
}

bool is_digest(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

}  // namespace

ArtifactStore::ArtifactStore(Nats& nats, int replicas)
    : bucket_(nats.key_value(std::string(kArtifactsBucket), {.ttl = kExpiry, .replicas = replicas})) {}

std::string ArtifactStore::put(std::string_view content) {
  if (content.size() > kLargest) {
    throw InputError(
        fmt::format("the compiled scenario has {} MiB, and workers take at most {}: leave out what "
                    "it does not need, or debug information (--cxxflags -g0)",
                    content.size() >> 20U, kLargest >> 20U));
  }
  auto digest = sha256(content);
  if (const auto known = bucket_.get(digest);
      known && std::chrono::system_clock::now() - known->created < kFresh) {
    return digest;
  }
  for (std::size_t piece = 0; piece < pieces_of(content.size()); ++piece)
    bucket_.put(piece_key(digest, piece), std::string(content.substr(piece * kPiece, kPiece)));
  // Last: whoever finds it finds all pieces.
  bucket_.put(digest, std::to_string(content.size()));
  return digest;
}

std::string ArtifactStore::get(const std::string& digest, const std::function<void()>& more) {
  const auto refuse = [&digest](const std::string& why) {
    throw std::runtime_error(fmt::format("the compiled scenario {}… {}", digest.substr(0, 12), why));
  };
  if (!is_digest(digest)) refuse("has a name that is no SHA-256");
  const auto entry = bucket_.get(digest);
  if (!entry) refuse("is not in the cluster: run it again");
  const auto forget = [&](const std::string& why) {
    bucket_.remove(digest);
    refuse(why + ": run it again");
  };
  const auto& text = entry->value;
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos ||
      std::stoul(text) > kLargest) {
    forget("has no proper size");
  }
  const std::size_t size = std::stoul(text);
  std::string content;
  for (std::size_t piece = 0; piece < pieces_of(size); ++piece) {
    if (more) more();
    const auto part = bucket_.get(piece_key(digest, piece));
    if (!part) forget("is not whole");
    content += part->value;
    if (content.size() > size) break;
  }
  if (content.size() != size || sha256(content) != digest) forget("is not what its digest says");
  return content;
}

fs::path fetch_artifact(ArtifactStore& store, const std::string& digest, const fs::path& directory,
                        const std::function<void()>& more) {
  // The digest is part of a path, and comes from outside.
  if (!is_digest(digest)) throw std::runtime_error("the compiled scenario has a name that is no SHA-256");
  auto kept = directory / (digest + ".so");
  std::error_code not_there;
  if (fs::is_regular_file(kept, not_there) && sha256(read_file(kept)) == digest) {
    fs::last_write_time(kept, fs::file_time_type::clock::now(), not_there);
    return kept;
  }
  const auto content = store.get(digest, more);
  const auto temporary = directory / fmt::format("{}.{}.new", digest, ::getpid());
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    file.close();
    if (!file) {
      fs::remove(temporary, not_there);
      throw std::runtime_error(fmt::format("the compiled scenario cannot be written to {}: is the disk full?",
                                           directory.string()));
    }
  }
  fs::rename(temporary, kept);
  return kept;
}

}  // namespace chaperon::cluster
