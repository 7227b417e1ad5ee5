// The version of Chaperon: the one place where it is written. CMake reads it from here.
#pragma once

#define CHAPERON_VERSION_MAJOR 0
#define CHAPERON_VERSION_MINOR 1
#define CHAPERON_VERSION_PATCH 0

#define CHAPERON_STRINGIFY_(x) #x
#define CHAPERON_STRINGIFY(x) CHAPERON_STRINGIFY_(x)
#define CHAPERON_VERSION                     \
  CHAPERON_STRINGIFY(CHAPERON_VERSION_MAJOR) \
  "." CHAPERON_STRINGIFY(CHAPERON_VERSION_MINOR) "." CHAPERON_STRINGIFY(CHAPERON_VERSION_PATCH)

// Public names are visible in libchaperon.so; everything else is hidden.
#define CHAPERON_API __attribute__((visibility("default")))
