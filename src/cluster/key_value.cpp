#include "cluster/key_value.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <nats/nats.h>

#include "base/clock.hpp"
#include "cluster/call.hpp"
#include "cluster/connection.hpp"
#include "cluster/ordered_reader.hpp"

namespace chaperon::cluster {

// A bucket is a stream with a subject for each key; the last message of a subject is the key's value (NATS's
// ADR-8). So the nats command line can look into it. cnats has it too, but does not say which error it was.
class Bucket {
 public:
  Bucket(std::shared_ptr<Connection> connection, const std::string& name, Duration patience)
      : connection_(std::move(connection)),
        patience_(patience),
        name_(name),
        stream_("KV_" + name),
        prefix_("$KV." + name + '.') {}

  [[nodiscard]] const std::shared_ptr<Connection>& connection() const noexcept { return connection_; }
  [[nodiscard]] const std::string& stream() const noexcept { return stream_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  void create(const KeyValueOptions& options) const;
  // The last message of a key, also if it is the mark of a removal.
  [[nodiscard]] std::optional<std::pair<Entry, bool>> last(const std::string& key) const;
  // Writes, and returns the revision; nothing if the last one is not `expected`, where that is given.
  std::optional<std::uint64_t> write(std::string_view what, const std::string& key, const std::string& value,
                                     std::optional<std::uint64_t> expected, bool removal = false) const;
  [[nodiscard]] std::unique_ptr<OrderedReader> read(const std::string& filter) const;

 private:
  [[nodiscard]] std::string subject(const Call& call, const std::string& key) const;

  std::shared_ptr<Connection> connection_;
  Duration patience_;
  std::string name_;
  std::string stream_;
  std::string prefix_;
};

namespace {

bool is_removal(std::string_view operation) {
  return operation == "DEL" || operation == "PURGE";
}

bool is_valid(std::string_view key) {
  constexpr std::string_view kMarks = "-_/=.";
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  };
  return !key.empty() && key.front() != '.' && key.back() != '.' &&
         key.find("..") == std::string_view::npos && std::all_of(key.begin(), key.end(), fits);
}

std::chrono::system_clock::time_point when(std::int64_t since_1970_ns) {
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::nanoseconds(since_1970_ns)));
}

// `$KV.bucket.key` is `key`.
std::string key_of(std::string_view subject) {
  const auto bucket_end = subject.find('.', std::string_view("$KV.").size());
  return std::string(bucket_end == std::string_view::npos ? subject : subject.substr(bucket_end + 1));
}

Entry to_entry(ReaderItem& item) {
  return {.key = key_of(item.message.subject),
          .value = std::move(item.message.payload),
          .revision = item.message.sequence,
          .created = when(item.stored_at_ns)};
}

std::vector<Entry> in_order(std::unordered_map<std::string, Entry>&& entries) {
  std::vector<Entry> result;
  result.reserve(entries.size());
  for (auto& [key, entry] : entries)
    result.push_back(std::move(entry));
  std::sort(result.begin(), result.end(),
            [](const Entry& a, const Entry& b) { return a.revision < b.revision; });
  return result;
}

Change to_change(ReaderItem& item) {
  using Kind = Change::Kind;
  switch (item.kind) {
    case ReaderItem::Kind::current:
      return {.kind = Kind::current};
    case ReaderItem::Kind::again:
      return {.kind = Kind::again};
    case ReaderItem::Kind::message:
      break;
  }
  return {.kind = is_removal(item.operation) ? Kind::removed : Kind::put, .entry = to_entry(item)};
}

}  // namespace

void Bucket::create(const KeyValueOptions& options) const {
  const Call call(*connection_, "open the bucket", name_);
  call.check_name(name_);
  const std::string subjects = prefix_ + '>';
  std::array<const char*, 1> subject{subjects.c_str()};
  constexpr std::chrono::nanoseconds kMostDuplicates = std::chrono::minutes(2);
  jsStreamConfig config;
  call.check(jsStreamConfig_Init(&config));
  config.Name = stream_.c_str();
  config.Subjects = subject.data();
  config.SubjectsLen = 1;
  config.MaxMsgsPerSubject = options.history;
  config.MaxAge = options.ttl.count();
  config.MaxBytes = options.max_bytes;
  config.Replicas = options.replicas;
  config.Storage = js_FileStorage;
  config.Discard = js_DiscardNew;
  config.Duplicates =
      (options.ttl.count() > 0 ? std::min<Duration>(options.ttl, kMostDuplicates) : kMostDuplicates).count();
  config.AllowRollup = true;
  config.DenyDelete = true;
  // Asked directly, a server sends a value as it was stored, to whatever subject the asker names: also to one
  // that he may not publish to.
  config.AllowDirect = false;
  add_stream(call, *connection_, config);
}

std::string Bucket::subject(const Call& call, const std::string& key) const {
  if (is_valid(key)) return prefix_ + key;
  call.fail("a key is of letters, digits and -_/=. with no dot at either end and no two in a row", false);
}

std::optional<std::pair<Entry, bool>> Bucket::last(const std::string& key) const {
  const Call call(*connection_, "read the key", key);
  const auto name = subject(call, key);
  natsMsg* raw = nullptr;
  auto error = static_cast<jsErrCode>(0);
  // Asks the leader of the stream, not the nearest copy: what was written before is seen.
  const auto status =
      js_GetLastMsg(&raw, connection_->jetstream(), stream_.c_str(), name.c_str(), nullptr, &error);
  const CnatsPointer<natsMsg> message(raw);
  if (error == JSNoMessageFoundErr) return std::nullopt;
  call.check(status, error);
  // Whoever knows where we wait can have the server answer a question of his own there.
  if (const std::string_view about = natsMsg_GetSubject(raw); about != name)
    call.fail(fmt::format("the answer is about {}: somebody else has had it sent here", about), true);
  Entry entry{.key = key, .revision = natsMsg_GetSequence(raw), .created = when(natsMsg_GetTime(raw))};
  if (const auto size = natsMsg_GetDataLength(raw); size > 0) {
    entry.value.assign(natsMsg_GetData(raw), static_cast<std::size_t>(size));
  }
  const char* operation = nullptr;
  const bool removal = natsMsgHeader_Get(raw, "KV-Operation", &operation) == NATS_OK &&
                       operation != nullptr && is_removal(operation);
  return std::pair(std::move(entry), removal);
}

