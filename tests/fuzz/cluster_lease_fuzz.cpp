// Whatever is taken for a worker's lease is the same when it is written again, and may be shown on a
// terminal. Input: the lease's value.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/protocol.hpp"
#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chaperon::cluster;
  const auto info = decode_worker_info({reinterpret_cast<const char*>(data), size});
  if (!info) return 0;
  FUZZ_REQUIRE(decode_worker_info(encode(*info)) == info);
  FUZZ_REQUIRE(is_worker_name(info->name) && (info->run.empty() || is_worker_name(info->run)));
  const auto may_be_shown = [](std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return (c >= '\0' && c < ' ') || c == '\x7f'; });
  };
  FUZZ_REQUIRE(may_be_shown(info->doing));
  FUZZ_REQUIRE(std::ranges::all_of(info->labels, [&](const auto& label) {
    return may_be_shown(label.first) && may_be_shown(label.second);
  }));
  std::string abi = info->abi;
  std::erase(abi, '\n');
  FUZZ_REQUIRE(may_be_shown(abi));
  return 0;
}
