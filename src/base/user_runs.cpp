#include "base/user_runs.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace chaperon {

UserRun take_run(std::span<const std::uint64_t>& users, std::uint64_t most) {
  UserRun run{.first = users[0]};
  const std::uint64_t end = std::min<std::uint64_t>(users.size(), most);
  if (end > 1) run.step = users[1] - users[0];
  while (run.count < end && users[run.count] - users[run.count - 1] == run.step)
    ++run.count;
  users = users.subspan(run.count);
  return run;
}

void encode(ByteWriter& out, std::span<const UserRun> runs) {
  out.varint(runs.size());
  std::uint64_t last = 0;
  for (const auto& run : runs) {
    out.varint(run.first - last);
    out.varint(run.count);
    if (run.count > 1) out.varint(run.step);
    last = run.last();
  }
}

void decode_runs(ByteReader& in, std::vector<std::uint64_t>& users, std::uint64_t most) {
  constexpr std::size_t kSmallest = 2;  // bytes: a gap and a length
  constexpr auto kLast = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t last = 0;
  for (std::size_t left = in.count("the number of runs of users", kSmallest); left > 0; --left) {
    UserRun run;
    run.first = last + in.varint("the gap before a run of users", kLast - last);
    run.count = in.varint("the length of a run of users", most - users.size());
    if (run.count == 0) in.fail("a run of users is empty");
    if (run.count > 1)
      run.step = in.varint("the step of a run of users", (kLast - run.first) / (run.count - 1));
    for (std::uint64_t i = 0; i < run.count; ++i)
      users.push_back(run.first + run.step * i);
    last = run.last();
  }
}

}  // namespace chaperon
