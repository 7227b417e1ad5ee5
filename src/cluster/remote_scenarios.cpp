#include "cluster/remote_scenarios.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "base/bytes.hpp"
#include "base/log.hpp"
#include "session/state.hpp"

namespace chaperon::cluster {
namespace {

constexpr Duration kLook = 1s;

// Ids are unique for their sender, and count from 1 without a gap for each receiver.
constexpr unsigned kNumberBits = 48;

std::uint64_t id_of(std::uint64_t place, std::uint64_t number) {
  return place << kNumberBits | number;
}

std::uint64_t number_of(std::uint64_t id) {
  return id & ((std::uint64_t{1} << kNumberBits) - 1);
}

}  // namespace

RemoteScenarios::RemoteScenarios(Nats& nats, std::string run, std::string worker,
                                 const std::vector<Seat>& seats, Outbox& outbox, const ScenarioImage& image,
                                 std::size_t profiles)
    : run_name_(std::move(run)),
      worker_(std::move(worker)),
      outbox_(outbox),
      image_(image),
      profiles_(profiles),
      incoming_(nats, {.stream = std::string(kScheduledStream),
                       .subject = scheduled_subject(run_name_, worker_),
                       .only_new = true}) {
  for (const auto& seat : seats) {
    for (const auto loop : seat.loops) {
      worker_of_loop_.resize(std::max<std::size_t>(worker_of_loop_.size(), loop + 1));
      worker_of_loop_[loop] = seat.worker;
    }
  }
}

RemoteScenarios::~RemoteScenarios() {
  end();
}

void RemoteScenarios::end() {
  stopping_ = true;
  incoming_.stop();
  if (thread_.joinable()) thread_.join();
}

void RemoteScenarios::refuse(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (refusal_.empty()) refusal_ = reason;
}

void RemoteScenarios::begin(load_test::Run& run) {
  run_ = &run;
  thread_ = std::thread([this] { receive(); });
}

// --- Sent from here ------------------------------------------------------------------------------

// On the loop whose session sends it.
bool RemoteScenarios::run_scheduled(unsigned loop, const Scheduled& scheduled) {
  const auto offset = image_.offset_of(scheduled->parts);
  const auto count = static_cast<std::uint32_t>(scheduled->parts.size());
  // What the others would refuse need not go there.
  if (!offset || !image_.at(*offset, count)) return false;
  const auto& to = worker_of_loop_.at(loop);
  ScheduledRequest request{.from_worker = worker_,
                           .library_offset = *offset,
                           .part_count = count,
                           .profile = scheduled->profile,
                           .seed = scheduled->seed,
                           .config = scheduled->config,
                           .headers = scheduled->headers,
                           .authorization = scheduled->authorization,
                           .unrecorded = scheduled->unrecorded,
                           .assignments = scheduled->assignments,
                           .cookies = scheduled->cookies};
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(lost_, to) != lost_.end()) return false;
  auto& [place, last] = last_numbers_[to];
  if (place == 0) place = last_numbers_.size();
  request.id = id_of(place, last + 1);
  try {
    outbox_.put(scheduled_subject(run_name_, to), encode(request));
  } catch (const std::logic_error&) {
    // Too large, or nested too deeply, to be sent: then it stays here.
    return false;
  }
  // The answer comes through this lock as well.
  ++last;
  scheduled->remote_id = request.id;
  sent_.emplace(request.id, Sent{.scheduled = scheduled, .to = to});
  return true;
}

void RemoteScenarios::cancel_scheduled(const Scheduled& scheduled, session::Outcome as,
                                       const std::string& reason) {
  std::string to;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sent_.find(scheduled->remote_id);
    if (found == sent_.end()) return;
    to = found->second.to;
  }
  outbox_.put(scheduled_subject(run_name_, to),
              encode(ScheduledCancel{
                  .id = scheduled->remote_id, .from_worker = worker_, .outcome = as, .reason = reason}));
}

void RemoteScenarios::take_result(ScheduledResult result) {
  Scheduled scheduled;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sent_.find(result.id);
    if (found == sent_.end()) return;
    scheduled = std::move(found->second.scheduled);
    sent_.erase(found);
  }
  scheduled->outcome = result.outcome;
  scheduled->reason = std::move(result.reason);
  if (!result.failure.empty()) scheduled->failure = std::make_exception_ptr(ScenarioError(result.failure));
  scheduled->assignments = std::move(result.assignments);
  scheduled->cookies = std::move(result.cookies);
  scheduled->back();
}

// --- From others ---------------------------------------------------------------------------------

void RemoteScenarios::receive() {
  while (!stopping_) {
    try {
      if (const auto message = incoming_.next(kLook)) take(message->payload);
    } catch (const MalformedBytes& error) {
      write_log(LogLevel::warn,
                fmt::format("a message about a scheduled scenario was refused: {}", error.what()));
    } catch (const NatsError& error) {
      write_log(LogLevel::error, fmt::format("no scheduled scenarios can be received: {}", error.what()));
      return;
    }
  }
}

