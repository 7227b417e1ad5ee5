// Whatever a master takes from others is the same when it is passed on, and can be shown; what it does not
// take is refused in order. Input: a JSON text, taken for the body of a POST, a record of the queue, what a
// master says of itself, and the progress of a run.
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string_view>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/json_bytes.hpp"
#include "cluster/load_test_record.hpp"
#include "cluster/master_status.hpp"
#include "cluster/progress_json.hpp"
#include "cluster/submission_json.hpp"
#include "require.hpp"

namespace {

using namespace chaperon;

void check_body(std::string_view text) {
  try {
    const auto wanted = cluster::wanted_load_tests(text);
    FUZZ_REQUIRE(!wanted.empty() && wanted.size() <= cluster::kMostWanted);
    for (const auto& one : wanted) {
      FUZZ_REQUIRE(one.name.empty() != one.source.empty());
      FUZZ_REQUIRE(cluster::is_known_name(one.name.empty() ? one.file_name : one.name));
      FUZZ_REQUIRE(cluster::load_test_options(cluster::to_json(one.options)) == one.options);
    }
  } catch (const cluster::LoadTestRefused& error) {
    FUZZ_REQUIRE(!dump(error.what()).empty());
  } catch (const Json::parse_error&) {
  } catch (const Json::out_of_range&) {
  } catch (const MalformedBytes&) {
  }
}

void check_record(std::string_view text) {
  const auto record = cluster::decode_record(text);
  if (!record) return;
  FUZZ_REQUIRE(cluster::decode_record(encode(*record)) == record);
  FUZZ_REQUIRE(!dump(shown(*record, true)).empty());
}

void check_progress(const Json& json) {
  const auto progress = cluster::progress_of(json);
  if (!progress) return;
  const auto again = cluster::progress_of(parse_json(dump(cluster::to_json(*progress))));
  FUZZ_REQUIRE(again);
  FUZZ_REQUIRE(cluster::to_json(*again) == cluster::to_json(*progress));
}

void check_status(std::string_view text) {
  const auto status = cluster::decode_master_status(text);
  if (!status) return;
  const auto encoded = encode(*status);
  const auto again = cluster::decode_master_status(encoded);
  FUZZ_REQUIRE(again);
  FUZZ_REQUIRE(encode(*again) == encoded);
  if (status->progress) check_progress(*status->progress);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_body(text);
  check_record(text);
  check_status(text);
  try {
    check_progress(parse_json(text));
  } catch (const Json::exception&) {
  } catch (const MalformedBytes&) {
  }
  return 0;
}
