#include "base/files.hpp"

#include <fstream>
#include <sstream>
#include <utility>

namespace chaperon {

std::optional<std::string> read_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  std::ostringstream content;
  // An empty file gives nothing to put in, which is no failure to read it.
  if (stream.peek() != std::ifstream::traits_type::eof()) content << stream.rdbuf();
  if (stream.bad() || content.bad()) return std::nullopt;
  return std::move(content).str();
}

}  // namespace chaperon
