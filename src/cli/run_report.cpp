#include "cli/run_report.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <ostream>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/resource.h>

#include <chaperon/errors.hpp>

#include "base/json.hpp"
#include "base/log.hpp"
#include "cli/interrupt.hpp"
#include "cli/live_line.hpp"
#include "cli/number_text.hpp"
#include "cli/options.hpp"
#include "cli/summary.hpp"
#include "cli/url_text.hpp"
#include "cli/verdict.hpp"
#include "export/export_results.hpp"
#include "export/exporter.hpp"
#include "export/output_error.hpp"
#include "export/output_path.hpp"

namespace chaperon::cli {
namespace {

constexpr Duration kProgressInterval = 1s;

// Export knows no command line: its errors become those of a wrong option here.
template <class F>
auto as_input_error(F&& f) {
  try {
    return std::forward<F>(f)();
  } catch (const exporting::OutputError& error) {
    throw InputError(error.what());
  }
}

std::uint64_t descriptor_limit() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

// Neither the output nor what is written beside it may be a file that the run is made from.
void refuse_to_replace(const std::vector<InputFile>& inputs, const std::filesystem::path& output) {
  const auto refuse = [&](const std::filesystem::path& written, std::string_view how) {
    for (const auto& input : inputs) {
      std::error_code not_there;
      if (!std::filesystem::equivalent(written, input.path, not_there)) continue;
      throw InputError(fmt::format("--output {}: {} {}, {}: choose another name", output.string(), how,
                                   input.what, input.path));
    }
  };
  refuse(output, "this is");
  for (const auto part : exporting::kSideParts) {
    const auto beside = exporting::side_path(output, part);
    refuse(beside, fmt::format("{}, which is written beside it, is", beside.string()));
  }
}

// Nor may two outputs be one file, or one of them what is written beside another.
void refuse_collisions(const std::vector<std::string>& outputs) {
  const auto resolved = [](const std::filesystem::path& path) {
    std::error_code error;
    auto canonical = std::filesystem::weakly_canonical(path, error);
    return error ? path : canonical;
  };
  for (std::size_t at = 0; at < outputs.size(); ++at) {
    for (std::size_t other = 0; other < outputs.size(); ++other) {
      if (other < at && resolved(outputs[at]) == resolved(outputs[other]))
        throw InputError(fmt::format("--output {}: it is given twice: leave one out", outputs[at]));
      for (const auto part : exporting::kSideParts) {
        if (resolved(outputs[at]) != resolved(exporting::side_path(outputs[other], part))) continue;
        throw InputError(fmt::format("--output {}: this is written beside {}: choose another name",
                                     outputs[at], outputs[other]));
      }
    }
  }
}

// A run whose time was up has come to its end, and so have its sessions.
void ended_in_time(Results& results) {
  const auto cancelled_are_ok = [](SessionCounts& counts) {
    counts.ok += std::exchange(counts.cancelled, 0);
  };
  results.interrupted = false;
  cancelled_are_ok(results.sessions);
  for (auto& named : results.sessions_by_name)
    cancelled_are_ok(named.counts);
  const auto is_cancelled = [](const ErrorGroup& group) { return group.reason == "cancelled"; };
  std::erase_if(results.endings, is_cancelled);
  std::erase_if(results.errors, is_cancelled);
}

}  // namespace

std::string start_text(const RunStart& start, const std::string& title) {
  auto loops = count_text(start.loops, "loop", "loops");
  if (!start.workers.empty())
    loops += fmt::format(" on {} ({})", count_text(start.workers.size(), "worker", "workers"),
                         fmt::join(start.workers, ", "));
  constexpr std::string_view kEnd = "Ctrl-C stops and reports.";
  if (!title.empty()) return fmt::format("{}, {}, seed {}. {}", title, loops, start.seed, kEnd);
  const auto url = start.base_url.empty() ? std::string() : ", " + without_password(start.base_url);
  return fmt::format("{}: {}, {}{}, seed {}. {}", start.load_test,
                     count_text(start.sessions, "session", "sessions"), loops, url, start.seed, kEnd);
}

std::string nothing_recorded_text(const Results& results, const std::vector<std::string>& metrics) {
  if (metrics.empty() || !results.metrics.empty()) return {};
  const std::vector<std::string> known{"get",     "head",    "post",   "put",  "patch",       "del",
                                       "options", "connect", "queued", "call", "run_scenario"};
  std::string meant;
  for (const auto& name : metrics) {
    if (meant.empty()) meant = nearest(name, known);
  }
  return fmt::format(
      "nothing was recorded: --metrics {} names nothing that was done{}: there are {}, and the names of "
      "metrics "
      "of your own",
      fmt::join(metrics, ","), meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant),
      fmt::join(known, ", "));
}

std::string queued_for_descriptors_text(const Results& results, std::uint64_t limit) {
  // Requests also wait for their turn in a crowd of connections, which needs no remedy.
  if (results.generator.queued_p99 <= kLongQueue || results.sessions.total() < limit) return {};
  return fmt::format(
      "requests waited for file descriptors, of which there are {}, p99 {}: raise the limit (ulimit -n), or "
      "use "
      "fewer sessions",
      count_text(limit), latency_text(results.generator.queued_p99));
}

