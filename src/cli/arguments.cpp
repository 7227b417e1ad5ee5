#include "cli/arguments.hpp"

#include <algorithm>
#include <ostream>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "cli/options.hpp"
#include "cli/text_layout.hpp"

namespace chaperon::cli {
namespace {

// What an error calls it: the long name where there is one.
std::string name_of(const CLI::Option& option) {
  if (!option.get_lnames().empty()) return "--" + option.get_lnames().front();
  return option.get_snames().empty() ? option.get_single_name() : "-" + option.get_snames().front();
}

// `-c, --sessions N`, with room for the short name where there is none.
std::string shown_names(const std::string& names, const std::string& value_name) {
  const auto comma = names.find(',');
  const auto shown = comma == std::string::npos ? (names.starts_with("--") ? "    " + names : names)
                                                : names.substr(0, comma) + ", " + names.substr(comma + 1);
  return value_name.empty() ? shown : shown + " " + value_name;
}

}  // namespace

Arguments::Arguments(std::string command, std::string usage, std::string description,
                     std::vector<std::string> examples)
    : command_(std::move(command)),
      usage_(std::move(usage)),
      description_(std::move(description)),
      examples_(std::move(examples)),
      app_(std::make_unique<CLI::App>()) {
  app_->set_help_flag("-h,--help");
}

Arguments::~Arguments() = default;

void Arguments::positional(const std::string& name, std::string& value, bool required,
                           std::string description) {
  not_empty_.push_back(app_->add_option(name, value)->required(required));
  entries_.push_back({.names = name, .description = std::move(description), .positional = true});
}

void Arguments::option(const std::string& names, std::string& value, const std::string& value_name,
                       std::string description) {
  not_empty_.push_back(
      app_->add_option(names, value)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::Throw));
  entries_.push_back({.names = shown_names(names, value_name), .description = std::move(description)});
}

void Arguments::option(const std::string& names, std::optional<std::string>& value,
                       const std::string& value_name, std::string description) {
  app_->add_option_function<std::string>(names, [&value](const std::string& text) { value = text; })
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  entries_.push_back({.names = shown_names(names, value_name), .description = std::move(description)});
}

void Arguments::repeated(const std::string& names, std::vector<std::string>& values,
                         const std::string& value_name, std::string description) {
  // Without allow_extra_args(false) the option would swallow the arguments that follow its value.
  not_empty_.push_back(app_->add_option(names, values)
                           ->expected(1)
                           ->allow_extra_args(false)
                           ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
  entries_.push_back({.names = shown_names(names, value_name), .description = std::move(description)});
}

void Arguments::flag(const std::string& names, bool& value, std::string description) {
  app_->add_flag(names, value);
  entries_.push_back({.names = shown_names(names, {}), .description = std::move(description)});
}

void Arguments::fail(std::string_view problem) const {
  throw InputError(fmt::format("{}: see '{} --help'", problem, command_));
}

// CLI11 takes `--output=` for an option without a value: what it gives is an empty one.
std::vector<std::string> Arguments::with_empty_values(const std::vector<std::string>& arguments) const {
  std::vector<std::string> words;
  bool options = true;
  for (const auto& argument : arguments) {
    options = options && argument != "--";
    const auto name = argument.substr(0, argument.size() - (argument.ends_with('=') ? 1 : 0));
    const bool empty = options && name.size() < argument.size() && name.starts_with("--") &&
                       app_->get_option_no_throw(name) != nullptr;
    words.push_back(empty ? name : argument);
    if (empty) words.emplace_back();
  }
  return words;
}

// CLI11 takes whatever follows an option as its value, `--output --target` would write a file of that name;
// and a value for a flag, which would mean nothing.
void Arguments::check_values(const std::vector<std::string>& arguments) const {
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    if (arguments[at] == "--") return;
    if (!arguments[at].starts_with('-')) continue;
    const auto equals = arguments[at].find('=');
    const auto* option = app_->get_option_no_throw(arguments[at].substr(0, equals));
    if (option == nullptr) continue;
    const bool takes_value = option->get_expected_max() > 0;
    if (!takes_value && equals != std::string::npos)
      fail(fmt::format("option {} takes no value", name_of(*option)));
    if (!takes_value || equals != std::string::npos || at + 1 == arguments.size()) continue;
    if (arguments[at + 1].starts_with('-') && app_->get_option_no_throw(arguments[at + 1]) != nullptr) {
      fail(fmt::format("option {} needs a value, but {} follows", arguments[at], arguments[at + 1]));
    }
    ++at;
  }
}

