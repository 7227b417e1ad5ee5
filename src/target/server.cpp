#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <unistd.h>

#include "base/log.hpp"
#include "target/connection.hpp"
#include "target/listener.hpp"
#include "target/service.hpp"
#include "target/target.hpp"

namespace chaperon::target {

namespace {

// One thread's share of the connections. A connection never leaves its loop, so it needs no lock.
struct Loop {
  net::io_context context{1};
  net::executor_work_guard<Executor> keep_running{context.get_executor()};

  void run() {
    for (;;) {
      try {
        context.run();
        return;
      } catch (const std::exception& error) {
        // The connection whose handler threw is gone with it; the others go on.
        write_log(LogLevel::error, std::string("target: a connection was dropped: ") + error.what());
      }
    }
  }
};

// Accepts on one listening socket and deals the connections out to the loops in turn.
class Accepting {
 public:
  Accepting(Acceptor acceptor, Service& service, std::vector<std::unique_ptr<Loop>>& loops)
      : acceptor_(std::move(acceptor)), pause_(acceptor_.get_executor()), service_(service), loops_(loops) {}

  void accept() {
    auto& loop = *loops_[next_++ % loops_.size()];
    acceptor_.async_accept(
        loop.context.get_executor(),
        [this](boost::system::error_code error, Socket socket) { accepted(error, std::move(socket)); });
  }

 private:
  void accepted(boost::system::error_code error, Socket socket) {
    if (error == net::error::operation_aborted) return;
    if (error) {
      // Out of descriptors, most likely: trying again at once would only burn the CPU.
      pause_.expires_after(std::chrono::milliseconds(20));
      pause_.async_wait([this](boost::system::error_code stopped) {
        if (!stopped) accept();
      });
      return;
    }
    const auto executor = socket.get_executor();
    net::dispatch(executor, [connection = std::make_shared<Connection>(std::move(socket), service_)] {
      connection->start();
    });
    accept();
  }

  Acceptor acceptor_;
  Timer pause_;
  Service& service_;
  std::vector<std::unique_ptr<Loop>>& loops_;
  std::size_t next_ = 0;
};

}  // namespace

class Server::Loops {
 public:
  explicit Loops(Options options) {
    options.threads = std::max(options.threads, 1U);
    for (unsigned i = 0; i < options.threads; ++i)
      loops_.push_back(std::make_unique<Loop>());
    auto& context = loops_.front()->context;
    service_.options = std::move(options);

    Acceptor tcp = listen_tcp(context, service_.options.address, service_.options.port);
    port_ = bound_port(tcp);
    listening_.push_back(std::make_unique<Accepting>(std::move(tcp), service_, loops_));
    if (!service_.options.unix_path.empty()) {
      listening_.push_back(
          std::make_unique<Accepting>(listen_unix(context, service_.options.unix_path), service_, loops_));
    }
    for (auto& one : listening_)
      one->accept();
  }

  ~Loops() {
    close();
    if (!service_.options.unix_path.empty()) ::unlink(service_.options.unix_path.c_str());
  }

  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  void run() {
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 1; i < loops_.size(); ++i)
        threads.emplace_back([this, i] { loops_[i]->run(); });
      loops_.front()->run();
    }
    close();
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    for (auto& loop : loops_)
      loop->context.stop();
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  [[nodiscard]] std::string url() const {
    const std::string& address = service_.options.address;
    const bool is_v6 = address.find(':') != std::string::npos;
    return "http://" + (is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port_);
  }

 private:
  // Closes all sockets: the loops own the connections' handlers, and those own the connections.
  void close() {
    const std::lock_guard lock(mutex_);
    service_.publications.clear();
    listening_.clear();
    loops_.clear();
  }

  std::mutex mutex_;  // stop() may come while run() closes
  Service service_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::unique_ptr<Accepting>> listening_;
  std::uint16_t port_ = 0;
};

Server::Server(Options options) : loops_(std::make_unique<Loops>(std::move(options))) {}
Server::~Server() = default;
std::uint16_t Server::port() const noexcept {
  return loops_->port();
}
std::string Server::url() const {
  return loops_->url();
}
void Server::run() {
  loops_->run();
}
void Server::stop() {
  loops_->stop();
}

}  // namespace chaperon::target
