#include "export/redact.hpp"

#include <algorithm>
#include <array>

namespace chaperon::exporting {
namespace {

constexpr std::string_view kHidden = "***";

bool is_secret(std::string_view key) {
  std::string lower(key);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  constexpr std::array<std::string_view, 4> kSecrets{"password", "token", "secret", "authorization"};
  return lower == "basic_auth" || std::any_of(kSecrets.begin(), kSecrets.end(), [&](std::string_view secret) {
           return lower.find(secret) != std::string::npos;
         });
}

bool names_a_secret(const Json& value) {
  return value.is_string() && is_secret(value.get_ref<const std::string&>());
}

// {"name": "Authorization", "value": …}: the key is a value here.
bool is_secret_header(const Json& object) {
  for (const char* key : {"name", "key"}) {
    if (const auto name = object.find(key); name != object.end() && names_a_secret(*name)) return true;
  }
  return false;
}

Json redacted_object(const Json& object) {
  Json result = Json::object();
  const bool hides_value = is_secret_header(object);
  for (const auto& [key, value] : object.items()) {
    const bool hidden = is_secret(key) || (hides_value && key == "value");
    result[key] = hidden ? Json(kHidden) : redacted(value);
  }
  return result;
}

Json redacted_array(const Json& array) {
  Json result = Json::array();
  const bool is_header = array.size() == 2 && names_a_secret(array[0]);
  for (std::size_t i = 0; i < array.size(); ++i) {
    result.push_back(is_header && i == 1 ? Json(kHidden) : redacted(array[i]));
  }
  return result;
}

}  // namespace

std::string without_user_info(std::string_view text) {
  std::string result;
  while (true) {
    const auto scheme = text.find("://");
    if (scheme == std::string_view::npos) return result += text;
    const auto begin = scheme + 3;
    const auto end = std::min(text.find_first_of("/?# \t\r\n\"'<>", begin), text.size());
    result += text.substr(0, begin);
    // The last one: a password may hold an unescaped @.
    const auto at = text.substr(begin, end - begin).rfind('@');
    if (at == std::string_view::npos) {
      result += text.substr(begin, end - begin);
    } else {
      result.append(kHidden).append(text.substr(begin + at, end - begin - at));
    }
    text.remove_prefix(end);
  }
}

Json redacted(const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      return redacted_object(value);
    case Json::value_t::array:
      return redacted_array(value);
    case Json::value_t::string:
      return without_user_info(value.get_ref<const std::string&>());
    default:
      return value;
  }
}

}  // namespace chaperon::exporting
