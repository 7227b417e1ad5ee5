// Session: config, assignments, state<T>.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/json.hpp"
#include "session/state.hpp"

namespace chaperon {
inline namespace v1 {
namespace {

Path to_path(Keys keys) {
  return {keys.begin(), keys.end()};
}

Path to_path(std::string_view name_space, std::string_view key) {
  Path path;
  if (!name_space.empty()) path = split_path(name_space);
  for (auto& part : split_path(key))
    path.push_back(std::move(part));
  return path;
}

[[noreturn]] void throw_config_missing(const session::State& state, std::string_view key) {
  throw RequiredConfigMissing(
      fmt::format("config key \"{}\" is missing in session {}: set it in default_config(), in the scenario "
                  "table or with --config {}=…",
                  key, state.description(), key));
}

[[noreturn]] void throw_config_type_error(const session::State& state, std::string_view key,
                                          std::string_view type, std::string_view example,
                                          std::string_view why) {
  throw ConfigTypeError(fmt::format(
      "config key \"{}\" cannot be read as {} in session {}: {}: change it in default_config(), in "
      "the scenario table or with --config {}={}",
      key, type, state.description(), why, key, example));
}

// The value under a key, or under a key within a namespace; nullptr if it is not there.
Json& slot(Json& object, std::string_view name_space, std::string_view key) {
  Json* at = &object;
  if (!at->is_object()) *at = Json::object();
  if (!name_space.empty()) {
    at = &(*at)[std::string(name_space)];
    if (!at->is_object()) *at = Json::object();
  }
  return (*at)[std::string(key)];
}

}  // namespace

const Json* Session::find_config(std::string_view key) const {
  state_.check_fiber();
  return find_path(state_.config(), key);
}

const Json* Session::find_config(Keys path) const {
  state_.check_fiber();
  return find_path(state_.config(), to_path(path));
}

const Json& Session::required_config(std::string_view key) const {
  const Json* value = find_config(key);
  if (value == nullptr) throw_config_missing(state_, key);
  return *value;
}

const Json& Session::required_config(Keys path) const {
  const Json* value = find_config(path);
  if (value == nullptr) throw_config_missing(state_, join_path(to_path(path)));
  return *value;
}

void Session::throw_config_type(std::string_view key, std::string_view type, std::string_view example,
                                std::string_view why) const {
  throw_config_type_error(state_, key, type, example, why);
}

void Session::throw_config_type(Keys path, std::string_view type, std::string_view example,
                                std::string_view why) const {
  throw_config_type_error(state_, join_path(to_path(path)), type, example, why);
}

Session& Session::set_config(std::string_view key, Json value) {
  return set_config({}, key, std::move(value));
}

Session& Session::set_config(std::string_view name_space, std::string_view key, Json value) {
  state_.check_fiber();
  set_path(state_.config_for_change(), to_path(name_space, key), std::move(value));
  return *this;
}

Session& Session::set_config(KeyValues values) {
  for (const auto& [key, value] : values)
    set_config(key, value);
  return *this;
}

Json& Session::config_for_update(std::string_view name_space, std::string_view key) {
  state_.check_fiber();
  Json& config = state_.config_for_change();
  const auto path = to_path(name_space, key);
  if (find_path(config, path) == nullptr) set_path(config, path, nullptr);
  Json* at = &config;
  for (const auto& part : path)
    at = &(*at)[part];
  return *at;
}

Session& Session::config_changed() {
  state_.settings_stale = true;
  return *this;
}

Session& Session::assign(std::string_view key, Json value) {
  return assign({}, key, std::move(value));
}

Session& Session::assign(std::string_view name_space, std::string_view key, Json value) {
  state_.check_fiber();
  slot(state_.assignments, name_space, key) = std::move(value);
  return *this;
}

Session& Session::assign(KeyValues values) {
  return assign_in({}, values);
}

Session& Session::assign_in(std::string_view name_space, KeyValues values) {
  for (const auto& [key, value] : values)
    assign(name_space, key, value);
  return *this;
}

Json& Session::assignment_for_update(std::string_view name_space, std::string_view key) {
  state_.check_fiber();
  return slot(state_.assignments, name_space, key);
}

Session& Session::delete_assign(std::string_view key) {
  return delete_assign({}, key);
}

Session& Session::delete_assign(std::string_view name_space, std::string_view key) {
  state_.check_fiber();
  Json* at = &state_.assignments;
  if (!name_space.empty() && at->is_object() && at->contains(name_space)) {
    at = &(*at)[std::string(name_space)];
  } else if (!name_space.empty()) {
    return *this;
  }
  if (at->is_object()) at->erase(std::string(key));
  return *this;
}

const Json* Session::find_assignment(std::string_view key) const {
  state_.check_fiber();
  const Json& all = state_.assignments;
  if (!all.is_object()) return nullptr;
  // A key may have a dot of its own; else it goes into a namespace.
  const auto whole = all.find(key);
  return whole != all.end() ? &*whole : find_path(all, key);
}

const Json& Session::required_assignment(std::string_view key) const {
  const Json* value = find_assignment(key);
  if (value == nullptr) {
    throw AssignmentMissing(
        fmt::format("\"{}\" was never assigned in session {}: assign() it first, or give a default: "
                    "assigned<T>(\"{}\", default)",
                    key, state_.description(), key));
  }
  return *value;
}

void Session::throw_assignment_type(std::string_view key, std::string_view type, std::string_view why) const {
  throw ConfigTypeError(fmt::format("assignment \"{}\" cannot be read as {} in session {}: {}", key, type,
                                    state_.description(), why));
}

void* Session::find_state(const detail::StateType& type) {
  state_.check_fiber();
  for (const auto& [known, value] : state_.states) {
    if (known == &type) return value;
  }
  state_.states.emplace_back(&type, type.make());
  return state_.states.back().second;
}

}  // namespace v1
}  // namespace chaperon
