// What loops have measured, as the bytes in which a worker sends it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load_test/measurements.hpp"

namespace chaperon::cluster {

/// The size in bytes that payloads are kept to, unless told otherwise.
inline constexpr std::size_t kPayloadLimit = std::size_t{400} << 10;

/// The size in bytes of the largest part that is never divided: a histogram with all its 54,272 buckets in
/// use, each with five or six bytes of count (for 2^48 samples, the most that a message may count), and the
/// longest of names.
inline constexpr std::size_t kLargestPart = std::size_t{360} << 10;

/// The longest text in bytes that is sent whole: a longer name, URL, example or warning is cut and ends with
/// `…`.
inline constexpr std::size_t kLongestText = std::size_t{8} << 10;

/// The most ended users in one payload: 8 MB of numbers, which a few bytes may stand for.
inline constexpr std::uint64_t kMostUsers = 1'000'000;

/// One payload or more, each of which is measurements by itself: added up they are the whole, in any order.
/// None is larger than `limit` bytes, or than kLargestPart where that is more. A stored item that is too
/// large, or nested too deeply (see base/json_bytes.hpp), is left out and counted in `stored.left_out`. What
/// was said of names beyond the limit becomes one of the `warnings`. Throws std::length_error if a histogram
/// has more than metrics::kMostSamples samples, or a scenario table more than a million entries.
std::vector<std::string> encode(load_test::Measurements&& measurements, std::size_t limit = kPayloadLimit);

/// The measurements of one payload. Its instants are those of the sender's clock. Throws MalformedBytes,
/// whatever the bytes are, and then has allocated no more than some 200 MiB.
load_test::Measurements decode_measurements(std::string_view payload);

}  // namespace chaperon::cluster
