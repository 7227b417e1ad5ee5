#include "cluster/ordered_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nats/nats.h>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "cluster/call.hpp"
#include "cluster/message.hpp"

namespace chaperon::cluster {
namespace {

constexpr std::chrono::nanoseconds kHeartbeat = std::chrono::seconds(1);
// Three heartbeats missed: the consumer has gone, or its server.
constexpr std::chrono::seconds kStall{3};
constexpr std::chrono::milliseconds kRetryDelay{250};
// How long the server keeps a consumer that nobody listens to.
constexpr std::chrono::nanoseconds kInactive = std::chrono::seconds(5);

std::uint64_t number(std::string_view text) {
  std::uint64_t result = 0;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

std::string_view header(natsMsg& message, const char* name) {
  const char* value = nullptr;
  if (natsMsgHeader_Get(&message, name, &value) != NATS_OK || value == nullptr) return {};
  return value;
}

std::vector<std::string_view> tokens(std::string_view subject) {
  std::vector<std::string_view> result;
  while (true) {
    const auto dot = subject.find('.');
    result.push_back(subject.substr(0, dot));
    if (dot == std::string_view::npos) return result;
    subject.remove_prefix(dot + 1);
  }
}

// Whether a subject is one of those that a filter with wildcards names.
bool matches(std::string_view subject, std::string_view filter) {
  const auto words = tokens(subject);
  const auto wanted = tokens(filter);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == ">") return words.size() > i;
    if (i >= words.size() || (wanted[i] != "*" && wanted[i] != words[i])) return false;
  }
  return words.size() == wanted.size();
}

// `prefix` takes the place of what cnats begins inboxes with.
std::string new_inbox(const std::string& prefix) {
  natsInbox* raw = nullptr;
  if (const auto status = natsInbox_Create(&raw); status != NATS_OK) {
    throw NatsError(fmt::format("cannot make an inbox: {}", natsStatus_GetText(status)), false);
  }
  const std::string made(raw);
  natsInbox_Destroy(raw);
  return prefix + made.substr(made.find('.'));
}

}  // namespace

OrderedReader::OrderedReader(std::shared_ptr<Connection> connection, Options options)
    : connection_(std::move(connection)),
      options_(std::move(options)),
      last_(options_.after),
      begun_(options_.mode != Mode::only_new) {
  connection_->add(*this);
}

OrderedReader::~OrderedReader() {
  connection_->remove(*this);
  give_up(Duration::zero());
}

void OrderedReader::start(Duration timeout) {
  // Throws here, not when the time is over, if there is no connection at all.
  const Call call(*connection_, "read the stream", options_.stream);
  call.check_name(options_.stream);
  if (!options_.subject.empty()) call.check_subject(options_.subject, true);
  const auto deadline = deadline_after(timeout);
  while (state_ != State::reading) {
    if (step(deadline)) continue;
    give_up(Duration::zero());
    call.fail(last_problem_.empty() ? "the server does not answer" : last_problem_, true);
  }
}

std::optional<ReaderItem> OrderedReader::next(Duration timeout) {
  const auto deadline = deadline_after(timeout);
  while (items_.empty()) {
    if (!step(deadline)) return std::nullopt;
  }
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return std::nullopt;
  }
  ReaderItem item = std::move(items_.front());
  items_.pop_front();
  if (item.kind == ReaderItem::Kind::message && options_.mode != Mode::last_per_subject)
    last_ = item.message.sequence;
  return item;
}

void OrderedReader::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  wake_.notify_all();
}

void OrderedReader::connection_changed() noexcept {
  const std::lock_guard lock(mutex_);
  connection_changed_ = true;
  wake_.notify_all();
}

// One thing that has come, or one that was waited for; false if the time has ended or stop() was called.
bool OrderedReader::step(Instant deadline) {
  look_at_connection();
  if (auto arrival = wait_for_arrival(std::min(deadline, next_check()))) {
    handle(*std::move(arrival));
    return true;
  }
  const std::lock_guard lock(mutex_);
  return !stopped_ && steady_now() < deadline;
}

