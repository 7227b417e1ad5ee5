#include "cluster/control_server.hpp"

#include <atomic>
#include <charconv>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "cluster/control_connection.hpp"

namespace chaperon::cluster {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr unsigned kMostConnections = 64;
// Above these, connections are not even told that there is no room.
constexpr unsigned kMostTurnedAway = 16;
constexpr unsigned kQuickThreads = 2;
constexpr std::chrono::milliseconds kAcceptAgain{100};

std::string shown(const asio::ip::tcp::endpoint& endpoint) {
  const auto address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", address, endpoint.port())
                                    : fmt::format("{}:{}", address, endpoint.port());
}

[[noreturn]] void cannot_listen(const std::string& where, const error_code& error) {
  if (error == asio::error::address_in_use)
    throw InputError(
        fmt::format("cannot listen on {}: it is in use: choose another port, as in --listen 127.0.0.1:0 for "
                    "any that is free",
                    where));
  if (error == asio::error::access_denied)
    throw InputError(
        fmt::format("cannot listen on {}: {}: choose a port above 1023", where, error.message()));
  throw InputError(
      fmt::format("cannot listen on {}: {}: choose an address of this machine, such as 127.0.0.1", where,
                  error.message()));
}

}  // namespace

ListenAddress listen_address(const std::string& text) {
  ListenAddress address;
  const auto refuse = [&text](const char* why) {
    throw InputError(
        fmt::format("--listen {}: {}: write HOST:PORT, as in 127.0.0.1:8710 or [::1]:8710", text, why));
  };
  auto host = text;
  std::string port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string::npos) refuse("it has a [ without a ]");
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) refuse("what follows the ] is no port");
    if (!port.empty()) port.erase(0, 1);
    if (port.empty() && text.back() == ':') refuse("the port is missing");
  } else if (const auto colon = text.rfind(':'); colon != std::string::npos) {
    if (text.find(':') != colon) refuse("an IPv6 address stands in brackets");
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) refuse("the port is missing");
  }
  if (host == "localhost") host = "127.0.0.1";
  error_code error;
  const auto ip = asio::ip::make_address(host, error);
  if (error) refuse("the host is no IP address");
  address.host = ip.to_string();
  if (port.empty()) return address;
  const auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (wrong != std::errc() || end != port.data() + port.size()) refuse("the port is no number up to 65535");
  return address;
}

class ControlServer::Listener {
 public:
  Listener(ControlApi& api, const ListenAddress& address) : service_{api, quick_, slow_} {
    const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(address.host), address.port);
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    // Without it a restart would have to wait for the connections of the last run.
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) cannot_listen(shown(endpoint), error);
    url_ = "http://" + shown(acceptor_.local_endpoint());
  }
  ~Listener() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
    // What is under way may still be answered, into the void.
    quick_.stop();
    slow_.stop();
    quick_.join();
    slow_.join();
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start() {
    accept();
    thread_ = std::thread([this] { context_.run(); });
  }
  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  void accept() {
    acceptor_.async_accept([this](const error_code& error, asio::ip::tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) {
        // No descriptor is free, for instance.
        timer_.expires_after(kAcceptAgain);
        timer_.async_wait([this](const error_code& stopped) {
          if (!stopped) accept();
        });
        return;
      }
      serve(std::move(socket));
      accept();
    });
  }
  void serve(asio::ip::tcp::socket socket) {
    const auto there = connections_.load();
    if (there >= kMostConnections + kMostTurnedAway) return;
    ++connections_;
    const auto connection =
        std::make_shared<ControlConnection>(std::move(socket), service_, [this] { --connections_; });
    if (there < kMostConnections) {
      connection->start();
    } else {
      connection->turn_away();
    }
  }

  // Connections end after the pools, whose tasks hold them, but before all that they use.
  std::atomic<unsigned> connections_{0};
  asio::io_context context_{1};
  asio::thread_pool quick_{kQuickThreads};
  asio::thread_pool slow_{1};
  ControlService service_;
  asio::ip::tcp::acceptor acceptor_{context_};
  asio::steady_timer timer_{context_};
  std::string url_;
  std::thread thread_;
};

ControlServer::ControlServer(ControlApi& api, const ListenAddress& address)
    : listener_(std::make_unique<Listener>(api, address)) {}

ControlServer::~ControlServer() = default;

std::string ControlServer::url() const {
  return listener_->url();
}

void ControlServer::start() {
  listener_->start();
}

}  // namespace chaperon::cluster
