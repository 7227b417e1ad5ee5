// What options mean: the texts that people give on the command line, turned into values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <chaperon/duration.hpp>
#include <chaperon/http.hpp>
#include <chaperon/json.hpp>

#include "base/log.hpp"

namespace chaperon::cli {

// Each of these throws InputError, which names the option, what is wrong and what to write.

/// Merges `--config KEY=VALUE` into `config`: the value is JSON where it can be, else text; a dot in the key
/// nests.
void apply_config_option(Json& config, std::string_view assignment);

/// The object in a `--config-file`.
Json read_config_file(const std::filesystem::path& file);

/// A duration: `500ms`, `10s`, `1m30s`; a bare number is seconds. More than zero.
Duration duration_option(std::string_view option, std::string_view text);

/// A whole number from `least` to `most`, or from 1.
std::uint64_t number_option(std::string_view option, std::string_view text, std::uint64_t least,
                            std::uint64_t most);
std::uint64_t positive_option(std::string_view option, std::string_view text, std::uint64_t most);

/// A whole number from 0 to 2^64 - 1.
std::uint64_t seed_option(std::string_view text);

/// A size in bytes: `262144`, `256k`, `1M`; from 32 KiB to 1 GiB.
std::size_t stack_size_option(std::string_view text);

/// A level of the log.
LogLevel log_level_option(std::string_view text);

/// Names of actions, from several options of several names each: {"get,call", "post"}.
std::vector<std::string> metrics_option(const std::vector<std::string>& lists);

/// A header `Name: value`.
Header header_option(std::string_view text);

/// An HTTP method: letters, digits and the marks that a token may have. Written in capitals if it is a known
/// one.
std::string method_option(std::string_view text);

/// Words of a text as a shell splits them: blanks separate, quotes and backslashes keep them together. For
/// `--cxxflags` and $CXX. `name` is what an error calls it.
std::vector<std::string> split_words(std::string_view name, std::string_view text);

/// A text as a shell takes it for one word: in quotes where it has blanks or other marks. For commands to
/// copy.
std::string shell_word(std::string_view text);

/// The one of `candidates` that `text` is most likely a misspelling of; empty if none is near.
std::string nearest(std::string_view text, const std::vector<std::string>& candidates);

}  // namespace chaperon::cli
