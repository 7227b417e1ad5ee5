// Conversions from JSON that refuse what would not come through whole.
#pragma once

#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <chaperon/detail/names.hpp>
#include <chaperon/duration.hpp>
#include <chaperon/json.hpp>

namespace chaperon {
inline namespace v1 {
namespace detail {

template <class T>
inline constexpr bool always_false = false;

template <class T>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

// What an error calls a type that config is read as, and what to write for it on the command line.
template <class T>
constexpr std::string_view config_type_name() {
  if constexpr (is_duration<T>) {
    return "a duration";
  } else if constexpr (std::same_as<T, std::string>) {
    return "a string";
  } else {
    return type_name<T>();
  }
}
template <class T>
constexpr std::string_view config_example() {
  if constexpr (std::same_as<T, bool>) {
    return "true";
  } else if constexpr (std::integral<T> || std::floating_point<T>) {
    return "NUMBER";
  } else if constexpr (is_duration<T>) {
    return "1.5s";
  } else if constexpr (std::same_as<T, std::string>) {
    return "'\"TEXT\"'";
  } else {
    return "JSON";
  }
}

// Throws std::invalid_argument; `expected` reads like `an integer`.
[[noreturn]] CHAPERON_API void throw_wrong_type(const char* expected, const Json& value);
// A number of milliseconds or a text such as "1.5s"; throws std::invalid_argument.
CHAPERON_API Duration duration_from_json(const Json& value);

template <class T>
T from_json(const Json& value) {
  if constexpr (std::same_as<T, Json>) {
    return value;
  } else if constexpr (std::same_as<T, bool>) {
    if (!value.is_boolean()) throw_wrong_type("true or false", value);
    return value.get<bool>();
  } else if constexpr (std::integral<T>) {
    if (value.is_number_unsigned()) {
      const auto number = value.get<std::uint64_t>();
      if (std::in_range<T>(number)) return static_cast<T>(number);
    } else if (value.is_number_integer()) {
      const auto number = value.get<std::int64_t>();
      if (std::in_range<T>(number)) return static_cast<T>(number);
    } else {
      throw_wrong_type("an integer", value);
    }
    throw_wrong_type("an integer within the range of its type", value);
  } else if constexpr (std::floating_point<T>) {
    if (!value.is_number()) throw_wrong_type("a number", value);
    return value.get<T>();
  } else if constexpr (is_duration<T>) {
    return std::chrono::duration_cast<T>(duration_from_json(value));
  } else if constexpr (std::same_as<T, std::string>) {
    if (!value.is_string()) throw_wrong_type("a string", value);
    return value.get<std::string>();
  } else {
    return value.get<T>();
  }
}

}  // namespace detail
}  // namespace v1
}  // namespace chaperon
