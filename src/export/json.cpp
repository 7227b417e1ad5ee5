#include "export/json.hpp"

#include <cmath>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include <chaperon/json.hpp>

#include "base/user_runs.hpp"
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

OrderedJson sessions_of(const SessionCounts& counts) {
  OrderedJson sessions;
  sessions["ok"] = counts.ok;
  sessions["failed"] = counts.failed;
  sessions["cancelled"] = counts.cancelled;
  sessions["timed_out"] = counts.timed_out;
  return sessions;
}

// Mostly every n-th user: [first, step, count].
OrderedJson users_of(const std::vector<std::uint64_t>& users) {
  auto runs = OrderedJson::array();
  for (std::span<const std::uint64_t> left = users; !left.empty();) {
    const auto run = take_run(left, users.size());
    runs.push_back({run.first, run.step, run.count});
  }
  return runs;
}

OrderedJson worker_of(const WorkerResults& results) {
  OrderedJson worker;
  worker["name"] = results.name;
  worker["loops"] = results.loops;
  worker["sessions"] = sessions_of(results.sessions);
  worker["requests"] = results.traffic.requests;
  worker["responses"] = results.traffic.responses;
  worker["busiest_loop"] = to_three_decimals(results.busiest_loop);
  worker["clock_offset_ms"] = milliseconds(results.clock_offset);
  worker["clock_round_trip_ms"] = milliseconds(results.round_trip);
  worker["loss"] = text_or_null(results.loss);
  worker["unfinished_users"] = users_of(results.unfinished);
  return worker;
}

}  // namespace

void JsonExporter::write(const Results& results, std::ostream& out) const {
  out << R"({"version":1,"load_test":)" << text_of(results.load_test);
  out << R"(,"started_at":)" << text_of(utc_text(results.started_at));
  out << R"(,"duration_ms":)" << text_of(milliseconds(results.duration));
  out << R"(,"sessions":)" << text_of(sessions_of(results.sessions));

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
  out << ']';
  // A run in one process has neither.
  if (!results.workers.empty()) {
    out << ",\n\"incomplete\":" << text_of(results.incomplete) << ",\n\"workers\":[";
    separator = "\n";
    for (const auto& worker : results.workers)
      write_item(worker_of(worker));
    out << ']';
  }
  out << "}\n";
}

}  // namespace chaperon::exporting
