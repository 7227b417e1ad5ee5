#include "cluster/nats.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nats/nats.h>

#include "cluster/call.hpp"
#include "cluster/connection.hpp"
#include "cluster/key_value.hpp"
#include "cluster/listener.hpp"
#include "cluster/message.hpp"

namespace chaperon::cluster {
namespace {

void require_message(const Call& call, const Connection& connection, const std::string& subject,
                     const std::string& payload) {
  call.check_subject(subject, false);
  const auto most = natsConnection_GetMaxPayload(connection.get());
  if (std::cmp_less_equal(payload.size(), most)) return;
  call.fail(fmt::format("the message has {} bytes, the server takes {} at most: raise its max_payload",
                        payload.size(), most),
            false);
}

}  // namespace

NatsError::~NatsError() = default;
NatsRoomError::~NatsRoomError() = default;

Subscription::Subscription() noexcept = default;
Subscription::Subscription(std::unique_ptr<Listener> listener) noexcept : listener_(std::move(listener)) {}
Subscription::Subscription(Subscription&& other) noexcept = default;
Subscription& Subscription::operator=(Subscription&& other) noexcept = default;
Subscription::~Subscription() = default;

Nats::Nats(const NatsOptions& options) : connection_(std::make_shared<Connection>(options)) {}

Nats::~Nats() {
  connection_->close();
}

bool Nats::connected() const {
  return connection_->connected();
}

std::string Nats::server() const {
  return connection_->server();
}

std::size_t Nats::max_payload() const {
  return static_cast<std::size_t>(natsConnection_GetMaxPayload(connection_->get()));
}

void Nats::on_connection_change(std::function<void(bool connected)> callback) {
  connection_->on_change(std::move(callback));
}

void Nats::publish(const std::string& subject, const std::string& payload) {
  const Call call(*connection_, "publish to", subject);
  require_message(call, *connection_, subject, payload);
  call.check(natsConnection_Publish(connection_->get(), subject.c_str(), payload.data(),
                                    static_cast<int>(payload.size())));
}

void Nats::flush(Duration timeout) {
  const Call call(*connection_, "send what was published", "");
  call.check(natsConnection_FlushTimeout(connection_->get(), milliseconds(timeout)));
  call.check_refused();
}

Subscription Nats::subscribe(const std::string& subject, std::function<void(Message)> callback) {
  const Call call(*connection_, "subscribe to", subject);
  call.check_subject(subject, true);
  auto listener = std::make_unique<Listener>(
      connection_, subject,
      [callback = std::move(callback)](natsMsg& message) { callback(to_message(message)); });
  call.check(natsConnection_FlushTimeout(connection_->get(), milliseconds(kPatience)));
  call.check_refused();
  return Subscription(std::move(listener));
}

std::optional<Message> Nats::request(const std::string& subject, const std::string& payload,
                                     Duration timeout) {
  const Call call(*connection_, "request", subject);
  require_message(call, *connection_, subject, payload);
  natsMsg* raw = nullptr;
  const auto status = natsConnection_Request(&raw, connection_->get(), subject.c_str(), payload.data(),
                                             static_cast<int>(payload.size()), milliseconds(timeout));
  const CnatsPointer<natsMsg> answer(raw);
  if (status == NATS_TIMEOUT || status == NATS_NO_RESPONDERS) {
    call.check_refused();
    return std::nullopt;
  }
  call.check(status);
  return to_message(*answer);
}

void Nats::ensure_stream(const StreamOptions& options) {
  const Call call(*connection_, "create the stream", options.name);
  call.check_name(options.name);
  std::vector<const char*> subjects;
  for (const auto& subject : options.subjects) {
    call.check_subject(subject, true);
    subjects.push_back(subject.c_str());
  }
  jsStreamConfig config;
  call.check(jsStreamConfig_Init(&config));
  config.Name = options.name.c_str();
  config.Subjects = subjects.data();
  config.SubjectsLen = static_cast<int>(subjects.size());
  config.MaxAge = options.max_age.count();
  config.MaxBytes = options.max_bytes;
  config.MaxMsgs = options.max_messages;
  config.MaxMsgSize = options.max_message_size;
  config.Replicas = options.replicas;
  config.Storage = js_FileStorage;
  config.Duplicates = (options.max_age.count() > 0 ? std::min(options.max_age, options.duplicate_window)
                                                   : options.duplicate_window)
                          .count();
  add_stream(call, *connection_, config);
}

void Nats::publish_stored(const std::string& subject, const std::string& payload,
                          const std::string& message_id, Duration timeout) {
  const Call call(*connection_, "store a message of", subject);
  require_message(call, *connection_, subject, payload);
  jsPubOptions options;
  call.check(jsPubOptions_Init(&options));
  options.MaxWait = milliseconds(timeout);
  if (!message_id.empty()) options.MsgId = message_id.c_str();
  auto error = static_cast<jsErrCode>(0);
  const auto status = js_Publish(nullptr, connection_->jetstream(), subject.c_str(), payload.data(),
                                 static_cast<int>(payload.size()), &options, &error);
  call.check(status, error);
}

void Nats::purge(const std::string& stream, const std::string& subject) {
  const Call call(*connection_, "purge the stream", stream);
  call.check_name(stream);
  call.check_subject(subject, true);
  jsOptions options;
  call.check(jsOptions_Init(&options));
  options.Wait = milliseconds(kPatience);
  options.Stream.Purge.Subject = subject.c_str();
  auto error = static_cast<jsErrCode>(0);
  const auto status = js_PurgeStream(connection_->jetstream(), stream.c_str(), &options, &error);
  call.check(status, error);
}

void Nats::remove_stream(const std::string& stream) {
  const Call call(*connection_, "remove the stream", stream);
  call.check_name(stream);
  auto error = static_cast<jsErrCode>(0);
  const auto status = js_DeleteStream(connection_->jetstream(), stream.c_str(), nullptr, &error);
  if (error != JSStreamNotFoundErr) call.check(status, error);
}

}  // namespace chaperon::cluster
