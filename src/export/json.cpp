#include "export/json.hpp"

#include <cmath>
#include <ostream>
#include <string>

#include <chaperon/json.hpp>

#include "export/columns.hpp"
#include "export/output_path.hpp"

namespace chaperon::exporting {
namespace {

using OrderedJson = nlohmann::ordered_json;

// Names and messages may hold bytes that are not UTF-8: a server's words must not lose the export.
std::string text_of(const OrderedJson& value) {
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

OrderedJson text_or_null(const std::string& text) {
  return text.empty() ? OrderedJson() : OrderedJson(text);
}

double to_three_decimals(double value) {
  return std::round(value * 1000) / 1000;
}

double milliseconds(Duration duration) {
  return to_three_decimals(std::chrono::duration<double, std::milli>(duration).count());
}

OrderedJson row_of(const Metric& metric) {
  OrderedJson row;
  row["session"] = metric.session();
  row["action"] = metric.action();
  row["target"] = text_or_null(metric.target());
  row["error"] = text_or_null(metric.error());
  row["total_count"] = metric.count();
  const auto names = value_column_names();
  const auto values = column_values(metric);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name(names[i]);
    if (metric.kind() == MetricKind::duration) {
      row[name] = to_three_decimals(values[i]);
    } else {
      row[name] = OrderedJson::parse(value_text(values[i], metric.kind()));  // 17 stays 17, not 17.0
    }
  }
  return row;
}

OrderedJson error_of(const ErrorGroup& group) {
  OrderedJson error;
  error["session"] = group.session;
  error["action"] = text_or_null(group.action);
  error["target"] = text_or_null(group.target);
  error["reason"] = group.reason;
  error["count"] = group.count;
  error["example"] = group.example;
  error["session_id"] = group.session_id;
  error["first_at_ms"] = milliseconds(group.first_at);
  return error;
}

}  // namespace

void JsonExporter::write(const Results& results, std::ostream& out) const {
  out << R"({"version":1,"load_test":)" << text_of(results.load_test);
  out << R"(,"started_at":)" << text_of(utc_text(results.started_at));
  out << R"(,"duration_ms":)" << text_of(milliseconds(results.duration));
  OrderedJson sessions;
  sessions["ok"] = results.sessions.ok;
  sessions["failed"] = results.sessions.failed;
  sessions["cancelled"] = results.sessions.cancelled;
  sessions["timed_out"] = results.sessions.timed_out;
  out << R"(,"sessions":)" << text_of(sessions);

  const char* separator = "\n";
  const auto write_item = [&](const OrderedJson& item) {
    out << separator << text_of(item);
    separator = ",\n";
  };
  out << ",\n\"rows\":[";
  for (const auto& [name, metric] : sorted_rows(results))
    write_item(row_of(*metric));
  out << "],\n\"errors\":[";
  separator = "\n";
  for (const auto& group : results.errors)
    write_item(error_of(group));
  for (const auto& group : results.endings)
    write_item(error_of(group));
  out << "]}\n";
}

}  // namespace chaperon::exporting
