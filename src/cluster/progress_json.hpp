// How far a run is, for those who look from elsewhere.
#pragma once

#include <optional>

#include <chaperon/json.hpp>
#include <chaperon/load_test.hpp>

namespace chaperon::cluster {

/// Progress as a JSON object; durations are milliseconds, null where there are none.
Json to_json(const Progress& progress);
/// The reverse; nothing if it is no such object.
std::optional<Progress> progress_of(const Json& json);

}  // namespace chaperon::cluster
