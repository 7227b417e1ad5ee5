// Where results go: tagged paths and the names of the files beside them.
#pragma once

#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace chaperon::exporting {

/// What is written beside `m.csv`: `m.config.json` and `m.scenarios.json`.
inline constexpr std::array<std::string_view, 2> kSideParts{"config", "scenarios"};

/// `out/m.config.json` for `out/m.csv` and `config`.
std::filesystem::path side_path(const std::filesystem::path& path, std::string_view part);

/// A time in UTC to milliseconds: `2026-01-31T12:00:00.123Z`.
std::string utc_text(std::chrono::system_clock::time_point time);

/// `results/2026-01-31/PubSubTest/T-20260131T120000.123Z.csv` for tag `T`, relative to the working directory,
/// in UTC. Throws OutputError for a tag that is empty or holds a slash or a control character.
std::filesystem::path tagged_path(std::string_view load_test, std::string_view tag,
                                  std::chrono::system_clock::time_point time,
                                  std::string_view extension = "csv");

}  // namespace chaperon::exporting
