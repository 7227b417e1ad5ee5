// How commands are told where the cluster is.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/process.hpp"
#include "cluster/nats.hpp"

namespace chaperon::cli {

/// The options for a connection to NATS.
struct NatsArguments {
  std::string url;
  std::string credentials, user, password, token;
  std::string tls_ca, tls_cert, tls_key;
  std::string replicas;
  bool insecure = false;

  /// Declares them.
  void declare(Arguments& arguments);
  /// Whether a cluster was named.
  [[nodiscard]] bool given() const noexcept { return !url.empty(); }
  /// What they say. `role` (`worker`, `coordinator`) is what accounts are told apart by: answers come to
  /// subjects under `_INBOX.ROLE`. `client` is how the server lists this process. Throws InputError if there
  /// is no URL, or options contradict each other.
  [[nodiscard]] cluster::NatsOptions options(const Process& process, const std::string& role,
                                             const std::string& client) const;
  /// These options again for another process, which may run elsewhere: without the URL and what is secret,
  /// since everybody can see the words of a command.
  [[nodiscard]] std::vector<std::string> words() const;
  /// On how many servers of a NATS cluster things are kept.
  [[nodiscard]] int replica_count() const;
};

/// `--label KEY=VALUE`, several times. Throws InputError.
std::map<std::string, std::string> label_options(const std::vector<std::string>& labels);

/// This machine's name and this process's number, as a name for a worker: `host-4711`.
std::string own_name();

}  // namespace chaperon::cli
