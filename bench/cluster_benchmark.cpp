// What it costs a worker to send what it has measured in a second, and the coordinator to add it up.
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "cluster/measurements_codec.hpp"

namespace chaperon::cluster {
namespace {

// 100 metrics of 2,000 samples each, as of a server under load.
load_test::Measurements second() {
  std::mt19937_64 random(4711);
  std::lognormal_distribution<double> milliseconds(1.5, 1.0);
  load_test::Measurements made;
  for (int i = 0; i < 100; ++i) {
    metrics::Histogram histogram;
    for (int sample = 0; sample < 2000; ++sample)
      histogram.record(static_cast<std::int64_t>(milliseconds(random) * 1e6));
    const std::string target = "http://127.0.0.1:5000/items/" + std::to_string(i);
    made.metrics.add({.session = "Shopper", .action = "get", .target = target}, std::move(histogram));
  }
  made.traffic.requests = made.traffic.responses = 200'000;
  for (std::uint64_t user = 0; user < 1000; ++user)
    made.ended_users.push_back(user * 4 + 1);
  return made;
}

void measurements_encode(benchmark::State& state) {
  auto measurements = second();
  std::size_t bytes = 0;
  std::size_t payloads = 0;
  for (auto _ : state) {
    const auto made = encode(std::move(measurements));  // which leaves all but stored results as it was
    bytes = 0;
    for (const auto& payload : made)
      bytes += payload.size();
    payloads = made.size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
  state.counters["payloads"] = static_cast<double>(payloads);
}
BENCHMARK(measurements_encode)->Unit(benchmark::kMicrosecond);

void measurements_decode(benchmark::State& state) {
  const auto payloads = encode(second());
  for (auto _ : state) {
    for (const auto& payload : payloads)
      benchmark::DoNotOptimize(decode_measurements(payload));
  }
}
BENCHMARK(measurements_decode)->Unit(benchmark::kMicrosecond);

void measurements_decode_and_merge(benchmark::State& state) {
  const auto payloads = encode(second());
  auto all = second();
  for (auto _ : state) {
    for (const auto& payload : payloads)
      all.merge(decode_measurements(payload));
    all.ended_users.clear();
  }
}
BENCHMARK(measurements_decode_and_merge)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace chaperon::cluster

BENCHMARK_MAIN();