// When something is to be done although nothing has come.
Instant OrderedReader::next_check() const {
  if (state_ == State::idle) return connection_->connected() ? retry_at_ : Instant::max();
  const std::lock_guard lock(mutex_);
  return heard_ + kStall;
}

std::optional<OrderedReader::Arrival> OrderedReader::wait_for_arrival(Instant until) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return stopped_ || connection_changed_ || !arrivals_.empty(); };
  if (until == Instant::max()) {
    wake_.wait(lock, ready);
  } else {
    wake_.wait_until(lock, until, ready);
  }
  if (stopped_ || std::exchange(connection_changed_, false) || arrivals_.empty()) return std::nullopt;
  Arrival arrival = std::move(arrivals_.front());
  arrivals_.pop_front();
  return arrival;
}

void OrderedReader::look_at_connection() {
  if (connection_->closed()) fail(fmt::format("the connection to NATS {}", connection_->why_closed()));
  const auto now = steady_now();
  if (state_ != State::idle && losses_seen_ != connection_->losses()) {
    give_up(Duration::zero());
  } else if (state_ != State::idle && next_check() <= now) {
    if (const auto refused = connection_->refused_since(refusals_seen_);
        state_ != State::reading && !refused.empty()) {
      fail(fmt::format("the server says: {}", refused));
    }
    last_problem_ = "the server does not answer";
    give_up(Duration::zero());
  }
  if (state_ == State::idle && now >= retry_at_ && connection_->connected()) begin();
}

void OrderedReader::begin() {
  losses_seen_ = connection_->losses();
  refusals_seen_ = connection_->refusals();
  inbox_ = new_inbox(connection_->inbox());
  {
    const std::lock_guard lock(mutex_);
    heard_ = steady_now();
  }
  try {
    listener_ =
        std::make_unique<Listener>(connection_, inbox_, [this](natsMsg& message) { arrived(message); });
    ask("STREAM.INFO." + options_.stream, nullptr);
    state_ = State::asked_for_stream;
  } catch (const NatsError& error) {
    if (!error.retryable()) throw;
    last_problem_ = error.what();
    give_up(kRetryDelay);
  }
}

// Ends what there is of a consumer; begin() makes a new one, after the delay.
void OrderedReader::give_up(Duration delay) {
  listener_.reset();  // not under the mutex: it waits for arrived()
  // The server would keep it for a while. If this is lost it does.
  if (!consumer_.empty() && connection_->connected()) {
    const auto api = fmt::format("$JS.API.CONSUMER.DELETE.{}.{}", options_.stream, consumer_);
    natsConnection_PublishRequest(connection_->get(), api.c_str(), inbox_.c_str(), nullptr, 0);
  }
  consumer_.clear();
  {
    const std::lock_guard lock(mutex_);
    arrivals_.clear();
  }
  state_ = State::idle;
  pushed_ = 0;
  retry_at_ = steady_now() + delay;
  if (options_.mode != Mode::last_per_subject) {
    // What was not asked for yet stays; the new consumer goes on behind it.
    return;
  }
  items_.clear();
  told_current_ = false;
  if (told_any_) items_.push_back({.kind = ReaderItem::Kind::again});
  told_any_ = false;
}

void OrderedReader::ask(const std::string& api, const Json& question) {
  const Call call(*connection_, "ask for", api);
  const auto subject = "$JS.API." + api;
  const auto text = question.is_null() ? std::string() : dump(question);
  call.check(natsConnection_PublishRequest(connection_->get(), subject.c_str(), inbox_.c_str(), text.data(),
                                           static_cast<int>(text.size())));
}

