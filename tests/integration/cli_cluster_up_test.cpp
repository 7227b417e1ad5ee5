// `chaperon cluster up`, as somebody tries it.
#include <csignal>
#include <fstream>
#include <regex>
#include <sstream>

#include <gmock/gmock.h>

#include "cli_fixture.hpp"

namespace chaperon::cli_test {
