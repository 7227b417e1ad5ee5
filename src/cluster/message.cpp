#include "cluster/message.hpp"

#include <nats/nats.h>

namespace chaperon::cluster {

Message to_message(const natsMsg& message) {
  Message result;
  result.subject = natsMsg_GetSubject(&message);
  if (const char* reply = natsMsg_GetReply(&message); reply != nullptr) result.reply_to = reply;
  if (const auto size = natsMsg_GetDataLength(&message); size > 0) {
    result.payload.assign(natsMsg_GetData(&message), static_cast<std::size_t>(size));
  }
  return result;
}

}  // namespace chaperon::cluster