void RemoteScenarios::take(const std::string& bytes) {
  switch (kind_of_scheduled(bytes)) {
    case ScheduledKind::request:
      take_request(decode_request(bytes));
      return;
    case ScheduledKind::cancel:
      take_cancel(decode_cancel(bytes));
      return;
    case ScheduledKind::result:
      take_result(decode_result(bytes));
      return;
  }
}

void RemoteScenarios::take_request(ScheduledRequest request) {
  if (!is_worker_name(request.from_worker)) throw MalformedBytes("it comes from nobody");
  const auto parts = image_.at(request.library_offset, request.part_count);
  if (!parts || request.profile >= profiles_) {
    // Somebody may wait for it.
    send_result(request.from_worker, {.id = request.id,
                                      .outcome = session::Outcome::failed,
                                      .reason = "it names a scenario that the load test does not have there",
                                      .failure = {},
                                      .assignments = std::move(request.assignments),
                                      .cookies = std::move(request.cookies)});
    throw MalformedBytes("it names a scenario that the load test does not have");
  }
  const Origin origin{request.from_worker, request.id};
  auto scheduled = std::make_shared<session::ScheduledScenario>();
  scheduled->parts = *parts;
  scheduled->profile = request.profile;
  scheduled->seed = request.seed;
  scheduled->config = std::move(request.config);
  scheduled->headers = std::move(request.headers);
  scheduled->authorization = std::move(request.authorization);
  scheduled->unrecorded = request.unrecorded;
  scheduled->assignments = std::move(request.assignments);
  scheduled->cookies = std::move(request.cookies);
  // Owned by the map below until it has ended, so it may be named by its address.
  scheduled->back = [this, origin] { has_ended(origin); };
  std::string refusal;
  {
    const std::lock_guard lock(mutex_);
    if (!seen_[request.from_worker].insert(number_of(request.id)))
      throw MalformedBytes("it came for the second time");
    refusal = refusal_;
    // It may still be there, on its way out, and wait.
    if (std::ranges::find(lost_, request.from_worker) != lost_.end())
      refusal = fmt::format("worker {} does not take part any more", request.from_worker);
    if (refusal.empty()) {
      running_.emplace(origin, scheduled);
      // Under the lock: whoever finds it in the map may cancel it, and whoever has refused all that comes may
      // count what runs.
      run_->run_scheduled(scheduled);
    }
  }
  if (refusal.empty()) return;
  send_result(origin.first, {.id = origin.second,
                             .outcome = session::Outcome::failed,
                             .reason = refusal,
                             .failure = {},
                             .assignments = std::move(scheduled->assignments),
                             .cookies = std::move(scheduled->cookies)});
}

// On the loop that has run it.
void RemoteScenarios::has_ended(const Origin& origin) {
  Scheduled scheduled;
  {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(origin);
    if (found == running_.end()) return;
    scheduled = std::move(found->second);
    running_.erase(found);
  }
  send_result(origin.first, {.id = origin.second,
                             .outcome = scheduled->outcome,
                             .reason = scheduled->reason,
                             .failure = scheduled->failure ? session::describe_exception(scheduled->failure)
                                                           : std::string(),
                             .assignments = std::move(scheduled->assignments),
                             .cookies = std::move(scheduled->cookies)});
}

void RemoteScenarios::send_result(const std::string& to, const ScheduledResult& result) {
  std::string bytes;
  try {
    bytes = encode(result);
  } catch (const std::logic_error& error) {
    // What it brings back cannot be sent: who waits for it must hear of that.
    bytes = encode(ScheduledResult{.id = result.id,
                                   .outcome = session::Outcome::failed,
                                   .reason = error.what(),
                                   .failure = {},
                                   .assignments = nullptr,
                                   .cookies = {}});
  }
  outbox_.put(scheduled_subject(run_name_, to), std::move(bytes));
}

void RemoteScenarios::take_cancel(const ScheduledCancel& cancel) {
  Scheduled scheduled;
  {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find({cancel.from_worker, cancel.id});
    if (found == running_.end()) return;
    scheduled = found->second;
  }
  run_->cancel_scheduled(scheduled, cancel.outcome, cancel.reason);
}

void RemoteScenarios::lost(const std::string& worker) {
  std::vector<Scheduled> failed;
  std::vector<Scheduled> orphans;
  {
    const std::lock_guard lock(mutex_);
    lost_.push_back(worker);
    for (auto it = sent_.begin(); it != sent_.end();) {
      if (it->second.to == worker) {
        failed.push_back(std::move(it->second.scheduled));
        it = sent_.erase(it);
      } else {
        ++it;
      }
    }
    for (const auto& [origin, scheduled] : running_) {
      if (origin.first == worker) orphans.push_back(scheduled);
    }
  }
  for (const auto& scheduled : failed) {
    // It goes on with what it had.
    scheduled->outcome = session::Outcome::failed;
    scheduled->reason = fmt::format("worker {} was lost while it ran there", worker);
    scheduled->back();
  }
  for (const auto& scheduled : orphans)
    run_->cancel_scheduled(scheduled, session::Outcome::cancelled,
                           fmt::format("worker {}, which has scheduled it, was lost", worker));
}

}  // namespace chaperon::cluster
