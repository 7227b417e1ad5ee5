#include "cluster/protocol.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/json_bytes.hpp"
#include "cluster/user_runs.hpp"

namespace chaperon::cluster {
namespace {

constexpr std::int64_t kMegabyte = 1'000'000;
constexpr std::size_t kLongestName = 64;

constexpr unsigned kMostLoops = 100'000;  // of a run
constexpr unsigned kMostLoopsOfWorker = 4096;
constexpr std::size_t kMostUsers = 1'000'000;  // of a command
constexpr std::size_t kLongestExcerpt = 200;

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
auto parsed(std::string_view text, std::string_view what, F&& read) {
  try {
    return read(parse_json(text));
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
    const auto first = run.at(0).get<std::uint64_t>();
    const auto step = run.at(1).get<std::uint64_t>();
    const auto count = run.at(2).get<std::uint64_t>();
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
  const auto is_label = [](const auto& label) {
    return !has_control_characters(label.first) && !has_control_characters(label.second);
  };
  const auto is_abi = [](char c) { return c == '\n' || !has_control_characters({&c, 1}); };
  return is_worker_name(info.name) && (info.run.empty() || is_worker_name(info.run)) &&
         info.loops <= kMostLoopsOfWorker && !has_control_characters(info.doing) &&
         std::ranges::all_of(info.labels, is_label) && std::ranges::all_of(info.abi, is_abi);
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

void ensure_streams(Nats& nats, int replicas) {
  // What nobody has read in that time is of no use to anybody.
  nats.ensure_stream({.name = std::string(kCommandsStream),
                      .subjects = {command_subject("*")},
                      .max_age = 10min,
                      .max_bytes = 256 * kMegabyte,
                      .replicas = replicas});
  nats.ensure_stream({.name = std::string(kReportsStream),
                      .subjects = {report_subject("*", "*")},
                      .max_age = 10min,
                      .max_bytes = 1024 * kMegabyte,
                      .replicas = replicas});
  nats.ensure_stream({.name = std::string(kScheduledStream),
                      .subjects = {scheduled_subject("*", "*")},
                      .max_age = 10min,
                      .max_bytes = 1024 * kMegabyte,
                      .replicas = replicas});
}

bool is_worker_name(std::string_view name) noexcept {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, fits);
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
    auto read = parsed(text, "a lease", [](const Json& json) {
      WorkerInfo info;
      json.at("name").get_to(info.name);
      json.at("epoch").get_to(info.epoch);
      json.at("loops").get_to(info.loops);
      json.at("labels").get_to(info.labels);
      json.at("abi").get_to(info.abi);
      json.at("works").get_to(info.works);
      json.at("run").get_to(info.run);
      json.at("doing").get_to(info.doing);
      return info;
    });
    return is_proper(read) ? std::optional(std::move(read)) : std::nullopt;
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
    json.at("run").get_to(command.run);
    json.at("epoch").get_to(command.epoch);
    json.at("coordinator").get_to(command.coordinator);
    if (!is_worker_name(command.run)) throw MalformedBytes("a command without the name of a run");
    switch (command.kind) {
      case Command::Kind::prepare:
        json.at("artifact").get_to(command.artifact);
        json.at("library_name").get_to(command.library_name);
        json.at("load_test").get_to(command.load_test);
        command.config = json.at("config");
        json.at("base_url").get_to(command.base_url);
        json.at("seed").get_to(command.seed);
        json.at("stack_size").get_to(command.stack_size);
        json.at("metrics").get_to(command.metrics);
        json.at("log_level").get_to(command.log_level);
        for (const auto& seat : json.at("seats"))
          command.seats.push_back({.worker = seat.at("worker").get<std::string>(),
                                   .epoch = seat.at("epoch").get<std::uint64_t>(),
                                   .loops = seat.at("loops").get<std::vector<unsigned>>()});
        check_seats(command.seats);
        break;
      case Command::Kind::start:
        json.at("start_at").get_to(command.start_at);
        break;
      case Command::Kind::take_over:
        command.users = users_from_json(json.at("users"));
        break;
      case Command::Kind::lost:
        json.at("worker").get_to(command.worker);
        break;
      case Command::Kind::cancel:
        json.at("outcome").get_to(command.outcome);
        json.at("reason").get_to(command.reason);
        break;
      case Command::Kind::finish:
        break;
      case Command::Kind::leave:
        json.at("reason").get_to(command.reason);
        break;
    }
    return command;
  });
}

std::string encode(const Report& report) {
  const Json json{{"kind", word(report.kind, kReportKinds)},
                  {"run", report.run},
                  {"worker", report.worker},
                  {"epoch", report.epoch},
                  {"sequence", report.sequence},
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
    Report read;
    read.kind = kind_of<Report::Kind>(json, kReportKinds);
    json.at("run").get_to(read.run);
    json.at("worker").get_to(read.worker);
    json.at("epoch").get_to(read.epoch);
    json.at("sequence").get_to(read.sequence);
    json.at("reason").get_to(read.reason);
    json.at("users").get_to(read.users);
    json.at("table").get_to(read.table);
    json.at("waiting").get_to(read.waiting);
    json.at("live").get_to(read.live);
    json.at("busiest_loop").get_to(read.busiest_loop);
    json.at("busiest_loop_of_run").get_to(read.busiest_loop_of_run);
    json.at("log_lines_dropped").get_to(read.log_lines_dropped);
    if (!is_worker_name(read.run) || !is_worker_name(read.worker))
      throw MalformedBytes("a report without the names of a run and a worker");
    read.reason = without_control_characters(std::move(read.reason));
    return read;
  });
  report.measurements = bytes.substr(end + 1);
  return report;
}

}  // namespace chaperon::cluster
