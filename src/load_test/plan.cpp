#include "load_test/plan.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include <chaperon/detail/convert.hpp>

#include "base/json.hpp"
#include "session/settings.hpp"
#include "session/state.hpp"

namespace chaperon::load_test {
namespace {

bool same_parts(std::span<const detail::ScenarioPart> a, std::span<const detail::ScenarioPart> b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) { return x.run == y.run; });
}

// A null config, as an entry's `{}`, is an empty object.
Json object_or_empty(Json config, const std::string& whose) {
  if (config.is_null()) return Json::object();
  if (!config.is_object()) {
    throw InputError(fmt::format("{} is {}, not an object: write it as {{{{\"key\", value}}, …}}", whose,
                                 describe(config)));
  }
  return config;
}

template <class T>
std::optional<T> read(const Json& config, const std::string& load_test, std::string_view key) {
  const Json* value = find_path(config, key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  try {
    return detail::from_json<T>(*value);
  } catch (const std::exception& e) {
    throw InputError(fmt::format("config key \"{}\" of {} cannot be used: {}", key, load_test, e.what()));
  }
}

std::vector<std::string> local_address_texts(const Json& config, const std::string& load_test) {
  const Json* value = find_path(config, "local_addresses");
  if (value != nullptr && value->is_string()) return {value->get<std::string>()};
  return read<std::vector<std::string>>(config, load_test, "local_addresses")
      .value_or(std::vector<std::string>());
}

void check_entry_config(const Json& config, const std::string& name) {
  try {
    const auto settings = session::Settings::from_config(config);
    if (!settings.base_url_error.empty()) throw InputError(settings.base_url_error);
  } catch (const ScenarioError& e) {
    throw InputError(fmt::format("{}: {}", name, e.what()));
  }
  for (const auto* key : {"delay", "random_delay", "scenario_timeout"})
    read<Duration>(config, name, key);
}

using Filter = std::function<bool(std::string_view)>;

// The load test's own filter, with its exceptions contained: whatever it throws for is recorded.
Filter own_filter(const RegisteredLoadTest& load_test, std::shared_ptr<RecordFailure> failure) {
  if (!load_test.record) return nullptr;
  return
      [own = load_test.record, name = load_test.name, failure = std::move(failure)](std::string_view action) {
        try {
          return own(action);
        } catch (...) {
          failure->note(fmt::format(
              "record() of {} threw for the action \"{}\" ({}): whatever it throws for is recorded", name,
              action, session::describe_exception(std::current_exception())));
          return true;
        }
      };
}

Filter make_filter(Filter own, const RunOptions& options) {
  if (options.metrics.empty()) return own;
  return [own = std::move(own), names = options.metrics](std::string_view action) {
    return std::ranges::find(names, action) != names.end() && (!own || own(action));
  };
}

}  // namespace

void RecordFailure::note(std::string what) {
  const std::lock_guard lock(mutex_);
  if (text_.empty()) text_ = std::move(what);
}

std::string RecordFailure::text() const {
  const std::lock_guard lock(mutex_);
  return text_;
}

Plan Plan::make(const RegisteredLoadTest& load_test, const RunOptions& options) {
  Plan plan;
  plan.name = load_test.name;
  if (load_test.default_config) {
    plan.config =
        object_or_empty(load_test.default_config(), fmt::format("the default_config() of {}", plan.name));
  } else {
    plan.config = Json::object();
  }
  Json overlay = object_or_empty(options.config, "the config given for this run");
  if (!options.base_url.empty()) overlay["base_url"] = options.base_url;
  deep_merge(plan.config, overlay);

  std::map<std::string, std::span<const detail::ScenarioPart>> named;
  for (auto& entry : load_test.scenarios(plan.config)) {
    PlannedEntry planned;
    planned.parts = entry.scenario.parts();
    planned.name = entry.name.empty() ? entry.scenario.name() : std::move(entry.name);
    if (entry.scenario.users() < 1) {
      throw InputError(fmt::format("{}: entry {} has {} sessions: it needs at least one", plan.name,
                                   planned.name, entry.scenario.users()));
    }
    planned.users = static_cast<std::uint64_t>(entry.scenario.users());
    const auto [known, is_new] = named.emplace(planned.name, planned.parts);
    if (!is_new && !same_parts(known->second, planned.parts)) {
      throw InputError(
          fmt::format("{}: two different scenarios are called {}, and their rows would mix: give one of the "
                      "entries another "
                      "name, as in {{scenario<…>, \"name\", {{…}}}}",
                      plan.name, planned.name));
    }
    planned.config = plan.config;
    deep_merge(planned.config,
               object_or_empty(std::move(entry.config), fmt::format("the config of entry {}", planned.name)));
    // The command line wins over the table.
    deep_merge(planned.config, overlay);
    check_entry_config(planned.config, planned.name);
    planned.first_user = plan.users;
    plan.users += planned.users;
    plan.entries.push_back(std::move(planned));
  }
  if (plan.entries.empty()) {
    throw InputError(fmt::format("{} has no scenarios: its scenarios() returned an empty table", plan.name));
  }

  const Json& first = plan.entries.front().config;
  plan.base_url = read<std::string>(first, plan.name, "base_url").value_or("");
  plan.timeout = read<Duration>(plan.config, plan.name, "load_test_timeout").value_or(kForever);
  plan.dns_ttl = read<Duration>(plan.config, plan.name, "http.dns_ttl");
  plan.local_addresses = net::parse_local_addresses(local_address_texts(plan.config, plan.name));
  plan.record = make_filter(own_filter(load_test, plan.record_failure), options);
  return plan;
}

std::size_t Plan::entry_of(std::uint64_t user) const noexcept {
  const auto after = std::ranges::upper_bound(entries, user, {}, &PlannedEntry::first_user);
  return static_cast<std::size_t>(after - entries.begin()) - 1;
}

Json Plan::table() const {
  Json result = Json::array();
  for (const auto& entry : entries) {
    Json scenarios = Json::array();
    for (const auto& part : entry.parts)
      scenarios.push_back(part.name);
    result.push_back({{"name", entry.name},
                      {"scenarios", std::move(scenarios)},
                      {"users", entry.users},
                      {"config", entry.config}});
  }
  return result;
}

}  // namespace chaperon::load_test
