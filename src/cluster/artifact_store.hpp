// Compiled scenarios on their way to the workers.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "cluster/key_value.hpp"
#include "cluster/nats.hpp"

namespace chaperon::cluster {

/// Files in a bucket, under their SHA-256 and in pieces: a message holds 1 MiB at most. They expire a day
/// after they were put there.
class ArtifactStore {
 public:
  /// The size in bytes of a piece.
  static constexpr std::size_t kPiece = std::size_t{512} << 10;
  /// The largest file in bytes.
  static constexpr std::size_t kLargest = std::size_t{256} << 20;

  /// Opens the bucket, or makes it. Throws NatsError.
  ArtifactStore(Nats& nats, int replicas);

  /// Puts a file there, unless it is there already, and returns its digest. Blocks. Throws InputError if it
  /// is too large, NatsError.
  std::string put(std::string_view content);
  /// The file of that digest. Blocks; `more` is called before each piece, to give up by an exception. Throws
  /// std::runtime_error if it is not there or is not what it should be, NatsError. What is not is forgotten,
  /// so that it is put there anew.
  [[nodiscard]] std::string get(const std::string& digest, const std::function<void()>& more = {});

 private:
  KeyValue bucket_;
};

/// The file of that digest, from `directory` if it is there, else from the store and then kept there. Its
/// name is DIGEST.so. Whatever is in the directory is verified. Blocks. Throws as ArtifactStore::get() does,
/// and std::filesystem::filesystem_error.
std::filesystem::path fetch_artifact(ArtifactStore& store, const std::string& digest,
                                     const std::filesystem::path& directory,
                                     const std::function<void()>& more = {});

}  // namespace chaperon::cluster
