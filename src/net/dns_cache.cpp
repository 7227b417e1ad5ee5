#include "net/dns_cache.hpp"

#include <utility>

namespace chaperon::net {

DnsCache::Answer DnsCache::ask(const std::string& host, Instant now, Waiter waiter) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[host];
  if (!entry.pending && entry.resolution && now < entry.expires) return {.known = entry.resolution};
  entry.waiters.push_back(std::move(waiter));
  return {.known = nullptr, .look_up = !std::exchange(entry.pending, true)};
}

void DnsCache::store(const std::string& host, const SharedResolution& resolution, Instant expires) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[host];
    waiters.swap(entry.waiters);
    entry.pending = false;
    entry.resolution = resolution->addresses.empty() ? nullptr : resolution;
    entry.expires = expires;
  }
  for (const auto& waiter : waiters)
    waiter(resolution);
}

}  // namespace chaperon::net
