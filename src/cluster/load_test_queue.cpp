#include "cluster/load_test_queue.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <stdexcept>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "cluster/protocol.hpp"

namespace chaperon::cluster {
namespace {

constexpr std::string_view kLibrary = "library";
// Between the library and the record of a submission, at most.
constexpr auto kSubmitting = std::chrono::hours(1);

std::string blob_name(const std::string& id, std::string_view kind) {
  return fmt::format("{}.{}", id, kind);
}

// What cannot be read, a record of another version of Chaperon perhaps, is as if it were not there, but for
// cancel().
std::optional<QueuedLoadTest> to_queued(const Entry& entry) {
  auto record = decode_record(entry.value);
  if (!record || record->id != entry.key) return std::nullopt;
  return QueuedLoadTest{.record = std::move(*record), .revision = entry.revision};
}

void require_record_size(const LoadTestRecord& record, const std::string& text) {
  if (text.size() <= kLargestRecord) return;
  throw InputError(
      fmt::format("config and options of {} have {} KiB, and at most {} are kept: leave out "
                  "what the load test can make or read itself",
                  record.load_test, text.size() >> 10U, kLargestRecord >> 10U));
}

void require_library_size(const Submission& submission) {
  if (submission.library.size() <= BlobStore::kLargest) return;
  throw InputError(
      fmt::format("the library of {} has {} MiB, and at most {} are kept: leave out what it "
                  "does not need, or debug information (-g0)",
                  submission.record.file, submission.library.size() >> 20U, BlobStore::kLargest >> 20U));
}

}  // namespace

LoadTestQueue::LoadTestQueue(Nats& nats, int replicas)
    : nats_(nats),
      records_(nats.key_value(std::string(kLoadTestsBucket), {.replicas = replicas})),
      files_(nats.key_value(std::string(kLoadTestFilesBucket), {.replicas = replicas})) {}

std::vector<LoadTestRecord> LoadTestQueue::submit(const std::vector<Submission>& submissions) {
  std::random_device device;
  std::vector<LoadTestRecord> records;
  for (const auto& submission : submissions) {
    auto& record = records.emplace_back(submission.record);
    record.state = LoadTestState::scheduled;
    record.submitted_at = timestamp_now();
    do {
      record.id = fmt::format("{:08x}", device());
    } while (records_.get(record.id));
    require_record_size(record, encode(record));
    require_library_size(submission);
  }
  std::size_t written = 0;
  try {
    for (std::size_t at = 0; at < records.size(); ++at)
      files_.put(blob_name(records[at].id, kLibrary), submissions[at].library);
    // Not before all else is there: from then on they may begin.
    for (; written < records.size(); ++written) {
      if (!records_.create(records[written].id, encode(records[written])))
        throw NatsError(fmt::format("somebody else took the id {} at this moment", records[written].id),
                        true);
    }
  } catch (const NatsError& error) {
    try {
      // The one that was being written may have been, although no answer came.
      for (std::size_t at = 0; at < std::min(written + 1, records.size()); ++at)
        static_cast<void>(cancel(records[at].id));
      for (const auto& record : records)
        remove(record.id);
    } catch (const NatsError&) {
      throw NatsError(
          fmt::format("{}; some of the load tests may be in the queue: look with 'chaperon queue'",
                      error.what()),
          error.retryable());
    }
    throw;
  }
  return records;
}

std::vector<QueuedLoadTest> LoadTestQueue::all() const {
  std::vector<QueuedLoadTest> found;
  for (const auto& entry : records_.entries()) {
    if (auto queued = to_queued(entry)) found.push_back(std::move(*queued));
  }
  // A scheduled record was written once: its revision says when, by the clock of nobody.
  const auto place = [](const QueuedLoadTest& queued) {
    const auto& record = queued.record;
    if (record.state == LoadTestState::running) return std::tuple(0, std::int64_t{0});
    if (record.state == LoadTestState::scheduled)
      return std::tuple(1, static_cast<std::int64_t>(queued.revision));
    return std::tuple(2, -record.ended_at);
  };
  std::ranges::stable_sort(found, {}, place);
  return found;
}

std::optional<QueuedLoadTest> LoadTestQueue::find(const std::string& id) const {
  if (!is_load_test_id(id)) return std::nullopt;
  const auto entry = records_.get(id);
  return entry ? to_queued(*entry) : std::nullopt;
}

std::optional<QueuedLoadTest> LoadTestQueue::change(const std::string& id,
                                                    const std::function<bool(LoadTestRecord&)>& change) {
  while (true) {
    auto queued = find(id);
    if (!queued || !change(queued->record)) return queued;
    if (const auto revision = records_.update(id, encode(queued->record), queued->revision)) {
      queued->revision = *revision;
      return queued;
    }
  }
}

Cancelled LoadTestQueue::cancel(const std::string& id, bool only_scheduled) {
  auto what = Cancelled::unknown;
  change(id, [&](LoadTestRecord& record) {
    if (only_scheduled && record.state == LoadTestState::running) {
      what = Cancelled::too_late;
      return false;
    }
    const bool wanted_before = record.cancel_requested;
    what = cluster::cancel(record, timestamp_now());
    return what == Cancelled::done || (what == Cancelled::wanted && !wanted_before);
  });
  if (what != Cancelled::unknown || !is_load_test_id(id) || !records_.get(id)) return what;
  remove(id);
  return Cancelled::done;
}

std::string LoadTestQueue::library(const std::string& id) const {
  try {
    if (auto content = files_.get(blob_name(id, kLibrary))) return std::move(*content);
  } catch (const NatsError&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(fmt::format("the library of the load test {} {}", id, error.what()));
  }
  throw std::runtime_error(fmt::format("the library of the load test {} is not there", id));
}

void LoadTestQueue::drop_library(const std::string& id) {
  const auto name = blob_name(id, kLibrary);
  // Unlike a removal it leaves no mark behind, of which there would be more and more.
  for (const auto& subject : {name, name + ".*"})
    nats_.purge(fmt::format("KV_{}", kLoadTestFilesBucket),
                fmt::format("$KV.{}.{}", kLoadTestFilesBucket, subject));
}

void LoadTestQueue::keep_results(const std::string& id, std::string_view kind, std::string_view content) {
  files_.put(blob_name(id, kind), content);
}

std::optional<std::string> LoadTestQueue::results(const std::string& id, std::string_view kind) const {
  try {
    return files_.get(blob_name(id, kind));
  } catch (const NatsError&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(fmt::format("the results of the load test {} {}", id, error.what()));
  }
}

std::vector<std::string> LoadTestQueue::prune(std::size_t most) {
  std::vector<std::string> removed;
  std::map<std::string, bool> known;  // whether it has ended, by id
  std::size_t ended = 0;
  for (const auto& [record, revision] : all()) {
    if (has_ended(record.state) && ++ended > most) {
      remove(record.id);
      removed.push_back(record.id);
    } else {
      known[record.id] = has_ended(record.state);
    }
  }
  std::map<std::string, std::vector<std::string>> keys;  // of what is kept of each
  for (auto& key : files_.keys())
    keys[key.substr(0, key.find('.'))].push_back(std::move(key));
  for (const auto& [id, own] : keys) {
    const auto found = known.find(id);
    if (found == known.end()) {
      if (is_load_test_id(id) && !written_lately(own) && !records_.get(id)) remove(id);
    } else if (found->second && std::ranges::find(own, blob_name(id, kLibrary)) != own.end()) {
      drop_library(id);
    }
  }
  return removed;
}

// Of a submission the record comes last, and the head of its library just before.
bool LoadTestQueue::written_lately(const std::vector<std::string>& keys) const {
  return std::ranges::any_of(keys, [this](const std::string& key) {
    const auto written = files_.written(key);
    return written && std::chrono::system_clock::now() - *written < kSubmitting;
  });
}

void LoadTestQueue::remove(const std::string& id) {
  nats_.purge(fmt::format("KV_{}", kLoadTestsBucket), fmt::format("$KV.{}.{}", kLoadTestsBucket, id));
  nats_.purge(fmt::format("KV_{}", kLoadTestFilesBucket),
              fmt::format("$KV.{}.{}.>", kLoadTestFilesBucket, id));
}

Watcher LoadTestQueue::watch() const {
  return records_.watch();
}

}  // namespace chaperon::cluster
