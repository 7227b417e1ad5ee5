#include "export/csv.hpp"

#include <ostream>
#include <string>

#include "export/columns.hpp"

namespace chaperon::exporting {
namespace {

std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string text = "\"";
  for (const char c : field) {
    if (c == '"') text += '"';
    text += c;
  }
  return text += '"';
}

}  // namespace

void CsvExporter::write(const Results& results, std::ostream& out) const {
  out << "session_action_name,total_count";
  for (const auto name : value_column_names())
    out << ',' << name;
  out << '\n';
  for (const auto& [name, metric] : sorted_rows(results)) {
    out << quoted(name) << ',' << std::to_string(metric->count());
    for (const auto value : column_values(*metric))
      out << ',' << value_text(value, metric->kind());
    out << '\n';
  }
}

}  // namespace chaperon::exporting
