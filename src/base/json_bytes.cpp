// Not CBOR by nlohmann/json: its reader recurses without a limit, into strings of pieces as well.
#include "base/json_bytes.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace chaperon {
namespace {

enum class Kind : std::uint8_t {
  null,
  no,
  yes,
  integer,
  unsigned_integer,
  real,
  text,
  binary,
  typed_binary,
  array,
  object,
};

void put(ByteWriter& out, Kind kind) {
  out.byte(static_cast<std::uint8_t>(kind));
}

void put_binary(ByteWriter& out, const Json::binary_t& binary) {
  put(out, binary.has_subtype() ? Kind::typed_binary : Kind::binary);
  if (binary.has_subtype()) out.varint(binary.subtype());
  out.varint(binary.size());
  for (const std::uint8_t byte : binary)
    out.byte(byte);
}

void encode_at(ByteWriter& out, const Json& value, int depth) {
  if (value.is_structured() && depth >= kDeepestJson)
    throw std::invalid_argument(
        fmt::format("JSON that is nested more than {} deep cannot be sent", kDeepestJson));
  switch (value.type()) {
    case Json::value_t::null:
      return put(out, Kind::null);
    case Json::value_t::boolean:
      return put(out, value.get<bool>() ? Kind::yes : Kind::no);
    case Json::value_t::number_integer:
      put(out, Kind::integer);
      return out.zigzag(value.get<std::int64_t>());
    case Json::value_t::number_unsigned:
      put(out, Kind::unsigned_integer);
      return out.varint(value.get<std::uint64_t>());
    case Json::value_t::number_float:
      put(out, Kind::real);
      return out.real(value.get<double>());
    case Json::value_t::string:
      put(out, Kind::text);
      return out.text(value.get_ref<const std::string&>());
    case Json::value_t::binary:
      return put_binary(out, value.get_binary());
    case Json::value_t::array:
      put(out, Kind::array);
      out.varint(value.size());
      for (const auto& element : value)
        encode_at(out, element, depth + 1);
      return;
    case Json::value_t::object:
      put(out, Kind::object);
      out.varint(value.size());
      for (const auto& [key, member] : value.items()) {
        out.text(key);
        encode_at(out, member, depth + 1);
      }
      return;
    case Json::value_t::discarded:
      throw std::invalid_argument("a JSON value that was discarded cannot be sent");
  }
}

Json::binary_t take_binary(ByteReader& in) {
  const std::string_view bytes = in.text("a binary JSON value");
  return Json::binary_t(Json::binary_t::container_type(bytes.begin(), bytes.end()));
}

Json decode_at(ByteReader& in, int depth);

// No memory is taken ahead in either: each level could claim all that is left.
Json take_array(ByteReader& in, int depth) {
  Json array = Json::array();
  for (std::size_t left = in.count("the size of a JSON array", 1); left > 0; --left)
    array.push_back(decode_at(in, depth + 1));
  return array;
}

Json take_object(ByteReader& in, int depth) {
  Json object = Json::object();
  auto& members = object.get_ref<Json::object_t&>();
  for (std::size_t left = in.count("the size of a JSON object", 2); left > 0; --left) {
    std::string key(in.text("a key of a JSON object"));
    if (!members.empty() && members.rbegin()->first >= key) in.fail("keys of a JSON object do not ascend");
    members.emplace_hint(members.end(), std::move(key), decode_at(in, depth + 1));
  }
  return object;
}

Json decode_at(ByteReader& in, int depth) {
  const auto kind = static_cast<Kind>(in.byte("a JSON value"));
  if ((kind == Kind::array || kind == Kind::object) && depth >= kDeepestJson)
    in.fail(fmt::format("a JSON value is nested more than {} deep", kDeepestJson));
  switch (kind) {
    case Kind::null:
      return nullptr;
    case Kind::no:
      return false;
    case Kind::yes:
      return true;
    case Kind::integer:
      return in.zigzag("a JSON number");
    case Kind::unsigned_integer:
      return in.varint("a JSON number");
    case Kind::real:
      return in.real("a JSON number");
    case Kind::text:
      return std::string(in.text("a JSON text"));
    case Kind::binary:
      return Json::binary(take_binary(in));
    case Kind::typed_binary: {
      const std::uint64_t subtype = in.varint("the type of a binary JSON value");
      return Json::binary(take_binary(in), subtype);
    }
    case Kind::array:
      return take_array(in, depth);
    case Kind::object:
      return take_object(in, depth);
  }
  in.fail("a JSON value is of no known kind");
}

}  // namespace

void encode(ByteWriter& out, const Json& value) {
  encode_at(out, value, 0);
}

Json decode_json(ByteReader& in) {
  return decode_at(in, 0);
}

Json parse_json(std::string_view text) {
  return Json::parse(text, [](int depth, Json::parse_event_t, Json&) {
    if (depth > kDeepestJson) throw MalformedBytes("JSON that is nested too deeply");
    return true;
  });
}

}  // namespace chaperon
