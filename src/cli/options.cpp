#include "cli/options.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <numeric>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chaperon/errors.hpp>

#include "base/duration_text.hpp"
#include "base/files.hpp"
#include "base/json.hpp"

namespace chaperon::cli {
namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// RFC 9110, section 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// How many letters have to be inserted, removed or replaced (Wagner and Fischer).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

void apply_config_option(Json& config, std::string_view assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos) {
    throw InputError(
        fmt::format("--config {}: there is no \"=\": write --config {}=VALUE", assignment, assignment));
  }
  const auto key = assignment.substr(0, equals);
  const auto path = split_path(key);
  if (std::any_of(path.begin(), path.end(), [](const std::string& part) { return part.empty(); })) {
    throw InputError(fmt::format(
        "--config {}: the key \"{}\" has an empty part: write it as in --config echo.iterations=10",
        assignment, key));
  }
  const auto text = assignment.substr(equals + 1);
  auto value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) value = std::string(text);
  Json overlay = Json::object();
  set_path(overlay, path, std::move(value));
  deep_merge(config, overlay);
}

Json read_config_file(const std::filesystem::path& file) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) {
    throw InputError(fmt::format("config file {} is a directory: name a JSON file", file.string()));
  }
  const auto content = read_file(file);
  if (!content) {
    throw InputError(fmt::format(
        "config file {} cannot be read ({}): check the path, which counts from the working directory",
        file.string(), std::generic_category().message(errno)));
  }
  Json value;
  try {
    value = Json::parse(*content);
  } catch (const Json::parse_error& failure) {
    throw InputError(fmt::format("config file {} is not JSON: {}", file.string(), failure.what()));
  }
  if (!value.is_object()) {
    throw InputError(
        fmt::format("config file {} holds {}, not an object: write {{\"base_url\": \"http://…\"}}",
                    file.string(), describe(value)));
  }
  return value;
}

Duration duration_option(std::string_view option, std::string_view text) {
  const auto duration = parse_duration(text, 1s);
  if (!duration) {
    throw InputError(fmt::format(
        "{} {}: this is no duration: write 500ms, 10s or 1m30s; a bare number is seconds", option, text));
  }
  if (*duration <= Duration::zero()) {
    throw InputError(fmt::format("{} {}: the duration must be more than zero", option, text));
  }
  return *duration;
}

std::uint64_t number_option(std::string_view option, std::string_view text, std::uint64_t least,
                            std::uint64_t most) {
  const auto number = parse_number(text);
  if (!number || *number < least || *number > most) {
    throw InputError(fmt::format("{} {}: a whole number from {} to {} is needed", option, text, least, most));
  }
  return *number;
}

std::uint64_t positive_option(std::string_view option, std::string_view text, std::uint64_t most) {
  return number_option(option, text, 1, most);
}

std::uint64_t seed_option(std::string_view text) {
  const auto number = parse_number(text);
  if (!number)
    throw InputError(fmt::format("--seed {}: a whole number from 0 to 18446744073709551615 is needed", text));
  return *number;
}

std::size_t stack_size_option(std::string_view text) {
  constexpr std::uint64_t kLeast = std::uint64_t{32} << 10;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 30;
  auto digits = text;
  std::uint64_t unit = 1;
  if (!digits.empty()) {
    const char suffix = digits.back();
    if (suffix == 'k' || suffix == 'K') unit = std::uint64_t{1} << 10;
    if (suffix == 'm' || suffix == 'M') unit = std::uint64_t{1} << 20;
    if (unit != 1) digits.remove_suffix(1);
  }
  const auto number = parse_number(digits);
  if (!number || *number > kMost / unit || *number * unit < kLeast) {
    throw InputError(fmt::format(
        "--stack-size {}: a size from 32k to 1024M is needed, such as 512k; the default is 256k", text));
  }
  return *number * unit;
}

LogLevel log_level_option(std::string_view text) {
  const auto level = parse_log_level(text);
  if (!level)
    throw InputError(fmt::format("--log-level {}: the levels are debug, info, warn, error and off", text));
  return *level;
}

std::vector<std::string> metrics_option(const std::vector<std::string>& lists) {
  std::vector<std::string> names;
  for (const auto& given : lists) {
    std::string_view list = given;
    while (true) {
      const auto comma = list.find(',');
      const auto name = list.substr(0, comma);
      if (name.empty()) {
        throw InputError(
            fmt::format("--metrics {}: one of the names is empty: write --metrics get,call", given));
      }
      names.emplace_back(name);
      if (comma == std::string_view::npos) break;
      list.remove_prefix(comma + 1);
    }
  }
  return names;
}

Header header_option(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    throw InputError(fmt::format("-H \"{}\": there is no colon: write -H \"Accept: text/html\"", text));
  }
  const auto name = text.substr(0, colon);
  if (!is_token(name)) {
    throw InputError(fmt::format(
        "-H \"{}\": \"{}\" is no header name: letters, digits and -_ are, blanks are not", text, name));
  }
  auto value = text.substr(colon + 1);
  while (value.starts_with(' ') || value.starts_with('\t'))
    value.remove_prefix(1);
  while (value.ends_with(' ') || value.ends_with('\t'))
    value.remove_suffix(1);
  const auto forbidden = [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7F; };
  if (std::any_of(value.begin(), value.end(), forbidden)) {
    throw InputError(fmt::format(
        "-H {}: its value holds a line break or another control character, which no header can", name));
  }
  const auto is_framing = [&](std::string_view other) { return lower_case(name) == other; };
  if (is_framing("content-length") || is_framing("transfer-encoding")) {
    throw InputError(fmt::format("-H \"{}\": {} follows from the body: leave it out", text, name));
  }
  return {.name = std::string(name), .value = std::string(value)};
}

std::string method_option(std::string_view text) {
  if (!is_token(text)) {
    throw InputError(fmt::format("-m \"{}\": this is no HTTP method: write -m POST", text));
  }
  constexpr std::array<std::string_view, 7> kKnown{"GET",   "HEAD",   "POST",   "PUT",
                                                   "PATCH", "DELETE", "OPTIONS"};
  std::string capitals(text);
  std::transform(capitals.begin(), capitals.end(), capitals.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (capitals == "CONNECT") {
    throw InputError(
        fmt::format("-m {}: it asks a proxy for a tunnel, which is no request to a URL: write -m GET", text));
  }
  const bool known = std::find(kKnown.begin(), kKnown.end(), capitals) != kKnown.end();
  return known ? capitals : std::string(text);
}

std::vector<std::string> split_words(std::string_view name, std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
      in_word = true;
    } else if (c == '\\' && quote != '\'' && at + 1 < text.size()) {
      word += text[++at];
      in_word = true;
    } else if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) throw InputError(fmt::format("{} {}: a quote is not closed", name, text));
  if (in_word) words.push_back(std::move(word));
  return words;
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain = "_-./,:=@%+";
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80 ||
           kPlain.find(c) != std::string_view::npos;
  });
  if (plain) return std::string(text);
  // Double quotes are easier to read within a sentence.
  if (!text.empty() && text.find_first_of("\"$`\\!") == std::string_view::npos)
    return fmt::format("\"{}\"", text);
  std::string word = "'";
  for (const char c : text)
    word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string nearest(std::string_view text, const std::vector<std::string>& candidates) {
  std::string best;
  // Two slips in a long word, one in a short one.
  std::size_t least = text.size() > 4 ? 3 : 2;
  for (const auto& candidate : candidates) {
    const auto distance = edit_distance(text, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace chaperon::cli
