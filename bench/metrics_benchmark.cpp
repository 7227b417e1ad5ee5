// What it costs to record a sample, and to find a metric by name.
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "metrics/histogram.hpp"
#include "metrics/recorder.hpp"

namespace chaperon::metrics {
namespace {

// Latencies as a server under load has them, in random order: the same buckets never stay in the first cache
// for free.
std::vector<std::int64_t> latencies() {
  std::mt19937_64 random(4711);
  std::lognormal_distribution<double> milliseconds(1.5, 1.0);
  std::vector<std::int64_t> values(4096);
  for (auto& value : values)
    value = static_cast<std::int64_t>(milliseconds(random) * 1e6);
  return values;
}

void histogram_record(benchmark::State& state) {
  const auto values = latencies();
  Histogram histogram;
  std::size_t i = 0;
  for (auto _ : state)
    histogram.record(values[i++ % values.size()]);
  benchmark::DoNotOptimize(histogram);
  state.counters["memory"] = static_cast<double>(histogram.memory());
}
BENCHMARK(histogram_record);

// A metric so steady that its histogram stays a list.
void histogram_record_sparse(benchmark::State& state) {
  Histogram histogram;
  std::int64_t i = 0;
  for (auto _ : state)
    histogram.record(1'000'000 + (i++ % 40) * 1000);
  benchmark::DoNotOptimize(histogram);
}
BENCHMARK(histogram_record_sparse);

void recorder_record(benchmark::State& state) {
  const auto values = latencies();
  Recorder recorder;
  const auto id = recorder.intern({"shopper", "get", "http://127.0.0.1:5000/items"});
  std::size_t i = 0;
  for (auto _ : state)
    recorder.record(id, Duration(values[i++ % values.size()]));
}
BENCHMARK(recorder_record);

void recorder_intern(benchmark::State& state) {
  Recorder recorder;
  std::vector<std::string> urls;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    urls.push_back("http://127.0.0.1:5000/items/" + std::to_string(i));
    recorder.intern({"shopper", "get", urls.back()});
  }
  std::size_t i = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(recorder.intern({"shopper", "get", urls[i++ % urls.size()]}));
}
BENCHMARK(recorder_intern)->Arg(10)->Arg(10'000);

// Beyond the limit each look-up also finds the name's pattern, for the warning.
void recorder_intern_overflow(benchmark::State& state) {
  Recorder recorder({.names = {.names = 0}});
  for (auto _ : state) {
    benchmark::DoNotOptimize(recorder.intern({"shopper", "get", "http://127.0.0.1:5000/items/17"}));
  }
}
BENCHMARK(recorder_intern_overflow);

void histogram_percentiles(benchmark::State& state) {
  Histogram histogram;
  for (const auto value : latencies())
    histogram.record(value);
  const std::vector<double> percents{50, 90, 99, 99.9};
  std::vector<std::int64_t> values(percents.size());
  for (auto _ : state) {
    histogram.percentiles(percents, values);
    benchmark::DoNotOptimize(values.data());
  }
}
BENCHMARK(histogram_percentiles);

void histogram_merge(benchmark::State& state) {
  Histogram from;
  for (const auto value : latencies())
    from.record(value);
  Histogram into = from;
  for (auto _ : state)
    into.merge(from);
}
BENCHMARK(histogram_merge);

}  // namespace
}  // namespace chaperon::metrics

BENCHMARK_MAIN();
