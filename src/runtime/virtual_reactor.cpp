#include "runtime/virtual_reactor.hpp"

#include <cerrno>

namespace chaperon::runtime {

bool VirtualReactor::add(int /*descriptor*/, IoHandler& /*handler*/) {
  errno = ENOTSUP;
  return silent_;
}

void VirtualReactor::forget(IoHandler& /*handler*/) noexcept {}

void VirtualReactor::wait(Instant /*now*/, Instant deadline) {
  const bool woken = woken_.exchange(false);
  idle_ = !woken && deadline == Instant::max();
  if (!woken && deadline != Instant::max()) clock_.advance_to(deadline);
}

}  // namespace chaperon::runtime
