// The program `chaperon`: the command line of libchaperon, and the built-in target.
#include <exception>
#include <functional>
#include <iostream>
#include <stop_token>
#include <string>
#include <utility>

#include "cli/command_line.hpp"
#include "cli/exit_code.hpp"
#include "target/target.hpp"

namespace {

void serve_target(const chaperon::cli::TargetOptions& options,
                  const std::function<void(const std::string& url)>& listening, std::stop_token stop) {
  chaperon::target::Server server({.address = options.address,
                                   .port = options.port,
                                   .threads = options.threads,
                                   .unix_path = options.unix_path});
  listening(server.url());
  const std::stop_callback stop_server(std::move(stop), [&] { server.stop(); });
  server.run();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    auto process = chaperon::cli::command_line_process(argc, argv);
    process.serve_target = serve_target;
    return chaperon::cli::run_command_line(process);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return static_cast<int>(chaperon::cli::ExitCode::internal);
  }
}
