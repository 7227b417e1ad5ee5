#include "cluster/lease.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace chaperon::cluster {
namespace {

constexpr Duration kRetry = 200ms;
// Clocks do not run equally fast, and what was begun takes its time.
constexpr Duration kMargin = 300ms;

}  // namespace

NameTaken::~NameTaken() = default;

KeyValue workers_bucket(Nats& nats, int replicas) {
  // An attempt that is not answered leaves time for another.
  return nats.key_value(std::string(kWorkersBucket),
                        {.ttl = kLeaseExpiry, .replicas = replicas, .patience = kBeat});
}

Lease::Lease(Nats& nats, int replicas, WorkerInfo info, std::function<void(Instant)> renewed)
    : bucket_(workers_bucket(nats, replicas)), info_(std::move(info)), renewed_(std::move(renewed)) {
  const Instant give_up = steady_now() + kLeaseExpiry + 1s;
  const auto former = std::exchange(info_.epoch, 0);
  std::uint64_t seen = 0;
  Instant seen_at{};
  while (true) {
    const Instant asked = steady_now();
    if (const auto created = bucket_.create(info_.name, encode(info_))) {
      revision_ = *created;
      until_ = asked + kLease;
      break;
    }
    // Whoever held it last may be gone. A live one has another revision each time. What a coordinator writes
    // before it removes the lease of a lost worker is nobody's.
    const auto held = bucket_.get(info_.name);
    const auto holder = held ? decode_worker_info(held->value) : std::nullopt;
    // One that has not been renewed for that long is over, as its holder knows too.
    const bool over = holder && held->revision == seen && steady_now() - seen_at > kLease + kRetry;
    if (holder && (over || (former != 0 && holder->epoch == former))) {
      if (bucket_.update(info_.name, "revoked", held->revision)) bucket_.remove(info_.name);
      continue;
    }
    if ((holder && seen != 0 && held->revision != seen) || steady_now() > give_up) {
      throw NameTaken(
          fmt::format(
              "a worker called {0} is in the cluster already: give this one another name (--name {0}-2)",
              info_.name),
          holder);
    }
    if (holder && seen == 0) {
      seen = held->revision;
      seen_at = steady_now();
    }
    std::this_thread::sleep_for(kRetry);
  }
  // Revisions of the bucket only grow, so the first one of a life tells it from those before.
  info_.epoch = revision_;
  wanted_ = info_;
  if (!renew()) throw NatsError(fmt::format("the lease of {} was taken away at once", info_.name), true);
  thread_ = std::thread([this] { keep(); });
}

Lease::~Lease() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
  if (over()) return;
  try {
    bucket_.remove(info_.name);
  } catch (const NatsError&) {
    // It expires by itself.
  }
}

bool Lease::over() const {
  const std::lock_guard lock(mutex_);
  return taken_away_ || steady_now() >= until_;
}

void Lease::say(const std::string& run, const std::string& doing) {
  const std::lock_guard lock(mutex_);
  if (wanted_.run == run && wanted_.doing == doing) return;
  wanted_.run = run;
  wanted_.doing = doing;
  changed_info_ = true;
  changed_.notify_all();
}

void Lease::keep() {
  Instant next = steady_now() + kBeat;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, next, [this] { return stopping_ || changed_info_; });
      if (stopping_) return;
      changed_info_ = false;
    }
    try {
      if (!renew()) {
        const std::lock_guard lock(mutex_);
        taken_away_ = true;
        return;
      }
      next = steady_now() + kBeat;
    } catch (const NatsError&) {
      // The lease goes on until its time is up, and so do the attempts.
      next = steady_now() + kRetry;
    }
    const std::lock_guard lock(mutex_);
    // Whoever has lost it must not go on as if it were the next holder.
    if (steady_now() >= until_) return;
  }
}

// False: somebody has taken it away.
bool Lease::renew() {
  const Instant asked = steady_now();
  {
    const std::lock_guard lock(mutex_);
    info_ = wanted_;
  }
  const auto value = encode(info_);
  auto renewed = bucket_.update(info_.name, value, revision_);
  if (!renewed) {
    // An attempt before this one may have been done although no answer came.
    const auto held = bucket_.get(info_.name);
    const auto holder = held ? decode_worker_info(held->value) : std::nullopt;
    if (!holder || holder->epoch != info_.epoch) return false;
    renewed = bucket_.update(info_.name, value, held->revision);
    if (!renewed) return false;
  }
  revision_ = *renewed;
  Instant until{};
  {
    const std::lock_guard lock(mutex_);
    if (steady_now() < until_ || until_ == Instant{}) until_ = asked + kLease;
    until = until_;
  }
  renewed_(until - kMargin);
  return true;
}

}  // namespace chaperon::cluster
