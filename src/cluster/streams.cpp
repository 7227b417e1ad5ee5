#include <cstdint>
#include <string>

#include "cluster/protocol.hpp"

namespace chaperon::cluster {
namespace {

constexpr std::int64_t kMegabyte = 1'000'000;

}  // namespace

void ensure_streams(Nats& nats, int replicas) {
  // What nobody has read in that time is of no use to anybody.
  nats.ensure_stream({.name = std::string(kCommandsStream),
                      .subjects = {command_subject("*")},
                      .max_age = 10min,
                      .max_bytes = 256 * kMegabyte,
                      .replicas = replicas});
  nats.ensure_stream({.name = std::string(kReportsStream),
                      .subjects = {report_subject("*", "*")},
                      .max_age = 10min,
                      .max_bytes = 1024 * kMegabyte,
                      .replicas = replicas});
  nats.ensure_stream({.name = std::string(kScheduledStream),
                      .subjects = {scheduled_subject("*", "*")},
                      .max_age = 10min,
                      .max_bytes = 1024 * kMegabyte,
                      .replicas = replicas});
}

}  // namespace chaperon::cluster
