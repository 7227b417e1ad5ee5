#include "cluster/load_test_record.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/json_bytes.hpp"
#include "cluster/json_read.hpp"
#include "export/output_path.hpp"
#include "export/redact.hpp"

namespace chaperon::cluster {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 7> kStates{"scheduled",  "running",   "passed", "failed",
                                                  "incomplete", "cancelled", "error"};

Json time_json(Timestamp time) {
  if (time == 0) return nullptr;
  return exporting::utc_text(std::chrono::system_clock::time_point(std::chrono::milliseconds(time)));
}

// Of those that a clock can have.
Timestamp time_of(const Json& json) {
  using std::chrono::milliseconds, std::chrono::system_clock;
  constexpr auto kLatest = std::chrono::duration_cast<milliseconds>(system_clock::duration::max()).count();
  const auto time = number<Timestamp>(json);
  if (time < 0 || time > kLatest) throw MalformedBytes("a time that cannot be");
  return time;
}

}  // namespace

std::string_view to_string(LoadTestState state) noexcept {
  return kStates[static_cast<std::size_t>(state)];
}

bool has_ended(LoadTestState state) noexcept {
  return state != LoadTestState::scheduled && state != LoadTestState::running;
}

Timestamp timestamp_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool is_load_test_id(std::string_view text) noexcept {
  return text.size() == 8 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string encode(const LoadTestRecord& record) {
  return dump({{"id", record.id},
               {"load_test", record.load_test},
               {"file", record.file},
               {"tags", record.tags},
               {"options", to_json(record.options)},
               {"submitted_by", record.submitted_by},
               {"state", to_string(record.state)},
               {"submitted_at", record.submitted_at},
               {"started_at", record.started_at},
               {"ended_at", record.ended_at},
               {"master", record.master},
               {"cancel_requested", record.cancel_requested},
               {"message", record.message},
               {"exit_code", record.exit_code ? Json(*record.exit_code) : Json()},
               {"results", record.results}});
}

std::optional<LoadTestRecord> decode_record(std::string_view text) {
  try {
    const auto json = parse_json(text);
    LoadTestRecord record;
    json.at("id").get_to(record.id);
    json.at("load_test").get_to(record.load_test);
    json.at("file").get_to(record.file);
    json.at("tags").get_to(record.tags);
    record.options = load_test_options(json.at("options"));
    json.at("submitted_by").get_to(record.submitted_by);
    const auto state = std::ranges::find(kStates, json.at("state").get_ref<const std::string&>());
    if (state == kStates.end() || !is_load_test_id(record.id)) return std::nullopt;
    record.state = static_cast<LoadTestState>(state - kStates.begin());
    record.submitted_at = time_of(json.at("submitted_at"));
    record.started_at = time_of(json.at("started_at"));
    record.ended_at = time_of(json.at("ended_at"));
    read(json, "master", record.master);
    json.at("cancel_requested").get_to(record.cancel_requested);
    json.at("message").get_to(record.message);
    if (const auto& code = json.at("exit_code"); !code.is_null()) record.exit_code = number<int>(code);
    json.at("results").get_to(record.results);
    return record;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

Json shown(const LoadTestRecord& record, bool with_options) {
  Json json{{"id", record.id},
            {"load_test", record.load_test},
            {"file", record.file},
            {"tags", record.tags},
            {"state", to_string(record.state)},
            {"submitted_by", record.submitted_by},
            {"submitted_at", time_json(record.submitted_at)},
            {"started_at", time_json(record.started_at)},
            {"ended_at", time_json(record.ended_at)},
            {"cancel_requested", record.cancel_requested},
            {"message", record.message},
            {"exit_code", record.exit_code ? Json(*record.exit_code) : Json()},
            {"results", record.results}};
  if (with_options) json["options"] = exporting::redacted(to_json(record.options));
  return json;
}

std::string fate_text(LoadTestState state, std::string_view message) {
  if (message.empty()) return std::string(to_string(state));
  return fmt::format("{}{}{}", to_string(state), state == LoadTestState::cancelled ? " " : ": ", message);
}

bool begin(LoadTestRecord& record, std::uint64_t master, Timestamp now) {
  if (record.state != LoadTestState::scheduled) return false;
  record.state = LoadTestState::running;
  record.started_at = now;
  record.master = master;
  return true;
}

Cancelled cancel(LoadTestRecord& record, Timestamp now) {
  if (has_ended(record.state)) return Cancelled::too_late;
  record.cancel_requested = true;
  if (record.state == LoadTestState::running) return Cancelled::wanted;
  record.state = LoadTestState::cancelled;
  record.message = "before it began";
  record.ended_at = now;
  return Cancelled::done;
}

bool end(LoadTestRecord& record, const LoadTestEnd& how, Timestamp now) {
  const bool abandoned = record.state == LoadTestState::error && !record.exit_code && record.results.empty();
  if ((record.state != LoadTestState::running && !abandoned) || !has_ended(how.state)) return false;
  record.state = how.state;
  record.message = how.message;
  record.exit_code = how.exit_code;
  record.results = how.results;
  record.ended_at = now;
  return true;
}

bool abandon(LoadTestRecord& record, std::uint64_t master, Timestamp now) {
  if (record.master == master || record.state != LoadTestState::running) return false;
  return end(record,
             {.state = LoadTestState::error,
              .message = "the master ended while it ran: submit it again if it is still wanted"},
             now);
}

}  // namespace chaperon::cluster
