#include "metrics/name_overflow.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/utf8.hpp"

namespace chaperon::metrics {
namespace {

constexpr std::string_view kAny = "…";
constexpr std::size_t kMostPatterns = 64;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// A UUID or another hexadecimal id from 8 characters, any other token from 16; without a digit it is a word.
bool looks_like_id(std::string_view segment) {
  if (std::none_of(segment.begin(), segment.end(), is_digit)) return false;
  const auto all = [&](auto is) { return std::all_of(segment.begin(), segment.end(), is); };
  return (segment.size() >= 8 && all([](char c) { return is_hex(c) || c == '-'; })) ||
         (segment.size() >= 16 &&
          all([](char c) { return is_digit(c) || is_letter(c) || c == '-' || c == '_'; }));
}

bool looks_like_version(std::string_view segment) {
  return segment.size() >= 2 && segment[0] == 'v' &&
         std::all_of(segment.begin() + 1, segment.end(), is_digit);
}

void append_without_digits(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_digit(text[i])) {
      out += text[i];
    } else if (i == 0 || !is_digit(text[i - 1])) {
      out += kAny;
    }
  }
}

void append_path_pattern(std::string& out, std::string_view path) {
  while (true) {
    const auto slash = path.find('/');
    const auto segment = path.substr(0, slash);
    if (looks_like_id(segment)) {
      out += kAny;
    } else if (looks_like_version(segment)) {
      out += segment;
    } else {
      append_without_digits(out, segment);
    }
    if (slash == std::string_view::npos) return;
    out += '/';
    path.remove_prefix(slash + 1);
  }
}

void append_query_pattern(std::string& out, std::string_view query) {
  while (true) {
    const auto end = query.find('&');
    const auto parameter = query.substr(0, end);
    const auto equals = parameter.find('=');
    append_without_digits(out, parameter.substr(0, equals));
    if (equals != std::string_view::npos) out.append("=").append(kAny);
    if (end == std::string_view::npos) return;
    out += '&';
    query.remove_prefix(end + 1);
  }
}

void append_target_pattern(std::string& out, std::string_view target) {
  const auto scheme = target.find("://");
  if (scheme != std::string_view::npos) {
    const auto path = std::min(target.find_first_of("/?", scheme + 3), target.size());
    out += target.substr(0, path);
    target.remove_prefix(path);
  }
  const auto query = target.find('?');
  append_path_pattern(out, target.substr(0, query));
  if (query == std::string_view::npos) return;
  out += '?';
  append_query_pattern(out, target.substr(query + 1));
}

// At most 120 bytes, cut before a whole UTF-8 character.
std::string shortened(std::string text) {
  constexpr std::size_t kShown = 120;
  if (text.size() <= kShown) return text;
  return std::string(utf8_prefix(text, kShown)).append(kAny);
}

std::string remedy(std::string_view action) {
  constexpr std::array<std::string_view, 8> kRequests{"get",   "head", "post",   "put",
                                                      "patch", "del",  "delete", "options"};
  if (std::find(kRequests.begin(), kRequests.end(), action) == kRequests.end()) {
    return "leave what varies out of the name";
  }
  return fmt::format(R"(give such requests a name, as in session.{}(path, {{.name = "item"}}))",
                     action == "delete" ? "del" : action);
}

}  // namespace

std::string name_pattern(const Name& name) {
  std::string pattern;
  if (name.target.empty()) {  // a metric of the scenario's own: what varies is in its name
    append_path_pattern(pattern, name.action);
    return pattern;
  }
  pattern.append(name.action).append("(");
  append_target_pattern(pattern, name.target);
  return pattern += ')';
}

void NameOverflow::add(const Name& name) {
  add(Pattern{shortened(name_pattern(name)), shortened(action_text(name)), std::string(name.action), 1});
}

// Space-Saving (Metwally, Agrawal, El Abbadi 2005): where there is no place left, the rarest pattern makes
// way and its count is inherited, so that a pattern which is common is never missed.
void NameOverflow::add(Pattern pattern) {
  const auto same = std::find_if(patterns_.begin(), patterns_.end(), [&](const Pattern& p) {
    return p.text == pattern.text && p.action == pattern.action;
  });
  if (same != patterns_.end()) {
    same->count += pattern.count;
  } else if (patterns_.size() < kMostPatterns) {
    patterns_.push_back(std::move(pattern));
  } else {
    const auto rarest =
        std::min_element(patterns_.begin(), patterns_.end(),
                         [](const Pattern& a, const Pattern& b) { return a.count < b.count; });
    pattern.count += rarest->count;
    *rarest = std::move(pattern);
  }
}

void NameOverflow::merge(const NameOverflow& other) {
  for (const auto& pattern : other.patterns_)
    add(pattern);
}

std::string NameOverflow::warning(std::string_view limit) const {
  if (empty()) return {};
  const auto& common =
      *std::max_element(patterns_.begin(), patterns_.end(),
                        [](const Pattern& a, const Pattern& b) { return a.count < b.count; });
  const auto of_pattern =
      common.text == common.example ? std::string() : fmt::format(" of the pattern {}", common.text);
  return fmt::format("{}, such as {}{}: {}; the rest is counted under (other)", limit, common.example,
                     of_pattern, remedy(common.action));
}

}  // namespace chaperon::metrics
