#include "http/request_head.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "http/ascii.hpp"

namespace chaperon::http {
namespace {

struct MethodNames {
  std::string_view token;
  std::string_view action;
};

// In the order of Method.
constexpr std::array<MethodNames, 7> kMethods{{{"GET", "get"},
                                               {"HEAD", "head"},
                                               {"POST", "post"},
                                               {"PUT", "put"},
                                               {"PATCH", "patch"},
                                               {"DELETE", "del"},
                                               {"OPTIONS", "options"}}};

constexpr auto kTokenCharacters = character_table([](char c) { return is_token_character(c); });
constexpr auto kForbiddenInValues = character_table([](char c) { return is_control(c) && c != '\t'; });

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return kTokenCharacters[byte_of(c)]; });
}

bool has_name(std::span<const Header> headers, std::string_view name) noexcept {
  return std::ranges::any_of(headers, [&](const Header& h) { return equal_ignoring_case(h.name, name); });
}

}  // namespace

std::string_view to_string(Method method) noexcept {
  const auto index = static_cast<std::size_t>(method);
  return index < kMethods.size() ? kMethods[index].token : std::string_view();
}

std::string_view action_name(Method method) noexcept {
  const auto index = static_cast<std::size_t>(method);
  return index < kMethods.size() ? kMethods[index].action : std::string_view();
}

Method parse_method(std::string_view token) {
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (equal_ignoring_case(token, kMethods[i].token)) return static_cast<Method>(i);
  }
  if (!is_token(token)) {
    throw InvalidArgument(
        fmt::format("the method {:?} cannot be sent: a method is one word of letters, digits and "
                    "!#$%&'*+-.^_`|~, such as GET or PROPFIND",
                    token));
  }
  if (equal_ignoring_case(token, "CONNECT")) {
    throw InvalidArgument(
        "the method CONNECT cannot be sent: it asks a proxy for a tunnel; request the URL itself");
  }
  return Method::other;
}

void append_request_line(std::string& out, std::string_view method, std::string_view target) {
  out.append(method).append(1, ' ').append(target).append(" HTTP/1.1\r\n");
}

void check_header(std::string_view name, std::string_view value) {
  if (!is_token(name)) {
    throw InvalidArgument(
        fmt::format("the header name {:?} cannot be sent: a name is letters, digits and !#$%&'*+-.^_`|~, "
                    "such as X-Request-Id",
                    name));
  }
  const auto* bad = std::ranges::find_if(value, [](char c) { return kForbiddenInValues[byte_of(c)]; });
  if (bad != value.end()) {
    throw InvalidArgument(fmt::format(
        "the value of the header \"{}\" cannot be sent: its byte {} is the control character 0x{:02x}; "
        "remove or encode it",
        name, bad - value.begin() + 1, byte_of(*bad)));
  }
  if (equal_ignoring_case(name, "Content-Length") || equal_ignoring_case(name, "Transfer-Encoding")) {
    throw InvalidArgument(
        fmt::format("the header \"{}\" cannot be set: it follows from the body; leave it out", name));
  }
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_headers(std::string& out, std::initializer_list<std::span<const Header>> levels) {
  for (const auto* level = levels.begin(); level != levels.end(); ++level) {
    for (const Header& header : *level) {
      const bool replaced = std::any_of(level + 1, levels.end(), [&](std::span<const Header> stronger) {
        return has_name(stronger, header.name);
      });
      if (replaced) continue;
      check_header(header.name, header.value);
      append_header(out, header.name, header.value);
    }
  }
}

const Header* find_header(std::initializer_list<std::span<const Header>> levels,
                          std::string_view name) noexcept {
  for (const auto* level = levels.end(); level != levels.begin();) {
    --level;
    for (std::size_t i = level->size(); i > 0; --i) {
      if (equal_ignoring_case((*level)[i - 1].name, name)) return &(*level)[i - 1];
    }
  }
  return nullptr;
}

void set_header(Headers& headers, std::string_view name, std::string_view value) {
  check_header(name, value);
  // Built before anything is erased: the views may look into `headers`.
  Header header{std::string(name), std::string(value)};
  std::erase_if(headers, [&](const Header& h) { return equal_ignoring_case(h.name, header.name); });
  headers.push_back(std::move(header));
}

}  // namespace chaperon::http
