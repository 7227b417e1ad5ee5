#include "websocket/connection.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "websocket/client.hpp"

namespace chaperon::websocket {
namespace {

// How long the server is given to close a connection after the close frames: it should be the one to do so
// (RFC 6455, section 7.1.1), so that the ports that are blocked for a while are not ours.
constexpr Duration kTimeToClose = 1s;
// Pongs are not sent to a server that does not read: one for the latest ping is all that is asked for
// (section 5.5.3).
constexpr std::size_t kMostUnsentForPong = std::size_t{64} << 10;
// What sends that were given up for their timeout have left.
constexpr std::size_t kMostUnsent = std::size_t{64} << 20;
constexpr std::size_t kMostScratch = std::size_t{256} << 10;
constexpr int kNormalClosure = 1000;

}  // namespace

Connection::Connection(Client& client, net::Socket socket, const MessageReader::Options& options,
                       std::string peer)
    : client_(client),
      socket_(std::move(socket)),
      reader_(options),
      writer_(options.deflate),
      peer_(std::move(peer)) {}

Connection::~Connection() = default;

void Connection::start(std::string_view rest) {
  if (!client_.loop_.reactor().hand_over(socket_.descriptor(), *this)) {
    socket_.close();
    end(Reason::no_descriptors,
        fmt::format("the kernel does not watch another descriptor: {}", std::strerror(errno)));
    return;
  }
  if (!rest.empty()) take(rest);
}

// --- Sending -------------------------------------------------------------------------------------

bool Connection::send(Opcode opcode, std::string_view payload, Waiter& waiter) {
  if (unsent_.size() >= kMostUnsent) {
    waiter.done(Reason::timeout,
                fmt::format("{} does not read: {} bytes wait to be sent already", peer_, unsent_.size()));
    return false;
  }
  ++client_.counters_.messages_sent;
  auto& frame = client_.frame_;
  frame.clear();
  writer_.append_message(frame, opcode, payload, client_.random_);
  write(frame);
  if (frame.capacity() > kMostScratch) frame = std::string();
  if (unsent_.empty() && send_error_ == 0) return true;
  waiter.mark_ = given_;
  senders_.push_back(waiter);
  return false;
}

void Connection::ping(Waiter& waiter) {
  waiter.mark_ = ++pings_;
  pingers_.push_back(waiter);
  auto& frame = client_.frame_;
  frame.clear();
  MessageWriter::append_control(frame, Opcode::ping, fmt::format_int(pings_).c_str(), client_.random_);
  write(frame);
}

void Connection::write(std::string_view bytes) {
  given_ += bytes.size();
  if (send_error_ != 0) return;
  if (!unsent_.empty()) {
    unsent_.append(bytes);
    return;
  }
  if (client_.loop_.must_not_send()) return;
  const auto sent = socket_.send(bytes);
  client_.counters_.bytes_sent += sent.bytes;
  if (sent.bytes < bytes.size()) unsent_.assign(bytes.substr(sent.bytes));
  if (sent.error != 0 && !sent.would_block()) sending_failed(sent.error);
}

void Connection::flush() {
  const std::string_view unsent = unsent_;
  std::size_t done = 0;
  while (done < unsent_.size()) {
    if (client_.loop_.must_not_send()) return;
    const auto sent = socket_.send(unsent.substr(done));
    client_.counters_.bytes_sent += sent.bytes;
    if (sent.error != 0) {
      unsent_.erase(0, done);
      if (!sent.would_block()) sending_failed(sent.error);
      done = 0;
      break;
    }
    done += sent.bytes;
  }
  if (done == unsent_.size()) unsent_ = std::string();
  if (send_error_ != 0) return;
  const std::uint64_t sent = given_ - unsent_.size();
  while (!senders_.empty() && senders_.front().mark_ <= sent) {
    Waiter& waiter = senders_.front();
    senders_.pop_front();
    waiter.done(Reason::none, {});
  }
}

// The server may have said why before it closed the connection: reading will tell.
void Connection::sending_failed(int error) {
  send_error_ = error;
  unsent_ = std::string();
  hung_up_ = true;
  held_up_ = false;
  client_.read_later(*this);
}

// --- Receiving -----------------------------------------------------------------------------------

void Connection::on_io(bool readable, bool writable, bool hung_up) {
  hung_up_ = hung_up_ || hung_up;
  if (!socket_.is_open()) return;
  if (writable && !unsent_.empty()) flush();
  if ((readable || hung_up) && !held_up_) read();
}

void Connection::read() {
  std::size_t share = Client::kReadShare;
  while (socket_.is_open() && (state_ == State::closed || !holds_up() || send_error_ != 0)) {
    const auto received = socket_.receive(client_.buffer_);
    client_.counters_.bytes_received += received.bytes;
    if (received.would_block()) {
      if (send_error_ != 0) {
        socket_.close();
        end(net::reason_of(send_error_),
            fmt::format("nothing can be sent to {}: {}", peer_, std::strerror(send_error_)));
      }
      return;
    }
    if (received.bytes == 0) {
      socket_.close();
      if (received.error != 0 || send_error_ != 0) {
        end(Reason::reset, fmt::format("connection reset by {}", peer_));
      } else {
        end(Reason::closed, fmt::format("connection closed by {} without a close frame", peer_));
      }
      if (dismissed_) client_.forget(*this);
      return;
    }
    // What comes behind the close frame is of no interest, except that it ends.
    if (state_ != State::closed) take({client_.buffer_.data(), received.bytes});
    // A short read has emptied the socket, and the next bytes make an edge of their own; but after a hang-up
    // there is no further edge, so then it is read to the end.
    if (received.bytes < client_.buffer_.size() && !hung_up_) return;
    share -= std::min(share, received.bytes);
    if (share == 0) {
      client_.read_later(*this);
      return;
    }
  }
  held_up_ = socket_.is_open();
}

void Connection::take(std::string_view bytes) {
  while (true) {
    const auto result = reader_.feed(bytes);
    switch (result.event) {
      case MessageReader::Event::need_more:
        return;
      case MessageReader::Event::text:
      case MessageReader::Event::binary:
        take_message(result.event == MessageReader::Event::binary);
        break;
      case MessageReader::Event::ping:
        answer_ping();
        break;
      case MessageReader::Event::pong:
        take_pong();
        break;
      case MessageReader::Event::close:
        take_close();
        return;
      case MessageReader::Event::failed:
        shut(reader_.error_code(), {});
        end(reader_.reason(), fmt::format("{} sent {}", peer_, reader_.error_message()));
        return;
    }
    bytes.remove_prefix(result.consumed);
  }
}

void Connection::take_message(bool binary) {
  // After our own close frame nobody wants any more.
  if (state_ != State::open) return;
  ++client_.counters_.messages_received;
  const Incoming message{.binary = binary, .payload = reader_.payload(), .at = client_.loop_.now()};
  if (receivers_.empty() || !undecided_.empty() || has_queued()) {
    queue(message);
    distribute();
    return;
  }
  auto& receiver = static_cast<Receiver&>(receivers_.front());
  const Take take = receiver.take(message);
  if (take == Take::skipped) return;
  receiver.unlink();
  if (take == Take::undecided) undecided_.push_back(receiver);
}

void Connection::queue(const Incoming& message) {
  if (!queue_) queue_ = std::make_unique<std::deque<Queued>>();
  queued_bytes_ += message.payload.size() + kMessageCost;
  queue_->push_back({.payload = reader_.take_payload(), .binary = message.binary, .at = message.at});
}

// Gives it queued messages until it has made up its mind; skipped: none is left.
Take Connection::give_queued(Receiver& receiver) {
  Take take = Take::skipped;
  while (take == Take::skipped && has_queued()) {
    const Queued next = std::move(queue_->front());
    queue_->pop_front();
    queued_bytes_ -= next.payload.size() + kMessageCost;
    take = receiver.take({.binary = next.binary, .payload = next.payload, .at = next.at});
  }
  if (held_up_ && queued_bytes_ <= kMostQueued / 2) {
    held_up_ = false;
    client_.read_later(*this);
  }
  return take;
}

void Connection::receive(Receiver& receiver) {
  const bool was_undecided = receiver.is_linked();
  if (was_undecided) receiver.unlink();
  // Another one comes first: it decides, or waits for messages itself.
  if (state_ == State::open && !was_undecided && (!undecided_.empty() || !receivers_.empty())) {
    receivers_.push_back(receiver);
    return;
  }
  const Take take = give_queued(receiver);
  if (take == Take::undecided) {
    undecided_.push_back(receiver);
  } else if (take == Take::skipped) {
    if (state_ != State::open) {
      receiver.done(reason_, why_);
    } else {
      receivers_.push_front(receiver);
    }
  }
}

void Connection::distribute() {
  while (undecided_.empty() && !receivers_.empty() && has_queued()) {
    auto& receiver = static_cast<Receiver&>(receivers_.front());
    const Take take = give_queued(receiver);
    if (take == Take::skipped) return;
    receiver.unlink();
    if (take == Take::undecided) undecided_.push_back(receiver);
  }
}

void Connection::answer_ping() {
  if (state_ == State::closed || unsent_.size() > kMostUnsentForPong) return;
  auto& frame = client_.frame_;
  frame.clear();
  MessageWriter::append_control(frame, Opcode::pong, reader_.payload(), client_.random_);
  write(frame);
}

void Connection::take_pong() {
  const auto payload = reader_.payload();
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(payload.data(), payload.data() + payload.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != payload.data() + payload.size()) return;
  // A pong may answer several pings at once.
  while (!pingers_.empty() && pingers_.front().mark_ <= number) {
    Waiter& waiter = pingers_.front();
    pingers_.pop_front();
    waiter.done(Reason::none, {});
  }
}

// --- Closing -------------------------------------------------------------------------------------

void Connection::close(int code, std::string_view reason, Waiter& waiter) {
  shut(code, reason);
  drop_queue();
  reason_ = Reason::closed;
  why_ = fmt::format("the connection to {} was closed by ws_close", peer_);
  tell(receivers_, reason_, why_);
  tell(pingers_, reason_, why_);
  closers_.push_back(waiter);
}

void Connection::take_close() {
  const int code = reader_.close_code();
  const std::string_view reason = reader_.close_reason();
  auto why = fmt::format("{} closed the connection", peer_);
  if (code != kNoCloseCode) why += fmt::format(": {}", code);
  if (!reason.empty()) why += fmt::format(" {:?}", reason);
  if (state_ == State::open) shut(code, {});
  const bool asked = !closers_.empty();
  end(Reason::closed, asked ? why_ : std::move(why));
}

// What waits to be received is not wanted any more, but what is behind it is: the server's close frame.
void Connection::drop_queue() noexcept {
  queue_.reset();
  queued_bytes_ = 0;
  if (std::exchange(held_up_, false)) client_.read_later(*this);
}

// Sends the close frame.
void Connection::shut(int code, std::string_view reason) {
  if (state_ != State::open) return;
  state_ = State::closing;
  auto& frame = client_.frame_;
  frame.clear();
  MessageWriter::append_close(frame, code, reason, client_.random_);
  write(frame);
}

// The connection is over. The socket, if it is still open, waits for the server to close it.
void Connection::end(Reason reason, std::string why) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  held_up_ = false;
  reason_ = reason;
  why_ = std::move(why);
  // What has come is received all the same; there is no turn to wait for any more.
  while (!receivers_.empty() && has_queued()) {
    undecided_.clear();
    distribute();
  }
  tell(receivers_, reason_, why_);
  tell(senders_, reason_, why_);
  tell(pingers_, reason_, why_);
  // What they wanted has come about, if the server has kept to the protocol.
  tell(closers_, reason == Reason::closed ? Reason::none : reason, why_);
  if (socket_.is_open() && !armed()) client_.loop_.timers().arm(*this, client_.loop_.now() + kTimeToClose);
}

void Connection::tell(Waiters& waiters, Reason reason, std::string_view why) {
  while (!waiters.empty()) {
    Waiter& waiter = waiters.front();
    waiters.pop_front();
    waiter.done(reason, why);
  }
}

void Connection::on_timer() {
  socket_.close();
  if (dismissed_) client_.forget(*this);
}

void Connection::dismiss(std::unique_ptr<Connection> owned, std::string_view why) noexcept {
  Connection& connection = *owned.release();
  Client& client = connection.client_;
  connection.dismissed_ = true;
  client.dismissed_.push_back(connection);
  connection.shut(kNormalClosure, {});
  connection.drop_queue();
  connection.end(Reason::closed, std::string(why));
  if (!connection.socket_.is_open()) client.forget(connection);
}

}  // namespace chaperon::websocket
