#include "base/json.hpp"

#include <stdexcept>

#include <fmt/format.h>

#include <chaperon/detail/convert.hpp>

#include "base/duration_text.hpp"
#include "base/utf8.hpp"

namespace chaperon {

void v1::detail::throw_wrong_type(const char* expected, const Json& value) {
  throw std::invalid_argument(fmt::format("it is {}, not {}", describe(value), expected));
}

Duration v1::detail::duration_from_json(const Json& value) {
  const auto duration = duration_from_config(value);
  if (!duration) throw_wrong_type(R"(a duration, such as 500 (milliseconds), "1.5s" or "2m")", value);
  return *duration;
}

void v1::detail::json_assertion_failed(const char* assertion) {
  // The one assertion that a scenario can run into is the look-up of a missing key in a const object.
  throw std::out_of_range(fmt::format(
      "a JSON value was used that is not there (nlohmann: {}): ask with contains() or value() first",
      assertion));
}

Path split_path(std::string_view dotted) {
  Path path;
  while (true) {
    const auto dot = dotted.find('.');
    path.emplace_back(dotted.substr(0, dot));
    if (dot == std::string_view::npos) return path;
    dotted.remove_prefix(dot + 1);
  }
}

std::string join_path(std::span<const std::string> path) {
  return fmt::format("{}", fmt::join(path, "."));
}

void deep_merge(Json& base, const Json& overlay) {
  if (!base.is_object() || !overlay.is_object()) {
    base = overlay;
    return;
  }
  for (const auto& [key, value] : overlay.items())
    deep_merge(base[key], value);
}

const Json* find_path(const Json& object, std::span<const std::string> path) {
  const Json* at = &object;
  for (const auto& key : path) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(key);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

const Json* find_path(const Json& object, std::string_view dotted) {
  const Json* at = &object;
  while (true) {
    if (!at->is_object()) return nullptr;
    const auto dot = dotted.find('.');
    const auto found = at->find(dotted.substr(0, dot));
    if (found == at->end()) return nullptr;
    at = &*found;
    if (dot == std::string_view::npos) return at;
    dotted.remove_prefix(dot + 1);
  }
}

void set_path(Json& object, std::span<const std::string> path, Json value) {
  Json* at = &object;
  for (const auto& key : path) {
    if (!at->is_object()) *at = Json::object();
    at = &(*at)[key];
  }
  *at = std::move(value);
}

std::string describe(const Json& value) {
  constexpr std::size_t kShown = 60;
  switch (value.type()) {
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "an array";
    case Json::value_t::null:
      return "null";
    default: {
      const auto text = dump(value);
      return fmt::format("the {} {}{}", value.type_name(), utf8_prefix(text, kShown),
                         text.size() > kShown ? "…" : "");
    }
  }
}

std::string dump(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace chaperon
