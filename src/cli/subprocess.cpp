#include "cli/subprocess.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace chaperon::cli {
namespace {

using Clock = std::chrono::steady_clock;

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000));
}

// Runs between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(const ChildOptions& options, char* const* arguments, char* const* environment,
                         int output, int errors, int failure, pid_t parent) {
  if (options.own_group) setpgid(0, 0);
  if (options.dies_with_parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have ended before the line above took effect.
    if (getppid() != parent) _exit(127);
  }
  if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) {
    const int error = errno;
    [[maybe_unused]] const auto written = write(failure, &error, sizeof error);
    _exit(127);
  }
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0) dup2(null, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  if (errors >= 0) dup2(errors, STDERR_FILENO);
  // Sockets of libraries that do not mark theirs are not for it: it would hold connections open.
  syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  execve(arguments[0], arguments, environment);
  const int error = errno;
  [[maybe_unused]] const auto written = write(failure, &error, sizeof error);
  _exit(127);
}

// This process's environment with the changes.
std::vector<std::string> environment_of(const ChildOptions& options) {
  std::vector<std::string> variables;
  for (char* const* variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    if (!options.environment.contains(std::string(text.substr(0, text.find('=')))))
      variables.emplace_back(text);
  }
  for (const auto& [name, value] : options.environment) {
    if (value) variables.push_back(fmt::format("{}={}", name, *value));
  }
  return variables;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const auto& text : texts)
    pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// A file for the output of a child; number -1 if there is to be none.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path) {
    constexpr mode_t kOwnerOnly = 0600;
    if (path.empty()) return;
    number_ = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOwnerOnly);
    if (number_ < 0)
      throw std::runtime_error(
          fmt::format("{} cannot be written: {}", path, std::generic_category().message(errno)));
  }
  ~OutputFile() {
    if (number_ >= 0) close(number_);
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_ = -1;
};

}  // namespace

Child::Child(const ChildOptions& options) {
  const auto fail = [&](int error) {
    throw std::runtime_error(fmt::format("{} cannot be started: {}", options.command.front(),
                                         std::generic_category().message(error)));
  };
  std::array<int, 2> output{};
  std::array<int, 2> failure{};
  const OutputFile output_file(options.output_file);
  const OutputFile error_file(options.error_file);
  if (pipe2(output.data(), O_CLOEXEC) != 0) fail(errno);
  if (pipe2(failure.data(), O_CLOEXEC) != 0) {
    const int error = errno;
    close(output[0]);
    close(output[1]);
    fail(error);
  }
  const auto arguments = pointers_to(options.command);
  const auto variables = environment_of(options);
  const auto environment = pointers_to(variables);
  const int out = output_file.number() < 0 ? output[1] : output_file.number();
  const int errors = error_file.number() < 0 && options.capture_stderr ? out : error_file.number();

  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) become(options, arguments.data(), environment.data(), out, errors, failure[1], parent);
  const int fork_error = errno;
  close(output[1]);
  close(failure[1]);
  output_ = output[0];
  int error = pid_ < 0 ? fork_error : 0;
  // The pipe closes at exec, so that this read ends at once.
  if (error == 0) {
    while (read(failure[0], &error, sizeof error) < 0 && errno == EINTR) {
    }
  }
  close(failure[0]);
  if (error != 0) {
    close(output_);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    fail(error);
  }
}

Child::~Child() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    wait();
  }
  close(output_);
}

std::optional<std::string> Child::read_line(Duration timeout) {
  const auto deadline = Clock::now() + timeout;
  std::string line;
  while (true) {
    pollfd waiting{.fd = output_, .events = POLLIN, .revents = 0};
    const int ready = poll(&waiting, 1, milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return std::nullopt;
    char c = 0;
    // One character at a time: what follows the line stays in the pipe.
    const auto got = read(output_, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    if (c == '\n') return line;
    line += c;
  }
}

std::string Child::read_all(const std::stop_token& stop) {
  const std::stop_callback end(stop, [group = pid_] { kill(-group, SIGTERM); });
  std::string text;
  while (read_some(text, std::chrono::hours(1)) != Read::end) {
  }
  wait();
  return text;
}

// Appends what comes within that time.
Child::Read Child::read_some(std::string& text, Duration patience) {
  const auto deadline = Clock::now() + patience;
  pollfd waiting{.fd = output_, .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = poll(&waiting, 1, milliseconds_until(deadline));
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return Read::nothing;
  std::array<char, 16'384> buffer{};
  ssize_t got = 0;
  do {
    got = read(output_, buffer.data(), buffer.size());
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return Read::end;
  text.append(buffer.data(), static_cast<std::size_t>(got));
  return Read::some;
}

std::optional<std::string> Child::read_all_within(Duration timeout, const std::stop_token& stop,
                                                  Duration grace) {
  // How often it looks whether it is to stop.
  constexpr Duration kLook = std::chrono::milliseconds(50);
  const auto deadline = Clock::now() + timeout;
  std::string text;
  bool open = true;
  bool has_ended = false;
  while (!has_ended && !stop.stop_requested() && Clock::now() < deadline) {
    if (open) open = read_some(text, kLook) != Read::end;
    has_ended = ended_within(open ? Duration::zero() : kLook);
  }
  if (has_ended) {
    // To the end of the pipe, or what is in it if somebody else holds it open.
    while (open && read_some(text, Duration::zero()) == Read::some) {
    }
  } else {
    kill(-pid_, SIGTERM);
    static_cast<void>(ended_within(grace));
  }
  // The number is its group's until it is waited for.
  kill(-pid_, SIGKILL);
  wait();
  return has_ended ? std::optional(std::move(text)) : std::nullopt;
}

void Child::signal(int number) const {
  if (pid_ > 0) kill(pid_, number);
}

int Child::wait() {
  if (pid_ <= 0) return status_;
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
  return status_;
}

bool Child::ended_within(Duration patience) const {
  // A process descriptor becomes readable when the process ends.
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (descriptor < 0) return false;
  const auto deadline = Clock::now() + patience;
  int ready = 0;
  do {
    pollfd waiting{.fd = descriptor, .events = POLLIN, .revents = 0};
    ready = poll(&waiting, 1, milliseconds_until(deadline));
  } while (ready < 0 && errno == EINTR);
  close(descriptor);
  return ready > 0;
}

void Child::terminate(Duration patience) const {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  if (!ended_within(patience)) kill(pid_, SIGKILL);
}

int Child::stop(Duration patience) {
  terminate(patience);
  return wait();
}

std::optional<std::string> find_program(const std::string& name, const std::string& path) {
  const auto is_program = [](const std::string& file) {
    std::error_code error;
    return std::filesystem::is_regular_file(file, error) && access(file.c_str(), X_OK) == 0;
  };
  if (name.empty()) return std::nullopt;
  if (name.find('/') != std::string::npos) return is_program(name) ? std::optional(name) : std::nullopt;
  std::string_view rest = path;
  while (true) {
    const auto colon = rest.find(':');
    const auto directory = rest.substr(0, colon);
    auto file = directory.empty() ? "./" + name : std::string(directory) + "/" + name;
    if (is_program(file)) return file;
    if (colon == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(colon + 1);
  }
}

}  // namespace chaperon::cli
