// What a fiber cannot survive, but the process can.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <string>

#include <sys/mman.h>

#include <chaperon/errors.hpp>

#include "runtime/code_ranges.hpp"
#include "runtime/departure.hpp"

#if defined(__x86_64__)
#include <ucontext.h>
#endif

namespace chaperon::runtime {
namespace {

constexpr std::size_t kSignalStackSize = 64 * 1024;
// In <sys/mman.h> only from glibc 2.42 on.
constexpr int kGuardRemove = 103;

std::terminate_handler previous_terminate = nullptr;
struct sigaction previous_segv {};

std::uintptr_t interrupted_instruction(void* signal_context) noexcept {
  const auto& machine = static_cast<ucontext_t*>(signal_context)->uc_mcontext;
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(machine.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return machine.pc;
#else
#error "Chaperon runs on x86-64 and AArch64"
#endif
}

// What std::terminate was reached with, for a person.
std::string terminate_reason() {
  constexpr auto kWhere =
      " left a destructor or a noexcept function, which nothing can leave by an exception";
  try {
    if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
  } catch (const Cancelled& cancelled) {
    return "the session was cancelled (" + cancelled.reason() +
           ") while it waited in a destructor or a noexcept function, which nothing can leave by an "
           "exception";
  } catch (const std::exception& thrown) {
    return std::string("the exception \"") + thrown.what() + '"' + kWhere;
  } catch (...) {
    return std::string("an exception") + kWhere;
  }
  return "std::terminate was called";
}

[[noreturn]] void on_terminate() {
  if (EventLoop* loop = EventLoop::here(); loop != nullptr && loop->current() != nullptr) {
    Departure::note_reason(*loop, terminate_reason());
    Departure::abandon(*loop, FiberEnd::terminated);
  }
  if (previous_terminate != nullptr) previous_terminate();
  std::abort();
}

void on_segv(int signal, siginfo_t* info, void* signal_context) {
  EventLoop* loop = EventLoop::here();
  if (loop != nullptr && loop->current() != nullptr) {
    const Stack& stack = loop->current()->stack();
    auto* address = static_cast<std::byte*>(info->si_addr);
    std::byte* end = stack.base + (StackPool::kGuardPages * page_size());
    if (address >= stack.base && address < end) {
      // The C library may hold a lock where it is: let it finish in a guard page, as long as there is one
      // left.
      std::byte* page =
          stack.base + (static_cast<std::size_t>(address - stack.base) / page_size() * page_size());
      if (in_c_library(interrupted_instruction(signal_context)) && page != stack.base) {
        const int saved_errno = errno;
        const bool opened = ::madvise(page, page_size(), kGuardRemove) == 0 ||
                            ::mprotect(page, page_size(), PROT_READ | PROT_WRITE) == 0;
        errno = saved_errno;
        if (opened) {
          Departure::note_opened_guard(*loop);
          return;
        }
      }
      Departure::abandon(*loop, FiberEnd::overflowed);
    }
  }
  // Not ours: let it happen again, to whoever was there before.
  ::sigaction(signal, &previous_segv, nullptr);
}

void on_interrupt(int /*signal*/, siginfo_t* /*info*/, void* signal_context) {
  EventLoop* loop = EventLoop::here();
  if (loop == nullptr || loop->current() == nullptr || !Departure::interrupt_wanted(*loop)) return;
  if (!in_scenario(interrupted_instruction(signal_context))) return;
  Departure::abandon(*loop, FiberEnd::hung);
}

}  // namespace

int interrupt_signal() noexcept {
  return SIGURG;
}

void accept_interrupts() noexcept {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, interrupt_signal());
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

SignalStack::SignalStack() : memory_(std::make_unique<std::byte[]>(kSignalStackSize)) {
  stack_t stack{};
  stack.ss_sp = memory_.get();
  stack.ss_size = kSignalStackSize;
  ::sigaltstack(&stack, nullptr);
}

SignalStack::~SignalStack() {
  stack_t stack{};
  stack.ss_flags = SS_DISABLE;
  ::sigaltstack(&stack, nullptr);
}

void install_fault_handlers() {
  static const bool installed = [] {
    note_code_ranges();
    previous_terminate = std::set_terminate(on_terminate);
    struct sigaction action {};
    sigemptyset(&action.sa_mask);
    // SA_NODEFER: a handler that leaves by a switch must not leave the signal blocked behind it.
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    action.sa_sigaction = on_segv;
    ::sigaction(SIGSEGV, &action, &previous_segv);
    // This one comes again and again: it stays blocked until accept_interrupts(), or its handlers would pile
    // up.
    action.sa_sigaction = on_interrupt;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    ::sigaction(interrupt_signal(), &action, nullptr);
    return true;
  }();
  static_cast<void>(installed);
}

}  // namespace chaperon::runtime
