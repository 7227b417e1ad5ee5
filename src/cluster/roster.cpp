#include "cluster/roster.hpp"

#include <utility>

#include "base/clock.hpp"
#include "cluster/lease.hpp"

namespace chaperon::cluster {

Roster::Roster(Nats& nats, int replicas)
    : nats_(nats), bucket_(workers_bucket(nats, replicas)), watcher_(bucket_.watch()) {}

void Roster::update(Duration patience) {
  while (auto change = watcher_.next(patience)) {
    patience = Duration::zero();
    auto& entry = change->entry;
    switch (change->kind) {
      case Change::Kind::put: {
        auto info = decode_worker_info(entry.value);
        // One that has just come has no epoch yet.
        if (!info || info->epoch == 0 || info->name != entry.key) break;
        auto& member = members_[entry.key];
        // Told again after a loss of the connection: no sign of life.
        if (member.revision == entry.revision) break;
        member = {.info = std::move(*info), .revision = entry.revision, .seen = steady_now()};
        break;
      }
      case Change::Kind::removed:
        members_.erase(entry.key);
        break;
      case Change::Kind::current:
      case Change::Kind::again:
        // Who has gone meanwhile is missed in time.
        break;
    }
  }
}

void Roster::forget_expired() {
  const Instant now = steady_now();
  std::erase_if(members_, [now](const auto& member) { return now - member.second.seen > kLeaseExpiry; });
}

const Member* Roster::find(const std::string& name, std::uint64_t epoch) const {
  const auto found = members_.find(name);
  return found == members_.end() || found->second.info.epoch != epoch ? nullptr : &found->second;
}

std::optional<Duration> Roster::ask_clock(const std::string& name, std::uint64_t epoch, Duration patience) {
  try {
    const auto answer = nats_.request(clock_subject(name), {}, patience);
    const auto reading = answer ? decode_clock_reading(answer->payload) : std::nullopt;
    if (reading && reading->epoch == epoch) return reading->at;
  } catch (const NatsError&) {
    // Nor does it answer.
  }
  return std::nullopt;
}

Roster::Revoked Roster::revoke(const Member& member) {
  try {
    if (!bucket_.update(member.info.name, "revoked", member.revision)) {
      const auto now = bucket_.get(member.info.name);
      const auto holder = now ? decode_worker_info(now->value) : std::nullopt;
      return holder && holder->epoch == member.info.epoch ? Revoked::renewed : Revoked::left;
    }
    bucket_.remove(member.info.name);
    return Revoked::done;
  } catch (const NatsError&) {
    return Revoked::unknown;
  }
}

}  // namespace chaperon::cluster
