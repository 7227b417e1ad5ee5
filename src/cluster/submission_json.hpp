// Load tests as the API is asked to run them.
#pragma once

#include <string_view>
#include <vector>

#include "cluster/load_test_control.hpp"

namespace chaperon::cluster {

/// How many load tests may come in one request.
inline constexpr std::size_t kMostWanted = 100;

/// Reads the body of a POST: an object, or an array of objects. Throws LoadTestRefused, which names what is
/// wrong; Json::parse_error, Json::out_of_range and MalformedBytes if it is no JSON.
std::vector<WantedLoadTest> wanted_load_tests(std::string_view body);

/// Whether a text can be the name of a file known to the master: letters, digits, `-`, `_` and `.`, and not
/// at its beginning. So it is never a path.
bool is_known_name(std::string_view text) noexcept;

/// Throws InputError unless these can be tags: up to 20 texts of 1 to 64 characters, without control
/// characters.
void require_tags(const std::vector<std::string>& tags);

}  // namespace chaperon::cluster
