#include <filesystem>
#include <ostream>
#include <utility>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "cli/arguments.hpp"
#include "cli/cluster_run.hpp"
#include "cli/commands.hpp"
#include "cli/nats_arguments.hpp"
#include "cli/options.hpp"
#include "cli/run_arguments.hpp"
#include "cli/scenario_file.hpp"
#include "cli/scenario_library.hpp"
#include "cluster/load_test_queue.hpp"
#include "cluster/master_status.hpp"
#include "cluster/submission_json.hpp"
#include "load_test/plan.hpp"

namespace chaperon::cli {
namespace {

// The options of `chaperon run` that make sense for a run elsewhere, and later.
struct SubmitArguments {
  RunArguments run{};
  std::string workers{};
  std::string on_worker_loss{};
  std::string flags{};
  std::vector<std::string> labels{};
  std::vector<std::string> tags{};

  void declare(Arguments& arguments) {
    arguments.option("--base-url", run.base_url, "URL", "the server to load; wins over every other base_url");
    arguments.repeated("--config", run.config, "KEY=VALUE",
                       "a config value, as for 'chaperon run' (may be repeated)");
    arguments.option("--config-file", run.config_file, "FILE",
                     "a JSON object of config values; --config wins over it");
    arguments.repeated("--tag", tags, "TAG", "a word by which people find it again (may be repeated)");
    arguments.option("--workers", workers, "N",
                     "wait for N workers and use these; default: all that are there");
    arguments.repeated("--label", labels, "KEY=VALUE", "only workers with this label (may be repeated)");
    arguments.option("--on-worker-loss", on_worker_loss, "WHAT",
                     "leave-out (default), restart or abort what a lost worker had not finished");
    arguments.repeated("--metrics", run.metrics, "NAMES",
                       "record only these actions, such as get,call (may be repeated)");
    arguments.option("--seed", run.seed, "N", "the seed of all random draws; default: drawn");
    arguments.option("--stack-size", run.stack_size, "SIZE",
                     "address space for each session's stack, such as 512k; default 256k");
    arguments.option("--cxxflags", flags, "FLAGS", "more flags for the compiler, last on its command line");
  }

  [[nodiscard]] cluster::LoadTestOptions options(const RunOptions& run_options) const {
    return {.config = run_options.config,
            .base_url = run_options.base_url,
            .workers = workers_option(workers),
            .labels = label_options(labels),
            .on_worker_loss = on_worker_loss_option(on_worker_loss),
            .seed = run_options.seed,
            .stack_size = run_options.stack_size,
            .metrics = run_options.metrics};
  }
};

}  // namespace

ExitCode submit_command(Process& process, const std::vector<std::string>& words) {
  Arguments arguments(
      "chaperon submit", "FILE [LOAD_TEST] --nats URL [OPTIONS]",
      "Puts a load test into the cluster's queue: compiles FILE here, so that what is wrong with it\n"
      "shows at once. 'chaperon master' runs it when its turn has come.",
      {"chaperon submit shop.cpp --nats nats://127.0.0.1:4222 --tag nightly",
       "chaperon submit shop.cpp ShopTest --nats nats://127.0.0.1:4222 --workers 2 --config users=100"});
  std::string file;
  SubmitArguments given;
  NatsArguments nats_arguments;
  arguments.positional("FILE", file, true,
                       "a scenario file (.cpp, .cc, .cxx), or a library made from one (.so)");
  arguments.positional("LOAD_TEST", given.run.load_test, false, "which load test, if FILE has several");
  given.declare(arguments);
  nats_arguments.declare(arguments);
  if (!arguments.parse(words, process)) return ExitCode::passed;

  const auto run_options = given.run.run_options();
  cluster::require_tags(given.tags);
  cluster::Submission submission{.record = {.file = std::filesystem::path(file).filename().string(),
                                            .tags = given.tags,
                                            .options = given.options(run_options),
                                            .submitted_by = own_name()}};
  cluster::require_usable(submission.record.options);
  const auto nats_options = nats_arguments.options(process, "coordinator",
                                                   fmt::format("chaperon submit {}", submission.record.file));
  const auto library = scenario_library_of(process, file, given.flags);
  const auto load_tests = load_scenario_library(library, file);
  const auto& load_test = choose_load_test(load_tests, given.run.load_test, file,
                                           fmt::format("chaperon submit {}", shell_word(file)));
  // What cannot be run is said now, and not when its turn has come.
  static_cast<void>(load_test::Plan::make(load_test, run_options));
  submission.record.load_test = load_test.name;
  submission.library = read_library(library);
  try {
    cluster::Nats nats(nats_options);
    cluster::LoadTestQueue queue(nats, nats_arguments.replica_count());
    const auto id = queue.submit({std::move(submission)}).front().id;
    // The id alone is on stdout, for scripts.
    *process.out << id << std::endl;
    *process.err << fmt::format("{} is in the queue. Follow it: chaperon queue --nats {}\n", load_test.name,
                                nats.server());
    if (!cluster::ask_master(nats))
      *process.err << fmt::format(
          "no master is there yet: it runs once one is started: chaperon master --nats {}\n", nats.server());
    *process.err << std::flush;
  } catch (const cluster::NatsError& error) {
    throw InputError(error.what());
  }
  return ExitCode::passed;
}

}  // namespace chaperon::cli
