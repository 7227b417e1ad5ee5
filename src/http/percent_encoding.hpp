// Percent-encoding (RFC 3986, section 2.1) and the form encoding of WHATWG URL that grew out of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace chaperon::http {

/// Appends `%XX` for a byte.
void append_percent_byte(std::string& out, char c);

/// Appends a component of a query: letters, digits and `-._~` as they are, everything else as %XX, a space as
/// %20.
void append_query_component(std::string& out, std::string_view text);

/// Appends a component of an application/x-www-form-urlencoded body: letters, digits and `*-._` as they are,
/// a space as `+`, everything else as %XX.
void append_form_component(std::string& out, std::string_view text);

/// Appends path and query of a URL as a person or a server wrote them: what may stand there stays, also a
/// `%XX`; spaces, control characters, bytes above 127, `"<>\^`{|}` and a `%` that begins no `%XX` become %XX.
/// What is appended has no character that could end a request line.
void append_target(std::string& out, std::string_view path_and_query);

/// The text with each %XX replaced by its byte; nothing if a `%` is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace chaperon::http
