#include "cluster/load_test_options.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "base/json.hpp"
#include "cluster/protocol.hpp"
#include "http/url.hpp"
#include "session/settings.hpp"

namespace chaperon::cluster {
namespace {

constexpr std::array<std::pair<std::string_view, OnWorkerLoss>, 3> kLosses{
    {{"leave-out", OnWorkerLoss::leave_out},
     {"restart", OnWorkerLoss::restart},
     {"abort", OnWorkerLoss::abort}}};
constexpr std::uint64_t kSmallestStack = std::uint64_t{32} << 10U;
constexpr std::uint64_t kLargestStack = std::uint64_t{1} << 30U;

[[noreturn]] void refuse(std::string_view key, const Json& value, std::string_view wanted) {
  throw InputError(fmt::format("option \"{}\" is {}: it must be {}", key, describe(value), wanted));
}

std::string text_at(std::string_view key, const Json& value) {
  if (!value.is_string()) refuse(key, value, "a string");
  return value.get<std::string>();
}

std::uint64_t number_at(std::string_view key, const Json& value, std::uint64_t least, std::uint64_t most) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() < least || value.get<std::uint64_t>() > most)
    refuse(key, value, fmt::format("a whole number from {} to {}", least, most));
  return value.get<std::uint64_t>();
}

// As a session reads it. What is given for the run wins over what config has.
void require_base_url(const LoadTestOptions& options) {
  Json url = options.base_url;
  if (const auto* own = find_path(options.config, "base_url"); own != nullptr && options.base_url.empty())
    url = *own;
  if (const auto* text = url.get_ptr<const std::string*>(); text != nullptr && !text->empty())
    url = http::with_scheme(*text);
  std::string error;
  try {
    error = session::Settings::from_config({{"base_url", url}}).base_url_error;
  } catch (const ScenarioError& wrong) {
    error = wrong.what();
  }
  if (!error.empty()) throw InputError(error);
}

// Names are given to the run as one word with commas between them, which must not look like an option.
bool is_metric_name(std::string_view name) {
  const auto is_wrong = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f' || c == ','; };
  return !name.empty() && name.front() != '-' && std::ranges::none_of(name, is_wrong);
}

}  // namespace

std::string_view to_string(OnWorkerLoss what) noexcept {
  for (const auto& [word, meaning] : kLosses) {
    if (meaning == what) return word;
  }
  return {};
}

std::optional<OnWorkerLoss> on_worker_loss(std::string_view text) noexcept {
  for (const auto& [word, meaning] : kLosses) {
    if (word == text) return meaning;
  }
  return std::nullopt;
}

void require_usable(const LoadTestOptions& options) {
  require_base_url(options);
  for (const auto& [key, value] : options.labels) {
    if (is_label(key, value)) continue;
    throw InputError(
        fmt::format("the label {} is none that a worker can have: its key must not be empty, begin with - or "
                    "have a =, and control characters are in neither: write it as region=eu",
                    dump(fmt::format("{}={}", key, value))));
  }
  for (const auto& name : options.metrics) {
    if (is_metric_name(name)) continue;
    throw InputError(fmt::format(
        "no metric can be called {}: names have no comma and no control characters, are not empty "
        "and do not begin with -: give them one by one, such as get and call",
        dump(name)));
  }
}

Json to_json(const LoadTestOptions& options) {
  Json json = Json::object();
  if (!options.config.empty()) json["config"] = options.config;
  if (!options.base_url.empty()) json["base_url"] = options.base_url;
  if (options.workers > 0) json["workers"] = options.workers;
  if (!options.labels.empty()) json["labels"] = options.labels;
  if (options.on_worker_loss != OnWorkerLoss::leave_out)
    json["on_worker_loss"] = to_string(options.on_worker_loss);
  if (options.seed) json["seed"] = *options.seed;
  if (options.stack_size > 0) json["stack_size"] = options.stack_size;
  if (!options.metrics.empty()) json["metrics"] = options.metrics;
  return json;
}

LoadTestOptions load_test_options(const Json& json) {
  if (!json.is_object())
    throw InputError(fmt::format("\"options\" is {}: it must be an object", describe(json)));
  LoadTestOptions options;
  for (const auto& [key, value] : json.items()) {
    if (key == "config") {
      if (!value.is_object()) refuse(key, value, "an object of config values");
      options.config = value;
    } else if (key == "base_url") {
      options.base_url = text_at(key, value);
    } else if (key == "workers") {
      options.workers = static_cast<unsigned>(number_at(key, value, 1, kMostWorkers));
    } else if (key == "labels") {
      if (!value.is_object()) refuse(key, value, R"(an object such as {"region": "eu"})");
      for (const auto& [label, text] : value.items())
        options.labels[label] = text_at(fmt::format("labels.{}", label), text);
    } else if (key == "on_worker_loss") {
      const auto what = value.is_string() ? on_worker_loss(value.get<std::string>()) : std::nullopt;
      if (!what) refuse(key, value, R"("leave-out", "restart" or "abort")");
      options.on_worker_loss = *what;
    } else if (key == "seed") {
      options.seed = number_at(key, value, 0, UINT64_MAX);
    } else if (key == "stack_size") {
      options.stack_size = number_at(key, value, kSmallestStack, kLargestStack);
    } else if (key == "metrics") {
      if (!value.is_array()) refuse(key, value, R"(an array of names such as ["get", "call"])");
      for (const auto& name : value)
        options.metrics.push_back(text_at(key, name));
    } else {
      throw InputError(
          fmt::format("there is no option \"{}\": the options are config, base_url, workers, labels, "
                      "on_worker_loss, seed, stack_size and metrics",
                      key));
    }
  }
  return options;
}

}  // namespace chaperon::cluster
