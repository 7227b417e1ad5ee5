#include "metrics/bucket_counts.hpp"

#include <algorithm>

namespace chaperon::metrics {
namespace {

bool take(MemoryBudget* budget, std::size_t bytes) {
  return budget == nullptr || budget->take(bytes);
}

std::size_t chunks_at(int bits, std::size_t chunk) {
  return (bucket_count(bits) + chunk - 1) / chunk;
}

}  // namespace

void BucketCounts::add_slowly(std::int64_t value, std::uint64_t n, MemoryBudget* budget) {
  while (true) {
    const auto bucket = bucket_of(value, bits_);
    if (directory_.empty()) {
      const auto at = std::lower_bound(entries_.begin(), entries_.end(), bucket,
                                       [](const Entry& entry, std::uint32_t b) { return entry.bucket < b; });
      if (at != entries_.end() && at->bucket == bucket) {
        at->count += n;
        return;
      }
      if (entries_.size() < entries_.capacity()) {
        entries_.insert(at, Entry{bucket, n});
        return;
      }
      if (entries_.size() < kMostEntries ? grow_list(budget) : change_to_chunks(budget)) continue;
    } else {
      if (const auto chunk = directory_[bucket / kChunk]; chunk != kNoChunk) {
        counters_[std::size_t{chunk} * kChunk + bucket % kChunk] += n;
        return;
      }
      if (add_chunk(bucket / kChunk, budget)) continue;
    }
    // No memory for one more bucket at this precision: neighbours share one from now on.
    coarsen_to(bits_ - 1, budget);
  }
}

bool BucketCounts::grow_list(MemoryBudget* budget) {
  const auto capacity = std::clamp(entries_.capacity() * 2, std::size_t{4}, kMostEntries);
  const auto bytes = (capacity - entries_.capacity()) * sizeof(Entry);
  if (bits_ == 0 && budget != nullptr) {
    budget->take_anyway(bytes);  // it cannot get coarser, and takes at most kMostEntries
  } else if (!take(budget, bytes)) {
    return false;
  }
  entries_.reserve(capacity);
  return true;
}

bool BucketCounts::change_to_chunks(MemoryBudget* budget) {
  std::vector<std::uint16_t> directory(chunks_at(bits_, kChunk), kNoChunk);
  std::uint16_t chunks = 0;
  for (const auto& entry : entries_) {
    auto& place = directory[entry.bucket / kChunk];
    if (place == kNoChunk) place = chunks++;
  }
  const auto bytes = directory.capacity() * sizeof(std::uint16_t) + chunks * kChunk * sizeof(std::uint64_t);
  if (!take(budget, bytes)) return false;
  counters_.assign(chunks * kChunk, 0);
  for (const auto& entry : entries_) {
    counters_[std::size_t{directory[entry.bucket / kChunk]} * kChunk + entry.bucket % kChunk] = entry.count;
  }
  directory_ = std::move(directory);
  if (budget != nullptr) budget->give_back(entries_.capacity() * sizeof(Entry));
  entries_ = std::vector<Entry>();  // not {}: that would keep the memory
  return true;
}

bool BucketCounts::add_chunk(std::size_t position, MemoryBudget* budget) {
  if (counters_.size() == counters_.capacity()) {
    constexpr auto kChunkBytes = kChunk * sizeof(std::uint64_t);
    const auto have = counters_.capacity() / kChunk;
    const auto free_places = directory_.size() - counters_.size() / kChunk;
    auto more = std::min(std::max<std::size_t>(4, have / 2), free_places);
    if (!take(budget, more * kChunkBytes)) {
      more = 1;
      if (!take(budget, kChunkBytes)) return false;
    }
    counters_.reserve((have + more) * kChunk);
  }
  directory_[position] = static_cast<std::uint16_t>(counters_.size() / kChunk);
  counters_.resize(counters_.size() + kChunk, 0);
  return true;
}

void BucketCounts::coarsen_to(int bits, MemoryBudget* budget) {
  const auto before = memory();
  for (; bits_ > bits; --bits_) {
    if (directory_.empty()) {
      coarsen_list();
    } else {
      coarsen_chunks();
    }
  }
  if (budget != nullptr) budget->give_back(before - memory());
}

void BucketCounts::coarsen_list() {
  auto kept = entries_.begin();
  for (auto at = entries_.begin(); at != entries_.end(); ++at) {
    const Entry coarser{at->bucket >> 1, at->count};
    if (kept != entries_.begin() && std::prev(kept)->bucket == coarser.bucket) {
      std::prev(kept)->count += coarser.count;
    } else {
      *kept++ = coarser;
    }
  }
  entries_.erase(kept, entries_.end());
}

void BucketCounts::coarsen_chunks() {
  std::vector<std::uint16_t> directory(chunks_at(bits_ - 1, kChunk), kNoChunk);
  std::uint16_t chunks = 0;
  for (std::size_t at = 0; at < directory_.size(); ++at) {
    if (directory_[at] != kNoChunk && directory[at / 2] == kNoChunk) directory[at / 2] = chunks++;
  }
  std::vector<std::uint64_t> counters(chunks * kChunk, 0);
  for (std::size_t at = 0; at < directory_.size(); ++at) {
    if (directory_[at] == kNoChunk) continue;
    const auto* from = &counters_[std::size_t{directory_[at]} * kChunk];
    auto* to = &counters[std::size_t{directory[at / 2]} * kChunk + (at % 2) * (kChunk / 2)];
    for (std::size_t i = 0; i < kChunk; ++i)
      to[i / 2] += from[i];
  }
  directory_ = std::move(directory);
  counters_ = std::move(counters);
}

void BucketCounts::clear() noexcept {
  entries_.clear();
  std::fill(counters_.begin(), counters_.end(), 0);
}

}  // namespace chaperon::metrics
