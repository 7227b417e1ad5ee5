// How results become a file: one exporter for each format.
#pragma once

#include <iosfwd>
#include <span>
#include <string_view>

#include <chaperon/results.hpp>

namespace chaperon::exporting {

/// Writes results in one format. Exporters have no state.
class Exporter {
 public:
  Exporter() = default;
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;
  virtual ~Exporter();

  /// The format's name: what `--format` takes, and the extension of its files.
  [[nodiscard]] virtual std::string_view format() const = 0;
  /// Writes everything to a stream. Whether that worked is in the stream's state.
  virtual void write(const Results& results, std::ostream& out) const = 0;
};

/// The names of all formats, the default first.
std::span<const std::string_view> formats();

/// The exporter of a format. Throws OutputError, which lists the formats, for any other name.
const Exporter& exporter_for(std::string_view format);

/// The format of a path by its extension, in any case of letters; the default for any other.
std::string_view format_for_path(std::string_view path);

}  // namespace chaperon::exporting
