#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "cluster/protocol.hpp"

namespace chaperon::cluster {
namespace {

constexpr std::int64_t kMegabyte = 1'000'000;

// Who reads is a few messages behind, or away for seconds: then the run is over. When a stream is full its
// oldest messages go, which were read long ago; a report that was not is noticed as a gap in their numbers.
// Some kilobytes for each worker, as large as the config of the load test.
constexpr std::int64_t kCommandsMegabytes = 64;
// 54 kB for each worker and second at most, and once some hundred at the end: 10 s of 300 workers.
constexpr std::int64_t kReportsMegabytes = 256;
// 512 messages of the largest size.
constexpr std::int64_t kScheduledMegabytes = 256;

void ensure(Nats& nats, std::string_view name, std::string subject, std::int64_t megabytes, int replicas) {
  // What nobody has read in that time is of no use to anybody.
  nats.ensure_stream({.name = std::string(name),
                      .subjects = {std::move(subject)},
                      .max_age = 10min,
                      .max_bytes = megabytes * kMegabyte,
                      .replicas = replicas});
}

}  // namespace

void ensure_streams(Nats& nats, int replicas) {
  try {
    ensure(nats, kCommandsStream, command_subject("*"), kCommandsMegabytes, replicas);
    ensure(nats, kReportsStream, report_subject("*", "*"), kReportsMegabytes, replicas);
    ensure(nats, kScheduledStream, scheduled_subject("*", "*"), kScheduledMegabytes, replicas);
  } catch (const NatsRoomError& error) {
    throw NatsError(
        fmt::format(
            "{}: Chaperon's streams reserve {} MB there: raise max_file_store in its block jetstream, or the "
            "limit of the account, or free its disk",
            error.what(), kCommandsMegabytes + kReportsMegabytes + kScheduledMegabytes),
        false);
  }
}

}  // namespace chaperon::cluster
