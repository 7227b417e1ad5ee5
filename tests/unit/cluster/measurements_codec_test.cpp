#include "cluster/measurements_codec.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "metrics/histogram_codec.hpp"

namespace chaperon::cluster {
namespace {

using load_test::Measurements;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string histogram_text(const metrics::Histogram& histogram) {
  std::string bytes;
  ByteWriter out(bytes);
  encode(out, histogram);
  return bytes;
}

// All that is in a log.
std::vector<std::string> groups_of(const session::ErrorLog& log) {
  std::vector<std::string> texts;
  log.for_each([&](const ErrorGroup& group, std::string_view kind) {
    std::string text;
    for (const auto& part :
         {group.session, group.action, group.target, group.reason, std::string(kind), group.example,
          group.session_id, std::to_string(group.count), std::to_string(group.first_at.count())})
      text.append(part).append("|");
    texts.push_back(text);
  });
  std::ranges::sort(texts);
  return texts;
}

std::vector<std::uint64_t> numbers_of(const SessionCounts& counts) {
  return {counts.ok, counts.failed, counts.cancelled, counts.timed_out};
}

std::vector<std::uint64_t> numbers_of(const Traffic& traffic) {
  return {traffic.requests,   traffic.responses,      traffic.errors,        traffic.retried,
          traffic.bytes_sent, traffic.bytes_received, traffic.messages_sent, traffic.messages_received};
}

template <class T>
std::vector<T> sorted(std::vector<T> values) {
  std::ranges::sort(values);
  return values;
}

void expect_same(const Measurements& a, const Measurements& b) {
  const auto rows = a.metrics.rows();
  const auto other_rows = b.metrics.rows();
  ASSERT_EQ(rows.size(), other_rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].name(), other_rows[i].name());
    EXPECT_EQ(rows[i].kind(), other_rows[i].kind());
    EXPECT_EQ(histogram_text(rows[i].histogram()), histogram_text(other_rows[i].histogram()))
        << rows[i].name();
  }
  EXPECT_EQ(groups_of(a.errors), groups_of(b.errors));
  EXPECT_EQ(groups_of(a.endings), groups_of(b.endings));
  ASSERT_EQ(a.sessions_by_entry.size(), b.sessions_by_entry.size());
  for (std::size_t i = 0; i < a.sessions_by_entry.size(); ++i)
    EXPECT_EQ(numbers_of(a.sessions_by_entry[i]), numbers_of(b.sessions_by_entry[i]));
  EXPECT_EQ(numbers_of(a.traffic), numbers_of(b.traffic));
  EXPECT_EQ(histogram_text(a.answers), histogram_text(b.answers));
  EXPECT_EQ(histogram_text(a.lateness), histogram_text(b.lateness));
  EXPECT_EQ(histogram_text(a.queued), histogram_text(b.queued));
  EXPECT_EQ(sorted(a.stored.kept), sorted(b.stored.kept));
  EXPECT_EQ(a.stored.bytes, b.stored.bytes);
  EXPECT_EQ(a.stored.left_out, b.stored.left_out);
  EXPECT_EQ(sorted(a.ended_users), sorted(b.ended_users));
  EXPECT_EQ(a.first_start, b.first_start);
  EXPECT_EQ(a.last_end, b.last_end);
  EXPECT_EQ(a.overflowed, b.overflowed);
  EXPECT_EQ(sorted(a.warnings), sorted(b.warnings));
}

metrics::Histogram durations(std::mt19937_64& random, std::uint64_t samples) {
  std::lognormal_distribution<double> milliseconds(1.5, 1.0);
  metrics::Histogram histogram;
  for (; samples > 0; --samples)
    histogram.record(static_cast<std::int64_t>(milliseconds(random) * 1e6));
  return histogram;
}

metrics::Histogram numbers(std::mt19937_64& random, std::uint64_t samples) {
  std::normal_distribution<double> number(0, 1000);
  metrics::Histogram histogram;
  for (; samples > 0; --samples)
    histogram.record_number(number(random));
  return histogram;
}

