// The arguments of one command: declared once, for parsing and for --help.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/process.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): the library is called so
class App;
class Option;
}  // namespace CLI

namespace chaperon::cli {

/// Declares a command's arguments, parses them, and writes its help. All values are kept as text: what they
/// mean is decided in options.hpp, with errors that say what to write.
class Arguments {
 public:
  /// `command` is what the person types, such as `chaperon run`; `usage` what follows it; `examples` are
  /// whole lines.
  Arguments(std::string command, std::string usage, std::string description,
            std::vector<std::string> examples);
  ~Arguments();
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  /// A positional argument. The variables of all these must outlive parse().
  void positional(const std::string& name, std::string& value, bool required, std::string description);
  /// An option with a value, given at most once: `names` as in `-c,--sessions`, `value_name` as in `N`. An
  /// empty value is refused: it would be taken for an option not given.
  void option(const std::string& names, std::string& value, const std::string& value_name,
              std::string description);
  /// An option with a value that may be empty; nothing if it is not given.
  void option(const std::string& names, std::optional<std::string>& value, const std::string& value_name,
              std::string description);
  /// An option with a value, not empty, that may be given several times.
  void repeated(const std::string& names, std::vector<std::string>& values, const std::string& value_name,
                std::string description);
  /// An option without a value.
  void flag(const std::string& names, bool& value, std::string description);

  /// Parses what follows the command. Returns false if help was asked for and has been written to
  /// process.out. Throws InputError for an unknown option (with the one that was probably meant), a missing
  /// or empty value, a missing argument.
  [[nodiscard]] bool parse(const std::vector<std::string>& arguments, Process& process);

  /// The help text.
  [[nodiscard]] std::string help() const;

 private:
  struct Entry {
    std::string names;
    std::string description;
    bool positional = false;
  };

  [[noreturn]] void fail(std::string_view problem) const;
  void check_values(const std::vector<std::string>& arguments) const;
  [[nodiscard]] std::vector<std::string> with_empty_values(const std::vector<std::string>& arguments) const;
  void refuse_empty_values() const;

  std::string command_, usage_, description_;
  std::vector<std::string> examples_;
  std::vector<Entry> entries_;
  std::vector<const CLI::Option*> not_empty_;  // whose values must not be
  std::unique_ptr<CLI::App> app_;
};

}  // namespace chaperon::cli
