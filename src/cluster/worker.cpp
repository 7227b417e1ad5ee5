#include "cluster/worker.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "cluster/artifact_store.hpp"

namespace chaperon::cluster {
namespace {

constexpr Duration kLook = 50ms;
constexpr Duration kRejoin = 500ms;

}  // namespace

Worker::Worker(Nats& nats, WorkerOptions options) : nats_(nats), options_(std::move(options)) {}

Worker::~Worker() = default;

Worker::End Worker::serve(const std::stop_token& stop) {
  join(stop);
  Instant next_said{};
  while (true) {
    if (stop.stop_requested()) {
      if (!run_) return End::stopped;
      run_->stop(fmt::format("worker {} was stopped", options_.name));
    }
    read_command();
    if (!run_) {
      if (loaded_) {
        lease_.reset();
        return End::replace;
      }
      if (!commands_ || lease_->over()) join(stop);
      continue;
    }
    // Taken away: nothing is to be started until its time would have been up.
    if (lease_->over()) own_fence_->close();
    run_->look(steady_now());
    if (auto reason = run_->take_stop_reason(); !reason.empty())
      options_.on_doing(fmt::format("{}: stops: {}", options_.name, reason), true);
    if (run_->over()) {
      if (run_->fenced(steady_now())) {
        options_.on_doing(fmt::format("{}: stands still and begins anew: its lease was over, or the "
                                      "coordinator was not heard of",
                                      options_.name),
                          true);
        // Nothing of what stands still may be destroyed.
        static_cast<void>(run_.release());
        static_cast<void>(own_fence_.release());
        lease_.reset();
        return stop.stop_requested() ? End::leave_at_once : End::replace;
      }
      {
        const std::lock_guard lock(mutex_);
        fence_ = nullptr;
        running_ = nullptr;
      }
      run_.reset();
      lease_.reset();
      return stop.stop_requested() ? End::stopped : End::replace;
    }
    if (steady_now() >= next_said) {
      next_said = steady_now() + kBeat;
      const auto doing = run_->doing();
      lease_->say(run_name_, doing);
      options_.on_doing(fmt::format("{}: {}", options_.name, doing), false);
    }
  }
}

void Worker::read_command() {
  if (!commands_) {
    std::this_thread::sleep_for(kLook);
    return;
  }
  try {
    if (const auto message = commands_->next(kLook)) obey(message->payload);
  } catch (const MalformedBytes& error) {
    write_log(LogLevel::warn, fmt::format("a command was refused: {}", error.what()));
  } catch (const NatsError& error) {
    // The server has forgotten the stream. Whoever has no run joins it anew, and says there what cannot be.
    if (error.retryable()) return;
    write_log(LogLevel::warn, error.what());
    commands_.reset();
    if (run_) run_->stop(fmt::format("worker {} hears no commands any more", options_.name));
  }
}

// Also after the connection was lost for longer than the lease.
void Worker::join(const std::stop_token& stop) {
  lease_.reset();
  epoch_ = 0;
  bool said_waiting = false;
  while (!stop.stop_requested()) {
    try {
      ensure_streams(nats_, options_.replicas);
      // Before the lease: whoever sees that can send commands.
      commands_.emplace(nats_, ConsumerOptions{.stream = std::string(kCommandsStream),
                                               .subject = command_subject(options_.name),
                                               .only_new = true});
      clock_ = nats_.subscribe(clock_subject(options_.name), [this](const Message& message) {
        try {
          if (!message.reply_to.empty()) {
            nats_.publish(message.reply_to,
                          encode(ClockReading{.epoch = epoch_, .at = steady_now().time_since_epoch()}));
          }
        } catch (const NatsError&) {
          // Who has asked asks again.
        }
      });
      lease_.emplace(nats_, options_.replicas,
                     WorkerInfo{.name = options_.name,
                                .loops = options_.loops,
                                .labels = options_.labels,
                                .abi = options_.abi,
                                .works = options_.works,
                                .doing = options_.works ? "waits for work" : "looks on"},
                     [this](Instant until) {
                       const std::lock_guard lock(mutex_);
                       lease_until_ = until;
                       if (running_ != nullptr) {
                         running_->lease_holds(until);
                       } else if (fence_ != nullptr) {
                         fence_->extend(until);
                       }
                     });
      epoch_ = lease_->epoch();
      options_.on_doing(fmt::format("{}: in the cluster at {}, {} {}{}", options_.name, nats_.server(),
                                    options_.loops, options_.loops == 1 ? "loop" : "loops",
                                    options_.works ? ", waits for work" : ", looks on"),
                        true);
      return;
    } catch (const NatsError& error) {
      // Its account may use streams and buckets, not make them: the first run or master does.
      const bool not_set_up = std::string_view(error.what()).find("STREAM.CREATE") != std::string_view::npos;
      if (!error.retryable() && !not_set_up) throw;
      if (not_set_up && !std::exchange(said_waiting, true)) {
        options_.on_doing(fmt::format("{}: waits until a run or a master has set up the cluster at {}",
                                      options_.name, nats_.server()),
                          true);
      }
      std::this_thread::sleep_for(kRejoin);
    }
  }
}

void Worker::obey(const std::string& payload) {
  const auto command = decode_command(payload);
  if (command.epoch != lease_->epoch()) {
    write_log(LogLevel::warn, fmt::format("a command of run {} was refused: it is for a former life of {}",
                                          command.run, options_.name));
    return;
  }
  if (command.kind == Command::Kind::prepare) {
    if (run_ && command.run == run_name_) {
      write_log(LogLevel::warn, fmt::format("a command of run {} was refused: it came twice", command.run));
    } else if (run_) {
      refuse(command, Report::Kind::busy, fmt::format("it takes part in run {} already", run_name_));
    } else if (!options_.works) {
      refuse(command, Report::Kind::refused, "it looks on only (--no-work)");
    } else {
      prepare(command);
    }
  } else if (run_ && command.run == run_name_) {
    run_->obey(command);
    if (command.kind == Command::Kind::cancel || command.kind == Command::Kind::leave)
      options_.on_doing(fmt::format("{}: stops: {}", options_.name, command.reason), true);
  } else {
    write_log(LogLevel::warn, fmt::format("a command of run {} was refused: {} does not take part in it",
                                          command.run, options_.name));
  }
}

void Worker::prepare(const Command& command) {
  options_.on_doing(fmt::format("{}: prepares {} (run {}) for {}", options_.name, command.load_test,
                                command.run, command.coordinator),
                    true);
  lease_->say(command.run, fmt::format("prepares {}", command.load_test));
  run_name_ = command.run;
  own_fence_ = std::make_unique<runtime::Fence>();
  {
    const std::lock_guard lock(mutex_);
    own_fence_->extend(lease_until_);
    fence_ = own_fence_.get();
  }
  std::string reason;
  try {
    if (const auto level = parse_log_level(command.log_level)) start_log(*level);
    ArtifactStore store(nats_, options_.replicas);
    const auto file = fetch_artifact(store, command.artifact, options_.artifacts);
    loaded_ = true;
    const auto load_tests = options_.load(file, command.library_name);
    const auto found = std::ranges::find(load_tests, command.load_test, &RegisteredLoadTest::name);
    if (found == load_tests.end()) {
      reason = fmt::format("{} has no load test {}", command.library_name, command.load_test);
    } else {
      auto run = std::make_unique<WorkerRun>(nats_, options_.name, command, *found, *own_fence_);
      {
        const std::lock_guard lock(mutex_);
        run->lease_holds(lease_until_);
        run_ = std::move(run);
        running_ = run_.get();
      }
      run_->report_ready();
      return;
    }
  } catch (const std::exception& error) {
    reason = error.what();
  } catch (...) {
    reason = "the load test threw something that is no std::exception";
  }
  {
    const std::lock_guard lock(mutex_);
    fence_ = nullptr;
  }
  refuse(command, Report::Kind::refused, reason);
  lease_->say({}, "waits for work");
}

void Worker::refuse(const Command& command, Report::Kind kind, const std::string& reason) {
  options_.on_doing(fmt::format("{}: refuses run {}: {}", options_.name, command.run, reason), true);
  const Report report{.kind = kind,
                      .run = command.run,
                      .worker = options_.name,
                      .epoch = command.epoch,
                      .sequence = 1,
                      .reason = reason};
  try {
    nats_.publish_stored(report_subject(command.run, options_.name), encode(report), {});
  } catch (const NatsError& error) {
    write_log(LogLevel::error,
              fmt::format("the refusal of run {} was not sent: {}", command.run, error.what()));
  }
}

}  // namespace chaperon::cluster
