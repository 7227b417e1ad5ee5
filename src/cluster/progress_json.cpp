#include "cluster/progress_json.hpp"

#include <algorithm>
#include <cmath>

#include "cluster/json_read.hpp"

namespace chaperon::cluster {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

// Three decimals are enough for everybody.
double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

Json duration_json(std::optional<Duration> duration) {
  return duration ? Json(rounded(Milliseconds(*duration).count())) : Json();
}

// Whatever comes must fit: a duration, and a text for people.
double value_of(const Json& json) {
  constexpr double kMost = 1e12;
  return std::clamp(number<double>(json), 0.0, kMost);
}

Duration duration_of(const Json& json) {
  return std::chrono::duration_cast<Duration>(Milliseconds(value_of(json)));
}

std::optional<Duration> optional_duration(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(duration_of(json));
}

}  // namespace

Json to_json(const Progress& progress) {
  Json workers = Json::array();
  for (const auto& worker : progress.workers) {
    workers.push_back({{"name", worker.name},
                       {"live", worker.live},
                       {"requests_per_second", rounded(worker.requests_per_second)},
                       {"p50_ms", duration_json(worker.p50)},
                       {"p99_ms", duration_json(worker.p99)},
                       {"busiest_loop", rounded(worker.busiest_loop)},
                       {"lost", worker.lost},
                       {"silent_ms", duration_json(worker.silent)}});
  }
  return {{"elapsed_ms", duration_json(progress.elapsed)},
          {"waiting", progress.waiting},
          {"live", progress.live},
          {"done", progress.done},
          {"requests", progress.requests},
          {"requests_per_second", rounded(progress.requests_per_second)},
          {"messages_per_second", rounded(progress.messages_per_second)},
          {"error_share", rounded(progress.error_share)},
          {"p50_ms", duration_json(progress.p50)},
          {"p99_ms", duration_json(progress.p99)},
          {"busiest_loop", rounded(progress.busiest_loop)},
          {"workers", std::move(workers)}};
}

std::optional<Progress> progress_of(const Json& json) {
  try {
    Progress progress{.elapsed = duration_of(json.at("elapsed_ms")),
                      .waiting = number<std::uint64_t>(json.at("waiting")),
                      .live = number<std::uint64_t>(json.at("live")),
                      .done = number<std::uint64_t>(json.at("done")),
                      .requests = number<std::uint64_t>(json.at("requests")),
                      .requests_per_second = value_of(json.at("requests_per_second")),
                      .messages_per_second = value_of(json.at("messages_per_second")),
                      .error_share = value_of(json.at("error_share")),
                      .p50 = optional_duration(json.at("p50_ms")),
                      .p99 = optional_duration(json.at("p99_ms")),
                      .busiest_loop = value_of(json.at("busiest_loop"))};
    for (const auto& worker : json.at("workers")) {
      progress.workers.push_back({.name = worker.at("name").get<std::string>(),
                                  .live = number<std::uint64_t>(worker.at("live")),
                                  .requests_per_second = value_of(worker.at("requests_per_second")),
                                  .p50 = optional_duration(worker.at("p50_ms")),
                                  .p99 = optional_duration(worker.at("p99_ms")),
                                  .busiest_loop = value_of(worker.at("busiest_loop")),
                                  .lost = worker.at("lost").get<bool>(),
                                  .silent = duration_of(worker.at("silent_ms"))});
    }
    return progress;
  } catch (const Json::exception&) {
    return std::nullopt;
  } catch (const MalformedBytes&) {
    return std::nullopt;
  }
}

}  // namespace chaperon::cluster
