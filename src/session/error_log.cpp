#include "session/error_log.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace chaperon::session {

std::string ErrorLog::key_of(std::string_view session, std::string_view action, std::string_view target,
                             std::string_view reason) {
  std::string key;
  key.reserve(session.size() + action.size() + target.size() + reason.size() + 3);
  for (const auto part : {session, action, target, reason})
    key.append(part).push_back('\0');
  return key;
}

ErrorGroup& ErrorLog::group(std::string key, std::string_view session, std::string_view action,
                            std::string_view target, std::string_view reason) {
  const auto found = groups_.find(key);
  if (found != groups_.end()) return found->second;
  if (groups_.size() >= kMostGroups) {
    action = "(other)";
    session = target = {};
    key = key_of(session, action, target, reason);
  }
  auto& made = groups_[std::move(key)];
  if (made.count == 0) {
    made.session = session;
    made.action = action;
    made.target = target;
    made.reason = reason;
  }
  return made;
}

void ErrorLog::add(const Failure& failure) {
  auto& found = group(key_of(failure.session, failure.action, failure.target, failure.reason),
                      failure.session, failure.action, failure.target, failure.reason);
  if (found.count++ == 0) {
    found.example = failure.example;
    found.session_id = failure.id.text();
    found.first_at = failure.at;
  }
}

void ErrorLog::merge(ErrorLog&& other) {
  for (auto& [key, from] : other.groups_) {
    auto& into = group(key, from.session, from.action, from.target, from.reason);
    if (into.count == 0 || from.first_at < into.first_at) {
      into.example = std::move(from.example);
      into.session_id = std::move(from.session_id);
      into.first_at = from.first_at;
    }
    into.count += from.count;
  }
  other.groups_.clear();
}

std::vector<ErrorGroup> ErrorLog::groups() const {
  std::vector<ErrorGroup> result;
  result.reserve(groups_.size());
  for (const auto& [key, group] : groups_)
    result.push_back(group);
  std::ranges::sort(result, [](const ErrorGroup& a, const ErrorGroup& b) {
    return std::tie(b.count, a.session, a.action, a.target, a.reason) <
           std::tie(a.count, b.session, b.action, b.target, b.reason);
  });
  return result;
}

}  // namespace chaperon::session
