// Contents larger than a message, in a bucket.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/key_value.hpp"

namespace chaperon::cluster {

/// Blobs in a bucket, by name and in pieces: a message holds 1 MiB at most. A name is a key; its pieces are
/// keys of one word more. All calls block and throw NatsError. Thread-safe.
class BlobStore {
 public:
  /// The size in bytes of a piece.
  static constexpr std::size_t kPiece = std::size_t{512} << 10;
  /// The largest blob in bytes.
  static constexpr std::size_t kLargest = std::size_t{256} << 20;

  /// In that bucket.
  explicit BlobStore(KeyValue bucket) noexcept;

  /// Writes a blob, whatever was there. Who reads it meanwhile gets one of the two or an exception, never a
  /// mixture. Throws std::length_error if it is larger than kLargest.
  void put(const std::string& name, std::string_view content);
  /// A blob; nothing if there is none. `more` is called before each piece, to give up by an exception. Throws
  /// std::runtime_error if it is not whole or not what its digest says.
  [[nodiscard]] std::optional<std::string> get(const std::string& name,
                                               const std::function<void()>& more = {}) const;
  /// When a blob, or a piece, was written, by the server's clock; nothing if there is none.
  [[nodiscard]] std::optional<std::chrono::system_clock::time_point> written(const std::string& name) const;
  /// The keys of all blobs, which are their names, and of all pieces.
  [[nodiscard]] std::vector<std::string> keys() const;

 private:
  KeyValue bucket_;
};

}  // namespace chaperon::cluster
