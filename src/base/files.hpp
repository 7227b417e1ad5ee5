// Files as a whole.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace chaperon {

/// The content of a file; nothing when it cannot be read: errno says why.
std::optional<std::string> read_file(const std::filesystem::path& file);

}  // namespace chaperon
