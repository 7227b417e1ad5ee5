#include "http/encode.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <new>

#include <fmt/format.h>
#include <zlib.h>

#include <chaperon/errors.hpp>

#include "base/json.hpp"
#include "http/ascii.hpp"
#include "http/percent_encoding.hpp"

namespace chaperon::http {
namespace {

using AppendComponent = void (*)(std::string&, std::string_view);

// The text of one value; `scratch` keeps it where it is made for the purpose.
std::string_view scalar_text(const Json& value, std::string_view what, std::string_view key,
                             std::string& scratch) {
  switch (value.type()) {
    case Json::value_t::string:
      return value.get_ref<const std::string&>();
    case Json::value_t::null:
      return {};
    case Json::value_t::boolean:
      return value.get<bool>() ? "true" : "false";
    case Json::value_t::number_float:
      if (!std::isfinite(value.get<double>())) break;  // JSON would write null
      [[fallthrough]];
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return scratch = value.dump();
    default:
      break;
  }
  throw InvalidArgument(fmt::format(
      "{}: the value of {:?} is {}: give a text, a number, true, false, null or an array of these", what, key,
      describe(value)));
}

class PairWriter {
 public:
  PairWriter(std::string& out, std::string_view what, AppendComponent append_component)
      : out_(out), what_(what), append_component_(append_component) {}

  void write_object(const Json& object) {
    if (!object.is_object()) {
      throw InvalidArgument(
          fmt::format("{} is {}: give an object, as in {{{{\"key\", \"value\"}}}}", what_, describe(object)));
    }
    for (const auto& [key, value] : object.items()) {
      if (!value.is_array()) {
        write_pair(key, value);
        continue;
      }
      for (const Json& element : value)
        write_pair(key, element);
    }
  }

 private:
  void write_pair(std::string_view key, const Json& value) {
    const std::string_view text = scalar_text(value, what_, key, scratch_);
    if (!is_first_) out_.push_back('&');
    is_first_ = false;
    append_component_(out_, key);
    out_.push_back('=');
    append_component_(out_, text);
  }

  std::string& out_;
  std::string_view what_;
  AppendComponent append_component_;
  std::string scratch_;
  bool is_first_ = true;
};

// WHATWG HTML, "multipart/form-data encoding algorithm".
void append_quoted_name(std::string& out, std::string_view name) {
  out.push_back('"');
  for (const char c : name) {
    if (c == '"' || c == '\r' || c == '\n') {
      append_percent_byte(out, c);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

void check_content_type(const Part& part) {
  if (std::ranges::none_of(part.content_type, is_control)) return;
  throw InvalidArgument(
      fmt::format("multipart: the content type {:?} of the part {:?} has a control character: remove it",
                  part.content_type, part.name));
}

}  // namespace

std::string encode_query(const Json& params) {
  std::string result;
  PairWriter(result, "params", append_query_component).write_object(params);
  return result;
}

void append_query(std::string& target, const Json& params) {
  const std::string query = encode_query(params);
  if (query.empty()) return;
  const bool has_query = target.find('?') != std::string::npos;
  if (!has_query) {
    target.push_back('?');
  } else if (!target.ends_with('?') && !target.ends_with('&')) {
    target.push_back('&');
  }
  target.append(query);
}

std::string encode_form(const Json& form) {
  std::string result;
  PairWriter(result, "form", append_form_component).write_object(form);
  return result;
}

std::string encode_multipart(std::span<const Part> parts, std::string_view boundary) {
  std::string result;
  for (const Part& part : parts) {
    check_content_type(part);
    result.append("--").append(boundary).append("\r\nContent-Disposition: form-data; name=");
    append_quoted_name(result, part.name);
    if (!part.filename.empty()) {
      result.append("; filename=");
      append_quoted_name(result, part.filename);
    }
    const std::string_view default_type = part.filename.empty() ? "" : "application/octet-stream";
    const std::string_view content_type = part.content_type.empty() ? default_type : part.content_type;
    if (!content_type.empty()) result.append("\r\nContent-Type: ").append(content_type);
    result.append("\r\n\r\n").append(part.content).append("\r\n");
  }
  return result.append("--").append(boundary).append("--\r\n");
}

std::string make_boundary(Random& random, std::span<const Part> parts) {
  while (true) {
    std::string boundary = fmt::format("----chaperon-{:016x}{:016x}", random(), random());
    const bool occurs = std::ranges::any_of(
        parts, [&](const Part& part) { return part.content.find(boundary) != std::string::npos; });
    if (!occurs) return boundary;
  }
}

std::string multipart_content_type(std::string_view boundary) {
  return std::string("multipart/form-data; boundary=").append(boundary);
}

std::string encode_base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  result.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = (group << 8U) | (k < count ? byte_of(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) {
      result.push_back(k <= count ? kAlphabet[(group >> (18U - 6U * k)) & 0x3fU] : '=');
    }
  }
  return result;
}

std::string basic_authorization(const BasicAuth& auth) {
  if (auth.user.find(':') != std::string::npos) {
    throw InvalidArgument(fmt::format(
        "basic_auth: the user {:?} has a colon: HTTP Basic authentication cannot carry it; use another user",
        auth.user));
  }
  if (std::ranges::any_of(auth.user, is_control) || std::ranges::any_of(auth.password, is_control)) {
    throw InvalidArgument(fmt::format(
        "basic_auth: the user or password of {:?} has a control character: remove it", auth.user));
  }
  return "Basic " + encode_base64(auth.user + ":" + auth.password);
}

std::string gzip_compress(std::string_view bytes) {
  constexpr int kGzip = MAX_WBITS + 16;
  constexpr int kMemoryLevel = 8;
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    throw std::bad_alloc();
  }
  const std::unique_ptr<z_stream, decltype([](z_stream* s) { deflateEnd(s); })> owner(&stream);
  std::string result;
  // Room for the worst case, so that for each slice of input one call does it.
  result.resize(deflateBound(&stream, static_cast<uLong>(bytes.size())));
  std::size_t written = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    constexpr std::size_t kMaxSlice = std::numeric_limits<uInt>::max();  // zlib counts in 32 bits
    const std::string_view slice = bytes.substr(0, kMaxSlice);
    const std::size_t room = std::min(result.size() - written, kMaxSlice);
    // zlib only reads from next_in; its C interface does not say so.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(slice.data()));
    stream.avail_in = static_cast<uInt>(slice.size());
    stream.next_out = reinterpret_cast<Bytef*>(result.data() + written);
    stream.avail_out = static_cast<uInt>(room);
    status = deflate(&stream, slice.size() == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    bytes.remove_prefix(slice.size() - stream.avail_in);
    written += room - stream.avail_out;
  }
  result.resize(written);
  return result;
}

void append_chunk(std::string& out, std::string_view data) {
  if (data.empty()) return;
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", data.size());
  out.append(data).append("\r\n");
}

void append_last_chunk(std::string& out) {
  out.append("0\r\n\r\n");
}

}  // namespace chaperon::http
