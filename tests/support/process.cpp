#include "support/process.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char** environ;

namespace chaperon::test {

namespace {

std::pair<Descriptor, Descriptor> make_pipe() {
  std::array<int, 2> ends{};
  checked(::pipe2(ends.data(), O_CLOEXEC), "pipe2");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

std::vector<std::string> merged_environment(const std::vector<std::string>& additions) {
  std::vector<std::string> merged = additions;
  const auto name = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const bool replaced = std::any_of(additions.begin(), additions.end(),
                                      [&](const std::string& one) { return name(one) == name(*entry); });
    if (!replaced) merged.emplace_back(*entry);
  }
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (auto& one : strings)
    result.push_back(one.data());
  result.push_back(nullptr);
  return result;
}

// The attributes and file actions of posix_spawn, which must be destroyed.
struct SpawnPlan {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
};

// Appends what a non-blocking pipe holds; closes it at its end.
void drain(Descriptor& pipe, std::string& into) {
  std::array<char, 65'536> piece{};
  while (pipe) {
    const ssize_t size = ::read(pipe.get(), piece.data(), piece.size());
    if (size > 0) {
      into.append(piece.data(), static_cast<std::size_t>(size));
    } else if (size == 0) {
      pipe.reset();
    } else if (errno != EINTR) {
      return;
    }
  }
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const ProcessOptions& options) {
  auto [out_read, out_write] = make_pipe();
  auto [err_read, err_write] = make_pipe();
  SpawnPlan plan;
  posix_spawn_file_actions_addopen(&plan.actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&plan.actions, out_write.get(), 1);
  posix_spawn_file_actions_adddup2(&plan.actions, err_write.get(), 2);
  if (options.inherited >= 0) posix_spawn_file_actions_adddup2(&plan.actions, options.inherited, 3);
  if (!options.directory.empty()) {
    posix_spawn_file_actions_addchdir_np(&plan.actions, options.directory.c_str());
  }
  // A test that blocks or ignores signals must not hand that down.
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&plan.attributes, &none);
  posix_spawnattr_setsigdefault(&plan.attributes, &all);
  posix_spawnattr_setpgroup(&plan.attributes, 0);
  posix_spawnattr_setflags(&plan.attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  auto argument_strings = arguments;
  auto environment_strings = merged_environment(options.environment);
  const auto argv = pointers(argument_strings);
  const auto envp = pointers(environment_strings);
  errno = ::posix_spawnp(&pid_, argv.front(), &plan.actions, &plan.attributes, argv.data(), envp.data());
  if (errno != 0) throw_errno("cannot start " + arguments.front());

  ended_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  ::fcntl(out_read.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(err_read.get(), F_SETFL, O_NONBLOCK);
  out_ = std::move(out_read);
  err_ = std::move(err_read);
}

Process::~Process() {
  if (reaped_) return;
  ::kill(-pid_, SIGKILL);
  reap();
}

void Process::signal(int number) const {
  if (!reaped_) ::kill(pid_, number);
}

bool Process::running() {
  read_available();
  pollfd end{.fd = ended_.get(), .events = POLLIN, .revents = 0};
  return !reaped_ && ::poll(&end, 1, 0) == 0;
}

std::optional<std::string> Process::read_line(Milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    read_available();
    if (const auto end = result_.out.find('\n'); end != std::string::npos) {
      std::string line = result_.out.substr(0, end);
      result_.out.erase(0, end + 1);
      return line;
    }
    if (!out_ || !poll_once(deadline)) return std::nullopt;
  }
}

CommandResult Process::wait(Milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (running()) {
    if (!poll_once(deadline)) {
      result_.timed_out = true;
      ::kill(-pid_, SIGKILL);
      break;
    }
  }
  reap();
  read_available();  // a grandchild may hold the pipes open for ever, so their end is not waited for
  return std::move(result_);
}

void Process::read_available() {
  drain(out_, result_.out);
  drain(err_, result_.err);
}

// Waits until something can be read or the process has ended; false if the time ends first.
bool Process::poll_once(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now());
  if (left <= Milliseconds::zero()) return false;
  std::array<pollfd, 3> events{{{ended_.get(), POLLIN, 0}, {out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}}};
  const int ready = ::poll(events.data(), events.size(), static_cast<int>(left.count()));
  return ready != 0;
}

void Process::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  result_.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

CommandResult run_command(const std::vector<std::string>& arguments, const ProcessOptions& options,
                          std::chrono::milliseconds timeout) {
  return Process(arguments, options).wait(timeout);
}

}  // namespace chaperon::test
