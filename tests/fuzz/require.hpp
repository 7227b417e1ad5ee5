// The assertion of the fuzz targets.
#pragma once

#include <cstdio>
#include <cstdlib>

/// Ends the process, so that libFuzzer keeps the input, if something that must hold does not.
#define FUZZ_REQUIRE(condition)                                                           \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)
