#include "cli/command_line.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <ostream>
#include <string_view>

#include <fmt/format.h>

#include <chaperon/errors.hpp>
#include <chaperon/load_test.hpp>
#include <chaperon/main.hpp>

#include "base/abi.hpp"
#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "cli/run_arguments.hpp"
#include "cli/scenario_compiler.hpp"
#include "cli/scenario_library.hpp"
#include "cli/text_layout.hpp"

namespace chaperon::cli {
namespace {

struct Command {
  std::string_view name;
  std::string_view summary;
  ExitCode (*run)(Process&, const std::vector<std::string>&);
};

constexpr std::array<Command, 12> kCommands{{
    {"run", "run a load test from a scenario file", run_command},
    {"bench", "load one URL, no file needed", bench_command},
    {"list", "show the load tests of a scenario file", list_command},
    {"new", "write a scenario file to begin with", new_command},
    {"target", "serve the built-in target, to try load tests on", target_command},
    {"cluster", "start a cluster on this machine, to try load tests on", cluster_command},
    {"worker", "join a cluster, and run users of its load tests", worker_command},
    {"master", "run the load tests of a cluster's queue, and serve its API", master_command},
    {"submit", "put a load test into the queue", submit_command},
    {"queue", "show the queue", queue_command},
    {"cancel", "cancel load tests of the queue", cancel_command},
    {"results", "show what a load test of the queue has measured", results_command},
}};
constexpr std::string_view kFirstOfCluster = "cluster";

std::string overview() {
  std::string text =
      "Chaperon: load tests for HTTP and WebSocket services, written in C++\n\n"
      "usage: chaperon COMMAND [ARGUMENTS]\n\ncommands\n";
  for (const auto& command : kCommands) {
    if (command.name == kFirstOfCluster) text += "\ncommands for many machines\n";
    text += fmt::format("  {:<10}{}\n", command.name, command.summary);
  }
  return text +
         "\noptions\n"
         "  --version   the version, and what it was built with\n"
         "  --help      this text; 'chaperon COMMAND --help' for a command's\n"
         "\nexamples\n"
         "  chaperon bench http://localhost:8080/ -c 50 -d 30s\n"
         "  chaperon new shop\n"
         "  chaperon run shop.cpp --target\n"
         "\nexit codes: 0 passed, 1 the load test failed, 2 usage or input, 3 a scenario does not compile,\n"
         "70 a fault of Chaperon's, 130 interrupted\n";
}

std::string version_text() {
  const auto value = [](std::string_view name) { return abi_value(own_abi(), name); };
  return fmt::format("chaperon {} ({}, nlohmann/json {}, fmt {}{})\n", CHAPERON_VERSION, value("compiler"),
                     value("nlohmann/json"), value("fmt"),
                     value("sanitizer") == "none" ? "" : fmt::format(", {} sanitizer", value("sanitizer")));
}

ExitCode dispatch(Process& process) {
  const auto& args = process.args;
  if (args.size() < 2) {
    *process.err << overview() << std::flush;
    return ExitCode::input;
  }
  std::string name = args[1];
  std::vector<std::string> arguments(args.begin() + 2, args.end());
  if (name == "--version" || name == "-V" || name == "version") {
    *process.out << version_text() << std::flush;
    return ExitCode::passed;
  }
  if (name == "help" && !arguments.empty()) {
    name = arguments.front();
    arguments = {"--help"};
  } else if (name == "--help" || name == "-h" || name == "help") {
    *process.out << overview() << std::flush;
    return ExitCode::passed;
  }
  const auto command = std::find_if(kCommands.begin(), kCommands.end(),
                                    [&](const Command& known) { return known.name == name; });
  if (command != kCommands.end()) return command->run(process, arguments);

  if (name.starts_with('-')) {
    const auto meant = nearest(name, {"--help", "--version"});
    throw InputError(fmt::format("unknown option {}{}: see 'chaperon --help'", name,
                                 meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant)));
  }
  std::vector<std::string> names;
  names.reserve(std::size(kCommands));
  for (const auto& known : kCommands)
    names.emplace_back(known.name);
  if (const auto meant = nearest(name, names); !meant.empty()) {
    throw InputError(
        fmt::format("unknown command {} (did you mean {}?): see 'chaperon --help'", name, meant));
  }
  if (name.ends_with(".cpp") || name.ends_with(".so")) {
    throw InputError(
        fmt::format("unknown command {}: to run that file, write 'chaperon run {}'", name, shell_word(name)));
  }
  throw InputError(fmt::format("unknown command {}: the commands are {}", name, fmt::join(names, ", ")));
}

ExitCode run_registered(Process& process) {
  const auto program = process.args.empty() ? std::string("program") : process.args.front();
  Arguments arguments(program, "[LOAD_TEST] [OPTIONS]",
                      "Runs a load test of this program and shows what its sessions measured.",
                      {program + " --base-url http://localhost:8080 --output metrics.csv"});
  RunArguments given;
  arguments.positional("LOAD_TEST", given.load_test, false, "which load test, if there are several");
  given.declare(arguments);
  const std::vector<std::string> words(process.args.begin() + (process.args.empty() ? 0 : 1),
                                       process.args.end());
  if (!arguments.parse(words, process)) return ExitCode::passed;
  auto options = given.run_options();
  const LogSession log(process, given.level());
  Report report(process, given.report_options());
  return report.run(choose_load_test(load_tests(), given.load_test, program, program), std::move(options));
}

void say_error(Process& process, std::string_view text) {
  *process.err << coloured("error:", Colour::red, process.colours_err()) << ' ' << text << std::endl;
}

// What nobody could read is no success.
ExitCode check_output(Process& process, ExitCode code) {
  if (process.out_is_written()) return code;
  say_error(process, "the standard output cannot be written: it is closed, or its disk is full");
  return code == ExitCode::passed ? ExitCode::input : code;
}

// Turns what a command throws into an exit code and, where it is not said yet, a line on stderr.
template <class F>
int guarded(Process& process, F&& f) noexcept {
  const auto fail = [&](ExitCode code, std::string_view text) {
    say_error(process, text);
    return static_cast<int>(code);
  };
  try {
    try {
      return static_cast<int>(check_output(process, f()));
    } catch (const CompileError&) {
      return static_cast<int>(ExitCode::compile_error);
    } catch (const CompileInterrupted&) {
      return static_cast<int>(ExitCode::interrupted);
    } catch (const InputError& error) {
      return fail(ExitCode::input, error.what());
    } catch (const ScenarioError& error) {
      return fail(ExitCode::input, error.what());  // from default_config() or scenarios()
    } catch (const Json::exception& error) {
      return fail(ExitCode::input, fmt::format("the load test's config or table: {}", error.what()));
    } catch (const std::exception& error) {
      return fail(ExitCode::internal, error.what());
    } catch (...) {
      return fail(ExitCode::internal, "something was thrown that is no std::exception");
    }
  } catch (...) {
    // Not even the error could be said.
    return static_cast<int>(ExitCode::internal);
  }
}

}  // namespace

int run_command_line(Process& process) noexcept {
  return guarded(process, [&] { return dispatch(process); });
}

int run_program(Process& process) noexcept {
  return guarded(process, [&] { return run_registered(process); });
}

Process command_line_process(int argc, const char* const* argv) {
  return this_process(argc, argv);
}

}  // namespace chaperon::cli

namespace chaperon {
inline namespace v1 {

int program_main(int argc, const char* const* argv) noexcept {
  try {
    auto process = cli::this_process(argc, argv);
    return cli::run_program(process);
  } catch (...) {
    return static_cast<int>(cli::ExitCode::internal);
  }
}

}  // namespace v1
}  // namespace chaperon
