#include "session/routes.hpp"

#include <cstring>
#include <utility>

namespace chaperon::session {

std::string_view Routes::write_key(const Key& key) {
  scratch_.resize(sizeof key.profile + 1);
  std::memcpy(scratch_.data(), &key.profile, sizeof key.profile);
  scratch_[sizeof key.profile] = static_cast<char>(key.method);
  if (key.method == http::Method::other) scratch_.append(key.method_name).push_back('\0');
  scratch_.append(key.path);
  if (!key.name.empty()) {
    scratch_.push_back('\0');
    scratch_.append(key.name);
  }
  return scratch_;
}

const Route* Routes::find(const Key& key) {
  const auto text = write_key(key);
  if (text == last_key_) return last_;
  const auto found = routes_.find(text);
  if (found == routes_.end()) return nullptr;
  last_key_ = text;
  last_ = found->second.get();
  return last_;
}

const Route* Routes::keep(const Key& key, Route& route) {
  if (routes_.size() >= kMost) return nullptr;
  auto& place = routes_[std::string(write_key(key))];
  place = std::make_unique<Route>(std::move(route));
  return place.get();
}

}  // namespace chaperon::session
