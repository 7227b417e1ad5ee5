#include <algorithm>
#include <filesystem>
#include <ostream>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/load_test_ids.hpp"
#include "cli/nats_arguments.hpp"
#include "cluster/load_test_queue.hpp"
#include "export/output_error.hpp"
#include "export/output_file.hpp"

namespace chaperon::cli {
namespace {

std::string kind_of(const std::string& format, const std::string& output) {
  const auto known = [](const std::string& kind) {
    return std::ranges::find(cluster::kResultKinds, kind) != cluster::kResultKinds.end();
  };
  if (!format.empty()) {
    if (!known(format)) throw InputError(fmt::format("--format {}: there are csv, json and txt", format));
    return format;
  }
  auto extension = std::filesystem::path(output).extension().string();
  if (!extension.empty()) extension.erase(0, 1);
  return known(extension) ? extension : "txt";
}

}  // namespace

ExitCode results_command(Process& process, const std::vector<std::string>& words) {
  Arguments arguments(
      "chaperon results", "ID --nats URL [OPTIONS]",
      "Shows what a load test of the cluster's queue has measured, once it has ended: the summary,\n"
      "or the metrics as CSV or JSON.",
      {"chaperon results 3f2a9c01 --nats nats://127.0.0.1:4222",
       "chaperon results 3f2a9c01 --nats nats://127.0.0.1:4222 -o metrics.csv"});
  NatsArguments nats_arguments;
  std::string id;
  std::string output;
  std::string format;
  arguments.positional("ID", id, true, "of the load test, as 'chaperon queue' shows it");
  arguments.option("-o,--output", output, "FILE", "write them to FILE; default: stdout");
  arguments.option("--format", format, "FORMAT",
                   "txt, csv or json; default: by the extension of FILE, else txt");
  nats_arguments.declare(arguments);
  if (!arguments.parse(words, process)) return ExitCode::passed;
  const auto kind = kind_of(format, output);
  try {
    cluster::Nats nats(nats_arguments.options(process, "coordinator", "chaperon results"));
    const cluster::LoadTestQueue queue(nats, nats_arguments.replica_count());
    const auto found = queue.find(id);
    if (!found) refuse_unknown_id(queue, id);
    const auto& record = found->record;
    const auto content = queue.results(id, kind);
    if (!content) {
      throw InputError(has_ended(record.state)
                           ? fmt::format("{} has no results as {}: it is {}", id, kind,
                                         fate_text(record.state, record.message))
                           : fmt::format("{} has no results yet: it is {}", id, to_string(record.state)));
    }
    exporting::OutputFile(output.empty() ? "-" : output, exporting::Parents::must_exist, process.out)
        .write(*content);
    *process.out << std::flush;
  } catch (const cluster::NatsError& error) {
    throw InputError(error.what());
  } catch (const exporting::OutputError& error) {
    throw InputError(error.what());
  }
  return ExitCode::passed;
}

}  // namespace chaperon::cli
