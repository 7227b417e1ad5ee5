#include "websocket/inflater.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <new>

namespace chaperon::websocket {
namespace {

// zlib's deflate cannot make a window of 8 bits: versions that are asked for it take 9 and say nothing.
constexpr int kSmallestWindow = 9;

// What the sender has cut off each message: the end of an empty block.
constexpr std::string_view kTail("\x00\x00\xff\xff", 4);

// What zlib says of itself in z_stream::data_type: that it stands between two blocks, and how many bits of
// the last byte it has not used.
constexpr int kBetweenBlocks = 128;
constexpr int kUnusedBits = 63;

// Room for the next bytes. Small at first: a string is cleared as far as it grows.
std::size_t room_for(std::size_t input) noexcept {
  constexpr std::size_t kLeast = 64;
  constexpr std::size_t kMost = std::size_t{64} * 1024;
  return input >= kMost / 4 ? kMost : std::max(kLeast, 4 * input);
}

}  // namespace

Inflater::Inflater(int window_bits) {
  if (inflateInit2(&stream_, -std::max(window_bits, kSmallestWindow)) != Z_OK) throw std::bad_alloc();
}

Inflater::~Inflater() {
  inflateEnd(&stream_);
}

Inflater::Status Inflater::inflate(std::string_view bytes, std::string& out, std::size_t most) {
  constexpr std::size_t kMaxSlice = std::numeric_limits<uInt>::max();  // zlib counts in 32 bits
  assert(out.size() <= most);
  std::size_t step = room_for(bytes.size());
  while (true) {
    const auto given = static_cast<uInt>(std::min(bytes.size(), kMaxSlice));
    // One byte over the limit is enough to know that it is over.
    const std::size_t had = out.size();
    const auto room = static_cast<uInt>(step > most - had ? most - had + 1 : step);
    out.resize(had + room);
    // zlib only reads from next_in; its C interface does not say so.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = given;
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    stream_.avail_out = room;
    const int status = ::inflate(&stream_, Z_SYNC_FLUSH);
    bytes.remove_prefix(given - stream_.avail_in);
    out.resize(had + room - stream_.avail_out);

    if (out.size() > most) return Status::full;
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status == Z_STREAM_END) {
      // A block that says that it is the last one: allowed, and others may follow (RFC 7692,
      // section 7.2.3.4), which may refer to what came before. inflateReset() would forget that, and
      // restoring the window by inflateSetDictionary() would take 32 KiB of copying for each two bytes of the
      // message.
      inflateResetKeep(&stream_);
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      fault_ = stream_.msg != nullptr ? stream_.msg : "it is corrupt";
      return Status::corrupt;
    }
    if (bytes.empty() && (stream_.avail_out > 0 || status == Z_STREAM_END)) return Status::good;
    step = std::min(2 * step, room_for(kMaxSlice));
  }
}

Inflater::Status Inflater::finish(std::string& out, std::size_t most) {
  const Status status = inflate(kTail, out, most);
  if (status != Status::good) return status;
  if ((stream_.data_type & (kBetweenBlocks | kUnusedBits)) != kBetweenBlocks) {
    fault_ = "it does not end where a block ends";
    return Status::corrupt;
  }
  return Status::good;
}

void Inflater::forget() noexcept {
  inflateReset(&stream_);
}

}  // namespace chaperon::websocket
