#include "metrics/name.hpp"

#include <fmt/format.h>

namespace chaperon::metrics {

std::string action_text(const Name& name) {
  if (name.target.empty()) return std::string(name.action);
  return fmt::format("{}({})", name.action, name.target);
}

std::string row_name(const Name& name) {
  std::string row(name.session);
  if (!row.empty()) row += ' ';
  if (!name.error.empty()) row.append("Error ").append(name.error).append(" ");
  return row += action_text(name);
}

}  // namespace chaperon::metrics
