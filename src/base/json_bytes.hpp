// JSON values as bytes, exactly: NaN, texts that are not UTF-8 and binary values too, which JSON text would
// lose.
#pragma once

#include <string_view>

#include <chaperon/json.hpp>

#include "base/bytes.hpp"

namespace chaperon {

/// How deep arrays and objects may be in one another. Whoever walks through a value recurses, and what comes
/// from the network must not use up the stack.
inline constexpr int kDeepestJson = 256;

/// Appends a value. Throws std::invalid_argument if it is nested deeper than kDeepestJson, or was discarded
/// by the parser; `out` has its beginning then.
void encode(ByteWriter& out, const Json& value);

/// Takes a value. Throws MalformedBytes.
Json decode_json(ByteReader& in);

/// The value of a JSON text from outside. Throws Json::parse_error if it is no JSON, Json::out_of_range if a
/// number in it is too large, MalformedBytes if it is nested deeper than kDeepestJson.
Json parse_json(std::string_view text);

}  // namespace chaperon
