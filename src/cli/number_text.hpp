// Numbers as the terminal shows them: short, of three digits at most where that is enough.
#pragma once

#include <cstdint>
#include <string>

#include <chaperon/duration.hpp>

namespace chaperon::cli {

/// A count with thousands separators: `184,022`.
std::string count_text(std::uint64_t count);

/// A count and what it counts: `1 session`, `600 sessions`.
std::string count_text(std::uint64_t count, const char* singular, const char* plural);

/// A number per second, without the unit: `0.25`, `16.5`, `328`, `6.1k`, `124k`, `1.2M`.
std::string rate_text(double per_second);

/// A duration in a column: `12 µs`, `4.1 ms`, `31 ms`, `412 ms`, `1.2 s`, `30.2 s`, `2m05s`.
std::string latency_text(double milliseconds);
std::string latency_text(Duration duration);

/// A number without a unit: whole ones as they are, others with up to four digits: `17`, `0.125`, `12,345`,
/// `1.5e+21`.
std::string plain_number_text(double number);

/// Bytes, decimal: `512 B`, `41 kB`, `4.1 MB`.
std::string bytes_text(std::uint64_t bytes);

/// A share as percent: `0%`, `0.46%`, `46%`. It is never rounded to 0 % or 100 % unless it is exactly that.
std::string percent_text(double share);

}  // namespace chaperon::cli
