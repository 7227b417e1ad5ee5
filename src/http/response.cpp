#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <chaperon/http.hpp>

#include "base/json.hpp"
#include "http/content_coding.hpp"
#include "http/response_data.hpp"

namespace chaperon {
inline namespace v1 {
namespace {

const detail::ResponseData& no_response() {
  static const detail::ResponseData none;
  return none;
}

}  // namespace

Response::Response() noexcept : data_(nullptr) {}
Response::Response(detail::ResponseData* data) noexcept : data_(data) {}
Response::Response(const Response& other) noexcept : data_(other.data_) {
  if (data_ != nullptr) ++data_->references;
}
Response::Response(Response&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
Response& Response::operator=(Response other) noexcept {
  std::swap(data_, other.data_);
  return *this;
}
Response::~Response() {
  if (data_ != nullptr && --data_->references == 0) delete data_;
}

int Response::status() const noexcept {
  return data_ == nullptr ? 0 : data_->message.status;
}
bool Response::ok() const noexcept {
  return status() >= 200 && status() < 400;
}
std::string_view Response::header(std::string_view name) const noexcept {
  return data_ == nullptr ? std::string_view() : data_->message.header(name);
}
std::vector<std::pair<std::string_view, std::string_view>> Response::headers() const {
  std::vector<std::pair<std::string_view, std::string_view>> result;
  if (data_ == nullptr) return result;
  result.reserve(data_->message.fields.size());
  for (const auto& field : data_->message.fields) {
    result.emplace_back(data_->message.name(field), data_->message.value(field));
  }
  return result;
}
std::string_view Response::body() const noexcept {
  return data_ == nullptr ? std::string_view() : data_->message.body;
}
const Error& Response::error() const noexcept {
  return data_ == nullptr ? no_response().error : data_->error;
}
Timings Response::timings() const noexcept {
  return data_ == nullptr ? Timings() : data_->timings;
}
std::string_view Response::request() const noexcept {
  return data_ == nullptr ? std::string_view() : data_->request;
}

Json Response::json() const {
  return json_at("");
}

Json Response::json_at(std::string_view pointer) const {
  if (status() == 0) throw_decode_error(pointer, error().empty() ? "no request was made" : error().message);
  Json json;
  try {
    const auto coding = data_->decoded ? std::string_view() : header("content-encoding");
    json = coding.empty() ? Json::parse(body())
                          : Json::parse(http::decode_content(coding, body(), data_->limit));
  } catch (const Json::parse_error&) {
    throw_decode_error(pointer, "it is not JSON");
  } catch (const std::exception& e) {
    throw_decode_error(pointer, e.what());
  }
  if (pointer.empty()) return json;
  try {
    return std::as_const(json).at(Json::json_pointer(std::string(pointer)));
  } catch (const Json::exception&) {
    throw_decode_error(pointer, {});
  }
}

void Response::throw_decode_error(std::string_view pointer, std::string_view why) const {
  const auto subject = data_ == nullptr ? std::string_view{"response()"} : std::string_view{data_->request};
  if (status() == 0) throw DecodeError(fmt::format("{}: there is no answer: {}", subject, why));
  throw DecodeError(fmt::format("{}: no {}{} in {} {} \"{}\"", subject,
                                pointer.empty() ? "JSON" : fmt::format("\"{}\"", pointer),
                                why.empty() ? std::string() : fmt::format(" ({})", why), status(),
                                header("content-type"), http::excerpt(body())));
}

}  // namespace v1
}  // namespace chaperon
