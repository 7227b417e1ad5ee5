#include "cluster/scheduled_codec.hpp"

#include <limits>
#include <stdexcept>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/json_bytes.hpp"
#include "http/cookie_codec.hpp"

namespace chaperon::cluster {
namespace {

// The first byte of a message; the second says what it is about.
constexpr std::uint8_t kVersion = 1;

// A message being put together, which knows what has made it large.
class Draft {
 public:
  explicit Draft(ScheduledKind message) {
    out_.byte(kVersion);
    out_.byte(static_cast<std::uint8_t>(message));
  }

  // Appends what `write(ByteWriter&)` makes; `what` is its name in plural.
  template <class Write>
  void add(const char* what, Write write) {
    const std::size_t before = bytes_.size();
    write(out_);
    if (bytes_.size() - before <= largest_size_) return;
    largest_size_ = bytes_.size() - before;
    largest_ = what;
  }

  std::string take(std::size_t limit) && {
    if (bytes_.size() > limit) {
      throw std::length_error(
          fmt::format("a scheduled scenario takes {} bytes to send, {} of them its {}: at most {} can be "
                      "sent to another machine",
                      bytes_.size(), largest_size_, largest_, limit));
    }
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  ByteWriter out_{bytes_};
  const char* largest_ = "";
  std::size_t largest_size_ = 0;
};

ScheduledKind take_kind(ByteReader& in) {
  const auto kind = in.byte("what the message is about");
  if (kind > static_cast<std::uint8_t>(ScheduledKind::result)) in.fail("it is about nothing that is known");
  return static_cast<ScheduledKind>(kind);
}

ByteReader open(std::string_view bytes) {
  ByteReader in(bytes);
  if (const auto version = in.byte("the version"); version != kVersion)
    in.fail(fmt::format("its version is {}, not {}: run the same version of Chaperon on every machine",
                        version, kVersion));
  return in;
}

ByteReader open(std::string_view bytes, ScheduledKind expected) {
  ByteReader in = open(bytes);
  if (take_kind(in) != expected) in.fail("it is not the message that was expected");
  return in;
}

void put_headers(ByteWriter& out, const Headers& headers) {
  out.varint(headers.size());
  for (const auto& header : headers) {
    out.text(header.name);
    out.text(header.value);
  }
}

// What they contain is checked where a request is made of them, as for those that a scenario sets.
Headers take_headers(ByteReader& in) {
  constexpr std::size_t kSmallest = 2;  // two empty texts
  Headers headers;
  for (std::size_t left = in.count("the number of headers", kSmallest); left > 0; --left) {
    std::string name(in.text("the name of a header"));
    headers.push_back({.name = std::move(name), .value = std::string(in.text("the value of a header"))});
  }
  return headers;
}

std::uint32_t take_number(ByteReader& in, const char* what) {
  return static_cast<std::uint32_t>(in.varint(what, std::numeric_limits<std::uint32_t>::max()));
}

void put_outcome(ByteWriter& out, session::Outcome outcome) {
  out.byte(static_cast<std::uint8_t>(outcome));
}

session::Outcome take_outcome(ByteReader& in) {
  const std::uint8_t outcome = in.byte("an outcome");
  if (outcome > static_cast<std::uint8_t>(session::Outcome::timed_out))
    in.fail("an outcome is of no known kind");
  return static_cast<session::Outcome>(outcome);
}

}  // namespace

std::string encode(const ScheduledRequest& request, std::size_t limit) {
  Draft draft(ScheduledKind::request);
  draft.add("numbers", [&](ByteWriter& out) {
    out.varint(request.id);
    out.text(request.from_worker);
    out.varint(request.library_offset);
    out.varint(request.part_count);
    out.varint(request.profile);
    out.varint(request.seed);
    out.flag(request.unrecorded);
  });
  draft.add("config", [&](ByteWriter& out) { encode(out, request.config); });
  draft.add("headers", [&](ByteWriter& out) {
    put_headers(out, request.headers);
    out.text(request.authorization);
  });
  draft.add("assignments", [&](ByteWriter& out) { encode(out, request.assignments); });
  draft.add("cookies", [&](ByteWriter& out) { encode(out, request.cookies); });
  return std::move(draft).take(limit);
}

std::string encode(const ScheduledCancel& cancel, std::size_t limit) {
  Draft draft(ScheduledKind::cancel);
  draft.add("reason", [&](ByteWriter& out) {
    out.varint(cancel.id);
    out.text(cancel.from_worker);
    put_outcome(out, cancel.outcome);
    out.text(cancel.reason);
  });
  return std::move(draft).take(limit);
}

std::string encode(const ScheduledResult& result, std::size_t limit) {
  Draft draft(ScheduledKind::result);
  draft.add("failure", [&](ByteWriter& out) {
    out.varint(result.id);
    put_outcome(out, result.outcome);
    out.text(result.reason);
    out.text(result.failure);
  });
  draft.add("assignments", [&](ByteWriter& out) { encode(out, result.assignments); });
  draft.add("cookies", [&](ByteWriter& out) { encode(out, result.cookies); });
  return std::move(draft).take(limit);
}

ScheduledKind kind_of_scheduled(std::string_view bytes) {
  ByteReader in = open(bytes);
  return take_kind(in);
}

ScheduledRequest decode_request(std::string_view bytes) {
  ByteReader in = open(bytes, ScheduledKind::request);
  ScheduledRequest request;
  request.id = in.varint("the id");
  request.from_worker = in.text("the worker's name");
  request.library_offset = in.varint("where the parts are");
  request.part_count = take_number(in, "the number of parts");
  request.profile = take_number(in, "the profile's number");
  request.seed = in.varint("the seed");
  request.unrecorded = in.flag("whether it is recorded");
  request.config = decode_json(in);
  request.headers = take_headers(in);
  request.authorization = in.text("the authorization");
  request.assignments = decode_json(in);
  request.cookies = http::decode_cookies(in);
  in.end();
  return request;
}

ScheduledCancel decode_cancel(std::string_view bytes) {
  ByteReader in = open(bytes, ScheduledKind::cancel);
  ScheduledCancel cancel;
  cancel.id = in.varint("the id");
  cancel.from_worker = in.text("the worker's name");
  cancel.outcome = take_outcome(in);
  cancel.reason = in.text("the reason");
  in.end();
  return cancel;
}

ScheduledResult decode_result(std::string_view bytes) {
  ByteReader in = open(bytes, ScheduledKind::result);
  ScheduledResult result;
  result.id = in.varint("the id");
  result.outcome = take_outcome(in);
  result.reason = in.text("the reason");
  result.failure = in.text("the failure");
  result.assignments = decode_json(in);
  result.cookies = http::decode_cookies(in);
  in.end();
  return result;
}

}  // namespace chaperon::cluster
