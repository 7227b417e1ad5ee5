// A body decodes to no more than the limit, or fails with a ContentError; what gzip_compress() makes decodes
// to itself. Input: a byte that chooses the coding, the body.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/content_coding.hpp"
#include "http/encode.hpp"
#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chaperon::http;
  constexpr std::size_t kLimit = 64 * 1024;
  constexpr std::array<std::string_view, 8> kCodings{"gzip",     "deflate",       "br",       "zstd",
                                                     "gzip, br", "deflate, gzip", "identity", ""};
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string_view coding = kCodings[data[0] % kCodings.size()];
  try {
    const std::string decoded = decode_content(coding.empty() ? body : coding, body, kLimit);
    if (coding != "identity" && is_encoded(coding.empty() ? body : coding))
      FUZZ_REQUIRE(decoded.size() <= kLimit);
  } catch (const ContentError& e) {
    FUZZ_REQUIRE(e.reason() == chaperon::Reason::decode || e.reason() == chaperon::Reason::too_large);
  }
  if (data[0] == 'G') FUZZ_REQUIRE(decode_content("gzip", gzip_compress(body), body.size()) == body);
  return 0;
}
