#include "cluster/nats_url.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <chaperon/errors.hpp>

namespace chaperon::cluster {
namespace {

constexpr std::string_view kExample = "write it like nats://127.0.0.1:4222 or tls://nats.example.com:4222";

struct Server {
  std::string scheme = "nats";
  std::string user_info{};
  std::string host{};
  std::string port = "4222";
};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

[[noreturn]] void complain(std::string_view shown, std::string_view why) {
  throw InputError(fmt::format("the NATS URL {} {}: {}", shown, why, kExample));
}

bool is_port(std::string_view text) {
  std::uint32_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port < 65'536;
}

// Splits `host`, `host:port`, `[v6]` and `[v6]:port`.
void read_authority(Server& server, std::string_view text, std::string_view shown) {
  const bool brackets = text.starts_with('[');
  const auto host_end = brackets ? text.find(']') : text.rfind(':');
  if (brackets && host_end == std::string_view::npos) complain(shown, "has a '[' without a ']'");
  const auto rest = brackets                             ? text.substr(host_end + 1)
                    : host_end == std::string_view::npos ? std::string_view()
                                                         : text.substr(host_end);
  server.host = text.substr(0, text.size() - rest.size());
  if (!brackets && server.host.find(':') != std::string::npos) {
    complain(shown, "has an IPv6 address without brackets");
  }
  if (server.host.empty()) complain(shown, "names no host");
  if (server.host.find_first_of(" \t/?#%\"'\\<>") != std::string::npos) complain(shown, "has no valid host");
  if (rest.empty()) return;
  if (rest.front() != ':' || !is_port(rest.substr(1))) complain(shown, "has no valid port");
  server.port = rest.substr(1);
}

Server read_server(std::string_view text) {
  Server server;
  const auto scheme_end = text.find("://");
  if (scheme_end != std::string_view::npos) {
    server.scheme = lower(text.substr(0, scheme_end));
    text.remove_prefix(scheme_end + 3);
  }
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    server.user_info = text.substr(0, at);
    text.remove_prefix(at + 1);
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  const auto shown = fmt::format("{}://{}", server.scheme, text);
  if (server.scheme != "nats" && server.scheme != "tls")
    complain(shown, "does not begin with nats:// or tls://");
  read_authority(server, text, shown);
  return server;
}

bool on_this_machine(std::string_view host) {
  if (lower(host) == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, std::string(host).c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return inet_pton(AF_INET6, std::string(host).c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace

NatsUrl parse_nats_url(std::string_view text) {
  NatsUrl result;
  std::string_view rest = text;
  while (true) {
    const auto comma = rest.find(',');
    const auto part = trimmed(rest.substr(0, comma));
    if (part.empty()) throw InputError(fmt::format("the NATS URL is empty, or a part of it: {}", kExample));
    const Server server = read_server(part);
    const std::string where = fmt::format("{}://{}:{}", server.scheme, server.host, server.port);
    const bool tls = server.scheme == "tls";
    if (!result.servers.empty() && tls != result.tls) {
      throw InputError(fmt::format("the NATS URLs {},{} mix nats:// and tls://: write the same for all",
                                   result.shown, where));
    }
    result.tls = tls;
    result.servers.push_back(
        server.user_info.empty()
            ? where
            : fmt::format("{}://{}@{}:{}", server.scheme, server.user_info, server.host, server.port));
    result.shown += (result.shown.empty() ? "" : ",") + where;
    if (result.far.empty() && !on_this_machine(server.host)) result.far = where;
    if (comma == std::string_view::npos) return result;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace chaperon::cluster
