#include "net/socket.hpp"

#include <array>
#include <cerrno>

#include <netinet/tcp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/sanitizers.hpp"

namespace chaperon::net {
namespace {

// Not ::send() and ::recv(): in a process with threads these are cancellation points, which costs two atomic
// exchanges around each call. ThreadSanitizer knows only these, and that who receives comes after who sends.
#ifdef CHAPERON_TSAN
ssize_t send_bytes(int descriptor, std::string_view bytes) noexcept {
  return ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

ssize_t receive_bytes(int descriptor, std::span<char> into) noexcept {
  return ::recv(descriptor, into.data(), into.size(), 0);
}
#else
ssize_t send_bytes(int descriptor, std::string_view bytes) noexcept {
  return ::syscall(SYS_sendto, descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL, nullptr, 0);
}

ssize_t receive_bytes(int descriptor, std::span<char> into) noexcept {
  return ::syscall(SYS_recvfrom, descriptor, into.data(), into.size(), 0, nullptr, nullptr);
}
#endif

}  // namespace

int Socket::open(int family) noexcept {
  close();
  descriptor_ = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) return errno;
  if (family != AF_UNIX) {
    // A request is written whole: waiting for more of it would only add to its latency.
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return 0;
}

// NOLINTNEXTLINE(readability-make-member-function-const): what it changes is the kernel's
int Socket::bind(const Address& local) noexcept {
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  return ::bind(descriptor_, local.data(), local.size()) == 0 ? 0 : errno;
}

// NOLINTNEXTLINE(readability-make-member-function-const): what it changes is the kernel's
int Socket::connect(const Address& peer) noexcept {
  return ::connect(descriptor_, peer.data(), peer.size()) == 0 ? 0 : errno;
}

int Socket::connect_error() const noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

// NOLINTNEXTLINE(readability-make-member-function-const): what it changes is the kernel's
IoResult Socket::send(std::string_view first, std::string_view second) noexcept {
  while (true) {
    ssize_t sent = 0;
    if (second.empty()) {
      sent = send_bytes(descriptor_, first);
    } else {
      // The kernel does not write through iov_base here; the type is shared with readv.
      std::array<iovec, 2> parts{{{.iov_base = const_cast<char*>(first.data()), .iov_len = first.size()},
                                  {.iov_base = const_cast<char*>(second.data()), .iov_len = second.size()}}};
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = parts.size();
      sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    }
    if (sent >= 0) return {.bytes = static_cast<std::size_t>(sent)};
    if (errno != EINTR) return {.error = errno};
  }
}

// NOLINTNEXTLINE(readability-make-member-function-const): what it changes is the kernel's
IoResult Socket::receive(std::span<char> into) noexcept {
  while (true) {
    const ssize_t received = receive_bytes(descriptor_, into);
    if (received >= 0) return {.bytes = static_cast<std::size_t>(received)};
    if (errno != EINTR) return {.error = errno};
  }
}

void Socket::close() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

Reason reason_of(int error) noexcept {
  switch (error) {
    case 0:
      return Reason::none;
    case ECONNREFUSED:
    case ENOENT:  // a Unix socket that is not there
      return Reason::refused;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
      return Reason::reset;
    case ETIMEDOUT:
      return Reason::connect_timeout;
    case EADDRNOTAVAIL:
      return Reason::no_ports;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:
      return Reason::no_descriptors;
    default:
      return Reason::unreachable;
  }
}

}  // namespace chaperon::net