std::optional<std::uint64_t> Bucket::write(std::string_view what, const std::string& key,
                                           const std::string& value, std::optional<std::uint64_t> expected,
                                           bool removal) const {
  const Call call(*connection_, what, key);
  const auto name = subject(call, key);
  natsMsg* raw = nullptr;
  call.check(natsMsg_Create(&raw, name.c_str(), nullptr, value.data(), static_cast<int>(value.size())));
  const CnatsPointer<natsMsg> message(raw);
  if (removal) call.check(natsMsgHeader_Set(raw, "KV-Operation", "DEL"));
  jsPubOptions options;
  call.check(jsPubOptions_Init(&options));
  options.MaxWait = milliseconds(patience_);
  if (expected == 0U) {
    options.ExpectNoMessage = true;
  } else if (expected) {
    options.ExpectLastSubjectSeq = *expected;
  }
  jsPubAck* ack = nullptr;
  auto error = static_cast<jsErrCode>(0);
  const auto status = js_PublishMsg(&ack, connection_->jetstream(), raw, &options, &error);
  if (status == NATS_OK) {
    const auto revision = ack->Sequence;
    jsPubAck_Destroy(ack);
    return revision;
  }
  if (error == JSStreamWrongLastSequenceErr) return std::nullopt;
  call.check(status, error);
  return std::nullopt;
}

std::unique_ptr<OrderedReader> Bucket::read(const std::string& filter) const {
  auto reader = std::make_unique<OrderedReader>(
      connection_, OrderedReader::Options{.stream = stream_,
                                          .subject = prefix_ + (filter.empty() ? ">" : filter),
                                          .mode = OrderedReader::Mode::last_per_subject});
  reader->start(kPatience);
  return reader;
}

KeyValue Nats::key_value(const std::string& name, const KeyValueOptions& options) {
  auto bucket = std::make_unique<Bucket>(connection_, name, options.patience);
  bucket->create(options);
  return KeyValue(std::move(bucket));
}

KeyValue::KeyValue(std::unique_ptr<Bucket> bucket) noexcept : bucket_(std::move(bucket)) {}
KeyValue::~KeyValue() = default;
KeyValue::KeyValue(KeyValue&& other) noexcept = default;
KeyValue& KeyValue::operator=(KeyValue&& other) noexcept = default;

std::optional<Entry> KeyValue::get(const std::string& key) const {
  auto last = bucket_->last(key);
  if (!last || last->second) return std::nullopt;
  return std::move(last->first);
}

std::optional<std::uint64_t> KeyValue::create(const std::string& key, const std::string& value) {
  std::uint64_t expected = 0;
  while (true) {
    if (const auto revision = bucket_->write("create the key", key, value, expected)) return revision;
    const auto last = bucket_->last(key);
    if (last && !last->second) return std::nullopt;
    // It was removed, or has expired since; another may be faster than we are.
    expected = last ? last->first.revision : 0;
  }
}

std::optional<std::uint64_t> KeyValue::update(const std::string& key, const std::string& value,
                                              std::uint64_t revision) {
  return bucket_->write("change the key", key, value, revision);
}

std::uint64_t KeyValue::put(const std::string& key, const std::string& value) {
  return bucket_->write("set the key", key, value, std::nullopt).value_or(0);
}

void KeyValue::remove(const std::string& key) {
  bucket_->write("remove the key", key, {}, std::nullopt, true);
}

std::vector<Entry> KeyValue::entries(const std::string& filter) const {
  const Call call(*bucket_->connection(), "list the bucket", bucket_->name());
  const auto deadline = deadline_after(kPatience);
  const auto reader = bucket_->read(filter);
  std::unordered_map<std::string, Entry> found;  // a key that changes meanwhile comes again
  while (true) {
    auto item = reader->next(deadline - steady_now());
    if (!item) call.fail("the server does not answer", true);
    if (item->kind == ReaderItem::Kind::current) return in_order(std::move(found));
    if (item->kind == ReaderItem::Kind::again) {
      found.clear();
    } else if (auto entry = to_entry(*item); is_removal(item->operation)) {
      found.erase(entry.key);
    } else {
      found.insert_or_assign(entry.key, entry);
    }
  }
}

std::vector<std::string> KeyValue::keys(const std::string& filter) const {
  std::vector<std::string> result;
  for (auto& entry : entries(filter))
    result.push_back(std::move(entry.key));
  return result;
}

Watcher KeyValue::watch(const std::string& filter) const {
  return Watcher(bucket_->read(filter));
}

Watcher::Watcher(std::unique_ptr<OrderedReader> reader) noexcept : reader_(std::move(reader)) {}
Watcher::~Watcher() = default;
Watcher::Watcher(Watcher&& other) noexcept = default;
Watcher& Watcher::operator=(Watcher&& other) noexcept = default;

std::optional<Change> Watcher::next(Duration timeout) {
  auto item = reader_->next(timeout);
  if (!item) return std::nullopt;
  return to_change(*item);
}

void Watcher::stop() {
  reader_->stop();
}

}  // namespace chaperon::cluster