void add_failures(std::mt19937_64& random, session::ErrorLog& log) {
  for (auto left = random() % 5; left > 0; --left) {
    const std::string target = "http://host/" + std::to_string(random() % 5);
    log.add({.session = "A",
             .action = random() % 2 == 0 ? "get" : "",
             .target = target,
             .reason = "timeout",
             .kind = random() % 2 == 0 ? "a kind" : "",
             .example = "no answer",
             .id = {.high = random(), .low = random()},
             .at = Duration(static_cast<std::int64_t>(random() % 1'000'000'000))});
  }
}

// What a worker may have measured in a second.
Measurements random_measurements(std::uint64_t seed, std::uint64_t samples = 50) {
  std::mt19937_64 random(seed);
  Measurements made;
  for (std::size_t i = 0; i < 6; ++i) {
    const std::string target = "http://host/" + std::to_string(random() % 10);
    made.metrics.add({.session = "A", .action = "get", .target = target, .error = i < 4 ? "" : "HTTP 503"},
                     durations(random, 1 + random() % samples));
  }
  made.metrics.add({.session = "A", .action = "stock", .kind = MetricKind::number},
                   numbers(random, 1 + random() % samples));
  add_failures(random, made.errors);
  add_failures(random, made.endings);
  made.sessions_by_entry.resize(1 + random() % 5);
  for (auto& counts : made.sessions_by_entry)
    counts = {random() % 100, random() % 2, random() % 2, random() % 2};
  made.traffic = {.requests = random() % 1'000'000, .responses = random() % 1000, .bytes_received = random()};
  if (random() % 2 == 0) made.answers = durations(random, samples);
  made.lateness = durations(random, samples);
  if (random() % 2 == 0) made.queued = durations(random, 1);
  for (auto left = random() % 3; left > 0; --left)
    made.stored.kept.push_back({{"session", "A"}, {"result", {{"status", 200}, {"body", random()}}}});
  made.stored.bytes = random() % 1000;
  made.stored.left_out = random() % 2;
  for (auto left = random() % 100; left > 0; --left)
    made.ended_users.push_back(random() % 1000);
  if (random() % 2 == 0) made.first_start = Instant(Duration(static_cast<std::int64_t>(random() >> 10U)));
  if (random() % 2 == 0) made.last_end = Instant(Duration(static_cast<std::int64_t>(random() >> 10U)));
  made.overflowed = random() % 4 == 0;
  if (random() % 2 == 0) made.warnings.push_back("warning " + std::to_string(random() % 3));
  return made;
}

Measurements merged(const std::vector<std::string>& payloads) {
  Measurements all;
  for (const auto& payload : payloads)
    all.merge(decode_measurements(payload));
  return all;
}

// What comes of a payload whose only part is this.
template <class Write>
std::string complaint(Write write) {
  std::string bytes;
  ByteWriter out(bytes);
  out.byte(1);
  write(out);
  out.byte(0);
  try {
    static_cast<void>(decode_measurements(bytes));
    return {};
  } catch (const MalformedBytes& e) {
    return e.what();
  }
}

TEST(MeasurementsCodec, MeasurementsComeBack) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto payloads = encode(random_measurements(seed));
    ASSERT_THAT(payloads, SizeIs(1));
    expect_same(decode_measurements(payloads[0]), random_measurements(seed));
    // The same measurements are the same bytes.
    EXPECT_EQ(encode(decode_measurements(payloads[0])), payloads);
  }
  const auto payloads = encode(Measurements());
  ASSERT_THAT(payloads, SizeIs(1));
  EXPECT_LT(payloads[0].size(), 20U);
  expect_same(decode_measurements(payloads[0]), Measurements());
}

TEST(MeasurementsCodec, MergingReceivedOnesIsMergingTheOriginals) {
  for (const std::size_t limit : {std::size_t{0}, std::size_t{300}, std::size_t{3000}, kPayloadLimit}) {
    Measurements originals;
    Measurements received;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      auto original = random_measurements(seed);
      if (limit < kPayloadLimit) original.stored = {};  // some would be left out
      received.merge(merged(encode(std::move(original), limit)));
      original = random_measurements(seed);
      if (limit < kPayloadLimit) original.stored = {};
      originals.merge(std::move(original));
    }
    expect_same(received, originals);
  }
}

TEST(MeasurementsCodec, PayloadsKeepToTheLimit) {
  constexpr std::size_t kLimit = 20'000;
  std::mt19937_64 random(4711);
  Measurements made;
  for (int i = 0; i < 300; ++i)
    made.metrics.add({.session = "A", .action = "get", .target = std::to_string(i)}, durations(random, 500));
  for (int i = 0; i < 100'000; ++i)
    made.ended_users.push_back(random());
  made.sessions_by_entry.assign(10'000, {.ok = 1'000'000, .timed_out = 3});
  for (int i = 0; i < 1000; ++i) {
    made.errors.add(
        {.action = "get", .target = std::to_string(i), .reason = "timeout", .example = "no answer"});
    made.stored.kept.push_back(std::string(static_cast<std::size_t>(i), 'x'));
  }
  const auto payloads = encode(std::move(made), kLimit);
  std::size_t total = 0;
  for (const auto& payload : payloads) {
    EXPECT_LE(payload.size(), kLimit);
    total += payload.size();
  }
  EXPECT_LE(payloads.size(), 2 * total / kLimit);
  const auto all = merged(payloads);
  EXPECT_EQ(all.metrics.rows().size(), 300U);
  EXPECT_EQ(all.ended_users.size(), 100'000U);
  EXPECT_EQ(all.sessions().ok, 10'000'000'000U);
  EXPECT_EQ(all.errors.groups().size(), 1000U);
  EXPECT_EQ(all.stored.kept.size(), 1000U);
}

TEST(MeasurementsCodec, TheLargestPartIsAsLargeAsAnnounced) {
  // Five bytes of count in each bucket, six in as many as 2^48 samples allow.
  metrics::Histogram histogram;
  std::uint64_t left =
      metrics::kMostSamples - (std::uint64_t{metrics::bucket_count(metrics::kFinestBits)} << 28U);
  for (std::uint32_t bucket = 0; bucket < metrics::bucket_count(metrics::kFinestBits); ++bucket) {
    constexpr std::uint64_t kMore = (std::uint64_t{1} << 35U) - (std::uint64_t{1} << 28U);
    const std::uint64_t more = left >= kMore ? kMore : 0;
    histogram.record(metrics::lowest_in(bucket, metrics::kFinestBits), (std::uint64_t{1} << 28U) + more);
    left -= more;
  }
  const std::string endless(1'000'000, 'x');
  Measurements made;
  made.metrics.add({.session = endless, .action = endless, .target = endless, .error = endless}, histogram);
  for (const auto& payload : encode(std::move(made), 1000)) {
    EXPECT_LE(payload.size(), kLargestPart);
    EXPECT_NO_THROW(decode_measurements(payload));
  }
}

TEST(MeasurementsCodec, LongTextsAreCut) {
  std::string endless;
  while (endless.size() < 100'000)
    endless += "ä";
  Measurements made;
  made.metrics.add({.session = "A", .action = "get", .target = endless}, [] {
    metrics::Histogram histogram;
    histogram.record(1);
    return histogram;
  }());
  made.errors.add({.session = endless,
                   .action = endless,
                   .target = endless,
                   .reason = endless,
                   .kind = endless,
                   .example = endless});
  made.warnings = {endless};
  const auto payloads = encode(std::move(made));
  ASSERT_THAT(payloads, SizeIs(1));
  const auto back = decode_measurements(payloads[0]);
  const std::string target = back.metrics.rows()[0].target();
  EXPECT_LE(target.size(), kLongestText);
  EXPECT_GT(target.size(), kLongestText - 5);
  EXPECT_TRUE(target.ends_with("ä…"));
  EXPECT_EQ(back.errors.groups()[0].example, target);
  EXPECT_THAT(back.warnings, ElementsAre(target));
}

TEST(MeasurementsCodec, StoredItemsThatAreTooLargeAreLeftOut) {
  Measurements made;
  Json deep;
  for (int i = 0; i < 1000; ++i) {
    Json outer = Json::array();
    outer.push_back(std::move(deep));
    deep = std::move(outer);
  }
  made.stored.kept = {Json("small"), Json(std::string(kPayloadLimit, 'x')), std::move(deep)};
  made.stored.left_out = 5;
  const auto back = merged(encode(std::move(made)));
  EXPECT_THAT(back.stored.kept, ElementsAre(Json("small")));
  EXPECT_EQ(back.stored.left_out, 7U);
}

TEST(MeasurementsCodec, NamesBeyondTheLimitBecomeAWarning) {
  metrics::Histogram histogram;
  histogram.record(1);
  Measurements made;
  made.metrics = metrics::Snapshot({.names = 1});
  for (const auto* target : {"/a", "/b"})
    made.metrics.add({.session = "A", .action = "get", .target = target}, histogram);
  const auto back = merged(encode(std::move(made)));
  EXPECT_THAT(back.warnings, ElementsAre(HasSubstr("more than 1 metric names")));
  EXPECT_NE(back.metrics.find({.action = "(other)"}), nullptr);
}

TEST(MeasurementsCodec, MoreUsersThanAPayloadMayHaveAreDivided) {
  Measurements made;
  for (std::uint64_t i = 0; i < kMostUsers + 10; ++i)
    made.ended_users.push_back(2 * i);
  const auto payloads = encode(std::move(made));
  EXPECT_THAT(payloads, SizeIs(2));
  EXPECT_EQ(merged(payloads).ended_users.size(), kMostUsers + 10);
}

TEST(MeasurementsCodec, MoreSamplesThanCanBeSentAreAnError) {
  Measurements made;
  made.lateness.record(1, metrics::kMostSamples + 1);
  EXPECT_THROW(encode(std::move(made)), std::length_error);
}

TEST(MeasurementsCodec, EveryBeginningIsRefused) {
  const auto payload = encode(random_measurements(4711)).at(0);
  for (std::size_t size = 0; size < payload.size(); ++size)
    EXPECT_THROW(decode_measurements(std::string_view(payload).substr(0, size)), MalformedBytes) << size;
  EXPECT_THROW(decode_measurements(payload + '\0'), MalformedBytes);
}

TEST(MeasurementsCodec, AFlippedBitIsRefusedOrOtherMeasurements) {
  const auto payload = encode(random_measurements(17, 5)).at(0);
  for (std::size_t bit = 0; bit < 8 * payload.size(); ++bit) {
    std::string flipped = payload;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    try {
      const auto once = encode(decode_measurements(flipped));
      EXPECT_EQ(encode(merged(once)), once);
    } catch (const MalformedBytes&) {
    }
  }
}

TEST(MeasurementsCodec, RandomBytesAreRefused) {
  std::mt19937_64 random(4711);
  for (int i = 0; i < 10'000; ++i) {
    std::string bytes(1, '\x01');
    for (auto left = random() % 100; left > 0; --left)
      bytes.push_back(static_cast<char>(random()));
    try {
      static_cast<void>(decode_measurements(bytes));
    } catch (const MalformedBytes&) {
    }
  }
}

TEST(MeasurementsCodec, AnotherVersionIsRefused) {
  auto payload = encode(Measurements()).at(0);
  payload[0] = 2;
  try {
    static_cast<void>(decode_measurements(payload));
    FAIL();
  } catch (const MalformedBytes& e) {
    EXPECT_THAT(e.what(),
                HasSubstr("its version is 2, not 1: run the same version of Chaperon on every machine"));
  }
}

TEST(MeasurementsCodec, PartsThatAreNotWhatTheySayAreRefused) {
  std::mt19937_64 random(1);
  const auto duration = durations(random, 3);
  const auto number = numbers(random, 3);
  const auto metric = [&](const metrics::Histogram& histogram, bool is_number) {
    return complaint([&](ByteWriter& out) {
      out.byte(3);
      for (int i = 0; i < 4; ++i)
        out.text("a");
      out.flag(is_number);
      encode(out, histogram);
    });
  };
  EXPECT_EQ(metric(duration, false), "");
  EXPECT_EQ(metric(number, true), "");
  EXPECT_THAT(metric(duration, true), HasSubstr("not of its kind"));
  EXPECT_THAT(metric(number, false), HasSubstr("not of its kind"));
  EXPECT_THAT(metric({}, false), HasSubstr("no sample"));
  EXPECT_THAT(complaint([&](ByteWriter& out) {
                out.byte(4);
                encode(out, number);
              }),
              HasSubstr("durations has numbers"));
  EXPECT_THAT(complaint([](ByteWriter& out) { out.byte(12); }), HasSubstr("no known kind"));
  EXPECT_THAT(complaint([](ByteWriter& out) {
                out.byte(2);
                out.varint(std::uint64_t{1} << 40U);
              }),
              HasSubstr("the number of entries is 1099511627776"));
}

TEST(MeasurementsCodec, AFewBytesCannotAskForMuchMemory) {
  // A sample in each chunk of 128 buckets: a few bytes here, 434 KiB there.
  metrics::Histogram histogram;
  for (std::uint32_t bucket = 0; bucket < metrics::bucket_count(metrics::kFinestBits); bucket += 128)
    histogram.record(metrics::lowest_in(bucket, metrics::kFinestBits));
  const auto metrics = [&](int count) {
    return complaint([&](ByteWriter& out) {
      for (int i = 0; i < count; ++i) {
        out.byte(3);
        out.text(std::to_string(i));
        for (int part = 1; part < 4; ++part)
          out.text("");
        out.flag(false);
        encode(out, histogram);
      }
    });
  };
  EXPECT_EQ(metrics(100), "");
  EXPECT_THAT(metrics(1000), HasSubstr("too much memory"));
}

}  // namespace
}  // namespace chaperon::cluster
