#include "support/nats_server.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace chaperon::test {

namespace {

constexpr std::chrono::seconds kPatience{20};
constexpr std::chrono::milliseconds kBetweenLooks{5};

// Debian has it where the PATH of a user does not look.
std::string program() {
  const char* const path = "/usr/sbin/nats-server";
  return ::access(path, X_OK) == 0 ? path : "nats-server";
}

}  // namespace

NatsServer::NatsServer(const NatsServerOptions& options) : options_(options) {
  start();
}

NatsServer::~NatsServer() {
  stop();
}

std::string NatsServer::url() const {
  return "nats://127.0.0.1:" + std::to_string(port_);
}

void NatsServer::start() {
  std::ostringstream config;
  config << "host: 127.0.0.1\nport: " << (port_ == 0 ? "-1" : std::to_string(port_)) << "\n"
         << "ports_file_dir: \"" << directory_.path().string() << "\"\n";
  if (options_.jetstream) {
    config << "jetstream {\n  store_dir: \"" << (directory_ / "store").string() << "\"\n";
    if (!options_.max_file_store.empty()) config << "  max_file_store: " << options_.max_file_store << "\n";
    config << "}\n";
  }
  config << options_.config << "\n";
  const auto config_path = directory_ / "nats.conf";
  write_file(config_path, config.str());
  // setpriv becomes the server; if we die, even by SIGKILL, the kernel ends it.
  process_.emplace(
      std::vector<std::string>{"setpriv", "--pdeathsig", "KILL", program(), "-c", config_path.string()});
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!greets()) {
    if (!process_->running()) throw_ended();
    if (std::chrono::steady_clock::now() > deadline) {
      process_->signal(SIGKILL);
      throw_ended();
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

void NatsServer::throw_ended() {
  const CommandResult result = process_->wait(kPatience);
  process_.reset();
  throw std::runtime_error("nats-server does not start (apt-get install nats-server, if it is missing): " +
                           result.err);
}

// It writes its ports into nats-server_PID.ports as JSON: {"nats":["nats://127.0.0.1:41234"]}.
void NatsServer::read_port() {
  const auto path = directory_ / ("nats-server_" + std::to_string(process_->pid()) + ".ports");
  if (!std::filesystem::exists(path)) return;
  const auto text = read_file(path);
  const auto end = text.find("\"]");
  const auto colon = text.rfind(':', end);
  if (end != std::string::npos && colon != std::string::npos) {
    port_ = static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1)));
  }
}

bool NatsServer::greets() {
  if (port_ == 0) read_port();
  if (port_ == 0) return false;
  const Descriptor socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  checked(::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), "SO_RCVTIMEO");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof address) != 0)
    return false;
  std::array<char, 5> greeting{};
  return ::recv(socket.get(), greeting.data(), greeting.size(), MSG_WAITALL) == 5 &&
         std::string_view(greeting.data(), greeting.size()) == "INFO ";
}

void NatsServer::kill() {
  process_->signal(SIGKILL);
  process_->wait(kPatience);
  process_.reset();
}

void NatsServer::stop() {
  if (!process_) return;
  process_->signal(SIGCONT);
  process_->signal(SIGTERM);
  process_->wait(kPatience);
  process_.reset();
}

void NatsServer::freeze() {
  const auto pid = process_.value().pid();
  process_->signal(SIGSTOP);
  // The kernel stops one thread after the other.
  const auto is_stopped = [](const std::filesystem::path& thread) {
    std::ifstream file(thread / "stat");
    const std::string line((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const auto end = line.rfind(") ");
    return line.empty() || (end != std::string::npos && line.at(end + 2) == 'T');
  };
  const std::filesystem::path threads = "/proc/" + std::to_string(pid) + "/task";
  while (!std::ranges::all_of(std::filesystem::directory_iterator(threads), is_stopped))
    std::this_thread::yield();
}

void NatsServer::thaw() {
  process_->signal(SIGCONT);
}

void NatsServer::restart(std::optional<std::string> config) {
  if (config) options_.config = *std::move(config);
  start();
}

}  // namespace chaperon::test
