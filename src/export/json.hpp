// Results as JSON: one object, each row and each error on a line of its own.
#pragma once

#include <iosfwd>
#include <string_view>

#include "export/exporter.hpp"

namespace chaperon::exporting {

/// Version 1 of the format:
/// `{"version":1,"load_test":…,"started_at":…,"duration_ms":…,"sessions":{…},"rows":[…], "errors":[…]}`.
/// Durations are milliseconds to three decimals; what a row does not have (a target, an error) is null. The
/// errors of actions come first, then those that ended sessions.
class JsonExporter final : public Exporter {
 public:
  [[nodiscard]] std::string_view format() const override { return "json"; }
  void write(const Results& results, std::ostream& out) const override;
};

}  // namespace chaperon::exporting
