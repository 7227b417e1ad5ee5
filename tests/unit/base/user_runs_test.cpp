#include "base/user_runs.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace chaperon {
namespace {

constexpr std::uint64_t kMost = 1'000'000;
constexpr auto kLast = std::numeric_limits<std::uint64_t>::max();

std::string bytes_of(std::span<const std::uint64_t> users, std::uint64_t most = kMost) {
  std::vector<UserRun> runs;
  while (!users.empty())
    runs.push_back(take_run(users, most));
  std::string bytes;
  ByteWriter out(bytes);
  encode(out, runs);
  return bytes;
}

std::vector<std::uint64_t> users_of(std::string_view bytes, std::uint64_t most = kMost) {
  ByteReader in(bytes);
  std::vector<std::uint64_t> users;
  decode_runs(in, users, most);
  in.end();
  return users;
}

TEST(UserRuns, UsersComeBack) {
  using Users = std::vector<std::uint64_t>;
  for (const auto& users :
       {Users{}, Users{0}, Users{7}, Users{1, 2}, Users{5, 5, 5}, Users{0, 4, 8, 9, 10, 100}, Users{0, kLast},
        Users{kLast - 1, kLast}, Users{1, kLast, kLast}}) {
    EXPECT_EQ(users_of(bytes_of(users)), users);
    EXPECT_EQ(users_of(bytes_of(users, 2)), users);
  }
}

TEST(UserRuns, TheUsersOfALoopAreAFewBytes) {
  std::vector<std::uint64_t> users;
  for (std::uint64_t k = 0; k < 100'000; ++k)
    users.push_back(k * 16 + 3);
  EXPECT_LE(bytes_of(users).size(), 6U);
  EXPECT_EQ(users_of(bytes_of(users)), users);
}

TEST(UserRuns, ManyUsersInAFewBytesAreRefused) {
  const auto run = [](std::uint64_t first, std::uint64_t step, std::uint64_t count) {
    std::string bytes;
    ByteWriter out(bytes);
    encode(out, std::vector{UserRun{first, step, count}});
    return bytes;
  };
  EXPECT_EQ(users_of(run(0, 1, 100), 100).size(), 100U);
  EXPECT_THROW(users_of(run(0, 1, 101), 100), MalformedBytes);
  EXPECT_THROW(users_of(run(0, 0, std::uint64_t{1} << 60U)), MalformedBytes);
  EXPECT_THROW(users_of(run(kLast, 1, 2)), MalformedBytes);
  EXPECT_THROW(users_of(run(0, kLast / 2, 4)), MalformedBytes);
  EXPECT_EQ(users_of(run(0, kLast / 3, 4)).back(), kLast);
}

}  // namespace
}  // namespace chaperon
