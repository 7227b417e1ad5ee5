// Secrets do not go into files.
#pragma once

#include <string>
#include <string_view>

#include <chaperon/json.hpp>

namespace chaperon::exporting {

/// A copy with `***` in place of every value, at any depth, whose key is `basic_auth` or contains password,
/// token, secret or authorization, in any case of letters; headers that are written as pairs or as objects
/// with a name count as keys too. In texts, user and password of a URL become `***`.
Json redacted(const Json& value);

/// The text with `***` in place of the user info of each URL in it: `http://ann:pw@host/` is
/// `http://***@host/`.
std::string without_user_info(std::string_view text);

}  // namespace chaperon::exporting
