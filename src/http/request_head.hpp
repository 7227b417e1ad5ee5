// The first line and the headers of a request.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include <chaperon/http.hpp>

namespace chaperon::http {

/// A request's method. `other` is any token without a name here, such as PROPFIND.
enum class Method : std::uint8_t { get, head, post, put, patch, del, options, other };

/// The method as sent, `GET`; empty for Method::other, whose token the caller keeps.
std::string_view to_string(Method method) noexcept;

/// The method's word in metric rows: `get`, `del`; empty for Method::other.
std::string_view action_name(Method method) noexcept;

/// The method of that name. Those named in Method are found in any case of letters, as fetch() does; any
/// other token is Method::other and is sent as written. Throws InvalidArgument for what is not a token, and
/// for CONNECT.
Method parse_method(std::string_view token);

/// Whether a request of that method may be sent a second time without harm (RFC 9110, section 9.2.2). Nothing
/// is known of Method::other, so it may not.
constexpr bool is_idempotent(Method method) noexcept {
  return method != Method::post && method != Method::patch && method != Method::other;
}

/// Appends `GET /path HTTP/1.1` and a line end. The target is taken as it is: Url::target is safe.
void append_request_line(std::string& out, std::string_view method, std::string_view target);

/// Throws InvalidArgument, which names the header, if its name is not a token, its value has a control
/// character other than a tab, or it is one that only the engine can set right (Content-Length,
/// Transfer-Encoding).
void check_header(std::string_view name, std::string_view value);

/// Appends `Name: value` and a line end, unchecked: for headers that the engine itself sets, or that were
/// checked.
void append_header(std::string& out, std::string_view name, std::string_view value);

/// Appends the headers of several levels, the weakest first: a header is left out if a later level has one of
/// the same name in any case of letters. Within a level all are sent. Throws InvalidArgument as
/// check_header() does; `out` may then have some of them. Does not allocate beyond `out`.
///
///     append_headers(out, {config_headers, session_headers, options.headers});
void append_headers(std::string& out, std::initializer_list<std::span<const Header>> levels);

/// The last header of that name, in any case of letters, in the strongest (last) level that has one; or
/// nullptr.
const Header* find_header(std::initializer_list<std::span<const Header>> levels,
                          std::string_view name) noexcept;

/// Sets a header among others: replaces all of that name in any case of letters. Throws as check_header()
/// does.
void set_header(Headers& headers, std::string_view name, std::string_view value);

}  // namespace chaperon::http
