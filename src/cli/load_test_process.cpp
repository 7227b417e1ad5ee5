#include "cli/load_test_process.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/json_bytes.hpp"
#include "cli/cache_directory.hpp"
#include "cli/exit_code.hpp"
#include "cli/run_variables.hpp"
#include "cli/subprocess.hpp"
#include "cli/text_layout.hpp"
#include "cluster/control_access.hpp"
#include "cluster/submission_json.hpp"

namespace chaperon::cli {
namespace {

namespace fs = std::filesystem;
using cluster::LoadTestState;

constexpr std::size_t kLastWords = 4096;  // bytes of stderr in which its last line is looked for
constexpr std::size_t kLongestMessage = 500;
constexpr std::string_view kCsv = "results.csv";
constexpr std::string_view kJson = "results.json";
constexpr std::string_view kOut = "out.txt";
constexpr std::string_view kErr = "err.txt";
constexpr std::string_view kConfig = "config.json";

// Only for this user: config may hold secrets, and a library is executed.
void write_private_file(const fs::path& path, std::string_view content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file) throw std::runtime_error(fmt::format("{} cannot be written: is the disk full?", path.string()));
}

std::string last_line(std::string_view text) {
  const auto end = text.find_last_not_of(" \r\n");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  if (const auto begin = text.rfind('\n'); begin != std::string_view::npos) text.remove_prefix(begin + 1);
  constexpr std::string_view kForTerminals = " Ctrl-C stops and reports.";
  if (text.ends_with(kForTerminals)) text.remove_suffix(kForTerminals.size());
  return shortened(printable(text), kLongestMessage);
}

// `1 session failed` of a summary that begins with `ShopTest: FAILED (1 session failed)`.
std::string verdict_of(std::string_view out) {
  auto line = out.substr(0, out.find('\n'));
  line.remove_prefix(std::min(line.find(": "), line.size()));
  line.remove_prefix(std::min<std::size_t>(2, line.size()));
  line.remove_prefix(std::min(line.find_first_of(" :"), line.size()));
  if (line.starts_with(" (") && line.ends_with(")")) line = line.substr(2, line.size() - 3);
  if (line.starts_with(": ")) line.remove_prefix(2);
  return shortened(printable(line), kLongestMessage);
}

// The last line names files that are gone by the time that somebody reads it.
std::string without_file_names(std::string out) {
  const auto at = out.rfind('\n' + std::string(kCsv));
  if (at != std::string::npos) out.erase(at);
  return out;
}

bool is_incomplete(const std::string& json) {
  try {
    const auto results = parse_json(json);
    const auto missing = results.find("incomplete");
    return missing != results.end() && !missing->empty();
  } catch (const std::exception&) {
    return false;
  }
}

std::vector<std::string> run_words(const Process& process, const NatsArguments& nats,
                                   const cluster::LoadTestRecord& record, const std::string& library) {
  const auto& options = record.options;
  std::vector<std::string> words{process.executable.string(), "run", library, record.load_test};
  const auto add = [&words](const char* option, std::string value) {
    words.emplace_back(option);
    words.push_back(std::move(value));
  };
  add("--config-file", std::string(kConfig));
  add("--output", std::string(kCsv));
  add("--output", std::string(kJson));
  if (options.workers > 0) add("--workers", std::to_string(options.workers));
  for (const auto& [key, value] : options.labels)
    add("--label", fmt::format("{}={}", key, value));
  add("--on-worker-loss", std::string(to_string(options.on_worker_loss)));
  if (options.seed) add("--seed", std::to_string(*options.seed));
  if (options.stack_size > 0) add("--stack-size", std::to_string(options.stack_size));
  if (!options.metrics.empty()) add("--metrics", fmt::format("{}", fmt::join(options.metrics, ",")));
  const auto more = nats.words();
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

ChildOptions child_options(const Process& process, const NatsArguments& nats,
                           const cluster::LoadTestRecord& record, const fs::path& directory,
                           const std::string& library) {
  ChildOptions options{.command = run_words(process, nats, record, library),
                       .own_group = true,
                       .dies_with_parent = true,
                       .directory = directory.string(),
                       .output_file = (directory / kOut).string(),
                       .error_file = (directory / kErr).string()};
  auto& environment = options.environment;
  environment[kRunName] = record.id;
  environment[kRunNatsUrl] = nats.url;
  environment[kRunBaseUrl] = record.options.base_url;
  environment[kRunMaster] = std::to_string(record.master);
  if (!nats.password.empty()) environment["CHAPERON_NATS_PASSWORD"] = nats.password;
  if (!nats.token.empty()) environment["CHAPERON_NATS_TOKEN"] = nats.token;
  // A load test is no user of the API.
  environment[std::string(cluster::kTokenVariable)] = std::nullopt;
  return options;
}

fs::path working_directories(const Process& process) {
  return cache_directory(process) / "master";
}

// A directory that is locked for as long as this lives, or the process.
class DirectoryLock {
 public:
  // `wait`: until nobody else has it.
  DirectoryLock(const fs::path& path, bool wait)
      : directory_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        held_(directory_ >= 0 && ::flock(directory_, wait ? LOCK_EX : LOCK_EX | LOCK_NB) == 0) {}
  ~DirectoryLock() {
    if (directory_ >= 0) ::close(directory_);
  }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

  // False if another has it.
  [[nodiscard]] bool held() const noexcept { return held_; }

 private:
  int directory_;
  bool held_;
};

// The files of a load test, removed at the end.
class WorkingDirectory {
 public:
  WorkingDirectory(const Process& process, const cluster::LoadTestRecord& record)
      : path_(working_directories(process) / record.id) {
    const auto use = [](const fs::path& path) {
      if (make_private_directory(path)) return;
      throw std::runtime_error(fmt::format(
          "{} cannot be used: it must belong to this user alone, or not be there", path.string()));
    };
    use(path_.parent_path());
    // Nobody removes it before it is locked itself.
    const DirectoryLock making(path_.parent_path(), true);
    std::error_code not_there;
    fs::remove_all(path_, not_there);
    use(path_);
    lock_.emplace(path_, false);
  }
  ~WorkingDirectory() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;

  [[nodiscard]] const fs::path& path() const noexcept { return path_; }

 private:
  fs::path path_;
  std::optional<DirectoryLock> lock_;
};

class RunProcess final : public cluster::LoadTestProcess {
 public:
  RunProcess(const Process& process, const NatsArguments& nats, const cluster::LoadTestRecord& record,
             const std::string& library)
      : directory_(process, record) {
    // The name is in messages of the run, and of its workers.
    const auto stem = fs::path(record.file).stem().string();
    const auto name = fmt::format("{}.so", cluster::is_known_name(stem) ? stem : "scenario");
    write_private_file(directory_.path() / name, library);
    write_private_file(directory_.path() / kConfig, dump(record.options.config));
    child_.emplace(child_options(process, nats, record, directory_.path(), name));
  }

  void interrupt() override {
    // A second Ctrl-C would have it leave at once, without its results.
    if (!std::exchange(interrupted_, true)) child_->signal(SIGINT);
  }
  void stop(Duration patience) override { child_->stop(patience); }
  bool ended() override { return child_->ended(); }
  std::string doing() override {
    std::ifstream file(directory_.path() / kErr, std::ios::binary | std::ios::ate);
    const auto size = static_cast<std::streamoff>(file.tellg());
    if (size <= 0) return {};
    file.seekg(std::max<std::streamoff>(0, size - static_cast<std::streamoff>(kLastWords)));
    std::ostringstream text;
    text << file.rdbuf();
    return last_line(std::move(text).str());
  }
  cluster::LoadTestOutcome outcome() override {
    const int code = child_->wait();
    const auto& path = directory_.path();
    auto csv = read_file(path / kCsv).value_or("");
    auto json = read_file(path / kJson).value_or("");
    auto out = read_file(path / kOut).value_or("");
    auto outcome = outcome_of(code, out, read_file(path / kErr).value_or(""), json, interrupted_);
    if (!csv.empty()) outcome.results["csv"] = std::move(csv);
    if (!json.empty()) outcome.results["json"] = std::move(json);
    if (!out.empty()) outcome.results["txt"] = without_file_names(std::move(out));
    return outcome;
  }

 private:
  WorkingDirectory directory_;
  std::optional<Child> child_;
  bool interrupted_ = false;
};

}  // namespace

cluster::LoadTestOutcome outcome_of(int exit_code, const std::string& out, const std::string& err,
                                    const std::string& json, bool interrupted) {
  cluster::LoadTestOutcome outcome{.message = verdict_of(out), .exit_code = exit_code};
  switch (static_cast<ExitCode>(exit_code)) {
    case ExitCode::passed:
      outcome.state = LoadTestState::passed;
      return outcome;
    case ExitCode::failed:
      outcome.state = is_incomplete(json) ? LoadTestState::incomplete : LoadTestState::failed;
      return outcome;
    case ExitCode::interrupted:
      outcome.state = LoadTestState::cancelled;
      break;
    default:
      // An interruption before it began is an error of the run.
      outcome.state = interrupted ? LoadTestState::cancelled : LoadTestState::error;
  }
  if (outcome.state == LoadTestState::cancelled) {
    outcome.message = "while it ran";
    return outcome;
  }
  constexpr std::string_view kError = "error: ";
  auto said = last_line(err);
  if (said.starts_with(kError)) said.erase(0, kError.size());
  outcome.message = said;
  if (exit_code > kSignalled) {
    outcome.message = fmt::format("its process was ended by signal {}{}{}", exit_code - kSignalled,
                                  said.empty() ? "" : "; it said last: ", said);
  }
  return outcome;
}

void remove_abandoned_files(const Process& process) {
  const auto directory = working_directories(process);
  const DirectoryLock looking(directory, true);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (!cluster::is_load_test_id(entry.path().filename().string())) continue;
    // Another master of this user may be using it.
    const DirectoryLock lock(entry.path(), false);
    std::error_code not_removed;
    if (lock.held()) fs::remove_all(entry.path(), not_removed);
  }
}

std::unique_ptr<cluster::LoadTestProcess> start_load_test(const Process& process, const NatsArguments& nats,
                                                          const cluster::LoadTestRecord& record,
                                                          const std::string& library) {
  return std::make_unique<RunProcess>(process, nats, record, library);
}

}  // namespace chaperon::cli
