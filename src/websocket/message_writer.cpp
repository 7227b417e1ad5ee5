#include "websocket/message_writer.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstring>

#include "base/utf8.hpp"

namespace chaperon::websocket {
namespace {

Mask draw_mask(Random& masks) noexcept {
  const std::uint64_t draw = masks();
  Mask mask{};
  std::memcpy(mask.data(), &draw, mask.size());
  return mask;
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload, Random& masks) {
  std::array<char, kMaxClientHead> head{};
  const Mask mask = draw_mask(masks);
  out.append(head.data(),
             write_head(head.data(), kFinal | static_cast<unsigned>(opcode), payload.size(), mask));
  const std::size_t at = out.size();
  out.append(payload);
  apply_mask(out.data() + at, out.data() + at, payload.size(), mask);
}

// The head depends on how much the payload shrinks, so the payload comes first, behind room for the longest
// head.
void append_compressed(std::string& out, Opcode opcode, std::string_view payload, Deflater& deflater,
                       Random& masks) {
  const std::size_t at = out.size();
  out.append(kMaxClientHead, '\0');
  deflater.deflate(payload, out);
  const std::size_t size = out.size() - at - kMaxClientHead;
  const Mask mask = draw_mask(masks);
  char* const frame = out.data() + at;
  const std::size_t head_size =
      write_head(frame, kFinal | kCompressed | static_cast<unsigned>(opcode), size, mask);
  apply_mask(frame + head_size, frame + kMaxClientHead, size, mask);
  out.resize(at + head_size + size);
}

// Where no message refers to those before it, all writers of a thread share a compressor.
Deflater& shared_deflater(int window_bits) {
  thread_local std::array<std::unique_ptr<Deflater>, Deflater::kMostWindowBits + 1> deflaters;
  std::unique_ptr<Deflater>& deflater = deflaters[static_cast<std::size_t>(window_bits)];
  if (!deflater) deflater = std::make_unique<Deflater>(window_bits);
  deflater->forget();
  return *deflater;
}

}  // namespace

MessageWriter::MessageWriter(std::optional<DeflateParameters> deflate) noexcept {
  if (!deflate || deflate->client_max_window_bits < Deflater::kLeastWindowBits) return;
  window_bits_ =
      static_cast<std::uint8_t>(std::min(deflate->client_max_window_bits, Deflater::kMostWindowBits));
  keeps_context_ = !deflate->client_no_context_takeover;
}

Deflater& MessageWriter::deflater() {
  if (!keeps_context_) return shared_deflater(window_bits_);
  if (!deflater_) deflater_ = std::make_unique<Deflater>(window_bits_);
  return *deflater_;
}

void MessageWriter::append_message(std::string& out, Opcode opcode, std::string_view payload, Random& masks) {
  assert(opcode == Opcode::text || opcode == Opcode::binary);
  if (window_bits_ == 0 || payload.empty()) return append_frame(out, opcode, payload, masks);
  append_compressed(out, opcode, payload, deflater(), masks);
}

void MessageWriter::append_control(std::string& out, Opcode opcode, std::string_view payload, Random& masks) {
  assert(is_control(opcode) && payload.size() <= kMaxControlPayload);
  append_frame(out, opcode, payload, masks);
}

void MessageWriter::append_close(std::string& out, int code, std::string_view reason, Random& masks) {
  if (code == kNoCloseCode) return append_control(out, Opcode::close, {}, masks);
  std::array<char, kMaxControlPayload> payload{static_cast<char>(code >> 8), static_cast<char>(code)};
  reason = utf8_prefix(reason, kMaxCloseReason);
  std::copy(reason.begin(), reason.end(), payload.begin() + 2);
  append_control(out, Opcode::close, {payload.data(), 2 + reason.size()}, masks);
}

}  // namespace chaperon::websocket
