// Looks up host names on an event loop, with c-ares: no thread is blocked.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/dns_cache.hpp"
#include "runtime/event_loop.hpp"

struct ares_channeldata;
struct ares_addrinfo;

namespace chaperon::net {

/// Someone who waits for the addresses of a host. Destroying it ends the wait.
class ResolveRequest {
 public:
  ResolveRequest() = default;
  virtual ~ResolveRequest();
  ResolveRequest(const ResolveRequest&) = delete;
  ResolveRequest& operator=(const ResolveRequest&) = delete;
  /// Called once, on the loop's stack.
  virtual void resolved(const SharedResolution& resolution) = 0;

  /// Stops waiting, if it waits.
  void stop() noexcept;

 private:
  friend class Resolver;
  std::vector<ResolveRequest*>* queue_ = nullptr;
};

/// The resolver of one loop. `/etc/hosts` counts; literal addresses are not for it.
class Resolver {
 public:
  /// `ttl`: how long an answer is kept, instead of what DNS says (at least a second).
  Resolver(runtime::EventLoop& loop, std::shared_ptr<DnsCache> cache, std::optional<Duration> ttl = {});
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// What is known already; else nullptr, and `request` hears of it later. On the loop's thread.
  SharedResolution resolve(const std::string& host, ResolveRequest& request);

 private:
  class Descriptor;
  class Tick;
  struct Query;

  void look_up(const std::string& host);
  bool start_channel(std::string& error);
  void finished(const std::string& host, int status, ares_addrinfo* found);
  void deliver(const std::string& host, const SharedResolution& resolution);
  void fail(const std::string& host, const std::string& error);
  void descriptor_changed(int descriptor, bool wanted);
  void process();
  void go_on();
  void hold_spares() noexcept;
  void release_spares() noexcept;

  runtime::EventLoop& loop_;
  std::shared_ptr<DnsCache> cache_;
  std::optional<Duration> ttl_;
  ares_channeldata* channel_ = nullptr;
  std::map<int, std::unique_ptr<Descriptor>> descriptors_;
  std::unique_ptr<Tick> tick_;
  std::size_t queries_ = 0;
  // Descriptors kept for /etc/hosts and sockets to name servers, and given up while names are looked up: a
  // run that has used up all others would find no host otherwise.
  std::array<int, 2> spares_{-1, -1};
  // Node-based: a ResolveRequest points into it.
  std::unordered_map<std::string, std::vector<ResolveRequest*>> waiting_;
  // Outlives the resolver in calls that other loops have posted.
  std::shared_ptr<Resolver*> self_;
};

}  // namespace chaperon::net
