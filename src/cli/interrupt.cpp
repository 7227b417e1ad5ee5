#include "cli/interrupt.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "cli/exit_code.hpp"

namespace chaperon::cli {
namespace {

// What a signal handler may touch is static: the pipe to the listener, and how many signals came.
std::array<int, 2> pipe_ends{-1, -1};
std::atomic<int> signals_seen{0};
static_assert(std::atomic<int>::is_always_lock_free);
std::array<struct sigaction, 2> former_actions{};
constexpr std::array kSignals{SIGINT, SIGTERM};

constexpr char kSignal = 's';
constexpr char kEnd = 'e';

void handle(int) {
  const int saved = errno;
  if (signals_seen.fetch_add(1) > 0) {
    // The live line has no end; the shell's prompt is to begin on a line of its own.
    [[maybe_unused]] const auto written = write(STDERR_FILENO, "\n", 1);
    _exit(static_cast<int>(ExitCode::interrupted));
  }
  // request_stop() may run callbacks and is no matter for a signal handler: a thread does it.
  [[maybe_unused]] const auto written = write(pipe_ends[1], &kSignal, 1);
  errno = saved;
}

}  // namespace

Interrupt::Interrupt(Process& process) {
  if (!process.handle_signals) return;
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe for signals");
  }
  signals_seen = 0;
  listener_ = std::thread([stop = process.stop, end = pipe_ends[0]]() mutable {
    char what = 0;
    while (true) {
      const auto got = read(end, &what, 1);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0 || what == kEnd) return;
      stop.request_stop();
    }
  });
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (std::size_t at = 0; at < kSignals.size(); ++at)
    sigaction(kSignals[at], &action, &former_actions[at]);
  installed_ = true;
  // A worker that has replaced itself comes with signals blocked.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : kSignals)
    sigaddset(&signals, number);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

Interrupt::~Interrupt() {
  if (!installed_) return;
  for (std::size_t at = 0; at < kSignals.size(); ++at)
    sigaction(kSignals[at], &former_actions[at], nullptr);
  [[maybe_unused]] const auto written = write(pipe_ends[1], &kEnd, 1);
  listener_.join();
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

}  // namespace chaperon::cli
