// A load test, checked and worked out: who runs what with which config.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <chaperon/load_test.hpp>

#include "net/address.hpp"

namespace chaperon::load_test {

/// One entry of the table, worked out.
struct PlannedEntry {
  std::string name;  ///< of its sessions
  std::span<const detail::ScenarioPart> parts;
  std::uint64_t users = 0;
  Json config;                   ///< merged
  std::uint64_t first_user = 0;  ///< the number of the first of its users
};

/// What went wrong in a load test's record(). Thread-safe.
class RecordFailure {
 public:
  /// Keeps the first failure.
  void note(std::string what);
  /// One sentence; empty if nothing went wrong.
  [[nodiscard]] std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// What to run.
struct Plan {
  std::string name;
  Json config;  ///< of the load test, merged
  std::vector<PlannedEntry> entries;
  std::uint64_t users = 0;
  std::string base_url;         ///< for the display; may be empty
  Duration timeout = kForever;  ///< load_test_timeout
  std::vector<net::Address> local_addresses;
  std::optional<Duration> dns_ttl;
  /// Which actions are recorded; empty: all. Throws nothing: it is called on a loop's own stack.
  std::function<bool(std::string_view)> record;
  std::shared_ptr<RecordFailure> record_failure = std::make_shared<RecordFailure>();

  /// Throws InputError if the load test cannot be run: see run_load_test().
  static Plan make(const RegisteredLoadTest& load_test, const RunOptions& options);

  /// The number of the entry that a user (below `users`) belongs to: they are numbered in the order of the
  /// table.
  [[nodiscard]] std::size_t entry_of(std::uint64_t user) const noexcept;

  /// The scenario table for the export.
  [[nodiscard]] Json table() const;
};

}  // namespace chaperon::load_test
