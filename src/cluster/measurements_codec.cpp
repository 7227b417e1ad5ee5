#include "cluster/measurements_codec.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <stdexcept>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/json_bytes.hpp"
#include "base/user_runs.hpp"
#include "base/utf8.hpp"
#include "metrics/histogram_codec.hpp"

namespace chaperon::cluster {
namespace {

using load_test::Measurements;

// A payload: this byte, parts in any order, each with its kind in the first byte, and Part::end. New kinds of
// parts, and new forms of old ones, ask for a new version.
constexpr std::uint8_t kVersion = 1;

enum class Part : std::uint8_t {
  end,
  counters,
  entries,
  metric,
  answers,
  lateness,
  queued,
  error,
  ending,
  stored,
  users,
  warning,
};

// A version and an end.
constexpr std::size_t kFrame = 2;

// The most entries of a scenario table: 32 MB of counts.
constexpr std::uint64_t kMostEntries = 1'000'000;
// How many of them, and how many runs of users, are in one part.
constexpr std::size_t kEntriesInPart = 500;
constexpr std::size_t kRunsInPart = 1000;
// The fewest bytes of an entry: a gap and four counts.
constexpr std::size_t kSmallestEntry = 5;

// The most memory in bytes that the histograms of one payload may take: twice what a worker has for all of
// its own, since they may grow differently. 400 KiB could ask for 200 MiB otherwise: a bucket takes 2 bytes
// there, and up to 1 KiB here.
constexpr std::size_t kMostMemory = 2 * metrics::kDefaultMemory;

// Nothing is further away from the clock's zero, some 146 years: so that differences do not overflow.
constexpr std::int64_t kFurthest = std::numeric_limits<std::int64_t>::max() / 2;

// Fills payloads up to the limit.
class Payloads {
 public:
  explicit Payloads(std::size_t limit) : limit_(std::max(limit, kFrame) - kFrame) {}

  // Adds a part, which `write(ByteWriter&)` makes.
  template <class Write>
  void add(Part kind, Write write) {
    make(kind, write);
    append();
  }
  // The same, if it is within the limit; returns whether it is.
  template <class Write>
  bool add_if_it_fits(Part kind, Write write) {
    make(kind, write);
    if (part_.size() > limit_) return false;
    append();
    return true;
  }
  // The same for `count` ended users, of whom there are at most kMostUsers in a payload.
  template <class Write>
  void add_users(std::uint64_t count, Write write) {
    if (users_ + count > kMostUsers) finish();
    make(Part::users, write);
    append();
    users_ += count;
  }

  std::vector<std::string> take() && {
    if (!payload_.empty()) finish();
    return std::move(finished_);
  }

 private:
  template <class Write>
  void make(Part kind, Write write) {
    part_.clear();
    ByteWriter out(part_);
    out.byte(static_cast<std::uint8_t>(kind));
    write(out);
  }
  void append() {
    if (!payload_.empty() && payload_.size() + part_.size() > limit_ + 1) finish();
    if (payload_.empty()) payload_.push_back(static_cast<char>(kVersion));
    payload_ += part_;
  }
  void finish() {
    payload_.push_back(static_cast<char>(Part::end));
    finished_.push_back(std::exchange(payload_, {}));
    users_ = 0;
  }

