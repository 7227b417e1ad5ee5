#include "export/exporter.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "export/csv.hpp"
#include "export/json.hpp"
#include "export/output_error.hpp"

namespace chaperon::exporting {
namespace {

const std::array<const Exporter*, 2>& exporters() {
  static const CsvExporter csv;
  static const JsonExporter json;
  static const std::array<const Exporter*, 2> all{&csv, &json};
  return all;
}

const Exporter* find(std::string_view format) {
  const auto found = std::find_if(exporters().begin(), exporters().end(),
                                  [&](const Exporter* exporter) { return exporter->format() == format; });
  return found == exporters().end() ? nullptr : *found;
}

}  // namespace

Exporter::~Exporter() = default;

std::span<const std::string_view> formats() {
  static const auto names = [] {
    std::array<std::string_view, 2> all;
    std::transform(exporters().begin(), exporters().end(), all.begin(),
                   [](const Exporter* exporter) { return exporter->format(); });
    return all;
  }();
  return names;
}

const Exporter& exporter_for(std::string_view format) {
  if (const auto* exporter = find(format)) return *exporter;
  throw OutputError(
      fmt::format("there is no output format \"{}\": choose one of {}", format, fmt::join(formats(), ", ")));
}

std::string_view format_for_path(std::string_view path) {
  auto extension = std::filesystem::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const auto* exporter = extension.empty() ? nullptr : find(std::string_view{extension}.substr(1));
  return (exporter != nullptr ? exporter : exporters().front())->format();
}

}  // namespace chaperon::exporting
