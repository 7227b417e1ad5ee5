#include "export/export_results.hpp"

#include <sstream>

#include "base/json.hpp"
#include "export/exporter.hpp"
#include "export/redact.hpp"

namespace chaperon::exporting {

std::vector<std::string> export_results(const Results& results, OutputFile& file, std::string_view format) {
  std::ostringstream out;
  exporter_for(format).write(results, out);
  auto name = file.write(out.view());
  if (file.is_standard_output()) return {};
  std::vector<std::string> names{std::move(name)};
  if (!file.has_side_files()) return names;
  constexpr int kIndent = 2;
  names.push_back(file.write_beside("config", dump(redacted(results.config), kIndent) + "\n"));
  names.push_back(file.write_beside("scenarios", dump(redacted(results.scenarios), kIndent) + "\n"));
  return names;
}

}  // namespace chaperon::exporting
