// Scenario libraries: shared objects with load tests in them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <chaperon/load_test.hpp>

namespace chaperon::cli {

/// Loads a scenario library, for the rest of the process's life, and returns the load tests in it. None of
/// its code runs before its ABI has been found to fit. `name` is what errors call it. Throws InputError if it
/// has no ABI note, another ABI, or cannot be loaded.
std::vector<RegisteredLoadTest> load_scenario_library(const std::filesystem::path& file,
                                                      const std::string& name);

/// The load test of that name; the only one if `wanted` is empty. `source` is the file's name as the person
/// typed it, `command` how they called it. Throws InputError, with the choices, if there is none, or several
/// and no name.
const RegisteredLoadTest& choose_load_test(const std::vector<RegisteredLoadTest>& load_tests,
                                           const std::string& wanted, const std::string& source,
                                           const std::string& command);

}  // namespace chaperon::cli
