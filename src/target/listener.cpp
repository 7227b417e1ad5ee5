#include "target/listener.hpp"

#include <stdexcept>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

namespace chaperon::target {

namespace {

using boost::system::error_code;

// Enough for thousands of sessions that connect at once; the kernel cuts it down to net.core.somaxconn.
constexpr int kBacklog = 16'384;

error_code open_and_listen(Acceptor& acceptor, const net::generic::stream_protocol::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  // Without it a restart would have to wait for the TIME_WAIT connections of the last run.
  if (endpoint.protocol().family() != AF_UNIX)
    acceptor.set_option(net::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (error) {
    error_code ignored;
    acceptor.close(ignored);
  }
  return error;
}

// Whether the socket file is there but nobody listens on it.
bool is_abandoned(net::io_context& context, const net::local::stream_protocol::endpoint& endpoint) {
  struct stat status {};
  if (::lstat(endpoint.path().c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  net::local::stream_protocol::socket probe(context);
  error_code error;
  probe.connect(endpoint, error);
  return error == net::error::connection_refused;
}

std::runtime_error cannot_listen(const std::string& where, const std::string& why,
                                 const std::string& remedy) {
  return std::runtime_error("cannot listen on " + where + ": " + why + ": " + remedy);
}

}  // namespace

Acceptor listen_tcp(net::io_context& context, const std::string& address, std::uint16_t port) {
  error_code error;
  const auto ip = net::ip::make_address(address == "localhost" ? "127.0.0.1" : address, error);
  if (error) {
    throw cannot_listen("\"" + address + "\"", "it is not an IP address",
                        "give one such as 127.0.0.1, ::1 or 0.0.0.0 (all interfaces)");
  }
  Acceptor acceptor(context);
  error = open_and_listen(acceptor, net::ip::tcp::endpoint(ip, port));
  if (!error) return acceptor;
  const std::string where = "port " + std::to_string(port) + " of " + address;
  if (error == net::error::address_in_use) {
    throw cannot_listen(where, "it is in use",
                        "choose another with --port, or --port 0 for any that is free");
  }
  if (error == net::error::access_denied) {
    throw cannot_listen(where, error.message(), "choose a port above 1023 with --port");
  }
  throw cannot_listen(where, error.message(), "choose an address of this machine, such as 127.0.0.1");
}

Acceptor listen_unix(net::io_context& context, const std::string& path) {
  net::local::stream_protocol::endpoint endpoint;
  try {
    endpoint.path(path);
  } catch (const boost::system::system_error&) {
    throw cannot_listen("Unix socket \"" + path + "\"", "the path is too long", "at most 107 bytes fit");
  }
  Acceptor acceptor(context);
  error_code error = open_and_listen(acceptor, endpoint);
  if (error == net::error::address_in_use && is_abandoned(context, endpoint)) {
    ::unlink(path.c_str());
    error = open_and_listen(acceptor, endpoint);
  }
  if (!error) return acceptor;
  throw cannot_listen("Unix socket \"" + path + "\"", error.message(),
                      "choose a path that does not exist yet, in a directory that can be written to");
}

std::uint16_t bound_port(const Acceptor& acceptor) {
  const auto endpoint = acceptor.local_endpoint();
  net::ip::tcp::endpoint tcp;
  tcp.resize(endpoint.size());
  std::copy_n(static_cast<const unsigned char*>(static_cast<const void*>(endpoint.data())), endpoint.size(),
              static_cast<unsigned char*>(static_cast<void*>(tcp.data())));
  return tcp.port();
}

}  // namespace chaperon::target
