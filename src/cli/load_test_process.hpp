// A load test of the queue as a child process: `chaperon run`.
#pragma once

#include <memory>
#include <string>

#include "cli/nats_arguments.hpp"
#include "cli/process.hpp"
#include "cluster/load_test_record.hpp"
#include "cluster/master.hpp"

namespace chaperon::cli {

/// Starts `chaperon run` with the library and the options of a load test, on the cluster that `nats` names.
/// Its files are in a directory of its own, which goes with it. It is killed when the thread that called this
/// ends, however that ends. Throws std::runtime_error, InputError.
std::unique_ptr<cluster::LoadTestProcess> start_load_test(const Process& process, const NatsArguments& nats,
                                                          const cluster::LoadTestRecord& record,
                                                          const std::string& library);

/// Removes the files of load tests whose masters were killed: config may hold secrets.
void remove_abandoned_files(const Process& process);

/// How a load test has ended, by the exit code of `chaperon run`, what it has written to stdout and stderr,
/// and its results as JSON (empty if there are none). `interrupted`: it was to end.
cluster::LoadTestOutcome outcome_of(int exit_code, const std::string& out, const std::string& err,
                                    const std::string& json, bool interrupted);

}  // namespace chaperon::cli
