// Queries and bodies of requests, encoded for the wire.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <chaperon/http.hpp>
#include <chaperon/json.hpp>

#include "base/random.hpp"

namespace chaperon::http {

/// An object as a query: `a=1&b=x%20y`. Texts as they are, numbers and booleans as JSON writes them, null as
/// an empty value, an array as its key once for each element, an empty array as nothing. Throws
/// InvalidArgument, which names the key, for objects and arrays within, and for what is no object at all.
std::string encode_query(const Json& params);

/// Appends a query to a target, behind the one it may have: with `?` or `&`. Nothing for an empty object.
/// Throws as encode_query() does, and leaves the target alone then.
void append_query(std::string& target, const Json& params);

/// An object as an application/x-www-form-urlencoded body: `a=1&b=x+y`. Values and errors are those of
/// encode_query().
std::string encode_form(const Json& form);

/// A multipart/form-data body (RFC 7578). Names and filenames are escaped as browsers do: %22, %0D, %0A. A
/// file without content type is application/octet-stream. The boundary must not occur in the content:
/// make_boundary(). Throws InvalidArgument if a content type has a control character.
std::string encode_multipart(std::span<const Part> parts, std::string_view boundary);

/// Draws a boundary that occurs in no part.
std::string make_boundary(Random& random, std::span<const Part> parts);

/// The Content-Type of a multipart body with that boundary.
std::string multipart_content_type(std::string_view boundary);

/// Base64 (RFC 4648, section 4), with padding.
std::string encode_base64(std::string_view bytes);

/// The value of an Authorization header for HTTP Basic authentication (RFC 7617): `Basic YTpi`. Throws
/// InvalidArgument if the user has a colon, or either has a control character.
std::string basic_authorization(const BasicAuth& auth);

/// The bytes compressed as one gzip member; the same input gives the same output. Throws std::bad_alloc.
std::string gzip_compress(std::string_view bytes);

/// Appends a chunk of a chunked body; nothing for no data, since an empty chunk is the last.
void append_chunk(std::string& out, std::string_view data);

/// Appends what ends a chunked body.
void append_last_chunk(std::string& out);

}  // namespace chaperon::http
