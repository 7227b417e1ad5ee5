#include "websocket/deflater.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <limits>
#include <new>

namespace chaperon::websocket {
namespace {

// The end of the empty block that a flush appends. Frames go without it.
constexpr std::string_view kTail("\x00\x00\xff\xff", 4);

// zlib may repeat the end of a flush for which it had fewer bytes than seven.
constexpr std::size_t kFlushRoom = 16;

}  // namespace

Deflater::Deflater(int window_bits) {
  // 32 KiB of heap with a window of 12 bits; each level of memory more doubles half of it.
  constexpr int kMemoryLevel = 5;
  assert(window_bits >= kLeastWindowBits && window_bits <= kMostWindowBits);
  // The fastest: what a load test needs most is the processor.
  if (deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, -window_bits, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    throw std::bad_alloc();
  }
}

Deflater::~Deflater() {
  deflateEnd(&stream_);
}

void Deflater::deflate(std::string_view message, std::string& out) {
  constexpr std::size_t kMaxSlice = std::numeric_limits<uInt>::max();  // zlib counts in 32 bits
  constexpr std::size_t kMaxRoom = std::size_t{64} * 1024;
  do {
    const auto given = static_cast<uInt>(std::min(message.size(), kMaxSlice));
    const std::size_t had = out.size();
    const auto room =
        static_cast<uInt>(std::min<std::size_t>(deflateBound(&stream_, given), kMaxRoom) + kFlushRoom);
    out.resize(had + room);
    // zlib only reads from next_in; its C interface does not say so.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(message.data()));
    stream_.avail_in = given;
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    stream_.avail_out = room;
    ::deflate(&stream_, given < message.size() ? Z_NO_FLUSH : Z_SYNC_FLUSH);
    message.remove_prefix(given - stream_.avail_in);
    out.resize(had + room - stream_.avail_out);
  } while (!message.empty() || stream_.avail_out == 0);
  assert(out.ends_with(kTail));
  out.resize(out.size() - kTail.size());
}

void Deflater::forget() noexcept {
  deflateReset(&stream_);
}

}  // namespace chaperon::websocket