void Arguments::refuse_empty_values() const {
  for (const auto* option : not_empty_) {
    const auto& values = option->results();
    if (option->count() == 0 || std::find(values.begin(), values.end(), "") == values.end()) continue;
    fail(option->get_positional()
             ? fmt::format("{} is empty", name_of(*option))
             : fmt::format("option {} has an empty value: give it one, or leave it out", name_of(*option)));
  }
}

bool Arguments::parse(const std::vector<std::string>& arguments, Process& process) {
  const auto asks_for_help = [](const std::string& argument) {
    return argument == "-h" || argument == "--help";
  };
  if (std::any_of(arguments.begin(), std::find(arguments.begin(), arguments.end(), "--"), asks_for_help)) {
    *process.out << help() << std::flush;
    return false;
  }
  check_values(arguments);
  try {
    const auto words = with_empty_values(arguments);
    app_->parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ExtrasError&) {
    const auto rest = app_->remaining();
    const auto unexpected = rest.empty() ? std::string() : rest.front();
    if (!unexpected.starts_with('-')) fail(fmt::format("argument \"{}\" is one too many", unexpected));
    std::vector<std::string> known;
    for (const auto* option : app_->get_options()) {
      for (const auto& name : option->get_lnames())
        known.push_back("--" + name);
    }
    const auto meant = nearest(unexpected.substr(0, unexpected.find('=')), known);
    fail(meant.empty() ? fmt::format("unknown option {}", unexpected)
                       : fmt::format("unknown option {} (did you mean {}?)", unexpected, meant));
  } catch (const CLI::RequiredError& error) {
    const std::string missing = error.what();
    fail(fmt::format("{} is missing", missing.substr(0, missing.find(' '))));
  } catch (const CLI::ParseError& error) {
    for (const auto* option : app_->get_options()) {
      if (option->count() > 1 && option->get_items_expected_max() == 1 &&
          option->get_multi_option_policy() == CLI::MultiOptionPolicy::Throw && option->get_type_size() > 0) {
        fail(fmt::format("option {} may be given only once", name_of(*option)));
      }
    }
    if (!arguments.empty() && app_->get_option_no_throw(arguments.back()) != nullptr) {
      fail(fmt::format("option {} needs a value", arguments.back()));
    }
    fail(error.what());
  }
  refuse_empty_values();
  return true;
}

std::string Arguments::help() const {
  constexpr std::size_t kIndent = 28;
  auto text = fmt::format("{}\n\nusage: {} {}\n", description_, command_, usage_);
  const auto section = [&](std::string_view title, bool positional) {
    if (std::none_of(entries_.begin(), entries_.end(),
                     [&](const Entry& e) { return e.positional == positional; }))
      return;
    text += fmt::format("\n{}\n", title);
    for (const auto& entry : entries_) {
      if (entry.positional != positional) continue;
      auto lines = wrapped(entry.description, kColumns - kIndent);
      auto first = "  " + entry.names;
      if (display_width(first) + 2 > kIndent) {
        text += first + "\n";
        first.clear();
      }
      for (const auto& line : lines)
        text += left_aligned(std::exchange(first, {}), kIndent) + line + "\n";
    }
  };
  section("arguments", true);
  section("options", false);
  text += left_aligned("  -h, --help", kIndent) + "this text\n";
  if (!examples_.empty()) text += fmt::format("\nexamples\n  {}\n", fmt::join(examples_, "\n  "));
  return text;
}

}  // namespace chaperon::cli
