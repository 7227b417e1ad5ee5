#include "cli/nats_arguments.hpp"

#include <array>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

#include <chaperon/errors.hpp>

#include "cli/options.hpp"
#include "cli/text_layout.hpp"
#include "cluster/protocol.hpp"

namespace chaperon::cli {

void NatsArguments::declare(Arguments& arguments) {
  arguments.option("--nats", url, "URL",
                   "the cluster's NATS server, such as nats://127.0.0.1:4222; several with commas");
  arguments.option("--creds", credentials, "FILE", "a NATS credentials file (JWT and seed)");
  arguments.option("--user", user, "NAME", "the NATS user");
  arguments.option("--password", password, "TEXT", "its password; better: $CHAPERON_NATS_PASSWORD");
  arguments.option("--token", token, "TEXT", "a NATS token; better: $CHAPERON_NATS_TOKEN");
  arguments.option("--tls-ca", tls_ca, "FILE",
                   "whom to trust (PEM), for tls:// with an authority of your own");
  arguments.option("--tls-cert", tls_cert, "FILE", "this machine's certificate (PEM)");
  arguments.option("--tls-key", tls_key, "FILE", "its key (PEM)");
  arguments.option("--replicas", replicas, "N",
                   "on how many servers of a NATS cluster the run's data is kept; default 1");
  arguments.flag("--insecure", insecure, "allow nats:// without TLS to another machine");
}

cluster::NatsOptions NatsArguments::options(const Process& process, const std::string& role,
                                            const std::string& client) const {
  if (url.empty()) {
    throw InputError(
        "no cluster is named: say where its NATS server is, as in --nats nats://127.0.0.1:4222; "
        "'chaperon cluster up' starts one to try");
  }
  const auto or_variable = [&](const std::string& value, const char* variable) {
    return value.empty() ? process.variable(variable).value_or("") : value;
  };
  if (tls_cert.empty() != tls_key.empty())
    throw InputError("--tls-cert and --tls-key belong together: give both");
  return {.url = url,
          .credentials_file = credentials,
          .user = user,
          .password = or_variable(password, "CHAPERON_NATS_PASSWORD"),
          .token = or_variable(token, "CHAPERON_NATS_TOKEN"),
          .tls_ca = tls_ca,
          .tls_cert = tls_cert,
          .tls_key = tls_key,
          .insecure = insecure,
          .client_name = client,
          .inbox = "_INBOX." + role};
}

std::vector<std::string> NatsArguments::words() const {
  std::vector<std::string> result;
  const auto add = [&result](const char* option, const std::string& value) {
    if (!value.empty()) result.insert(result.end(), {option, value});
  };
  const auto add_file = [&](const char* option, const std::string& file) {
    if (!file.empty()) add(option, std::filesystem::absolute(file).string());
  };
  add_file("--creds", credentials);
  add("--user", user);
  add_file("--tls-ca", tls_ca);
  add_file("--tls-cert", tls_cert);
  add_file("--tls-key", tls_key);
  add("--replicas", replicas);
  if (insecure) result.emplace_back("--insecure");
  return result;
}

int NatsArguments::replica_count() const {
  return replicas.empty() ? 1 : static_cast<int>(positive_option("--replicas", replicas, 5));
}

std::map<std::string, std::string> label_options(const std::vector<std::string>& labels) {
  std::map<std::string, std::string> parsed;
  for (const auto& label : labels) {
    const auto equals = label.find('=');
    const auto key = label.substr(0, equals);
    const auto value = equals == std::string::npos ? std::string() : label.substr(equals + 1);
    if (equals == std::string::npos || !cluster::is_label(key, value)) {
      throw InputError(
          fmt::format("--label {}: write KEY=VALUE, as in --label region=eu; the key does not begin with -",
                      printable(label)));
    }
    parsed[key] = value;
  }
  return parsed;
}

std::string own_name() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::string name;
  for (const char c : std::string_view(host.data())) {
    if (c == '.') break;
    const std::string_view letter(&c, 1);
    name += cluster::is_worker_name(letter) ? c : '-';
  }
  if (name.empty()) name = "worker";
  return fmt::format("{}-{}", name.substr(0, 50), ::getpid());
}

}  // namespace chaperon::cli
