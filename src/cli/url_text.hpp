// URLs as tables compare and show them. What a URL may be is decided where it is used (http).
#pragma once

#include <string>
#include <string_view>

namespace chaperon::cli {

/// A form in which URLs can be compared: scheme and host in lower case, `ws` as `http` and `wss` as `https`,
/// no user and password, no default port, no fragment.
std::string comparable_url(std::string_view url);

/// `http://h:80` of `http://h:80/items?x=1`.
std::string origin_of(std::string_view url);

/// The URL with `***` for user and password.
std::string without_password(std::string_view url);

}  // namespace chaperon::cli
