#include <string>

#include "cluster/master_status.hpp"
#include "cluster/protocol.hpp"

namespace chaperon::cluster {

std::optional<MasterStatus> ask_master(Nats& nats, Duration patience) {
  const auto answer = nats.request(std::string(master_subject()), {}, patience);
  return answer ? decode_master_status(answer->payload) : std::nullopt;
}

}  // namespace chaperon::cluster
