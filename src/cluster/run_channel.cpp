#include "cluster/run_channel.hpp"

#include <cstddef>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "cluster/progress_json.hpp"

namespace chaperon::cluster {
namespace {

// After a beat that was not sent: soon after the connection is there again they are to hear of it.
constexpr Duration kBeatAgain = 50ms;
constexpr std::size_t kReportsAtOnce = 256;

// The run may be begun a second time under its name: the server is to take no message for one of the first.
std::string outbox_name(const std::string& run) {
  return fmt::format("{}.coordinator.{:08x}", run, std::random_device{}());
}

}  // namespace

RunChannel::RunChannel(Nats& nats, std::string run, std::string coordinator)
    : nats_(nats),
      run_(std::move(run)),
      coordinator_(std::move(coordinator)),
      reports_(
          nats,
          {.stream = std::string(kReportsStream), .subject = report_subject(run_, "*"), .only_new = true}),
      outbox_(nats, outbox_name(run_), [] { return false; }),
      beats_([this] { beat(); }) {}

RunChannel::~RunChannel() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  beats_.join();
}

void RunChannel::beat() {
  const auto subject = beat_subject(run_);
  std::unique_lock lock(mutex_);
  auto pause = kBeat;
  do {
    try {
      nats_.publish(subject, {});
      pause = kBeat;
    } catch (const NatsError&) {
      pause = kBeatAgain;
    }
  } while (!changed_.wait_for(lock, pause, [this] { return ended_; }));
}

void RunChannel::send(Command command, const Seat& to) {
  command.run = run_;
  command.epoch = to.epoch;
  command.coordinator = coordinator_;
  outbox_.put(command_subject(to.worker), encode(command));
}

void RunChannel::flush(Duration patience) {
  outbox_.flush(patience);
}

std::string RunChannel::failure() const {
  return outbox_.failure();
}

void RunChannel::take_reports(Duration patience, const std::function<void(const Report&)>& take) {
  for (const auto& message : reports_.fetch(kReportsAtOnce, patience)) {
    try {
      const auto report = decode_report(message.payload);
      if (message.subject != report_subject(run_, report.worker))
        throw MalformedBytes(fmt::format("a report of {} that came as another's", report.worker));
      take(report);
    } catch (const MalformedBytes& error) {
      write_log(LogLevel::warn, fmt::format("a report was refused: {}", error.what()));
    }
  }
}

void RunChannel::publish(const Progress& progress) {
  try {
    nats_.publish(progress_subject(run_), dump(to_json(progress)));
  } catch (const NatsError&) {
    // There will be another.
  }
}

void RunChannel::clean_up() {
  if (!nats_.connected()) return;
  try {
    nats_.purge(std::string(kReportsStream), report_subject(run_, "*"));
    nats_.purge(std::string(kScheduledStream), scheduled_subject(run_, "*"));
  } catch (const NatsError&) {
    // They expire.
  }
}

}  // namespace chaperon::cluster
