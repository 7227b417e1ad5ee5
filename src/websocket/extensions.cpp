#include "websocket/extensions.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "http/ascii.hpp"

namespace chaperon::websocket {
namespace {

using http::is_token_character;

// Takes what the grammar of the header knows off the front of it, each with the blanks behind it.
class Scanner {
 public:
  explicit Scanner(std::string_view text) noexcept : rest_(text) { skip_blanks(); }

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

  bool take(char c) noexcept {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    skip_blanks();
    return true;
  }

  // Empty if there is none.
  std::string_view take_token() noexcept {
    const auto* end = std::ranges::find_if_not(rest_, is_token_character);
    const std::string_view token = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(token.size());
    skip_blanks();
    return token;
  }

  // A token, in quotes or not, without them; empty if there is none.
  std::string take_value() {
    if (!rest_.starts_with('"')) return std::string(take_token());
    std::string value;
    std::size_t i = 1;
    for (; i < rest_.size() && rest_[i] != '"'; ++i) {
      if (rest_[i] == '\\') ++i;
      if (i == rest_.size() || !is_token_character(rest_[i])) return {};
      value.push_back(rest_[i]);
    }
    if (i == rest_.size()) return {};
    rest_.remove_prefix(i + 1);
    skip_blanks();
    return value;
  }

 private:
  void skip_blanks() noexcept { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

  std::string_view rest_;
};

// The parameters of permessage-deflate, each of which may come once.
class ParameterReading {
 public:
  // Takes one parameter over. Returns what is wrong with it, as the end of a sentence; empty if nothing is.
  std::string take(std::string_view name, const std::optional<std::string>& value) {
    for (Parameter& parameter : parameters_) {
      if (name != parameter.name) continue;
      if (parameter.seen) return fmt::format("the parameter {} twice", name);
      parameter.seen = true;
      return parameter.flag != nullptr ? take_flag(parameter, value) : take_window(parameter, value);
    }
    return fmt::format("the unknown parameter {:?}", name);
  }

  [[nodiscard]] const DeflateParameters& result() const noexcept { return result_; }

 private:
  struct Parameter {
    std::string_view name;
    bool DeflateParameters::*flag = nullptr;
    int DeflateParameters::*window_bits = nullptr;
    bool seen = false;
  };

  std::string take_flag(const Parameter& parameter, const std::optional<std::string>& value) {
    if (value) return fmt::format("the parameter {} with a value, {:?}", parameter.name, *value);
    result_.*parameter.flag = true;
    return {};
  }

  // 8 to 15, without leading zeros.
  std::string take_window(const Parameter& parameter, const std::optional<std::string>& value) {
    constexpr std::array<std::string_view, 8> kBits{"8", "9", "10", "11", "12", "13", "14", "15"};
    constexpr int kFirst = 8;
    if (!value) return fmt::format("the parameter {} without a value", parameter.name);
    const auto* bits = std::ranges::find(kBits, *value);
    if (bits == kBits.end())
      return fmt::format("the parameter {} with {:?}, which is not a number from 8 to 15", parameter.name,
                         *value);
    result_.*parameter.window_bits = kFirst + static_cast<int>(bits - kBits.begin());
    return {};
  }

  DeflateParameters result_{};
  std::array<Parameter, 4> parameters_{{
      {.name = "server_no_context_takeover", .flag = &DeflateParameters::server_no_context_takeover},
      {.name = "client_no_context_takeover", .flag = &DeflateParameters::client_no_context_takeover},
      {.name = "server_max_window_bits", .window_bits = &DeflateParameters::server_max_window_bits},
      {.name = "client_max_window_bits", .window_bits = &DeflateParameters::client_max_window_bits},
  }};
};

// Reads `; name=value` as long as there are any. Returns the end of a sentence, empty if all is well.
std::string take_parameters(Scanner& scanner, DeflateParameters& into) {
  constexpr std::string_view kMalformed = "a parameter that is not \"name\" or \"name=value\"";
  ParameterReading reading;
  while (scanner.take(';')) {
    const std::string_view name = scanner.take_token();
    std::optional<std::string> value;
    if (name.empty()) return std::string(kMalformed);
    if (scanner.take('=')) {
      value = scanner.take_value();
      if (value->empty()) return std::string(kMalformed);
    }
    if (std::string fault = reading.take(name, value); !fault.empty()) return fault;
  }
  into = reading.result();
  return {};
}

}  // namespace

ExtensionsCheck check_extensions(std::string_view list, bool offered) {
  constexpr std::string_view kDeflate = "permessage-deflate";
  const auto wrong = [](std::string_view what) {
    return ExtensionsCheck{.error = fmt::format("its Sec-WebSocket-Extensions has {}", what)};
  };
  ExtensionsCheck check;
  Scanner scanner(list);
  while (!scanner.at_end()) {
    if (scanner.take(',')) continue;
    const std::string_view name = scanner.take_token();
    if (name.empty()) return wrong("an extension without a name");
    if (!offered || name != kDeflate) return wrong(fmt::format("{:?}, which was not offered", name));
    if (check.deflate) return wrong(fmt::format("{} twice", kDeflate));
    if (const std::string fault = take_parameters(scanner, check.deflate.emplace()); !fault.empty())
      return wrong(fault);
    if (!scanner.at_end() && !scanner.take(',')) return wrong("something else than a list of extensions");
  }
  return check;
}

}  // namespace chaperon::websocket
