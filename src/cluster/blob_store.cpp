#include "cluster/blob_store.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "cluster/digest.hpp"

namespace chaperon::cluster {
namespace {

std::string piece_key(const std::string& name, std::size_t piece) {
  return fmt::format("{}.{}", name, piece);
}

std::size_t pieces_of(std::size_t size) {
  return (size + BlobStore::kPiece - 1) / BlobStore::kPiece;
}

// What stands under the name itself: `SIZE DIGEST`.
struct Head {
  std::size_t size = 0;
  std::string_view digest;
};

Head read_head(std::string_view text) {
  const auto space = text.find(' ');
  const auto size = text.substr(0, space);
  constexpr std::size_t kMostDigits = 9;
  if (space == std::string_view::npos || size.empty() || size.size() > kMostDigits ||
      size.find_first_not_of("0123456789") != std::string_view::npos) {
    throw std::runtime_error("has no proper size");
  }
  return {.size = std::stoul(std::string(size)), .digest = text.substr(space + 1)};
}

}  // namespace

BlobStore::BlobStore(KeyValue bucket) noexcept : bucket_(std::move(bucket)) {}

void BlobStore::put(const std::string& name, std::string_view content) {
  if (content.size() > kLargest) {
    throw std::length_error(
        fmt::format("{} has {} MiB, more than {}", name, content.size() >> 20U, kLargest >> 20U));
  }
  for (std::size_t piece = 0; piece < pieces_of(content.size()); ++piece)
    bucket_.put(piece_key(name, piece), std::string(content.substr(piece * kPiece, kPiece)));
  // Last: whoever finds it finds all pieces.
  bucket_.put(name, fmt::format("{} {}", content.size(), sha256(content)));
}

std::optional<std::chrono::system_clock::time_point> BlobStore::written(const std::string& name) const {
  const auto entry = bucket_.get(name);
  return entry ? std::optional(entry->created) : std::nullopt;
}

std::optional<std::string> BlobStore::get(const std::string& name, const std::function<void()>& more) const {
  const auto entry = bucket_.get(name);
  if (!entry) return std::nullopt;
  const auto head = read_head(entry->value);
  if (head.size > kLargest) throw std::runtime_error("has no proper size");
  std::string content;
  for (std::size_t piece = 0; piece < pieces_of(head.size); ++piece) {
    if (more) more();
    const auto part = bucket_.get(piece_key(name, piece));
    if (!part) throw std::runtime_error("is not whole");
    content += part->value;
    if (content.size() > head.size) break;
  }
  if (content.size() != head.size || sha256(content) != head.digest)
    throw std::runtime_error("is not what its digest says");
  return content;
}

std::vector<std::string> BlobStore::keys() const {
  return bucket_.keys();
}

}  // namespace chaperon::cluster
