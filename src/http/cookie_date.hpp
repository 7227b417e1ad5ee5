// The dates of cookies, in all the forms in which servers write them.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace chaperon::http {

/// Parses the value of `Expires` by the lenient algorithm of RFC 6265, section 5.1.1. Nothing if it is no
/// date; the nearest time the clock can tell where it is beyond that.
std::optional<std::chrono::system_clock::time_point> parse_cookie_date(std::string_view text) noexcept;

}  // namespace chaperon::http
