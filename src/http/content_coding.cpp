#include "http/content_coding.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <utility>

#include <brotli/decode.h>
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "http/ascii.hpp"

namespace chaperon::http {
namespace {

constexpr std::size_t kMaxCodings = 4;
constexpr int kZstdWindowLog = 23;  // RFC 9659: 8 MiB for the Content-Encoding zstd

[[noreturn]] void fail(std::string_view coding, std::string_view why) {
  throw ContentError(Reason::decode, fmt::format("the body is not valid {}: {}", coding, why));
}

// The decoded bytes: a buffer that grows by doubling up to one byte over the limit, which is enough to know
// that it is over.
class Output {
 public:
  Output(std::size_t limit, std::size_t encoded_size)
      : limit_(limit), most_(limit < std::numeric_limits<std::size_t>::max() ? limit + 1 : limit) {
    constexpr std::size_t kFirst = std::size_t{256} * 1024;
    // Text shrinks to about a quarter.
    bytes_.resize(std::min({most_, kFirst, 4 * std::min(encoded_size, kFirst) + 64}));
  }

  /// Where the next bytes go: room_size() of them, at least one. Throws ContentError if the limit is passed.
  char* room() {
    if (used_ == most_) refuse();
    if (used_ == bytes_.size()) grow();
    return bytes_.data() + used_;
  }
  [[nodiscard]] std::size_t room_size() const noexcept { return bytes_.size() - used_; }
  void add(std::size_t count) noexcept { used_ += count; }
  void clear() noexcept { used_ = 0; }

