#include "target/request_counts.hpp"

namespace chaperon::target {

void RequestCounts::add(std::string_view method, std::string_view path) {
  const std::lock_guard lock(mutex_);
  key_.assign(method).append(1, ' ').append(path);
  if (const auto known = counts_.find(std::string_view{key_}); known != counts_.end()) {
    ++known->second;
  } else if (counts_.size() < kMaxKeys) {
    counts_.emplace(key_, 1);
  } else {
    ++other_;
  }
}

void RequestCounts::reset() {
  const std::lock_guard lock(mutex_);
  counts_.clear();
  other_ = 0;
}

Json RequestCounts::to_json() const {
  const std::lock_guard lock(mutex_);
  Json json = Json::object();
  for (const auto& [key, count] : counts_)
    json[key] = count;
  if (other_ > 0) json["(other)"] = other_;
  return json;
}

}  // namespace chaperon::target
