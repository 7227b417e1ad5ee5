#include <cerrno>
#include <ostream>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chaperon/errors.hpp>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/starter_file.hpp"

namespace chaperon::cli {
namespace {

// Never replaces a file, not even one that appears in the meantime.
void write_new_file(const std::string& file, std::string_view text) {
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0 && errno == EEXIST) {
    throw InputError(fmt::format("{} exists: choose another name or remove it", file));
  }
  if (descriptor < 0) {
    throw InputError(fmt::format("{} cannot be written ({}): go to a directory that you can write", file,
                                 std::generic_category().message(errno)));
  }
  ssize_t written = 0;
  while (written >= 0 && !text.empty()) {
    written = write(descriptor, text.data(), text.size());
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  const int error = errno;
  close(descriptor);
  if (!text.empty()) {
    unlink(file.c_str());
    throw InputError(fmt::format("{} cannot be written ({}): make room, or go to another directory", file,
                                 std::generic_category().message(error)));
  }
}

}  // namespace

ExitCode new_command(Process& process, const std::vector<std::string>& words) {
  Arguments arguments("chaperon new", "NAME",
                      "Writes NAME.cpp: a scenario and a load test to begin with, which runs as it is.",
                      {"chaperon new shop", "chaperon run shop.cpp --target"});
  std::string name;
  arguments.positional("NAME", name, true, "letters, digits, - and _, beginning with a letter");
  if (!arguments.parse(words, process)) return ExitCode::passed;

  if (name.ends_with(".cpp")) name.resize(name.size() - 4);
  if (camel_case(name).empty()) {
    throw InputError(fmt::format(
        "\"{}\" is no name for a scenario file: use letters, digits, - and _, beginning with a letter, as in "
        "'chaperon new shop'",
        name));
  }
  const auto file = name + ".cpp";
  write_new_file(file, starter_file(name));
  *process.out << fmt::format(
                      "wrote {0}: one scenario, one load test, 10 users\n\n"
                      "  try it    chaperon run {0} --target      against the built-in server\n"
                      "  yours     chaperon run {0} --base-url http://localhost:8080\n",
                      file)
               << std::flush;
  return ExitCode::passed;
}

}  // namespace chaperon::cli
