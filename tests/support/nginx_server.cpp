#include "support/nginx_server.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace chaperon::test {

namespace {

constexpr std::string_view kNginx = "/usr/sbin/nginx";
constexpr std::string_view kSyncPath = "/chaperon-test-synchronize";
constexpr std::chrono::seconds kPatience{10};

sockaddr* as_sockaddr(sockaddr_in& address) {
  return static_cast<sockaddr*>(static_cast<void*>(&address));
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

rlim_t descriptor_limit() {
  rlimit limit{};
  checked(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  return std::min<rlim_t>(limit.rlim_max, 20'000);
}

}  // namespace

NginxServer::NginxServer(NginxOptions options) : options_(std::move(options)) {
  if (::access(kNginx.data(), X_OK) != 0) {
    throw std::runtime_error("nginx is missing: " + std::string(kNginx) +
                             " cannot be run: install it (apt-get install nginx-light)");
  }
  std::filesystem::create_directories(document_root());
  std::filesystem::create_directories(directory_ / "tmp");
  listen_and_start();
  if (synchronize()) return;
  process_->signal(SIGKILL);
  const CommandResult result = process_->wait(kPatience);
  throw std::runtime_error("nginx does not answer: " + result.err);
}

NginxServer::~NginxServer() {
  process_->signal(SIGTERM);
  process_->wait(kPatience);
}

// nginx takes over a socket that is listening already if the environment names its descriptor: that is how it
// replaces its own binary. So the port is ours from the start, and no one else can take it in between.
void NginxServer::listen_and_start() {
  const Descriptor listener(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  checked(::bind(listener.get(), as_sockaddr(address), size), "bind");
  checked(::listen(listener.get(), SOMAXCONN), "listen");
  checked(::getsockname(listener.get(), as_sockaddr(address), &size), "getsockname");
  port_ = ntohs(address.sin_port);
  const auto config_path = directory_ / "nginx.conf";
  write_file(config_path, config());
  process_.emplace(std::vector<std::string>{std::string(kNginx), "-p", directory_.path().string(), "-e",
                                            "stderr", "-c", config_path.string()},
                   ProcessOptions{.environment = {"NGINX=3;"}, .inherited = listener.get()});
}

std::string NginxServer::config() const {
  const std::string limit = std::to_string(descriptor_limit());
  std::string text(239, '.');
  for (std::size_t i = 0; i < text.size(); ++i)
    text[i] = static_cast<char>('a' + i % 26);
  std::ostringstream out;
  // As root, workers would become `nobody`, who may not read the directory.
  if (::geteuid() == 0) out << "user root root;\n";
  out << "daemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log stderr warn;\n"
      << "worker_rlimit_nofile " << limit << ";\n"
      << "events { worker_connections " << limit << "; }\n"
      << "http {\n"
      << "  log_format requests '" << options_.log_format << "';\n"
      << "  access_log access.log requests;\n"
      << "  keepalive_requests 1000000;\n  keepalive_timeout 3600s;\n  client_max_body_size 64m;\n"
      << "  types { text/html html; text/plain txt; application/json json; }\n"
      << "  default_type application/octet-stream;\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    out << "  " << kind << "_temp_path tmp/" << kind << ";\n";
  }
  out << "  server {\n    listen 127.0.0.1:" << port_
      << ";\n    listen unix:" << (directory_ / "nginx.sock").string() << ";\n    root www;\n"
      << "    location = / { default_type text/plain; return 200 '" << text << "\\n'; }\n"
      << "    location = " << kSyncPath << " { access_log off; return 204; }\n"
      << options_.locations << "  }\n}\n";
  return out.str();
}

// Makes a request that is not logged. There is one worker and it takes events in turn, so once this is
// answered it has logged every request that it answered before.
bool NginxServer::synchronize() const {
  const Descriptor socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  checked(::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), "SO_RCVTIMEO");
  sockaddr_in address = loopback(port_);
  if (::connect(socket.get(), as_sockaddr(address), sizeof address) != 0) return false;
  const std::string request = "GET " + std::string(kSyncPath) + " HTTP/1.0\r\n\r\n";
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return false;
  std::string answer;
  std::array<char, 4096> piece{};
  ssize_t size = 0;
  while ((size = ::recv(socket.get(), piece.data(), piece.size(), 0)) > 0) {
    answer.append(piece.data(), static_cast<std::size_t>(size));
  }
  return size == 0 && answer.find(" 204 ") != std::string::npos;
}

std::string NginxServer::url() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

std::string NginxServer::unix_url() const {
  std::string url = "http+unix://";
  for (const char c : (directory_ / "nginx.sock").string()) {
    if (c == '/') {
      url += "%2F";
    } else {
      url += c;
    }
  }
  return url;
}

std::vector<std::string> NginxServer::requests() const {
  if (!synchronize()) throw std::runtime_error("nginx at " + url() + " has stopped answering");
  std::istringstream log(read_file(directory_ / "access.log"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(log, line);)
    lines.push_back(line);
  return lines;
}

std::size_t NginxServer::count_requests(std::string_view line) const {
  const auto lines = requests();
  if (line.empty()) return lines.size();
  return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), line));
}

}  // namespace chaperon::test
