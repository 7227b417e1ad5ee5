// Whatever is taken for measurements makes sense by itself, and is sent on as it is. Input: a payload.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/bytes.hpp"
#include "cluster/measurements_codec.hpp"
#include "require.hpp"

namespace {

using namespace chaperon;

void check(const metrics::Histogram& histogram) {
  constexpr std::array kPercents{0.0, 1.0, 50.0, 99.0, 100.0};
  std::array<std::int64_t, kPercents.size()> values{};
  histogram.percentiles(kPercents, values);
  std::int64_t last = histogram.min();
  for (const std::int64_t value : values) {
    FUZZ_REQUIRE(value >= last);
    last = value;
  }
  FUZZ_REQUIRE(last == histogram.max());
  FUZZ_REQUIRE(histogram.mean() >= static_cast<double>(histogram.min()));
  FUZZ_REQUIRE(histogram.mean() <= static_cast<double>(histogram.max()));
  std::array<double, kPercents.size()> numbers{};
  histogram.number_percentiles(kPercents, numbers);
  double last_number = histogram.number_min();
  for (const double number : numbers) {
    FUZZ_REQUIRE(number >= last_number);
    last_number = number;
  }
  FUZZ_REQUIRE(histogram.number_mean() >= histogram.number_min());
  FUZZ_REQUIRE(histogram.number_mean() <= histogram.number_max());
}

load_test::Measurements merged(const std::vector<std::string>& payloads) {
  load_test::Measurements all;
  for (const auto& payload : payloads)
    all.merge(cluster::decode_measurements(payload));
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view payload(reinterpret_cast<const char*>(data), size);
  try {
    auto measurements = cluster::decode_measurements(payload);
    measurements.metrics.for_each(
        [](const metrics::Name&, const metrics::Histogram& histogram) { check(histogram); });
    for (const auto* histogram : {&measurements.answers, &measurements.lateness, &measurements.queued})
      check(*histogram);
    FUZZ_REQUIRE(measurements.ended_users.size() <= cluster::kMostUsers);
    // A few bytes may stand for millions of users: to sort them takes seconds here.
    if (measurements.ended_users.size() > 100'000) return 0;

    auto twice = cluster::decode_measurements(payload);
    twice.merge(cluster::decode_measurements(payload));
    twice.metrics.for_each(
        [](const metrics::Name&, const metrics::Histogram& histogram) { check(histogram); });

    const auto sent = cluster::encode(std::move(measurements));
    FUZZ_REQUIRE(cluster::encode(merged(sent)) == sent);
  } catch (const MalformedBytes& e) {
    FUZZ_REQUIRE(std::string_view(e.what()).starts_with("malformed message at byte "));
  }
  return 0;
}