  std::string take() {
    if (used_ > limit_) refuse();
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  [[noreturn]] void refuse() const {
    throw ContentError(
        Reason::too_large,
        fmt::format("the body decodes to more than {} bytes (http.max_response_size)", limit_));
  }

  void grow() {
    // Into a new string: an old one doubles its capacity at least, which may be over the limit.
    std::string larger;
    larger.resize(used_ > most_ / 2 ? most_ : 2 * used_);
    std::copy_n(bytes_.data(), used_, larger.data());
    bytes_.swap(larger);
  }

  std::string bytes_;
  std::size_t used_ = 0;
  std::size_t limit_;
  std::size_t most_;
};

constexpr const char* kTruncated = "it ends too early";

class Inflater {
 public:
  explicit Inflater(int window_bits) {
    if (inflateInit2(&stream_, window_bits) != Z_OK) throw std::bad_alloc();
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  // Decodes one stream off the front of the input. Returns what is wrong with it, or nullptr.
  const char* decode(std::string_view& input, Output& output) {
    inflateReset(&stream_);
    while (true) {
      constexpr std::size_t kMaxSlice = std::numeric_limits<uInt>::max();  // zlib counts in 32 bits
      const auto given = static_cast<uInt>(std::min(input.size(), kMaxSlice));
      // zlib only reads from next_in; its C interface does not say so.
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
      stream_.avail_in = given;
      stream_.next_out = reinterpret_cast<Bytef*>(output.room());
      const auto room = static_cast<uInt>(std::min(output.room_size(), kMaxSlice));
      stream_.avail_out = room;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      input.remove_prefix(given - stream_.avail_in);
      output.add(room - stream_.avail_out);
      if (status == Z_STREAM_END) return nullptr;
      if (status == Z_MEM_ERROR) throw std::bad_alloc();
      if (status == Z_NEED_DICT) return "it needs a dictionary";
      if (status != Z_OK && status != Z_BUF_ERROR)
        return stream_.msg != nullptr ? stream_.msg : "it is corrupt";
      if (input.empty() && stream_.avail_out > 0) return kTruncated;
    }
  }

 private:
  z_stream stream_{};
};

void decode_gzip(std::string_view input, Output& output) {
  constexpr std::string_view kMagic = "\x1f\x8b";
  Inflater inflater(MAX_WBITS + 16);
  do {
    if (const char* fault = inflater.decode(input, output)) fail("gzip", fault);
  } while (input.starts_with(kMagic));
}

// RFC 9110, section 8.4.1.2: deflate means zlib's format, but some servers send the bare stream.
void decode_deflate(std::string_view input, Output& output) {
  const auto as_zlib = [](std::string_view bytes) {
    return bytes.size() >= 2 && (byte_of(bytes[0]) & 0xfU) == Z_DEFLATED &&
           ((byte_of(bytes[0]) << 8U) | byte_of(bytes[1])) % 31 == 0;
  };
  const char* fault = nullptr;
  if (as_zlib(input)) {
    std::string_view rest = input;
    fault = Inflater(MAX_WBITS).decode(rest, output);
    if (fault == nullptr) return;
    output.clear();
  }
  const char* raw_fault = Inflater(-MAX_WBITS).decode(input, output);
  if (raw_fault != nullptr) fail("deflate", fault != nullptr ? fault : raw_fault);
}

void decode_brotli(std::string_view input, Output& output) {
  const std::unique_ptr<BrotliDecoderState, decltype(&BrotliDecoderDestroyInstance)> decoder(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
  if (!decoder) throw std::bad_alloc();
  const auto* next_in = reinterpret_cast<const std::uint8_t*>(input.data());
  std::size_t available_in = input.size();
  while (true) {
    auto* next_out = reinterpret_cast<std::uint8_t*>(output.room());
    std::size_t available_out = output.room_size();
    const BrotliDecoderResult result = BrotliDecoderDecompressStream(decoder.get(), &available_in, &next_in,
                                                                     &available_out, &next_out, nullptr);
    output.add(output.room_size() - available_out);
    switch (result) {
      case BROTLI_DECODER_RESULT_SUCCESS:
        return;
      case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
        continue;
      case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
        fail("br", kTruncated);
      case BROTLI_DECODER_RESULT_ERROR:
        fail("br", BrotliDecoderErrorString(BrotliDecoderGetErrorCode(decoder.get())));
    }
  }
}

void decode_zstd(std::string_view input, Output& output) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (!context) throw std::bad_alloc();
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kZstdWindowLog);
  ZSTD_inBuffer in{.src = input.data(), .size = input.size(), .pos = 0};
  while (true) {
    ZSTD_outBuffer out{.dst = output.room(), .size = output.room_size(), .pos = 0};
    const std::size_t hint = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(hint) != 0) fail("zstd", ZSTD_getErrorName(hint));
    output.add(out.pos);
    if (in.pos < in.size) continue;
    if (hint == 0) return;
    if (out.pos < out.size) fail("zstd", kTruncated);
  }
}

using Decode = void (*)(std::string_view, Output&);

struct Coding {
  std::string_view name;
  Decode decode;
};
constexpr std::array<Coding, 5> kCodings{{{"gzip", decode_gzip},
                                          {"x-gzip", decode_gzip},
                                          {"deflate", decode_deflate},
                                          {"br", decode_brotli},
                                          {"zstd", decode_zstd}}};

// Takes the next coding off a list. Empty if there is no more; `identity` and empty elements are passed over.
std::string_view take_coding(std::string_view& list) noexcept {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view name = trim(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    if (!name.empty() && !equal_ignoring_case(name, "identity")) return name;
  }
  return {};
}

const Coding& find_coding(std::string_view name) {
  const auto* found = std::ranges::find_if(
      kCodings, [&](const Coding& coding) { return equal_ignoring_case(coding.name, name); });
  if (found == kCodings.end()) {
    throw ContentError(Reason::decode, fmt::format("the body has the unknown Content-Encoding {:?}", name));
  }
  return *found;
}

}  // namespace

bool is_encoded(std::string_view content_encoding) noexcept {
  return !take_coding(content_encoding).empty();
}

std::string decode_content(std::string_view content_encoding, std::string_view body, std::size_t limit) {
  std::array<const Coding*, kMaxCodings> codings{};
  std::size_t count = 0;
  for (std::string_view name = take_coding(content_encoding); !name.empty();
       name = take_coding(content_encoding)) {
    if (count == kMaxCodings) {
      throw ContentError(Reason::decode,
                         fmt::format("the body has more than {} Content-Encodings", kMaxCodings));
    }
    codings[count++] = &find_coding(name);
  }
  if (body.empty()) return {};
  if (count == 0) return std::string(body);

  std::string decoded;
  for (; count > 0 && !body.empty(); --count) {
    Output output(limit, body.size());
    codings[count - 1]->decode(body, output);
    decoded = output.take();
    body = decoded;
  }
  return decoded;
}

}  // namespace chaperon::http
