// A small server's side of the protocol, written for the tests: it shares no code with the client's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>

namespace chaperon::test {

/// A frame as a server sends it, with the length in its shortest form. The first byte is FIN, the reserved
/// bits and the opcode: 0x81 for a whole text.
inline std::string server_frame(unsigned first_byte, std::string_view payload) {
  std::string frame(1, static_cast<char>(first_byte));
  const auto append = [&](std::size_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i)
      frame.push_back(static_cast<char>(value >> (8 * i)));
  };
  if (payload.size() < 126) {
    append(payload.size(), 1);
  } else if (payload.size() < 65536) {
    append(126, 1);
    append(payload.size(), 2);
  } else {
    append(127, 1);
    append(payload.size(), 8);
  }
  return frame.append(payload);
}

/// The payload of a close frame.
inline std::string close_payload(int code, std::string_view reason = "") {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code)}.append(reason);
}

/// A frame that came from a client, unmasked.
struct ClientFrame {
  unsigned first_byte = 0;
  std::string mask{};
  std::string payload{};
  std::size_t head_size = 0;
};

/// Takes a frame off the front of what a client sent. Fails the test if it is not masked, cut off, or its
/// length not in its shortest form.
inline ClientFrame take_client_frame(std::string_view& bytes) {
  ClientFrame frame;
  std::size_t at = 0;
  const auto next = [&]() -> unsigned {
    if (at < bytes.size()) return static_cast<unsigned char>(bytes[at++]);
    ADD_FAILURE() << "the frame is cut off";
    return 0;
  };
  frame.first_byte = next();
  const unsigned second = next();
  EXPECT_NE(second & 0x80U, 0U) << "the frame is not masked";
  std::uint64_t size = second & 0x7fU;
  const int more = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (more > 0) {
    size = 0;
    for (int i = 0; i < more; ++i)
      size = size * 256 + next();
    EXPECT_GT(size, more == 2 ? 125U : 65535U) << "the length is not in its shortest form";
  }
  for (int i = 0; i < 4; ++i)
    frame.mask.push_back(static_cast<char>(next()));
  frame.head_size = at;
  for (std::uint64_t i = 0; i < size; ++i)
    frame.payload.push_back(static_cast<char>(next() ^ static_cast<unsigned char>(frame.mask[i % 4])));
  bytes.remove_prefix(at);
  return frame;
}

/// The one frame that a client sent.
inline ClientFrame only_client_frame(std::string_view bytes) {
  ClientFrame frame = take_client_frame(bytes);
  EXPECT_TRUE(bytes.empty()) << bytes.size() << " bytes follow the frame";
  return frame;
}

/// Compresses the messages of a server, each with the window of those before it unless forget() is called.
class ServerDeflate {
 public:
  explicit ServerDeflate(int window_bits = 15, int level = 6) {
    EXPECT_EQ(deflateInit2(&stream_, level, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  }
  ServerDeflate(const ServerDeflate&) = delete;
  ServerDeflate& operator=(const ServerDeflate&) = delete;
  ~ServerDeflate() { deflateEnd(&stream_); }

  std::string operator()(std::string_view message) {
    std::string out = run(message, Z_SYNC_FLUSH);
    EXPECT_TRUE(out.ends_with(std::string_view("\0\0\xff\xff", 4)));
    out.resize(out.size() - 4);
    return out;
  }

  /// As one block that says it is the last, with the zero byte that stands for the next one behind it.
  std::string with_final_block(std::string_view message) {
    std::string out = run(message, Z_FINISH);
    deflateReset(&stream_);
    return out.append(1, '\0');
  }

  void forget() { deflateReset(&stream_); }

 private:
  std::string run(std::string_view message, int flush) {
    std::string out(deflateBound(&stream_, message.size()) + 64, '\0');
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(message.data()));
    stream_.avail_in = static_cast<uInt>(message.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int status = ::deflate(&stream_, flush);
    EXPECT_TRUE(status == Z_OK || status == Z_STREAM_END) << status;
    out.resize(out.size() - stream_.avail_out);
    return out;
  }

  z_stream stream_{};
};

/// Inflates the messages of a client, each with the window of those before it unless forget() is called.
class ServerInflate {
 public:
  explicit ServerInflate(int window_bits = 15) { EXPECT_EQ(inflateInit2(&stream_, -window_bits), Z_OK); }
  ServerInflate(const ServerInflate&) = delete;
  ServerInflate& operator=(const ServerInflate&) = delete;
  ~ServerInflate() { inflateEnd(&stream_); }

  /// Nothing if the message does not inflate.
  std::optional<std::string> operator()(std::string_view payload) {
    const std::string whole = std::string(payload).append(std::string_view("\0\0\xff\xff", 4));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(whole.data()));
    stream_.avail_in = static_cast<uInt>(whole.size());
    std::string message;
    // In small steps, so that matches must be found in the window and not in the output.
    do {
      std::string piece(64, '\0');
      stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream_.avail_out = static_cast<uInt>(piece.size());
      const int status = ::inflate(&stream_, Z_SYNC_FLUSH);
      if (status != Z_OK && status != Z_BUF_ERROR) return std::nullopt;
      message.append(piece, 0, piece.size() - stream_.avail_out);
    } while (stream_.avail_out == 0 || stream_.avail_in > 0);
    return message;
  }

  void forget() { inflateReset(&stream_); }

 private:
  z_stream stream_{};
};

}  // namespace chaperon::test
