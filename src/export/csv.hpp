// Results as CSV: one line a row.
#pragma once

#include <iosfwd>
#include <string_view>

#include "export/exporter.hpp"

namespace chaperon::exporting {

/// RFC 4180 with LF, a header line, durations in milliseconds with three decimals, sorted by name.
class CsvExporter final : public Exporter {
 public:
  [[nodiscard]] std::string_view format() const override { return "csv"; }
  void write(const Results& results, std::ostream& out) const override;
};

}  // namespace chaperon::exporting
