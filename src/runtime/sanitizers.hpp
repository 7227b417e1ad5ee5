// Which sanitizer this is compiled with: GCC and Clang tell it in different ways.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define CHAPERON_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHAPERON_ASAN 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define CHAPERON_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CHAPERON_TSAN 1
#endif
#endif
