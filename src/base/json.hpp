// Deep merge, and values inside nested JSON objects.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <chaperon/json.hpp>

namespace chaperon {

/// A path into nested objects, as the scenario wrote it: {"echo", "iterations"}.
using Path = std::vector<std::string>;

/// Splits a dotted key: "a.b" is {"a", "b"}.
Path split_path(std::string_view dotted);

/// Joins a path with dots.
std::string join_path(std::span<const std::string> path);

/// Merges `overlay` into `base`: objects merge key by key, everything else replaces, null too.
void deep_merge(Json& base, const Json& overlay);

/// The value at `path`, or nullptr if some key on the way is missing or is not in an object.
const Json* find_path(const Json& object, std::span<const std::string> path);

/// The same for a dotted key, without splitting it into strings.
const Json* find_path(const Json& object, std::string_view dotted);

/// Sets the value at `path`, and makes the objects on the way; whatever stands on the way and is no object is
/// replaced.
void set_path(Json& object, std::span<const std::string> path, Json value);

/// What a value is, for an error message: `the string "ten"`, `an object`, shortened to about 60 characters.
std::string describe(const Json& value);

/// JSON text of a value; bytes that are not UTF-8 are replaced rather than thrown at.
std::string dump(const Json& value, int indent = -1);

}  // namespace chaperon
