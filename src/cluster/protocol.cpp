#include "cluster/protocol.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/json_bytes.hpp"
#include "base/user_runs.hpp"
#include "cluster/json_read.hpp"

namespace chaperon::cluster {
namespace {

constexpr std::size_t kLongestName = 64;

constexpr unsigned kMostLoops = 100'000;  // of a run
constexpr unsigned kMostLoopsOfWorker = 4096;
constexpr std::size_t kMostUsers = 1'000'000;  // of a command
constexpr std::size_t kLongestExcerpt = 200;
constexpr Duration kLongestRun = std::chrono::hours(24 * 365);

// What others have sent as part of a message for people: not too much, and nothing that a terminal obeys.
std::string excerpt(std::string_view text) {
  std::string shown(text.substr(0, kLongestExcerpt));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) >= 0x7F) c = '?';
  if (text.size() > kLongestExcerpt) shown += "...";
  return shown;
}

bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; });
}

// A reason may have several lines.
std::string without_control_characters(std::string text) {
  for (char& c : text)
    if (c != '\n' && has_control_characters({&c, 1})) c = '?';
  return text;
}

// Words for kinds, in the order of the enumerations.
constexpr std::array<std::string_view, 7> kCommandKinds{"prepare", "start",  "take_over", "lost",
                                                        "cancel",  "finish", "leave"};
constexpr std::array<std::string_view, 7> kReportKinds{"ready",    "refused",  "measured", "settled",
                                                       "finished", "stopping", "busy"};

template <class Kind, std::size_t n>
std::string word(Kind kind, const std::array<std::string_view, n>& words) {
  return std::string(words.at(static_cast<std::size_t>(kind)));
}

template <class Kind, std::size_t n>
Kind kind_of(const Json& message, const std::array<std::string_view, n>& words) {
  const auto& text = message.at("kind").get_ref<const std::string&>();
  const auto found = std::ranges::find(words, text);
  if (found == words.end())
    throw MalformedBytes(fmt::format("a message of the unknown kind \"{}\"", excerpt(text)));
  return static_cast<Kind>(found - words.begin());
}

template <class F>
auto parsed(std::string_view text, std::string_view what, F&& take) {
  try {
    return take(parse_json(text));
  } catch (const Json::exception& error) {
    throw MalformedBytes(fmt::format("{} that cannot be read: {}", what, excerpt(error.what())));
  }
}

// [first, step, count] of each run.
Json users_to_json(std::vector<std::uint64_t> users) {
  std::ranges::sort(users);
  Json runs = Json::array();
  for (std::span<const std::uint64_t> rest(users); !rest.empty();) {
    const auto run = take_run(rest, users.size());
    runs.push_back({run.first, run.step, run.count});
  }
  return runs;
}

std::vector<std::uint64_t> users_from_json(const Json& runs) {
  std::vector<std::uint64_t> users;
  for (const auto& run : runs) {
    const auto first = number<std::uint64_t>(run.at(0));
    const auto step = number<std::uint64_t>(run.at(1));
    const auto count = number<std::uint64_t>(run.at(2));
    if (count > kMostUsers - users.size() || step > (UINT64_MAX - first) / std::max<std::uint64_t>(count, 1))
      throw MalformedBytes("a list of too many users");
    for (std::uint64_t i = 0; i < count; ++i)
      users.push_back(first + i * step);
  }
  return users;
}

// Every loop of the run belongs to one worker: numbers are used as indices.
void check_seats(const std::vector<Seat>& seats) {
  std::vector<bool> given;
  std::vector<std::string_view> names;
  for (const auto& seat : seats) {
    if (!is_worker_name(seat.worker) || seat.loops.empty() ||
        std::ranges::find(names, seat.worker) != names.end())
      throw MalformedBytes("a command with a seat for nobody");
    names.push_back(seat.worker);
    for (const auto loop : seat.loops) {
      if (loop >= kMostLoops) throw MalformedBytes("a command with too many loops");
      given.resize(std::max<std::size_t>(given.size(), loop + 1));
      if (given[loop]) throw MalformedBytes("a command that gives a loop to two workers");
      given[loop] = true;
    }
  }
  if (given.empty() || std::ranges::find(given, false) != given.end())
    throw MalformedBytes("a command with loops of nobody");
}

