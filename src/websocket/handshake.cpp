#include "websocket/handshake.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <chaperon/errors.hpp>

#include "http/ascii.hpp"
#include "http/encode.hpp"
#include "http/request_head.hpp"
#include "websocket/extensions.hpp"

namespace chaperon::websocket {
namespace {

using http::equal_ignoring_case;
using http::Message;

constexpr std::string_view kAccept = "Sec-WebSocket-Accept";
constexpr std::string_view kExtensions = "Sec-WebSocket-Extensions";
constexpr std::string_view kProtocol = "Sec-WebSocket-Protocol";

std::vector<std::string_view> values_of(const Message& answer, std::string_view name) {
  std::vector<std::string_view> values;
  for (const http::Field& field : answer.fields) {
    if (equal_ignoring_case(answer.name(field), name)) values.push_back(answer.value(field));
  }
  return values;
}

// All headers of that name as if they were one, which they are by RFC 9110, section 5.3.
std::string joined_value(const Message& answer, std::string_view name) {
  return fmt::format("{}", fmt::join(values_of(answer, name), ", "));
}

bool has_element(std::string_view list, std::string_view wanted) noexcept {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (equal_ignoring_case(http::trim(list.substr(0, end)), wanted)) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

// Each of these says what is wrong with one part of the answer; empty if nothing is.

std::string check_upgrade(const Message& answer) {
  const std::string upgrade = joined_value(answer, "Upgrade");
  if (equal_ignoring_case(upgrade, "websocket")) return {};
  if (!answer.has_header("Upgrade")) return "it has no Upgrade header";
  return fmt::format("its Upgrade is {:?}, not \"websocket\"", upgrade);
}

std::string check_connection(const Message& answer) {
  const std::string connection = joined_value(answer, "Connection");
  if (has_element(connection, "upgrade")) return {};
  if (!answer.has_header("Connection")) return "it has no Connection header";
  return fmt::format("its Connection is {:?}, without \"Upgrade\"", connection);
}

std::string check_accept(const Message& answer, const Offer& offer) {
  const auto values = values_of(answer, kAccept);
  if (values.empty()) return fmt::format("it has no {} header", kAccept);
  if (values.size() > 1) return fmt::format("it has more than one {}", kAccept);
  if (values.front() != accept_of(offer.key))
    return fmt::format("its {} is not the one for the key that was sent", kAccept);
  return {};
}

std::string check_subprotocol(const Message& answer, const Offer& offer, std::string& agreed) {
  const auto values = values_of(answer, kProtocol);
  if (values.empty()) return {};
  if (values.size() > 1) return fmt::format("it has more than one {}", kProtocol);
  if (std::ranges::find(offer.subprotocols, values.front()) == offer.subprotocols.end()) {
    return fmt::format(
        "its {} is {:?}, which was not offered ({})", kProtocol, values.front(),
        offer.subprotocols.empty() ? "none was" : fmt::format("{}", fmt::join(offer.subprotocols, ", ")));
  }
  agreed = values.front();
  return {};
}

std::string check_agreement(const Message& answer, const Offer& offer, Agreement& agreement) {
  if (std::string error = check_subprotocol(answer, offer, agreement.subprotocol); !error.empty())
    return error;
  ExtensionsCheck check = check_extensions(joined_value(answer, kExtensions), offer.compression);
  agreement.deflate = check.deflate;
  return std::move(check.error);
}

void check_offered(std::span<const std::string> subprotocols) {
  for (std::size_t i = 0; i < subprotocols.size(); ++i) {
    const std::string& name = subprotocols[i];
    if (name.empty() || !std::ranges::all_of(name, http::is_token_character)) {
      throw InvalidArgument(fmt::format(
          "subprotocols: {:?} is no name of a subprotocol: write one without blanks and separators", name));
    }
    const auto before = subprotocols.first(i);
    if (std::ranges::find(before, name) != before.end())
      throw InvalidArgument(fmt::format("subprotocols: {:?} is there twice: write it once", name));
  }
}

}  // namespace

std::string make_key(Random& random) {
  const std::array<std::uint64_t, 2> draws{random(), random()};
  std::array<char, sizeof draws> bytes{};
  std::memcpy(bytes.data(), draws.data(), bytes.size());
  return http::encode_base64({bytes.data(), bytes.size()});
}

std::string accept_of(std::string_view key) {
  // RFC 6455, section 1.3.
  const std::string text = fmt::format("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr) != 1)
    throw std::runtime_error(
        "OpenSSL cannot compute SHA-1, which WebSocket handshakes need: enable it in its configuration");
  return http::encode_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

void append_upgrade_fields(std::string& out, const Offer& offer) {
  check_offered(offer.subprotocols);
  http::append_header(out, "Upgrade", "websocket");
  http::append_header(out, "Connection", "Upgrade");
  http::append_header(out, "Sec-WebSocket-Key", offer.key);
  http::append_header(out, "Sec-WebSocket-Version", "13");
  if (!offer.subprotocols.empty())
    http::append_header(out, kProtocol, fmt::format("{}", fmt::join(offer.subprotocols, ", ")));
  if (offer.compression) http::append_header(out, kExtensions, kDeflateOffer);
}

HandshakeCheck check_answer(const Message& answer, const Offer& offer) {
  Agreement agreement;
  std::string error = check_upgrade(answer);
  if (error.empty()) error = check_connection(answer);
  if (error.empty()) error = check_accept(answer, offer);
  if (error.empty()) error = check_agreement(answer, offer, agreement);
  if (!error.empty()) return {.error = std::move(error)};
  return {.agreement = std::move(agreement)};
}

}  // namespace chaperon::websocket
