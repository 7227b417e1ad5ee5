#include "export/output_path.hpp"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include "export/output_error.hpp"

namespace chaperon::exporting {
namespace {

struct UtcTime {
  std::tm fields{};
  int milliseconds = 0;
};

UtcTime to_utc(std::chrono::system_clock::time_point time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(milliseconds);
  const std::time_t count = std::chrono::system_clock::to_time_t(seconds);
  UtcTime utc{{}, static_cast<int>((milliseconds - seconds).count())};
  gmtime_r(&count, &utc.fields);
  return utc;
}

bool is_unfit_for_a_name(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '/' || byte < 0x20 || byte == 0x7F;
}

// A load test's name is a type's name: it is bent into a directory's name rather than refused.
std::string directory_name(std::string_view load_test) {
  if (load_test.empty() || load_test == "." || load_test == "..") return "_";
  std::string name(load_test);
  std::replace_if(name.begin(), name.end(), is_unfit_for_a_name, '_');
  return name;
}

}  // namespace

std::filesystem::path side_path(const std::filesystem::path& path, std::string_view part) {
  return path.parent_path() / fmt::format("{}.{}.json", path.stem().string(), part);
}

std::string utc_text(std::chrono::system_clock::time_point time) {
  const auto [utc, milliseconds] = to_utc(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, milliseconds);
}

std::filesystem::path tagged_path(std::string_view load_test, std::string_view tag,
                                  std::chrono::system_clock::time_point time, std::string_view extension) {
  if (tag.empty()) throw OutputError("the tag is empty: give the run a name, such as --tag before-index");
  if (std::any_of(tag.begin(), tag.end(), is_unfit_for_a_name)) {
    std::string shown(tag);
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return c != '/' && is_unfit_for_a_name(c); }, '?');
    throw OutputError(fmt::format(
        "the tag \"{}\" cannot be part of a file name: leave out slashes and control characters", shown));
  }
  const auto [utc, milliseconds] = to_utc(time);
  const auto date = fmt::format("{:04}-{:02}-{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
  const auto file =
      fmt::format("{}-{:04}{:02}{:02}T{:02}{:02}{:02}.{:03}Z.{}", tag, utc.tm_year + 1900, utc.tm_mon + 1,
                  utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, milliseconds, extension);
  return std::filesystem::path("results") / date / directory_name(load_test) / file;
}

}  // namespace chaperon::exporting
