#include "cluster/master_status.hpp"

#include <exception>

#include "base/json.hpp"
#include "base/json_bytes.hpp"

namespace chaperon::cluster {

std::string encode(const MasterStatus& status) {
  return dump({{"name", status.name},
               {"api", status.api},
               {"running", status.running},
               {"doing", status.doing},
               {"progress", status.progress.value_or(nullptr)}});
}

std::optional<MasterStatus> decode_master_status(std::string_view text) {
  try {
    const auto json = parse_json(text);
    MasterStatus status{.name = json.at("name").get<std::string>(),
                        .api = json.at("api").get<std::string>(),
                        .running = json.at("running").get<std::string>(),
                        .doing = json.at("doing").get<std::string>()};
    if (const auto& progress = json.at("progress"); !progress.is_null()) status.progress = progress;
    return status;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace chaperon::cluster
