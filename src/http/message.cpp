#include "http/message.hpp"

#include "base/utf8.hpp"
#include "http/ascii.hpp"

namespace chaperon::http {
namespace {

// A swap rather than shrink_to_fit(), which may allocate.
template <class Buffer>
void clear_and_bound(Buffer& buffer, std::size_t capacity) noexcept {
  if (buffer.capacity() > capacity) {
    Buffer().swap(buffer);
  } else {
    buffer.clear();
  }
}

const Field* find(const Message& message, std::string_view name) noexcept {
  for (const Field& field : message.fields) {
    if (equal_ignoring_case(message.name(field), name)) return &field;
  }
  return nullptr;
}

}  // namespace

std::string_view Message::header(std::string_view name) const noexcept {
  const Field* field = find(*this, name);
  return field == nullptr ? std::string_view() : value(*field);
}

bool Message::has_header(std::string_view name) const noexcept {
  return find(*this, name) != nullptr;
}

std::string_view Message::reason_phrase() const noexcept {
  constexpr std::size_t kBefore = std::string_view("HTTP/1.1 200 ").size();
  const std::string_view line = std::string_view{head}.substr(0, head.find('\r'));
  return line.size() <= kBefore ? std::string_view() : line.substr(kBefore);
}

void Message::clear_head() noexcept {
  status = 0;
  http_major = 0;
  http_minor = 0;
  keep_alive = false;
  head.clear();
  fields.clear();
}

void Message::reset() noexcept {
  clear_head();
  clear_and_bound(head, kKeptCapacity);
  clear_and_bound(fields, kKeptCapacity / sizeof(Field));
  clear_and_bound(body, kKeptCapacity);
}

std::string excerpt(std::string_view body) {
  constexpr std::size_t kMost = 80;
  std::string text(utf8_prefix(body, kMost));
  for (char& c : text) {
    if (is_control(c)) c = ' ';
  }
  if (text.size() < body.size()) return text + "…";
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace chaperon::http