void OrderedReader::answer_to_server(const std::string& subject) {
  // If it does not arrive the connection is lost, which has its own way.
  natsConnection_Publish(connection_->get(), subject.c_str(), nullptr, 0);
}

void OrderedReader::handle(Arrival arrival) {
  switch (arrival.kind) {
    case ArrivalKind::message:
      handle_message(std::move(arrival));
      break;
    case ArrivalKind::answer:
      handle_answer(arrival.item.message.payload);
      break;
    case ArrivalKind::flow_control:
      answer_to_server(arrival.reply_to);
      break;
    case ArrivalKind::heartbeat:
      if (!arrival.reply_to.empty()) answer_to_server(arrival.reply_to);
      if (arrival.number > pushed_) {
        give_up(Duration::zero());  // the last messages before it were lost
      } else {
        tell_current();  // there is nothing more, even if what was pending has expired meanwhile
      }
      break;
    case ArrivalKind::ended:
      last_problem_ = arrival.item.message.payload;
      give_up(kRetryDelay);
      break;
  }
}

void OrderedReader::handle_message(Arrival arrival) {
  if (arrival.number != pushed_ + 1) return give_up(Duration::zero());
  ++pushed_;
  const bool last_pending = arrival.pending == 0;
  const auto newest = items_.empty() || items_.back().kind != ReaderItem::Kind::message
                          ? last_
                          : items_.back().message.sequence;
  if (options_.mode == Mode::last_per_subject || arrival.item.message.sequence > newest) {
    items_.push_back(std::move(arrival.item));
    told_any_ = true;
  }
  if (last_pending) tell_current();
}

void OrderedReader::tell_current() {
  if (options_.mode != Mode::last_per_subject || told_current_) return;
  told_current_ = told_any_ = true;
  items_.push_back({.kind = ReaderItem::Kind::current});
}

void OrderedReader::handle_answer(const std::string& text) {
  const Json answer = Json::parse(text, nullptr, false);
  if (!answer.is_object()) fail("the server's answer is no JSON object");
  try {
    if (const auto error = answer.find("error"); error != answer.end()) {
      handle_error(*error);
    } else if (state_ == State::asked_for_stream) {
      handle_stream(answer);
    } else if (state_ == State::asked_for_consumer) {
      handle_consumer(answer);
    }
  } catch (const Json::exception& error) {
    fail(fmt::format("the server's answer is not as expected: {}", error.what()));
  }
}

void OrderedReader::handle_error(const Json& error) {
  const auto code = error.value("code", 0);
  const auto js_error = error.value("err_code", 0);
  last_problem_ = error.value("description", "the server gives no reason");
  if (js_error == JSStreamNotFoundErr) fail("it does not exist, or has been removed");
  if (code != 503 && code != 500 && code != 408) fail(last_problem_);
  give_up(kRetryDelay);
}

void OrderedReader::handle_stream(const Json& answer) {
  const std::string created = answer.at("created");
  if (stream_created_.empty()) stream_created_ = created;
  if (stream_created_ != created) {
    // Its numbers begin anew: where to go on is not known.
    if (options_.mode != Mode::last_per_subject) fail("it has been removed and made anew");
    stream_created_ = created;
  }
  if (!begun_) {
    last_ = answer.at("state").at("last_seq");
    begun_ = true;
  }
  try {
    ask("CONSUMER.CREATE." + options_.stream,
        {{"stream_name", options_.stream}, {"config", consumer_config()}});
    state_ = State::asked_for_consumer;
  } catch (const NatsError& error) {
    if (!error.retryable()) throw;
    last_problem_ = error.what();
    give_up(kRetryDelay);
  }
}

