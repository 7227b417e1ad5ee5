// Messages of cnats.
#pragma once

#include "cluster/connection.hpp"
#include "cluster/nats.hpp"

namespace chaperon::cluster {

/// A copy of a message, without a number.
Message to_message(const __natsMsg& message);

}  // namespace chaperon::cluster