Report::Report(Process& process, ReportOptions options) : process_(process), options_(std::move(options)) {
  as_input_error([&] {
    if (!options_.format.empty()) static_cast<void>(exporting::exporter_for(options_.format));
    if (!options_.format.empty() && options_.outputs.empty() && options_.tag.empty()) {
      throw InputError(
          fmt::format("--format {0}: nothing is written: say where with --output FILE or --tag TAG, as in "
                      "--output metrics.{0}",
                      options_.format));
    }
    if (!options_.outputs.empty() && !options_.tag.empty()) {
      throw InputError("--output and --tag both say where results go: give one of them");
    }
    refuse_collisions(options_.outputs);
    for (const auto& output : options_.outputs) {
      refuse_to_replace(options_.inputs, output);
      outputs_.push_back(
          {.path = output,
           .file = exporting::OutputFile(output, exporting::Parents::must_exist, process_.out)});
    }
  });
}

void Report::prepare(const std::string& load_test) {
  if (options_.tag.empty()) return;
  as_input_error([&] {
    const auto extension = options_.format.empty() ? std::string("csv") : options_.format;
    const auto path =
        exporting::tagged_path(load_test, options_.tag, std::chrono::system_clock::now(), extension);
    outputs_.push_back({.path = path.string(),
                        .file = exporting::OutputFile(path, exporting::Parents::create, process_.out)});
  });
}

ExitCode Report::run(const RegisteredLoadTest& load_test, RunOptions options) {
  prepare(load_test.name);
  Results results;
  {
    const Interrupt interrupt(process_);
    LiveLine live(*process_.err, process_.err_is_terminal, process_.columns);
    bool stopping = false;
    std::stop_source stop;
    const auto end = [&stop] { stop.request_stop(); };
    const std::stop_callback on_interrupt(process_.stop.get_token(), end);
    const std::stop_callback on_time_up(options_.time_up, end);
    options.stop = stop.get_token();
    options.progress_interval = kProgressInterval;
    options.on_start = [&](const RunStart& start) {
      *process_.err << start_text(start, options_.title) << std::endl;
    };
    options.on_progress = [&](const Progress& progress) {
      if (!stopping && process_.stop.stop_requested()) {
        stopping = true;
        live.clear();
        *process_.err << "stopping: what was measured is reported; Ctrl-C again leaves at once" << std::endl;
      }
      live.show(live_text(progress, kProgressInterval, live.width()));
    };
    const auto news = [&](const std::string& line) {
      live.clear();
      *process_.err << line << std::endl;
    };
    results = run_ ? run_(load_test, options, news) : run_load_test(load_test, options);
    if (auto warning = nothing_recorded_text(results, options.metrics); !warning.empty())
      results.warnings.push_back(std::move(warning));
    if (auto warning = queued_for_descriptors_text(results, descriptor_limit()); !warning.empty())
      results.warnings.push_back(std::move(warning));
  }
  if (options_.time_up.stop_requested() && !process_.stop.stop_requested()) ended_in_time(results);
  // What the sessions logged comes before the summary, not into it.
  stop_log();
  // Files first: whatever happens to the terminal, they are there.
  std::exception_ptr not_written;
  const auto files = write_files(results, not_written);
  auto code = ExitCode::passed;
  print(results, files, code);
  if (not_written) std::rethrow_exception(not_written);
  return code;
}

std::vector<std::string> Report::write_files(const Results& results, std::exception_ptr& not_written) {
  std::vector<std::string> names;
  for (auto& [path, file] : outputs_) {
    const auto format =
        options_.format.empty() ? std::string(exporting::format_for_path(path)) : options_.format;
    try {
      for (auto& name :
           as_input_error([&, &to = file] { return exporting::export_results(results, to, format); })) {
        // What is beside m.csv is beside m.json too.
        if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
      }
    } catch (const InputError&) {
      // A full disk must not lose the table as well, nor the other files.
      if (!not_written && (!file.is_standard_output() || !process_.out_is_written()))
        not_written = std::current_exception();
    }
  }
  return names;
}

void Report::print(const Results& results, const std::vector<std::string>& files, ExitCode& code) {
  const auto verdict =
      judge(results, options_.allow_failures ? Strictness::all_failures : Strictness::any_failure);
  code = verdict.code;
  // Where the results themselves go to stdout, the summary must not be among them.
  const bool to_stderr =
      std::ranges::any_of(outputs_, [](const Output& output) { return output.file.is_standard_output(); });
  auto& out = to_stderr ? *process_.err : *process_.out;
  const SummaryStyle style{.colours = to_stderr ? process_.colours_err() : process_.colours_out(),
                           .width = process_.columns == 0 ? kColumns : process_.columns};
  const auto title = options_.title.empty() ? results.load_test : options_.title;
  // What was asked for goes between the table and the names of the files, which are to be the last line.
  const bool more = options_.print_results || options_.print_metrics;
  out << render_summary(results, title, verdict, more ? std::vector<std::string>() : files, style)
      << std::flush;
  if (options_.print_results) out << '\n' << dump(results.stored, 2) << '\n';
  if (options_.print_metrics) {
    out << '\n';
    exporting::exporter_for("json").write(results, out);
  }
  if (more && !files.empty()) out << fmt::format("\n{}\n", listed(files, style.width));
  out << std::flush;
}

}  // namespace chaperon::cli
