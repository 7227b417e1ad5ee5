// Values of JSON from outside, exactly: nlohmann/json casts numbers from one type to another, whatever is
// lost by that.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>
#include <utility>

#include <chaperon/json.hpp>

#include "base/bytes.hpp"

namespace chaperon::cluster {

/// Takes a value. A number must be of the type, and not a fraction, a flag or a larger one that becomes it.
/// Throws MalformedBytes or Json::exception if it is no such value.
template <class T>
void read(const Json& json, T& value) {
  if constexpr (std::integral<T> && !std::same_as<T, bool>) {
    const auto take = [&value](const auto* number) {
      if (number == nullptr || !std::in_range<T>(*number)) throw MalformedBytes("a number that cannot be");
      value = static_cast<T>(*number);
    };
    if (json.is_number_unsigned()) {
      take(json.get_ptr<const Json::number_unsigned_t*>());
    } else {
      take(json.get_ptr<const Json::number_integer_t*>());
    }
  } else if constexpr (std::floating_point<T>) {
    if (!json.is_number()) throw MalformedBytes("a number that cannot be");
    value = json.get<T>();
  } else {
    json.get_to(value);
  }
}

/// The value of a key.
template <class T>
void read(const Json& json, std::string_view key, T& value) {
  read(json.at(key), value);
}

/// The value as a number of that type.
template <class T>
T number(const Json& json) {
  T value{};
  read(json, value);
  return value;
}

}  // namespace chaperon::cluster