  std::size_t limit_;  // of the parts of a payload, in bytes
  std::string part_;
  std::string payload_;      // empty, or begins with the version
  std::uint64_t users_ = 0;  // in the payload
  std::vector<std::string> finished_;
};

void put_text(ByteWriter& out, std::string_view text) {
  constexpr std::string_view kCut = "…";
  if (text.size() <= kLongestText) return out.text(text);
  out.text(std::string(utf8_prefix(text, kLongestText - kCut.size())).append(kCut));
}

std::string take_text(ByteReader& in, const char* what) {
  return std::string(in.text(what, kLongestText));
}

// Of instants and durations: nanoseconds.
void put_time(ByteWriter& out, Duration time) {
  out.zigzag(std::clamp<std::int64_t>(time.count(), -kFurthest, kFurthest));
}

Duration take_time(ByteReader& in, const char* what) {
  const std::int64_t time = in.zigzag(what);
  if (time > kFurthest || time < -kFurthest) in.fail(fmt::format("{} is out of range", what));
  return Duration(time);
}

void put_instant(ByteWriter& out, Instant instant, Instant absent) {
  out.flag(instant != absent);
  if (instant != absent) put_time(out, instant.time_since_epoch());
}

Instant take_instant(ByteReader& in, const char* what, Instant absent) {
  return in.flag(what) ? Instant(take_time(in, what)) : absent;
}

// The counters of traffic, in the order in which they are sent.
template <class AnyTraffic>
auto counters_of(AnyTraffic& traffic) {
  return std::array{&traffic.requests,      &traffic.responses,        &traffic.errors,
                    &traffic.retried,       &traffic.bytes_sent,       &traffic.bytes_received,
                    &traffic.messages_sent, &traffic.messages_received};
}

template <class AnyCounts>
auto counters_of_sessions(AnyCounts& counts) {
  return std::array{&counts.ok, &counts.failed, &counts.cancelled, &counts.timed_out};
}

void put_metric(ByteWriter& out, const metrics::Name& name, const metrics::Histogram& histogram) {
  for (const auto text : {name.session, name.action, name.target, name.error})
    put_text(out, text);
  out.flag(name.kind == MetricKind::number);
  encode(out, histogram);
}

void take_metric(ByteReader& in, metrics::Snapshot& to) {
  const metrics::Name name{
      .session = in.text("the session of a metric", kLongestText),
      .action = in.text("the action of a metric", kLongestText),
      .target = in.text("the target of a metric", kLongestText),
      .error = in.text("the error of a metric", kLongestText),
      .kind = in.flag("the kind of a metric") ? MetricKind::number : MetricKind::duration};
  auto histogram = metrics::decode_histogram(in);
  if (histogram.empty()) in.fail("a metric has no sample");
  if (histogram.has_numbers() != (name.kind == MetricKind::number)) in.fail("a metric is not of its kind");
  to.add(name, std::move(histogram));
  if (to.memory() > kMostMemory) in.fail("the metrics take too much memory");
}

void take_durations(ByteReader& in, metrics::Histogram& to) {
  const auto histogram = metrics::decode_histogram(in);
  if (histogram.has_numbers()) in.fail("a histogram of durations has numbers");
  to.merge(histogram);
}

void put_group(ByteWriter& out, const ErrorGroup& group, std::string_view kind) {
  for (const auto* text :
       {&group.session, &group.action, &group.target, &group.reason, &group.example, &group.session_id})
    put_text(out, *text);
  put_text(out, kind);
  out.varint(group.count);
  put_time(out, group.first_at);
}

void take_group(ByteReader& in, session::ErrorLog& to) {
  ErrorGroup group;
  group.session = take_text(in, "the session of an error");
  group.action = take_text(in, "the action of an error");
  group.target = take_text(in, "the target of an error");
  group.reason = take_text(in, "the reason of an error");
  group.example = take_text(in, "the example of an error");
  group.session_id = take_text(in, "the session's id of an error");
  const std::string_view kind = in.text("the kind of an error", kLongestText);
  group.count = in.varint("the count of an error");
  if (group.count == 0) in.fail("an error has not happened");
  group.first_at = take_time(in, "when an error has happened");
  to.add(std::move(group), kind);
}

void put_entries(Payloads& payloads, const std::vector<SessionCounts>& entries) {
  if (entries.size() > kMostEntries)
    throw std::length_error(fmt::format("the counts of {} entries cannot be sent", entries.size()));
  std::vector<std::size_t> used;
  for (std::size_t at = 0; at < entries.size(); ++at) {
    if (entries[at].total() > 0) used.push_back(at);
  }
  std::span<const std::size_t> left = used;
  bool is_first = !entries.empty();  // how many there are is said in any case
  for (; is_first || !left.empty(); is_first = false) {
    const auto some = left.first(std::min(left.size(), kEntriesInPart));
    left = left.subspan(some.size());
    payloads.add(Part::entries, [&](ByteWriter& out) {
      out.varint(entries.size());
      out.varint(some.size());
      std::size_t next = 0;
      for (const std::size_t at : some) {
        out.varint(at - next);
        for (const auto* counter : counters_of_sessions(entries[at]))
          out.varint(*counter);
        next = at + 1;
      }
    });
  }
}

void take_entries(ByteReader& in, std::vector<SessionCounts>& to) {
  const std::uint64_t size = in.varint("the number of entries", kMostEntries);
  if (size > to.size()) to.resize(size);
  std::uint64_t next = 0;
  for (std::size_t left = in.count("the number of counted entries", kSmallestEntry); left > 0; --left) {
    const std::uint64_t at = next + in.varint("the gap before an entry", kMostEntries);
    if (at >= size) in.fail("an entry is beyond the last");
    for (auto* counter : counters_of_sessions(to[at]))
      *counter += in.varint("a count of sessions");
    next = at + 1;
  }
}

void put_users(Payloads& payloads, std::vector<std::uint64_t>& users) {
  std::ranges::sort(users);
  std::vector<UserRun> runs;
  std::uint64_t count = 0;
  const auto put = [&] {
    payloads.add_users(count, [&](ByteWriter& out) { encode(out, runs); });
    runs.clear();
    count = 0;
  };
  for (std::span<const std::uint64_t> left = users; !left.empty();) {
    const UserRun run = take_run(left, kMostUsers);
    if (runs.size() == kRunsInPart || count + run.count > kMostUsers) put();
    runs.push_back(run);
    count += run.count;
  }
  if (!runs.empty()) put();
}

void put_stored(Payloads& payloads, session::StoredResults& stored) {
  for (auto& item : stored.kept) {
    bool is_sent = false;
    try {
      is_sent = payloads.add_if_it_fits(Part::stored, [&](ByteWriter& out) { encode(out, item); });
    } catch (const std::invalid_argument&) {
      // Nested too deeply, as a server's answer may be.
    }
    if (!is_sent) ++stored.left_out;
    item = nullptr;
  }
}

void put_counters(ByteWriter& out, const Measurements& measurements) {
  for (const auto* counter : counters_of(measurements.traffic))
    out.varint(*counter);
  out.varint(measurements.stored.bytes);
  out.varint(measurements.stored.left_out);
  put_instant(out, measurements.first_start, Instant::max());
  put_instant(out, measurements.last_end, Instant::min());
  out.flag(measurements.overflowed);
}

void take_counters(ByteReader& in, Measurements& to) {
  for (auto* counter : counters_of(to.traffic))
    *counter += in.varint("a counter of traffic");
  to.stored.bytes += in.varint("the size of stored results");
  to.stored.left_out += in.varint("the number of results that were left out");
  to.first_start = std::min(to.first_start, take_instant(in, "the first start", Instant::max()));
  to.last_end = std::max(to.last_end, take_instant(in, "the last end", Instant::min()));
  if (in.flag("whether a stack has overflowed")) to.overflowed = true;
}

void put_histogram(Payloads& payloads, Part kind, const metrics::Histogram& histogram) {
  if (!histogram.empty()) payloads.add(kind, [&](ByteWriter& out) { encode(out, histogram); });
}

void put_log(Payloads& payloads, Part kind, const session::ErrorLog& log) {
  // Sorted, so that the same measurements are the same bytes.
  std::vector<std::pair<const ErrorGroup*, std::string_view>> groups;
  log.for_each([&](const ErrorGroup& group, std::string_view what) { groups.emplace_back(&group, what); });
  std::ranges::sort(groups, [](const auto& a, const auto& b) {
    const auto key = [](const auto& entry) {
      const auto& [group, what] = entry;
      return std::tie(group->session, group->action, group->target, group->reason, what);
    };
    return key(a) < key(b);
  });
  for (const auto& [group, what] : groups)
    payloads.add(kind, [&group = *group, &what = what](ByteWriter& out) { put_group(out, group, what); });
}

void put_warnings(Payloads& payloads, const Measurements& measurements) {
  auto warnings = measurements.warnings;
  if (auto warning = measurements.metrics.overflow_warning();
      !warning.empty() && std::ranges::find(warnings, warning) == warnings.end()) {
    warnings.push_back(std::move(warning));
  }
  for (const auto& warning : warnings)
    payloads.add(Part::warning, [&](ByteWriter& out) { put_text(out, warning); });
}

void take_warning(ByteReader& in, std::vector<std::string>& to) {
  auto warning = take_text(in, "a warning");
  if (std::ranges::find(to, warning) == to.end()) to.push_back(std::move(warning));
}

void take_part(ByteReader& in, Part kind, Measurements& to) {
  switch (kind) {
    case Part::end:
      return;
    case Part::counters:
      return take_counters(in, to);
    case Part::entries:
      return take_entries(in, to.sessions_by_entry);
    case Part::metric:
      return take_metric(in, to.metrics);
    case Part::answers:
      return take_durations(in, to.answers);
    case Part::lateness:
      return take_durations(in, to.lateness);
    case Part::queued:
      return take_durations(in, to.queued);
    case Part::error:
      return take_group(in, to.errors);
    case Part::ending:
      return take_group(in, to.endings);
    case Part::stored:
      return to.stored.kept.push_back(decode_json(in));
    case Part::users:
      return decode_runs(in, to.ended_users, kMostUsers);
    case Part::warning:
      return take_warning(in, to.warnings);
  }
  in.fail("a part is of no known kind");
}

}  // namespace

std::vector<std::string> encode(Measurements&& measurements, std::size_t limit) {
  Payloads payloads(limit);
  measurements.metrics.for_each([&](const metrics::Name& name, const metrics::Histogram& histogram) {
    payloads.add(Part::metric, [&](ByteWriter& out) { put_metric(out, name, histogram); });
  });
  put_histogram(payloads, Part::answers, measurements.answers);
  put_histogram(payloads, Part::lateness, measurements.lateness);
  put_histogram(payloads, Part::queued, measurements.queued);
  put_log(payloads, Part::error, measurements.errors);
  put_log(payloads, Part::ending, measurements.endings);
  // Users first: one that is known to have ended is not begun anew if the rest does not come.
  put_users(payloads, measurements.ended_users);
  put_entries(payloads, measurements.sessions_by_entry);
  put_stored(payloads, measurements.stored);
  put_warnings(payloads, measurements);
  // The last, since it says how many stored items were left out.
  payloads.add(Part::counters, [&](ByteWriter& out) { put_counters(out, measurements); });
  return std::move(payloads).take();
}

Measurements decode_measurements(std::string_view payload) {
  ByteReader in(payload);
  if (const auto version = in.byte("the version"); version != kVersion)
    in.fail(fmt::format("its version is {}, not {}: run the same version of Chaperon on every machine",
                        version, kVersion));
  Measurements measurements;
  for (auto kind = Part::counters; kind != Part::end;) {
    kind = static_cast<Part>(in.byte("a part"));
    take_part(in, kind, measurements);
  }
  in.end();
  return measurements;
}

}  // namespace chaperon::cluster
