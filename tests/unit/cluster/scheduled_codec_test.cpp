#include "cluster/scheduled_codec.hpp"

#include <chrono>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "base/json_bytes.hpp"

namespace chaperon::cluster {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr http::CookieJar::Time kNow{std::chrono::hours(24 * 365 * 56)};

http::CookieJar cookies() {
  http::CookieJar jar;
  jar.store("id=17; max-age=60", http::parse_url("http://example.com/"), kNow);
  return jar;
}

std::string sent(const http::CookieJar& jar) {
  std::string out;
  jar.append_header_value(out, http::parse_url("http://example.com/"), kNow);
  return out;
}

ScheduledRequest request() {
  return {.id = std::numeric_limits<std::uint64_t>::max(),
          .from_worker = "worker-1",
          .library_offset = 0x1234'5678,
          .part_count = std::numeric_limits<std::uint32_t>::max(),
          .profile = 3,
          .seed = 4711,
          .config = {{"echo", {{"iterations", 10}, {"ratio", 0.1}}}},
          .headers = {{"X-A", "1"}, {"X-A", "2"}, {"X-Empty", ""}},
          .authorization = "Bearer secret",
          .unrecorded = true,
          .assignments = {{"user", "ann"}, {"raw", "\xFF"}},
          .cookies = cookies()};
}

ScheduledResult result() {
  return {.id = 5,
          .outcome = session::Outcome::failed,
          .reason = "failed",
          .failure = "std::runtime_error: no such item",
          .assignments = {{"item", 17}},
          .cookies = cookies()};
}

const ScheduledCancel kCancel{.id = 6,
                              .from_worker = "worker-1",
                              .outcome = session::Outcome::timed_out,
                              .reason = "load_test_timeout"};

TEST(ScheduledCodec, ARequestComesBack) {
  const auto original = request();
  const auto back = decode_request(encode(original));
  EXPECT_EQ(back.id, original.id);
  EXPECT_EQ(back.from_worker, original.from_worker);
  EXPECT_EQ(back.library_offset, original.library_offset);
  EXPECT_EQ(back.part_count, original.part_count);
  EXPECT_EQ(back.profile, original.profile);
  EXPECT_EQ(back.seed, original.seed);
  EXPECT_EQ(back.config, original.config);
  EXPECT_EQ(back.headers, original.headers);
  EXPECT_EQ(back.authorization, original.authorization);
  EXPECT_TRUE(back.unrecorded);
  EXPECT_EQ(back.assignments, original.assignments);
  EXPECT_EQ(sent(back.cookies), "id=17");
  EXPECT_EQ(encode(back), encode(original));
}

TEST(ScheduledCodec, ACancellationComesBack) {
  const auto back = decode_cancel(encode(kCancel));
  EXPECT_EQ(back.id, kCancel.id);
  EXPECT_EQ(back.from_worker, kCancel.from_worker);
  EXPECT_EQ(back.outcome, kCancel.outcome);
  EXPECT_EQ(back.reason, kCancel.reason);
}

TEST(ScheduledCodec, AResultComesBack) {
  const auto original = result();
  const auto back = decode_result(encode(original));
  EXPECT_EQ(back.id, original.id);
  EXPECT_EQ(back.outcome, original.outcome);
  EXPECT_EQ(back.reason, original.reason);
  EXPECT_EQ(back.failure, original.failure);
  EXPECT_EQ(back.assignments, original.assignments);
  EXPECT_EQ(sent(back.cookies), "id=17");
}

// Every message that begins like this one, or differs from it by a bit, is refused or another message.
template <class Decode>
void expect_checked(const std::string& bytes, Decode decode) {
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THROW(decode(std::string_view(bytes).substr(0, size)), MalformedBytes) << size;
  EXPECT_THROW(decode(bytes + "x"), MalformedBytes);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    try {
      EXPECT_EQ(encode(decode(flipped)), flipped);
    } catch (const MalformedBytes&) {
    }
  }
}

TEST(ScheduledCodec, EveryMessageIsChecked) {
  expect_checked(encode(request()), decode_request);
  expect_checked(encode(kCancel), decode_cancel);
  expect_checked(encode(result()), decode_result);
}

TEST(ScheduledCodec, AnotherMessageIsRefused) {
  EXPECT_THROW(decode_request(encode(result())), MalformedBytes);
  EXPECT_THROW(decode_result(encode(kCancel)), MalformedBytes);
  EXPECT_THROW(decode_cancel(encode(request())), MalformedBytes);
  std::string bytes = encode(kCancel);
  bytes[0] = 2;
  EXPECT_THROW(decode_cancel(bytes), MalformedBytes);
}

TEST(ScheduledCodec, WhatIsTooLargeIsNamed) {
  auto large = request();
  large.assignments = std::string(kLargestScheduled, 'x');
  try {
    static_cast<void>(encode(large));
    FAIL();
  } catch (const std::length_error& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("its assignments"), HasSubstr("at most 524288")));
  }
  EXPECT_NO_THROW(encode(large, 2 * kLargestScheduled));
}

TEST(ScheduledCodec, DeeplyNestedJsonIsRefused) {
  auto deep = result();
  for (int i = 0; i <= kDeepestJson; ++i) {
    Json outer = Json::array();
    outer.push_back(std::move(deep.assignments));
    deep.assignments = std::move(outer);
  }
  EXPECT_THROW(encode(deep), std::invalid_argument);
}

}  // namespace
}  // namespace chaperon::cluster
