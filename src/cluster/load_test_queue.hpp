// The queue of load tests, as the cluster keeps it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/blob_store.hpp"
#include "cluster/key_value.hpp"
#include "cluster/load_test_record.hpp"
#include "cluster/nats.hpp"

namespace chaperon::cluster {

/// A load test to be submitted: `id`, `state` and times of the record are given by the queue.
struct Submission {
  LoadTestRecord record{};
  std::string library{};  ///< the content of the library that has the load test
};

/// A load test of the queue, and which version of its record this is.
struct QueuedLoadTest {
  LoadTestRecord record{};
  std::uint64_t revision = 0;
};

/// The kinds of results that are kept: of metrics as CSV and as JSON, and the summary as a text.
inline constexpr std::array<std::string_view, 3> kResultKinds{"csv", "json", "txt"};
/// The largest record in bytes.
inline constexpr std::size_t kLargestRecord = std::size_t{256} << 10;
/// How many load tests that have ended are kept.
inline constexpr std::size_t kMostEnded = 200;

/// Load tests in a bucket, with their libraries and results in another. Whoever has access to the cluster may
/// submit and cancel; only the master begins them. All calls block and throw NatsError. Thread-safe.
class LoadTestQueue {
 public:
  /// Opens the buckets, or makes them.
  LoadTestQueue(Nats& nats, int replicas);

  /// Puts load tests at the end of the queue, in that order: all of them, or none and an exception. Throws
  /// InputError if one is too large.
  std::vector<LoadTestRecord> submit(const std::vector<Submission>& submissions);
  /// All load tests: first who runs, then who is scheduled in the order of their turns, then those that have
  /// ended, the last one first.
  [[nodiscard]] std::vector<QueuedLoadTest> all() const;
  /// The load test of that id; nothing if there is none.
  [[nodiscard]] std::optional<QueuedLoadTest> find(const std::string& id) const;

  /// Changes a record by compare-and-set: `change` is called with the record as it is, again if somebody else
  /// was faster, and returns whether to write what it made of it. Returns the record as it is then; nothing
  /// if there is none.
  std::optional<QueuedLoadTest> change(const std::string& id,
                                       const std::function<bool(LoadTestRecord&)>& change);
  /// Cancels a load test, or asks its master to. `only_scheduled`: it is too late for one that runs. A record
  /// that cannot be read is removed.
  Cancelled cancel(const std::string& id, bool only_scheduled = false);

  /// The library of a load test that has not ended. Throws std::runtime_error if it is not there as it should
  /// be.
  [[nodiscard]] std::string library(const std::string& id) const;
  /// Nobody needs the library any more.
  void drop_library(const std::string& id);
  /// Keeps results of that kind.
  void keep_results(const std::string& id, std::string_view kind, std::string_view content);
  /// Results of that kind; nothing if there are none. Throws std::runtime_error as library() does.
  [[nodiscard]] std::optional<std::string> results(const std::string& id, std::string_view kind) const;

  /// Removes the load tests that have ended but for the last `most`, with all that is kept of them, the
  /// libraries of those that have ended, and what is kept of load tests that are not there and was written
  /// more than an hour ago. Returns the ids of the load tests that it has removed.
  std::vector<std::string> prune(std::size_t most = kMostEnded);
  /// Begins to tell changes of the records.
  [[nodiscard]] Watcher watch() const;

 private:
  void remove(const std::string& id);
  [[nodiscard]] bool written_lately(const std::vector<std::string>& keys) const;

  Nats& nats_;
  KeyValue records_;
  BlobStore files_;
};

}  // namespace chaperon::cluster
