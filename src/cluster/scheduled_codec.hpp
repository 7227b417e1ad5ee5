// A scheduled scenario on its way to another worker and back, as bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <chaperon/http.hpp>
#include <chaperon/json.hpp>

#include "http/cookies.hpp"
#include "session/state.hpp"

namespace chaperon::cluster {

/// The size in bytes of the largest message about a scheduled scenario, unless told otherwise.
inline constexpr std::size_t kLargestScheduled = std::size_t{512} << 10;

/// Asks another worker to run a scenario.
struct ScheduledRequest {
  std::uint64_t id = 0;              ///< of the request, given by the worker that has made it
  std::string from_worker;           ///< whom to answer
  std::uint64_t library_offset = 0;  ///< where the parts begin in the library of the load test; in bytes
  std::uint32_t part_count = 0;
  std::uint32_t profile = 0;  ///< its number
  std::uint64_t seed = 0;
  Json config;
  Headers headers;
  std::string authorization;
  bool unrecorded = false;  ///< whether its actions are in no row
  Json assignments;
  http::CookieJar cookies;
};

/// Asks the worker that runs a scenario to cancel it.
struct ScheduledCancel {
  std::uint64_t id = 0;
  std::string from_worker;  ///< whose request it is
  session::Outcome outcome = session::Outcome::cancelled;
  std::string reason;
};

/// How a scenario has ended.
struct ScheduledResult {
  std::uint64_t id = 0;
  session::Outcome outcome = session::Outcome::ok;
  std::string reason;
  std::string failure;  ///< the text of the exception; empty if there was none
  Json assignments;
  http::CookieJar cookies;
};

/// The bytes of a message. Each throws std::length_error, which names the largest part, if they are more than
/// `limit`, and std::invalid_argument for JSON that is nested deeper than kDeepestJson (base/json_bytes.hpp).
std::string encode(const ScheduledRequest& request, std::size_t limit = kLargestScheduled);
std::string encode(const ScheduledCancel& cancel, std::size_t limit = kLargestScheduled);
std::string encode(const ScheduledResult& result, std::size_t limit = kLargestScheduled);

/// What a message is.
enum class ScheduledKind : std::uint8_t { request, cancel, result };

/// What the message in these bytes is. Throws MalformedBytes.
ScheduledKind kind_of_scheduled(std::string_view bytes);
/// The message in these bytes; the first one says which of the three it is. Each throws MalformedBytes,
/// whatever the bytes are.
ScheduledRequest decode_request(std::string_view bytes);
ScheduledCancel decode_cancel(std::string_view bytes);
ScheduledResult decode_result(std::string_view bytes);

}  // namespace chaperon::cluster
