#include "http/percent_encoding.hpp"

#include "http/ascii.hpp"

namespace chaperon::http {
namespace {

constexpr auto kQuerySafe = character_table(
    [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~'; });

constexpr auto kFormSafe = character_table(
    [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '*'; });

constexpr auto kTargetSafe = character_table([](char c) {
  return c > ' ' && !is_control(c) && byte_of(c) < 0x80 &&
         std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
});

bool begins_escape(std::string_view text, std::size_t at) noexcept {
  return text[at] == '%' && text.size() - at > 2 && hex_value(text[at + 1]) >= 0 &&
         hex_value(text[at + 2]) >= 0;
}

}  // namespace

void append_percent_byte(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  out.push_back('%');
  out.push_back(kDigits[byte_of(c) >> 4U]);
  out.push_back(kDigits[byte_of(c) & 0xfU]);
}

void append_query_component(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (kQuerySafe[byte_of(c)]) {
      out.push_back(c);
    } else {
      append_percent_byte(out, c);
    }
  }
}

void append_form_component(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (kFormSafe[byte_of(c)]) {
      out.push_back(c);
    } else if (c == ' ') {
      out.push_back('+');
    } else {
      append_percent_byte(out, c);
    }
  }
}

void append_target(std::string& out, std::string_view path_and_query) {
  for (std::size_t i = 0; i < path_and_query.size(); ++i) {
    const char c = path_and_query[i];
    if (kTargetSafe[byte_of(c)] && (c != '%' || begins_escape(path_and_query, i))) {
      out.push_back(c);
    } else {
      append_percent_byte(out, c);
    }
  }
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result.push_back(text[i]);
    } else if (begins_escape(text, i)) {
      result.push_back(static_cast<char>(16 * hex_value(text[i + 1]) + hex_value(text[i + 2])));
      i += 2;
    } else {
      return std::nullopt;
    }
  }
  return result;
}

}  // namespace chaperon::http
