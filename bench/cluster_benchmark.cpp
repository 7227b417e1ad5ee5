// What it costs a worker to send what it has measured in a second, and the coordinator to add it up.
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <chaperon/chaperon.hpp>

#include "cluster/measurements_codec.hpp"
#include "cluster/merged_run.hpp"
#include "cluster/protocol.hpp"
#include "load_test/plan.hpp"

namespace chaperon::cluster {
namespace {

struct Shopper {
  static void run(Session&) {}
};

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

// A coordinator of 200 workers, each of which reports 100 metrics of 2,000 samples a second: what a second of
// it costs, and how much memory it holds.
void coordinator_merges_a_second(benchmark::State& state) {
  constexpr unsigned kWorkers = 200;
  const RegisteredLoadTest load_test{
      .name = "Test", .default_config = {}, .scenarios = [](const Json&) {
        return Scenarios{{std::int64_t{kWorkers} * 1000 * scenario<Shopper>, {}}};
      }};
  const auto plan = load_test::Plan::make(load_test, {});
  std::vector<Seat> seats;
  for (unsigned i = 0; i < kWorkers; ++i)
    seats.push_back({.worker = "w" + std::to_string(i), .epoch = i + 1, .loops = {i}});
  MergedRun merged(plan, "run", seats);
  auto measurements = second();
  measurements.ended_users.clear();
  measurements.metrics = measurements.metrics.coarse(kProvisionalBits);
  const auto payloads = encode(std::move(measurements));
  Report report{.kind = Report::Kind::measured, .run = "run", .live = 500};
  std::size_t bytes = 0;
  for (auto _ : state) {
    ++report.sequence;
    bytes = 0;
    for (unsigned i = 0; i < kWorkers; ++i) {
      report.worker = seats[i].worker;
      report.epoch = seats[i].epoch;
      report.measurements = payloads.front();
      const auto message = encode(report);
      bytes += message.size();
      merged.take(decode_report(message));
    }
    benchmark::DoNotOptimize(merged.progress(Instant(std::chrono::seconds(report.sequence))));
  }
  state.counters["payloads"] = static_cast<double>(payloads.size());
  state.counters["bytes_of_worker"] = static_cast<double>(bytes) / kWorkers;
  state.counters["memory_mb"] = static_cast<double>(merged.memory()) / 1e6;
}
BENCHMARK(coordinator_merges_a_second)->Unit(benchmark::kMillisecond)->Iterations(30);
BENCHMARK(coordinator_merges_a_second)->Unit(benchmark::kMillisecond)->Iterations(120);

}  // namespace
}  // namespace chaperon::cluster

BENCHMARK_MAIN();
