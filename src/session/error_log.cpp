#include "session/error_log.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace chaperon::session {
namespace {

constexpr std::string_view kOther = "(other)";

}  // namespace

std::string ErrorLog::key_of(const Failure& failure) {
  std::string key;
  key.reserve(failure.session.size() + failure.action.size() + failure.target.size() + failure.reason.size() +
              failure.kind.size() + 5);
  for (const auto part : {failure.session, failure.action, failure.target, failure.reason, failure.kind})
    key.append(part).push_back('\0');
  return key;
}

ErrorGroup& ErrorLog::group_of(std::string key, Failure failure) {
  if (const auto found = groups_.find(key); found != groups_.end()) return found->second.group;
  if (!failure.kind.empty() && kinds_ >= kMostKinds) {
    failure.kind = {};
    return group_of(key_of(failure), failure);
  }
  bool is_other = failure.action == kOther && failure.session.empty() && failure.target.empty();
  if (!is_other && groups_.size() - others_ >= kMostGroups) {
    is_other = true;
    failure.action = kOther;
    failure.session = failure.target = failure.kind = {};
    key = key_of(failure);
  }
  auto& [made, kind] = groups_[std::move(key)];
  if (made.count == 0) {
    made.session = failure.session;
    made.action = failure.action;
    made.target = failure.target;
    made.reason = failure.reason;
    kind = failure.kind;
    if (!kind.empty()) ++kinds_;
    if (is_other) ++others_;
  }
  return made;
}

void ErrorLog::add(const Failure& failure) {
  auto& found = group_of(key_of(failure), failure);
  if (found.count++ == 0) {
    found.example = failure.example;
    found.session_id = failure.id.text();
    found.first_at = failure.at;
  }
}

void ErrorLog::add(ErrorGroup group, std::string_view kind) {
  const Failure failure{.session = group.session,
                        .action = group.action,
                        .target = group.target,
                        .reason = group.reason,
                        .kind = kind};
  auto& into = group_of(key_of(failure), failure);
  if (into.count == 0 || group.first_at < into.first_at) {
    into.example = std::move(group.example);
    into.session_id = std::move(group.session_id);
    into.first_at = group.first_at;
  }
  into.count += group.count;
}

void ErrorLog::merge(ErrorLog&& other) {
  for (auto& [key, entry] : other.groups_)
    add(std::move(entry.group), entry.kind);
  other.groups_.clear();
  other.kinds_ = 0;
  other.others_ = 0;
}

std::vector<ErrorGroup> ErrorLog::groups() const {
  std::vector<ErrorGroup> result;
  result.reserve(groups_.size());
  for (const auto& [key, entry] : groups_)
    result.push_back(entry.group);
  std::ranges::sort(result, [](const ErrorGroup& a, const ErrorGroup& b) {
    return std::tie(b.count, a.session, a.action, a.target, a.reason, a.example) <
           std::tie(a.count, b.session, b.action, b.target, b.reason, b.example);
  });
  return result;
}

}  // namespace chaperon::session
