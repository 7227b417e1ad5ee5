// The names of types and functions, taken from what the compiler prints for them.
#pragma once

#include <string_view>

#include <chaperon/version.hpp>

namespace chaperon {
inline namespace v1 {
namespace detail {

// The text behind `NAME = ` in __PRETTY_FUNCTION__, up to the `]` or `;` that ends it.
constexpr std::string_view template_argument(std::string_view pretty, std::string_view parameter) {
  auto at = pretty.rfind(parameter);
  pretty.remove_prefix(at + parameter.size());
  int depth = 0;
  std::size_t end = 0;
  for (; end < pretty.size(); ++end) {
    const char c = pretty[end];
    if (c == '<' || c == '(' || c == '[' || c == '{') ++depth;
    if (c == '>' || c == ')' || c == '}') --depth;
    if (c == ']' && depth-- == 0) break;
    if (c == ';' && depth == 0) break;
  }
  pretty = pretty.substr(0, end);
  while (!pretty.empty() && (pretty.front() == '&' || pretty.front() == ' '))
    pretty.remove_prefix(1);
  return pretty;
}

// Where the last component of a qualified name begins: `::` inside template arguments does not count.
constexpr std::size_t last_component(std::string_view name) {
  int depth = 0;
  for (std::size_t at = name.size(); at > 1; --at) {
    const char c = name[at - 1];
    if (c == '>' || c == ')') ++depth;
    if (c == '<' || c == '(') --depth;
    if (c == ':' && depth == 0 && name[at - 2] == ':') return at;
  }
  return 0;
}

template <class T>
constexpr std::string_view qualified_type_name() {
  return template_argument(__PRETTY_FUNCTION__, "T = ");
}

template <auto F>
constexpr std::string_view qualified_function_name() {
  return template_argument(__PRETTY_FUNCTION__, "F = ");
}

/// The unqualified name of a type: `Shopper` for shop::Shopper.
template <class T>
constexpr std::string_view type_name() {
  constexpr auto name = qualified_type_name<T>();
  return name.substr(last_component(name));
}

/// The unqualified name of a function: `checkout` for shop::Shopper::checkout.
template <auto F>
constexpr std::string_view function_name() {
  constexpr auto name = qualified_function_name<F>();
  return name.substr(last_component(name));
}

/// The unqualified name of the type that a static member function belongs to; empty for a free function in no
/// namespace. A namespace cannot be told from a type.
template <auto F>
constexpr std::string_view scope_name() {
  constexpr auto name = qualified_function_name<F>();
  constexpr auto at = last_component(name);
  if constexpr (at < 2) {
    return {};
  } else {
    constexpr auto scope = name.substr(0, at - 2);
    constexpr auto unqualified = scope.substr(last_component(scope));
    if constexpr (unqualified.starts_with('{') || unqualified.starts_with('(')) {
      return {};  // an anonymous namespace
    } else {
      return unqualified;
    }
  }
}

}  // namespace detail
}  // namespace v1
}  // namespace chaperon
