#include "cluster/submission_json.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "base/json.hpp"
#include "base/json_bytes.hpp"

namespace chaperon::cluster {
namespace {

constexpr std::size_t kLongestName = 128;
constexpr std::size_t kMostTags = 20;
constexpr std::size_t kLongestTag = 64;
constexpr std::string_view kDefaultFileName = "scenario.cpp";
constexpr std::array<std::string_view, 3> kSources{".cpp", ".cc", ".cxx"};

std::string text_at(std::string_view key, const Json& value) {
  if (!value.is_string())
    throw LoadTestRefused(fmt::format("\"{}\" is {}: it must be a string", key, describe(value)));
  if (value.get_ref<const std::string&>().empty())
    throw LoadTestRefused(fmt::format("\"{}\" is empty: leave it out, or write something", key));
  return value.get<std::string>();
}

WantedLoadTest wanted_load_test(const Json& json) {
  if (!json.is_object()) {
    throw LoadTestRefused(fmt::format(
        R"(a load test is {}: it must be an object such as {{"name": "shop"}} or {{"file": "C++ source"}})",
        describe(json)));
  }
  WantedLoadTest wanted;
  for (const auto& [key, value] : json.items()) {
    if (key == "name") {
      wanted.name = text_at(key, value);
      if (!is_known_name(wanted.name)) {
        throw LoadTestRefused(fmt::format(
            "\"name\" is {}: it must be of letters, digits, -, _ and ., and begin with none of the marks",
            describe(value)));
      }
    } else if (key == "file") {
      wanted.source = text_at(key, value);
    } else if (key == "file_name") {
      wanted.file_name = text_at(key, value);
    } else if (key == "load_test") {
      wanted.load_test = text_at(key, value);
    } else if (key == "tags") {
      if (!value.is_array())
        throw LoadTestRefused(fmt::format("\"tags\" is {}: it must be an array of strings", describe(value)));
      for (const auto& tag : value) {
        if (!tag.is_string())
          throw LoadTestRefused(
              fmt::format("\"tags\" has {}: it must be an array of strings", describe(tag)));
        wanted.tags.push_back(tag.get<std::string>());
      }
      require_tags(wanted.tags);
    } else if (key == "options") {
      wanted.options = load_test_options(value);
      require_usable(wanted.options);
    } else {
      throw LoadTestRefused(fmt::format(
          "there is no key \"{}\": the keys are file, file_name, name, load_test, tags and options", key));
    }
  }
  if (wanted.name.empty() == wanted.source.empty())
    throw LoadTestRefused(R"(give either "file", C++ source, or "name", of a file known to the master)");
  if (!wanted.name.empty() && !wanted.file_name.empty())
    throw LoadTestRefused(R"("file_name" belongs to "file": leave it out where "name" is given)");
  if (wanted.name.empty()) {
    if (wanted.file_name.empty()) wanted.file_name = kDefaultFileName;
    const auto ends = [&](std::string_view end) { return wanted.file_name.ends_with(end); };
    if (!is_known_name(wanted.file_name) || std::ranges::none_of(kSources, ends)) {
      throw LoadTestRefused(fmt::format(
          "\"file_name\" is {}: it must be the name of a C++ file without directories, such as shop.cpp",
          describe(wanted.file_name)));
    }
  }
  return wanted;
}

}  // namespace

bool is_known_name(std::string_view text) noexcept {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= kLongestName && is_letter(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return is_letter(c) || c == '-' || c == '_' || c == '.'; });
}

void require_tags(const std::vector<std::string>& tags) {
  if (tags.size() > kMostTags)
    throw InputError(fmt::format("there are {} tags, and at most {} are kept", tags.size(), kMostTags));
  for (const auto& tag : tags) {
    const bool controls =
        std::ranges::any_of(tag, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
    if (tag.empty() || tag.size() > kLongestTag || controls)
      throw InputError(
          fmt::format("the tag {} cannot be kept: it must have 1 to {} characters and no control "
                      "characters",
                      describe(tag), kLongestTag));
  }
}

std::vector<WantedLoadTest> wanted_load_tests(std::string_view body) {
  const auto json = parse_json(body);
  std::vector<WantedLoadTest> wanted;
  try {
    if (!json.is_array()) {
      wanted.push_back(wanted_load_test(json));
      return wanted;
    }
    if (json.empty() || json.size() > kMostWanted)
      throw LoadTestRefused(
          fmt::format("the array has {} load tests: it must have 1 to {}", json.size(), kMostWanted));
    for (const auto& one : json) {
      try {
        wanted.push_back(wanted_load_test(one));
      } catch (const std::runtime_error& error) {
        throw LoadTestRefused(
            fmt::format("load test {} of {}: {}", wanted.size() + 1, json.size(), error.what()));
      }
    }
  } catch (const InputError& error) {
    throw LoadTestRefused(error.what());
  }
  return wanted;
}

}  // namespace chaperon::cluster
