// The scenario file that `chaperon new` writes.
#pragma once

#include <string>
#include <string_view>

namespace chaperon::cli {

/// `MyShop` for `my-shop`. Empty if the name does not begin with a letter, or holds anything but letters,
/// digits, `-` and `_`.
std::string camel_case(std::string_view name);

/// The content of NAME.cpp: a scenario and a load test of ten users, which runs as it is against the built-in
/// target.
std::string starter_file(std::string_view name);

}  // namespace chaperon::cli