bool is_proper(const WorkerInfo& info) {
  const auto fits = [](const auto& label) { return is_label(label.first, label.second); };
  const auto is_abi = [](char c) { return c == '\n' || !has_control_characters({&c, 1}); };
  return is_worker_name(info.name) && (info.run.empty() || is_worker_name(info.run)) &&
         info.loops <= kMostLoopsOfWorker && !has_control_characters(info.doing) &&
         std::ranges::all_of(info.labels, fits) && std::ranges::all_of(info.abi, is_abi);
}

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string command_subject(std::string_view worker) {
  return fmt::format("chaperon.command.{}", worker);
}

std::string report_subject(std::string_view run, std::string_view worker) {
  return fmt::format("chaperon.report.{}.{}", run, worker);
}

std::string scheduled_subject(std::string_view run, std::string_view worker) {
  return fmt::format("chaperon.scheduled.{}.{}", run, worker);
}

std::string beat_subject(std::string_view run) {
  return fmt::format("chaperon.beat.{}", run);
}

std::string clock_subject(std::string_view worker) {
  return fmt::format("chaperon.clock.{}", worker);
}

std::string progress_subject(std::string_view run) {
  return fmt::format("chaperon.progress.{}", run);
}

std::string_view master_subject() noexcept {
  return "chaperon.master";
}

bool is_worker_name(std::string_view name) noexcept {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, fits);
}

bool is_label(std::string_view key, std::string_view value) noexcept {
  return !key.empty() && key.front() != '-' && key.find('=') == std::string_view::npos &&
         !has_control_characters(key) && !has_control_characters(value);
}

std::string encode(const WorkerInfo& info) {
  return dumped({{"name", info.name},
                 {"epoch", info.epoch},
                 {"loops", info.loops},
                 {"labels", info.labels},
                 {"abi", info.abi},
                 {"works", info.works},
                 {"run", info.run},
                 {"doing", info.doing}});
}

std::optional<WorkerInfo> decode_worker_info(std::string_view text) {
  try {
    auto lease = parsed(text, "a lease", [](const Json& json) {
      WorkerInfo info;
      read(json, "name", info.name);
      read(json, "epoch", info.epoch);
      read(json, "loops", info.loops);
      read(json, "labels", info.labels);
      read(json, "abi", info.abi);
      read(json, "works", info.works);
      read(json, "run", info.run);
      read(json, "doing", info.doing);
      return info;
    });
    return is_proper(lease) ? std::optional(std::move(lease)) : std::nullopt;
  } catch (const MalformedBytes&) {
    return std::nullopt;
  }
}

std::string encode(const Command& command) {
  Json json{{"kind", word(command.kind, kCommandKinds)},
            {"run", command.run},
            {"epoch", command.epoch},
            {"coordinator", command.coordinator}};
  switch (command.kind) {
    case Command::Kind::prepare: {
      Json seats = Json::array();
      for (const auto& seat : command.seats)
        seats.push_back({{"worker", seat.worker}, {"epoch", seat.epoch}, {"loops", seat.loops}});
      json.update({{"artifact", command.artifact},
                   {"library_name", command.library_name},
                   {"load_test", command.load_test},
                   {"config", command.config},
                   {"base_url", command.base_url},
                   {"seed", command.seed},
                   {"stack_size", command.stack_size},
                   {"metrics", command.metrics},
                   {"log_level", command.log_level},
                   {"seats", std::move(seats)}});
      break;
    }
    case Command::Kind::start:
      json["start_at"] = command.start_at;
      break;
    case Command::Kind::take_over:
      json["users"] = users_to_json(command.users);
      break;
    case Command::Kind::lost:
      json["worker"] = command.worker;
      break;
    case Command::Kind::cancel:
      json["outcome"] = command.outcome;
      json["reason"] = command.reason;
      break;
    case Command::Kind::finish:
      break;
    case Command::Kind::leave:
      json["reason"] = command.reason;
      break;
  }
  return dumped(json);
}

