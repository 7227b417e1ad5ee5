// JSON values: nlohmann/json under the name Json.
#pragma once

#include <chaperon/version.hpp>

// nlohmann's const operator[] asserts that the key is there. Here a missing key throws, so that an answer
// with another body than expected fails one session and not the process.
#if defined(INCLUDE_NLOHMANN_JSON_HPP_) && !defined(CHAPERON_JSON_ASSERT)
#error "include <chaperon/chaperon.hpp> before <nlohmann/json.hpp>: it defines JSON_ASSERT to throw"
#endif
#ifndef CHAPERON_JSON_ASSERT
#define CHAPERON_JSON_ASSERT
namespace chaperon {
inline namespace v1 {
namespace detail {
/// Throws std::out_of_range that names the failed assertion.
[[noreturn]] CHAPERON_API void json_assertion_failed(const char* assertion);
}  // namespace detail
}  // namespace v1
}  // namespace chaperon
#define JSON_ASSERT(x) \
  (static_cast<bool>(x) ? static_cast<void>(0) : ::chaperon::detail::json_assertion_failed(#x))
#endif

#include <nlohmann/json.hpp>

namespace chaperon {
inline namespace v1 {

/// A JSON value. Objects are sorted by key. Do not write braces around a single Json: `{x}` is `[x]` with GCC
/// and `x` with Clang.
using Json = nlohmann::json;

}  // namespace v1
}  // namespace chaperon
