#include <cstdio>
#include <filesystem>
#include <optional>
#include <ostream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/json.hpp"
#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/number_text.hpp"
#include "cli/scenario_file.hpp"
#include "cli/scenario_library.hpp"
#include "export/redact.hpp"

namespace chaperon::cli {
namespace {

// A sequence's name is that of its parts.
std::string scenario_name(const Scenario& scenario) {
  std::string name;
  for (const auto& part : scenario.parts())
    name += fmt::format("{}{}", name.empty() ? "" : "+", part.name);
  return name;
}

std::string describe_entry(const ScenarioEntry& entry) {
  const auto scenario = scenario_name(entry.scenario);
  auto text = fmt::format("{} × {}", entry.scenario.users(), scenario);
  if (!entry.name.empty() && entry.name != scenario) text += fmt::format(" as \"{}\"", entry.name);
  if (entry.config.is_object() && !entry.config.empty()) {
    text += fmt::format(" {}", dump(exporting::redacted(entry.config)));
  }
  return text;
}

std::string describe_load_test(const RegisteredLoadTest& load_test) {
  auto config = load_test.default_config ? load_test.default_config() : Json();
  if (config.is_null()) config = Json::object();
  std::int64_t users = 0;
  const auto entries = load_test.scenarios(config);
  for (const auto& entry : entries)
    users += entry.scenario.users();
  auto text = fmt::format("{}: {}\n", load_test.name,
                          users < 0 ? "a negative number of sessions"
                                    : count_text(static_cast<std::uint64_t>(users), "session", "sessions"));
  for (const auto& entry : entries)
    text += fmt::format("  {}\n", describe_entry(entry));
  if (!config.empty()) text += fmt::format("  config {}\n", dump(exporting::redacted(config)));
  return text;
}

// As long as it is there, what is written to stdout goes to stderr: what a library writes while it is loaded
// is no part of the JSON.
class StdoutToStderr {
 public:
  explicit StdoutToStderr(std::ostream& out)
      : out_(out), kept_(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) {
    if (kept_ < 0) return;  // it is closed
    flush();
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
  }
  ~StdoutToStderr() {
    if (kept_ < 0) return;
    flush();
    ::dup2(kept_, STDOUT_FILENO);
    ::close(kept_);
  }
  StdoutToStderr(const StdoutToStderr&) = delete;
  StdoutToStderr& operator=(const StdoutToStderr&) = delete;

 private:
  void flush() {
    out_.flush();
    static_cast<void>(std::fflush(stdout));
  }

  std::ostream& out_;
  const int kept_;
};

}  // namespace

ExitCode list_command(Process& process, const std::vector<std::string>& words) {
  Arguments arguments(
      "chaperon list", "FILE [OPTIONS]",
      "Shows the load tests of a scenario file: their scenarios, numbers of users and config.",
      {"chaperon list shop.cpp", "chaperon list shop.cpp --json"});
  std::string file;
  std::string flags;
  bool as_json = false;
  arguments.positional("FILE", file, true,
                       "a scenario file (.cpp, .cc, .cxx), or a library made from one (.so)");
  arguments.option("--cxxflags", flags, "FLAGS", "more flags for the compiler, last on its command line");
  arguments.flag("--json", as_json, "show their names only, and the compiled library, as JSON");
  if (!arguments.parse(words, process)) return ExitCode::passed;

  const auto library = scenario_library_of(process, file, flags);
  std::optional<StdoutToStderr> redirected;
  if (as_json) redirected.emplace(*process.out);
  const auto load_tests = load_scenario_library(library, file);
  redirected.reset();
  if (as_json) {
    Json names = Json::array();
    for (const auto& load_test : load_tests)
      names.push_back(load_test.name);
    const Json all{{"library", std::filesystem::absolute(library).string()}, {"load_tests", names}};
    *process.out << dump(all) << std::endl;
    return ExitCode::passed;
  }
  if (load_tests.empty()) *process.out << fmt::format("{} defines no load test\n", file);
  for (const auto& load_test : load_tests)
    *process.out << describe_load_test(load_test);
  *process.out << std::flush;
  return ExitCode::passed;
}

}  // namespace chaperon::cli
