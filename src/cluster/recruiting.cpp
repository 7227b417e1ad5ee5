#include "cluster/recruiting.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/utsname.h>

#include "base/abi.hpp"

namespace chaperon::cluster {
namespace {

constexpr std::size_t kMostNamed = 3;

std::string platform_difference(std::string_view theirs, std::string_view ours) {
  constexpr std::string_view kArchitecture = "architecture";
  const auto their = abi_value(theirs, kArchitecture);
  const auto our = abi_value(ours, kArchitecture);
  if (their != our)
    return fmt::format("{} {} instead of {}", kArchitecture, their.empty() ? "unknown" : their, our);
  return abi_difference(theirs, ours).value_or("");
}

// What cannot be named of so many.
std::string more_text(std::size_t count) {
  return count > kMostNamed ? fmt::format(" and {} more", count - kMostNamed) : std::string();
}

std::string why_unfit(const WorkerInfo& info, const CoordinatorOptions& options) {
  for (const auto& [key, value] : options.labels) {
    const auto found = info.labels.find(key);
    if (found == info.labels.end()) return fmt::format("has no label {}", key);
    if (found->second != value)
      return fmt::format("has the label {}={}, not {}={}", key, found->second, key, value);
  }
  if (const auto difference = platform_difference(info.abi, options.abi); !difference.empty())
    return fmt::format("is refused: it has {}", difference);
  if (info.loops == 0) return "has no event loops";
  if (!info.run.empty()) return fmt::format("is busy with run {}", info.run);
  return {};
}

}  // namespace

std::string platform() {
  utsname machine{};
  ::uname(&machine);
  return fmt::format("{}architecture={}\n", own_abi(), machine.machine);
}

Candidates candidates(const std::map<std::string, Member>& members, const CoordinatorOptions& options) {
  Candidates found;
  for (const auto& [name, member] : members) {
    // Who only looks on is no worker.
    if (!member.info.works) continue;
    auto why = why_unfit(member.info, options);
    if (why.empty()) {
      found.fit.push_back(member);
    } else {
      found.unfit.emplace(name, std::move(why));
    }
  }
  return found;
}

std::string waiting_text(const Candidates& candidates, const CoordinatorOptions& options) {
  const auto wanted = std::max(options.workers, 1U);
  std::string labels;
  for (const auto& [key, value] : options.labels)
    labels += fmt::format("{}{}={}", labels.empty() ? " with " : ", ", key, value);
  auto text = wanted == 1 ? fmt::format("waiting for a worker{}", labels)
                          : fmt::format("waiting for {} workers{}", wanted, labels);
  std::vector<std::string> parts;
  if (!candidates.fit.empty()) {
    std::vector<std::string> names;
    for (const auto& member : std::span(candidates.fit).first(std::min(candidates.fit.size(), kMostNamed)))
      names.push_back(member.info.name);
    parts.push_back(fmt::format("{}{} {} ready", fmt::join(names, ", "), more_text(candidates.fit.size()),
                                candidates.fit.size() == 1 ? "is" : "are"));
  }
  std::size_t named = 0;
  for (const auto& [name, why] : candidates.unfit) {
    if (++named > kMostNamed) break;
    parts.push_back(fmt::format("{} {}", name, why));
  }
  if (named > kMostNamed) parts.push_back(fmt::format("{} in all are not used", candidates.unfit.size()));
  if (parts.empty()) parts.emplace_back("there is none yet: 'chaperon worker --nats URL' starts one");
  return fmt::format("{}: {}", text, fmt::join(parts, "; "));
}

std::vector<Seat> seats_of(const std::vector<Member>& members) {
  std::vector<Seat> seats;
  unsigned most = 0;
  for (const auto& member : members) {
    seats.push_back({.worker = member.info.name, .epoch = member.info.epoch});
    most = std::max(most, member.info.loops);
  }
  unsigned number = 0;
  for (unsigned round = 0; round < most; ++round) {
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (round < members[i].info.loops) seats[i].loops.push_back(number++);
    }
  }
  return seats;
}

}  // namespace chaperon::cluster
