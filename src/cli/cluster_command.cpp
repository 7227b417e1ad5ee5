#include <algorithm>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <system_error>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chaperon/errors.hpp>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/number_text.hpp"
#include "cli/options.hpp"
#include "cli/run_arguments.hpp"
#include "cli/subprocess.hpp"
#include "cluster/nats.hpp"

namespace chaperon::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t kUsualPort = 4222;
constexpr Duration kStartTime = 10s;
constexpr Duration kEndTime = 10s;
constexpr Duration kLook = 100ms;
constexpr int kShownLogLines = 5;

// A port on which nothing listens: the one asked for, or, if 0, one that the system chooses; 0 if there is
// none.
std::uint16_t free_port(std::uint16_t wanted) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return 0;
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(wanted);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  std::uint16_t port = 0;
  if (::bind(socket, generic, size) == 0 && ::getsockname(socket, generic, &size) == 0)
    port = ntohs(address.sin_port);
  ::close(socket);
  return port;
}

std::string nats_server_program(const Process& process) {
  if (const auto named = process.variable("CHAPERON_NATS_SERVER")) {
    if (auto program = find_program(*named, process.variable("PATH").value_or(""))) return *program;
    throw InputError(fmt::format("{} is no program: check $CHAPERON_NATS_SERVER", *named));
  }
  // Debian has it where only root looks.
  const auto path = process.variable("PATH").value_or("") + ":/usr/local/sbin:/usr/sbin";
  if (auto program = find_program("nats-server", path)) return *program;
  throw InputError(
      "nats-server is not installed: 'apt install nats-server', or name it with $CHAPERON_NATS_SERVER, or "
      "start NATS "
      "with JetStream elsewhere and name that to 'chaperon worker --nats URL'");
}

// A directory for what NATS keeps, removed at the end.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(const Process& process) {
    auto name = process.variable("TMPDIR").value_or("/tmp") + "/chaperon-cluster-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
      throw InputError(
          fmt::format("no directory can be made like {}: set TMPDIR to one where that is possible", name));
    }
    path_ = name;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  [[nodiscard]] const fs::path& path() const noexcept { return path_; }

 private:
  fs::path path_;
};

// A child whose lines are shown. Ctrl-C is for this process, which ends its children in their order.
class ShownChild {
 public:
  ShownChild(std::vector<std::string> command, std::ostream& out, std::mutex& out_mutex)
      : child_({.command = std::move(command), .own_group = true, .dies_with_parent = true}),
        reader_([this, &out, &out_mutex](const std::stop_token& stop) {
          while (true) {
            const auto line = child_.read_line(kLook);
            if (!line) {
              if (stop.stop_requested() || child_.ended_within(Duration::zero())) return;
              continue;
            }
            const std::lock_guard lock(out_mutex);
            out << *line << std::endl;
          }
        }) {}
  ~ShownChild() { stop(); }
  ShownChild(const ShownChild&) = delete;
  ShownChild& operator=(const ShownChild&) = delete;

  [[nodiscard]] bool ended() const { return child_.ended_within(Duration::zero()); }
  // Asks it to end, waits for that, and returns its exit status.
  int stop() {
    child_.terminate(kEndTime);
    // It shows what is still in the pipe.
    reader_.request_stop();
    if (reader_.joinable()) reader_.join();
    return child_.wait();
  }

 private:
  Child child_;
  std::jthread reader_;
};

// The last lines of a log, each on a line of its own and set in; empty if there are none.
std::string last_lines(const fs::path& log) {
  auto text = read_file(log).value_or("");
  text.erase(text.find_last_not_of('\n') + 1);
  std::string shown;
  for (int i = 0; i < kShownLogLines && !text.empty(); ++i) {
    const auto end = text.rfind('\n');
    const auto begin = end == std::string::npos ? 0 : end + 1;
    shown.insert(0, fmt::format("\n  {}", text.substr(begin)));
    text.resize(begin == 0 ? 0 : end);
  }
  return shown;
}

// Waits until NATS answers.
void await_nats(const Process& process, const ShownChild& server, const std::string& program,
                const std::string& url, const fs::path& log) {
  const auto deadline = steady_now() + kStartTime;
  while (true) {
    try {
      const cluster::Nats connection({.url = url, .client_name = "chaperon cluster up"});
      // Another server may have been faster to take the port.
      if (server.ended()) break;
      return;
    } catch (const InputError&) {
      if (process.stop.stop_requested()) return;
      if (server.ended() || steady_now() > deadline) break;
    }
    std::this_thread::sleep_for(kLook);
  }
  // The log goes with its directory.
  const auto lines = last_lines(log);
  throw InputError(
      lines.empty()
          ? fmt::format(
                "nats-server did not start, and its log is empty: see whether '{} -js' works, or name "
                "another one with $CHAPERON_NATS_SERVER",
                program)
          : fmt::format("nats-server did not start: mend what its log ends with, or name another one with "
                        "$CHAPERON_NATS_SERVER{}",
                        lines));
}

