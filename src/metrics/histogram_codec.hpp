// Histograms as bytes: exactly, and in a few bytes for each bucket in use.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "metrics/histogram.hpp"

namespace chaperon::metrics {

/// The most samples of a histogram that can be sent: ten million a second for 325 days. What is received is
/// held to it, so that no sum overflows before 32,768 messages with as many have been added up.
inline constexpr std::uint64_t kMostSamples = std::uint64_t{1} << 48U;

/// Appends a histogram. Throws std::length_error if it has more than kMostSamples samples.
void encode(ByteWriter& out, const Histogram& histogram);

/// Takes a histogram, which equals the one that was appended. Throws MalformedBytes, also where count, sum,
/// smallest and largest value and buckets do not go together.
Histogram decode_histogram(ByteReader& in);

}  // namespace chaperon::metrics
