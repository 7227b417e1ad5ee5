// What is known of host names, shared by all loops of a process.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <chaperon/duration.hpp>

#include "net/address.hpp"

namespace chaperon::net {

/// The addresses of a host, without ports; or why there are none.
struct Resolution {
  std::vector<Address> addresses;
  std::string error;  ///< for a person; empty if there are addresses
};
using SharedResolution = std::shared_ptr<const Resolution>;

/// One look-up for each name and process: whoever asks first makes it, the others wait for it. Thread-safe.
class DnsCache {
 public:
  /// Called, on the thread that stores the answer, with what was found.
  using Waiter = std::function<void(const SharedResolution&)>;

  struct Answer {
    SharedResolution known;  ///< set if the name is known and fresh
    bool look_up = false;    ///< the caller has to look it up and call store()
  };

  /// What is known of a name at `now`. Where it is being looked up, or has to be, `waiter` is kept until
  /// store().
  Answer ask(const std::string& host, Instant now, Waiter waiter);
  /// Stores what a look-up has found until `expires`, and tells all who wait. Failures are never kept.
  void store(const std::string& host, const SharedResolution& resolution, Instant expires);

 private:
  struct Entry {
    SharedResolution resolution;
    Instant expires{};
    bool pending = false;
    std::vector<Waiter> waiters;
  };
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace chaperon::net