ExitCode up(Process& process, const std::vector<std::string>& words) {
  Arguments arguments(
      "chaperon cluster up", "[OPTIONS]",
      "Starts a cluster on this machine to try things with: a NATS server on the loopback, and\n"
      "workers. Ctrl-C ends them all, and nothing is left behind.",
      {"chaperon cluster up", "chaperon cluster up -n 4 --threads 1"});
  std::string workers;
  std::string threads;
  std::string port_text;
  arguments.option("-n,--workers", workers, "N", "how many workers; default 2");
  arguments.option("--threads", threads, "N", "event loops of each worker; default: the cores, shared out");
  arguments.option("-p,--port", port_text, "N", "the port of NATS; default 4222 if it is free, else another");
  if (!arguments.parse(words, process)) return ExitCode::passed;
  constexpr std::uint64_t kMostWorkers = 64;
  const auto count =
      workers.empty() ? 2 : static_cast<unsigned>(positive_option("--workers", workers, kMostWorkers));
  auto loops = threads_option(threads);
  if (loops == 0) loops = std::max(1U, std::thread::hardware_concurrency() / count);
  const auto server_program = nats_server_program(process);
  std::uint16_t port = 0;
  if (port_text.empty()) {
    port = free_port(kUsualPort);
    if (port == 0) port = free_port(0);
  } else {
    const auto wanted = static_cast<std::uint16_t>(number_option("--port", port_text, 1, 65'535));
    port = free_port(wanted);
    if (port == 0)
      throw InputError(fmt::format("--port {}: something listens there: choose another", wanted));
  }

  const Interrupt interrupt(process);
  const ScratchDirectory directory(process);
  const auto url = fmt::format("nats://127.0.0.1:{}", port);
  const auto log = directory.path() / "nats-server.log";
  std::mutex out_mutex;
  auto& out = *process.out;
  ShownChild server({server_program, "-js", "-a", "127.0.0.1", "-p", std::to_string(port), "-sd",
                     directory.path().string(), "-l", log.string()},
                    out, out_mutex);
  await_nats(process, server, server_program, url, log);
  {
    const std::lock_guard lock(out_mutex);
    out << fmt::format("NATS at {}, {} of {}. Ctrl-C ends them all.\n\n", url,
                       count_text(count, "worker", "workers"), count_text(loops, "loop", "loops"))
        << "  try it    chaperon new shop\n"
        << fmt::format("            chaperon run shop.cpp --nats {} --target\n\n", url) << std::flush;
  }
  const auto worker = [&](unsigned number) {
    return std::make_unique<ShownChild>(
        std::vector<std::string>{process.executable.string(), "worker", "--nats", url, "--name",
                                 fmt::format("w{}", number + 1), "--threads", std::to_string(loops)},
        out, out_mutex);
  };
  std::vector<std::unique_ptr<ShownChild>> children;
  for (unsigned i = 0; i < count && !process.stop.stop_requested(); ++i)
    children.push_back(worker(i));
  while (!process.stop.stop_requested()) {
    std::this_thread::sleep_for(kLook);
    if (server.ended()) {
      const auto lines = last_lines(log);
      throw InputError(fmt::format("nats-server has ended: start the cluster again.{}{}",
                                   lines.empty() ? " Its log is empty" : " Its log ends with", lines));
    }
    for (unsigned i = 0; i < children.size(); ++i) {
      if (!children[i]->ended() || process.stop.stop_requested()) continue;
      const int status = children[i]->stop();
      {
        const std::lock_guard lock(out_mutex);
        out << fmt::format("w{}: has ended (exit status {}); it is started again", i + 1, status)
            << std::endl;
      }
      children[i] = worker(i);
    }
  }
  // Workers first: they say goodbye to NATS.
  std::vector<std::jthread> stopping;
  stopping.reserve(children.size());
  for (auto& child : children)
    stopping.emplace_back([&child] { child->stop(); });
  stopping.clear();
  server.stop();
  out << "the cluster has ended" << std::endl;
  return ExitCode::passed;
}

}  // namespace

ExitCode cluster_command(Process& process, const std::vector<std::string>& words) {
  if (!words.empty() && words.front() == "up") return up(process, {words.begin() + 1, words.end()});
  const bool help = !words.empty() && (words.front() == "--help" || words.front() == "-h");
  if (help) {
    *process.out
        << "usage: chaperon cluster up [OPTIONS]\n\n"
           "  up   start a cluster on this machine to try things with; see 'chaperon cluster up --help'\n"
        << std::flush;
    return ExitCode::passed;
  }
  throw InputError(words.empty() ? "which of them? 'chaperon cluster up' starts a cluster on this machine"
                                 : fmt::format("unknown command cluster {}: there is 'chaperon cluster up'",
                                               words.front()));
}

}  // namespace chaperon::cli
