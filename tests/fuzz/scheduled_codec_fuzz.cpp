// Whatever is taken for a message about a scheduled scenario has no other form. Input: the message.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "cluster/scheduled_codec.hpp"
#include "require.hpp"

namespace {

template <class Decode>
void check(std::string_view bytes, Decode decode) {
  try {
    FUZZ_REQUIRE(chaperon::cluster::encode(decode(bytes)) == bytes);
  } catch (const chaperon::MalformedBytes& e) {
    FUZZ_REQUIRE(std::string_view(e.what()).starts_with("malformed message at byte "));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(bytes, chaperon::cluster::decode_request);
  check(bytes, chaperon::cluster::decode_cancel);
  check(bytes, chaperon::cluster::decode_result);
  return 0;
}
