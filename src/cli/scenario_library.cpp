#include "cli/scenario_library.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <string_view>

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chaperon/errors.hpp>

#include "base/abi.hpp"
#include "cli/options.hpp"

namespace chaperon::cli {
namespace {

std::string why_not_loaded(const std::string& name, std::string_view reason) {
  std::string_view remedy = "give its C++ file instead, or link what it needs";
  if (reason.find("undefined symbol") != std::string_view::npos) {
    remedy = "link the library that has it: --cxxflags \"-lNAME\"";
  } else if (reason.find("failed to map segment") != std::string_view::npos) {
    remedy = "its file system may forbid execution (noexec): set XDG_CACHE_HOME to a directory on another";
  }
  return fmt::format("{} cannot be loaded: {}: {}", name, reason, remedy);
}

}  // namespace

std::vector<RegisteredLoadTest> load_scenario_library(const std::filesystem::path& file,
                                                      const std::string& name) {
  const auto notes = read_abi_notes(file);
  if (notes.empty()) {
    throw InputError(
        fmt::format("{} is no scenario library: it has no note of Chaperon's ABI: include "
                    "<chaperon/chaperon.hpp> where it is made",
                    name));
  }
  for (const auto& note : notes) {
    if (const auto difference = abi_difference(note, own_abi())) {
      throw InputError(fmt::format(
          "{} does not fit this Chaperon: it was made with {}: compile it again, or give its C++ file", name,
          *difference));
    }
  }

  // Loading a library again registers nothing, so what each one has is remembered.
  static std::mutex mutex;
  static std::map<void*, std::vector<RegisteredLoadTest>> loaded;
  const std::lock_guard lock(mutex);
  const auto before = load_tests().size();
  // Never closed: sessions, results and the registry point into it.
  void* const library =
      dlopen(std::filesystem::absolute(file).c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) throw InputError(why_not_loaded(name, dlerror()));
  const auto& all = load_tests();
  if (all.size() > before)
    loaded[library].assign(all.begin() + static_cast<std::ptrdiff_t>(before), all.end());
  return loaded[library];
}

const RegisteredLoadTest& choose_load_test(const std::vector<RegisteredLoadTest>& load_tests,
                                           const std::string& wanted, const std::string& source,
                                           const std::string& command) {
  std::vector<std::string> names;
  names.reserve(load_tests.size());
  for (const auto& load_test : load_tests)
    names.push_back(load_test.name);
  if (names.empty()) {
    throw InputError(fmt::format(
        "{} defines no load test: add CHAPERON_LOAD_TEST(NAME) at file scope, where NAME is a type "
        "with `static Scenarios scenarios()`",
        source));
  }
  if (wanted.empty()) {
    if (load_tests.size() == 1) return load_tests.front();
    throw InputError(fmt::format("{} has {} load tests: choose one, as in '{} {}'\n  {}", source,
                                 load_tests.size(), command, names.front(), fmt::join(names, "\n  ")));
  }
  const auto found = std::find(names.begin(), names.end(), wanted);
  if (found == names.end()) {
    const auto meant = nearest(wanted, names);
    throw InputError(fmt::format("{} has no load test \"{}\"{}: it has {}", source, wanted,
                                 meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant),
                                 fmt::join(names, ", ")));
  }
  return load_tests[static_cast<std::size_t>(found - names.begin())];
}

}  // namespace chaperon::cli
