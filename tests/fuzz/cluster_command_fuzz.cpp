// Whatever is taken for a command is the same when it is sent on; what is not is refused in words for people.
// Input: the message.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "cluster/protocol.hpp"
#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chaperon::cluster;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const auto text = encode(decode_command(bytes));
    FUZZ_REQUIRE(encode(decode_command(text)) == text);
  } catch (const chaperon::MalformedBytes& e) {
    const std::string_view why(e.what());
    FUZZ_REQUIRE(why.size() < 400);
    FUZZ_REQUIRE(std::ranges::all_of(why, [](char c) { return c >= ' ' && c < 0x7F; }));
  }
  return 0;
}
