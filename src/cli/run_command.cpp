#include <optional>
#include <utility>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "cli/cluster_run.hpp"
#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "cli/run_arguments.hpp"
#include "cli/run_report.hpp"
#include "cli/run_variables.hpp"
#include "cli/scenario_file.hpp"
#include "cli/scenario_library.hpp"
#include "cli/target_process.hpp"

namespace chaperon::cli {
namespace {

void refuse_swapped(const std::string& file, const std::string& load_test) {
  if (load_test.empty() || !is_scenario_file(load_test) || is_scenario_file(file)) return;
  throw InputError(fmt::format("{} is no scenario file, but {} is: write 'chaperon run {} {}'", file,
                               load_test, shell_word(load_test), shell_word(file)));
}

}  // namespace

ExitCode run_command(Process& process, const std::vector<std::string>& words) {
  Arguments arguments(
      "chaperon run", "FILE [LOAD_TEST] [OPTIONS]",
      "Runs a load test: compiles FILE (only if it changed), starts its sessions, shows what they measured.",
      {"chaperon run shop.cpp --target                       against the built-in server",
       "chaperon run shop.cpp --base-url http://localhost:8080 --output metrics.csv",
       "chaperon run shop.cpp ShopTest --config users=100 --config think.max=2s",
       "chaperon run shop.cpp --nats nats://127.0.0.1:4222 --workers 2",
       "chaperon run shop.cpp --tag nightly --allow-failures --cxxflags \"-O2 -lpq\""});
  std::string file;
  std::string flags;
  bool target = false;
  RunArguments given;
  arguments.positional("FILE", file, true,
                       "a scenario file (.cpp, .cc, .cxx), or a library made from one (.so)");
  arguments.positional("LOAD_TEST", given.load_test, false, "which load test, if FILE has several");
  if (process.serve_target) {
    arguments.flag("--target", target, "start the built-in target server for this run, and load it");
  }
  given.declare(arguments);
  arguments.option("--cxxflags", flags, "FLAGS", "more flags for the compiler, last on its command line");
  ClusterArguments cluster;
  cluster.declare(arguments);
  if (!arguments.parse(words, process)) return ExitCode::passed;

  cluster.take_variables(process);
  if (!cluster.run_name.empty() && given.base_url.empty())
    given.base_url = process.variable(kRunBaseUrl).value_or("");
  refuse_swapped(file, given.load_test);
  if (target && !given.base_url.empty()) {
    throw InputError("--target and --base-url both say which server to load: give one of them");
  }
  const bool on_cluster = cluster.given();
  if (on_cluster && !given.threads.empty())
    throw InputError("--threads: on a cluster each worker has its own: 'chaperon worker --threads N'");
  // All that can be wrong is looked at before the compiler is started.
  auto options = given.run_options();
  const LogSession log(process, given.level());
  auto report_options = given.report_options();
  report_options.inputs.push_back({.what = "the scenario file", .path = file});
  Report report(process, std::move(report_options));

  const auto library = scenario_library_of(process, file, flags);
  const auto load_tests = load_scenario_library(library, file);
  const auto& load_test =
      choose_load_test(load_tests, given.load_test, file, fmt::format("chaperon run {}", shell_word(file)));
  std::optional<TargetProcess> target_process;
  if (target) {
    target_process.emplace(process);
    options.base_url = target_process->url();
  }
  if (on_cluster) report.run_with(cluster.runner(process, library, file, given.log_level));
  return report.run(load_test, std::move(options));
}

}  // namespace chaperon::cli