Command decode_command(std::string_view text) {
  return parsed(text, "a command", [](const Json& json) {
    Command command;
    command.kind = kind_of<Command::Kind>(json, kCommandKinds);
    read(json, "run", command.run);
    read(json, "epoch", command.epoch);
    read(json, "coordinator", command.coordinator);
    if (!is_worker_name(command.run)) throw MalformedBytes("a command without the name of a run");
    switch (command.kind) {
      case Command::Kind::prepare:
        read(json, "artifact", command.artifact);
        read(json, "library_name", command.library_name);
        read(json, "load_test", command.load_test);
        command.config = json.at("config");
        read(json, "base_url", command.base_url);
        read(json, "seed", command.seed);
        read(json, "stack_size", command.stack_size);
        read(json, "metrics", command.metrics);
        read(json, "log_level", command.log_level);
        for (const auto& seat : json.at("seats")) {
          auto& taken = command.seats.emplace_back();
          read(seat, "worker", taken.worker);
          read(seat, "epoch", taken.epoch);
          for (const auto& loop : seat.at("loops"))
            taken.loops.push_back(number<unsigned>(loop));
        }
        check_seats(command.seats);
        break;
      case Command::Kind::start:
        read(json, "start_at", command.start_at);
        break;
      case Command::Kind::take_over:
        command.users = users_from_json(json.at("users"));
        break;
      case Command::Kind::lost:
        read(json, "worker", command.worker);
        break;
      case Command::Kind::cancel:
        read(json, "outcome", command.outcome);
        read(json, "reason", command.reason);
        break;
      case Command::Kind::finish:
        break;
      case Command::Kind::leave:
        read(json, "reason", command.reason);
        break;
    }
    return command;
  });
}

std::string encode(const ClockReading& reading) {
  return fmt::format("{} {}", reading.epoch, reading.at.count());
}

std::optional<ClockReading> decode_clock_reading(std::string_view text) {
  ClockReading reading;
  Duration::rep at = 0;
  const char* const end = text.data() + text.size();
  const auto [space, no_epoch] = std::from_chars(text.data(), end, reading.epoch);
  if (no_epoch != std::errc() || space == end || *space != ' ') return std::nullopt;
  const auto [rest, no_time] = std::from_chars(space + 1, end, at);
  // Two of them can be subtracted.
  if (no_time != std::errc() || rest != end || at < 0) return std::nullopt;
  reading.at = Duration(at);
  return reading;
}

std::string encode(const Report& report) {
  const Json json{{"kind", word(report.kind, kReportKinds)},
                  {"run", report.run},
                  {"worker", report.worker},
                  {"epoch", report.epoch},
                  {"sequence", report.sequence},
                  {"elapsed", report.elapsed.count()},
                  {"reason", report.reason},
                  {"users", report.users},
                  {"table", report.table},
                  {"waiting", report.waiting},
                  {"live", report.live},
                  {"busiest_loop", report.busiest_loop},
                  {"busiest_loop_of_run", report.busiest_loop_of_run},
                  {"log_lines_dropped", report.log_lines_dropped}};
  // JSON text has no line feed of its own.
  return dumped(json) + '\n' + report.measurements;
}

Report decode_report(std::string_view bytes) {
  const auto end = bytes.find('\n');
  if (end == std::string_view::npos) throw MalformedBytes("a report without its first line");
  auto report = parsed(bytes.substr(0, end), "a report", [](const Json& json) {
    Report taken;
    taken.kind = kind_of<Report::Kind>(json, kReportKinds);
    read(json, "run", taken.run);
    read(json, "worker", taken.worker);
    read(json, "epoch", taken.epoch);
    read(json, "sequence", taken.sequence);
    Duration::rep elapsed = 0;
    read(json, "elapsed", elapsed);
    taken.elapsed = Duration(elapsed);
    if (taken.elapsed < Duration::zero() || taken.elapsed > kLongestRun)
      throw MalformedBytes("a report with an impossible time");
    read(json, "reason", taken.reason);
    read(json, "users", taken.users);
    read(json, "table", taken.table);
    read(json, "waiting", taken.waiting);
    read(json, "live", taken.live);
    read(json, "busiest_loop", taken.busiest_loop);
    read(json, "busiest_loop_of_run", taken.busiest_loop_of_run);
    read(json, "log_lines_dropped", taken.log_lines_dropped);
    if (!is_worker_name(taken.run) || !is_worker_name(taken.worker))
      throw MalformedBytes("a report without the names of a run and a worker");
    taken.reason = without_control_characters(std::move(taken.reason));
    return taken;
  });
  report.measurements = bytes.substr(end + 1);
  return report;
}

}  // namespace chaperon::cluster
