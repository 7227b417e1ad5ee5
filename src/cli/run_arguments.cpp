#include "cli/run_arguments.hpp"

#include "cli/options.hpp"
#include "http/url.hpp"

namespace chaperon::cli {

void RunArguments::declare(Arguments& arguments) {
  arguments.option("--base-url", base_url, "URL", "the server to load; wins over every other base_url");
  arguments.repeated("--config", config, "KEY=VALUE",
                     "a config value: JSON where it can be read as such, else text; a dot in the key nests "
                     "(may be repeated)");
  arguments.option("--config-file", config_file, "FILE",
                   "a JSON object of config values; --config wins over it");
  arguments.repeated("-o,--output", outputs, "FILE",
                     "write the results to FILE, config and scenarios beside it; - is stdout (the table goes "
                     "to stderr then); may be repeated, as in -o m.csv -o m.json");
  arguments.option("--format", format, "FORMAT",
                   "csv or json; default: by the extension of each --output, else csv");
  arguments.option("--tag", tag, "TAG", "write the results to results/DATE/LOAD_TEST/TAG-TIME.csv");
  arguments.repeated("--metrics", metrics, "NAMES",
                     "record only these actions, such as get,call (may be repeated)");
  arguments.option("--threads", threads, "N", "event loops; default: one per core");
  arguments.option("--seed", seed, "N", "the seed of all random draws; default: drawn, and shown");
  arguments.option("--stack-size", stack_size, "SIZE",
                   "address space for each session's stack, such as 512k; default 256k");
  arguments.option("--log-level", log_level, "LEVEL",
                   "debug (each request), info (default), warn, error or off");
  arguments.flag("--print-results", print_results,
                 "print what the sessions' requests returned, as JSON, after the table");
  arguments.flag("--print-metrics", print_metrics, "print the metrics as JSON after the table");
  arguments.flag("--allow-failures", allow_failures,
                 "exit code 1 only if all sessions failed or nothing was answered");
}

unsigned threads_option(const std::string& text) {
  constexpr std::uint64_t kMostThreads = 1024;
  return text.empty() ? 0 : static_cast<unsigned>(positive_option("--threads", text, kMostThreads));
}

RunOptions RunArguments::run_options() const {
  RunOptions options;
  if (!config_file.empty()) options.config = read_config_file(config_file);
  for (const auto& assignment : config)
    apply_config_option(options.config, assignment);
  // As for --base-url, the scheme may be left out.
  if (const auto url = options.config.find("base_url"); url != options.config.end() && url->is_string()) {
    if (const auto& text = url->get_ref<const std::string&>(); !text.empty()) *url = http::with_scheme(text);
  }
  if (print_results) options.config["store_results"] = true;
  if (!base_url.empty()) options.base_url = http::with_scheme(base_url);
  options.threads = threads_option(threads);
  if (!seed.empty()) options.seed = seed_option(seed);
  if (!stack_size.empty()) options.stack_size = stack_size_option(stack_size);
  options.metrics = metrics_option(metrics);
  return options;
}

ReportOptions RunArguments::report_options() const {
  ReportOptions options{.outputs = outputs,
                        .format = format,
                        .tag = tag,
                        .print_results = print_results,
                        .print_metrics = print_metrics,
                        .allow_failures = allow_failures};
  if (!config_file.empty()) options.inputs.push_back({.what = "the --config-file", .path = config_file});
  return options;
}

LogLevel RunArguments::level() const {
  return log_level.empty() ? LogLevel::info : log_level_option(log_level);
}

}  // namespace chaperon::cli
