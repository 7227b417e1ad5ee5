// Compiled scenarios on their way to the workers.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "cluster/blob_store.hpp"
#include "cluster/nats.hpp"

namespace chaperon::cluster {

/// Files under their SHA-256. They expire a day after they were put there.
class ArtifactStore {
 public:
  /// Opens the bucket, or makes it. Throws NatsError.
  ArtifactStore(Nats& nats, int replicas);

  /// Puts a file there, unless it is there already and whole, and returns its digest. Blocks. Throws
  /// InputError if it is too large, NatsError.
  std::string put(std::string_view content);
  /// The file of that digest. Blocks; `more` is called before each piece, to give up by an exception. Throws
  /// std::runtime_error if it is not there or is not what it should be, NatsError.
  [[nodiscard]] std::string get(const std::string& digest, const std::function<void()>& more = {}) const;

 private:
  [[nodiscard]] bool has(const std::string& digest, std::string_view content) const;

  BlobStore blobs_;
};

/// The file of that digest, from `directory` if it is there, else from the store and then kept there. Its
/// name is DIGEST.so. Whatever is in the directory is verified, and removed if it was not used for a week.
/// Blocks. Throws as ArtifactStore::get() does, and std::filesystem::filesystem_error.
std::filesystem::path fetch_artifact(const ArtifactStore& store, const std::string& digest,
                                     const std::filesystem::path& directory,
                                     const std::function<void()>& more = {});

}  // namespace chaperon::cluster
