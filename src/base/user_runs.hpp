// Numbers of users as runs that are equally far apart, as those of one loop are where they end in turn.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"

namespace chaperon {

/// `first`, `first + step` … `last()`.
struct UserRun {
  std::uint64_t first = 0;
  std::uint64_t step = 1;
  std::uint64_t count = 1;

  [[nodiscard]] std::uint64_t last() const noexcept { return first + step * (count - 1); }
};

/// Takes the first run, of `most` users or fewer, off numbers that ascend. There must be at least one.
UserRun take_run(std::span<const std::uint64_t>& users, std::uint64_t most);

/// Appends runs, each of which begins where the one before has ended, or after it.
void encode(ByteWriter& out, std::span<const UserRun> runs);

/// Takes runs and adds their users to `users`, which has no more than `most` (at least its size) then. Throws
/// MalformedBytes.
void decode_runs(ByteReader& in, std::vector<std::uint64_t>& users, std::uint64_t most);

}  // namespace chaperon
