// A user's cookies as bytes: for a scenario that goes on in another process.
#pragma once

#include "base/bytes.hpp"
#include "http/cookies.hpp"

namespace chaperon::http {

/// Appends a jar, expired cookies included.
void encode(ByteWriter& out, const CookieJar& jar);

/// Takes a jar, which sends what the one that was appended does. Throws MalformedBytes, also for what no jar
/// would have stored.
CookieJar decode_cookies(ByteReader& in);

}  // namespace chaperon::http
