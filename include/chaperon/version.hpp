/// @file
/// The version of Chaperon: the one place where it is written. CMake reads it from here.
#pragma once

/// While it is 0, a minor version may change the API and the ABI.
#define CHAPERON_VERSION_MAJOR 0
/// Grows with each release that brings something new.
#define CHAPERON_VERSION_MINOR 1
/// Grows with each release that only mends.
#define CHAPERON_VERSION_PATCH 0

#define CHAPERON_STRINGIFY_(x) #x
/// What x expands to, as text.
#define CHAPERON_STRINGIFY(x) CHAPERON_STRINGIFY_(x)
/// The version as text: "0.1.0".
#define CHAPERON_VERSION                     \
  CHAPERON_STRINGIFY(CHAPERON_VERSION_MAJOR) \
  "." CHAPERON_STRINGIFY(CHAPERON_VERSION_MINOR) "." CHAPERON_STRINGIFY(CHAPERON_VERSION_PATCH)

/// Public names are visible in libchaperon.so; everything else is hidden.
#define CHAPERON_API __attribute__((visibility("default")))
