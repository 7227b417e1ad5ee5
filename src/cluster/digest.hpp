// SHA-256, by which files and tables are told apart.
#pragma once

#include <string>
#include <string_view>

namespace chaperon::cluster {

/// The SHA-256 of some bytes, as 64 hexadecimal digits. Throws std::runtime_error if OpenSSL will not.
std::string sha256(std::string_view bytes);

}  // namespace chaperon::cluster