Json OrderedReader::consumer_config() const {
  Json config{{"deliver_subject", inbox_},
              {"ack_policy", "none"},
              {"max_deliver", 1},
              {"replay_policy", "instant"},
              {"flow_control", true},
              {"idle_heartbeat", kHeartbeat.count()},
              {"inactive_threshold", kInactive.count()},
              {"num_replicas", 1},
              {"mem_storage", true}};
  if (!options_.subject.empty()) config["filter_subject"] = options_.subject;
  if (options_.mode == Mode::last_per_subject) {
    config["deliver_policy"] = "last_per_subject";
    return config;
  }
  const auto newest = items_.empty() ? last_ : items_.back().message.sequence;
  config["deliver_policy"] = "by_start_sequence";
  config["opt_start_seq"] = newest + 1;
  return config;
}

void OrderedReader::handle_consumer(const Json& answer) {
  consumer_ = answer.at("name");
  state_ = State::reading;
  if (answer.value("num_pending", std::uint64_t{0}) == 0 && pushed_ == 0) tell_current();
}

void OrderedReader::fail(const std::string& why, bool retryable) {
  give_up(kRetryDelay);
  throw NatsError(
      fmt::format("cannot read the stream \"{}\" at {}: {}", options_.stream, connection_->server(), why),
      retryable);
}

// On the thread of cnats.
void OrderedReader::arrived(natsMsg& message) {
  const auto now = steady_now();
  auto arrival = read_message(message);
  const std::lock_guard lock(mutex_);
  heard_ = now;
  if (!arrival) return;
  // Nobody may be reading for long: one heartbeat says what many say.
  if (arrival->kind == ArrivalKind::heartbeat && !arrivals_.empty() &&
      arrivals_.back().kind == ArrivalKind::heartbeat) {
    arrivals_.pop_back();
  }
  arrivals_.push_back(*std::move(arrival));
  wake_.notify_all();
}

std::optional<OrderedReader::Arrival> OrderedReader::read_message(natsMsg& message) const {
  Arrival arrival;
  arrival.item.message = to_message(message);
  const auto reply = std::exchange(arrival.item.message.reply_to, {});
  if (!reply.starts_with("$JS.ACK.")) {
    if (const auto status = header(message, "Status"); !status.empty()) {
      arrival = read_status(message, status);
      if (arrival.kind == ArrivalKind::flow_control) arrival.reply_to = reply;
      return arrival;
    }
    arrival.kind = ArrivalKind::answer;
    return arrival;
  }
  // $JS.ACK.STREAM.CONSUMER.DELIVERIES.SEQUENCE.NUMBER.TIME.PENDING; later servers put domain and account
  // before it.
  const auto parts = tokens(reply);
  const std::size_t first = parts.size() > 9 ? 4 : 2;
  if (parts.size() < first + 7) return std::nullopt;
  // Others may know the inbox, and have the server send something else there.
  if (parts[first] != options_.stream ||
      (!options_.subject.empty() && !matches(arrival.item.message.subject, options_.subject))) {
    return std::nullopt;
  }
  arrival.item.message.sequence = number(parts[first + 3]);
  arrival.number = number(parts[first + 4]);
  arrival.item.stored_at_ns = static_cast<std::int64_t>(number(parts[first + 5]));
  arrival.pending = number(parts[first + 6]);
  arrival.item.operation = header(message, "KV-Operation");
  return arrival;
}

OrderedReader::Arrival OrderedReader::read_status(natsMsg& message, std::string_view status) {
  Arrival arrival;
  if (status != "100") {
    arrival.kind = ArrivalKind::ended;
    const auto description = header(message, "Description");
    arrival.item.message.payload = status == "503"       ? "no JetStream answers"
                                   : description.empty() ? status
                                                         : description;
    return arrival;
  }
  if (natsMsg_GetReply(&message) != nullptr) {
    arrival.kind = ArrivalKind::flow_control;
    return arrival;
  }
  arrival.kind = ArrivalKind::heartbeat;
  arrival.number = number(header(message, "Nats-Last-Consumer"));
  arrival.reply_to = header(message, "Nats-Consumer-Stalled");
  return arrival;
}

}  // namespace chaperon::cluster
