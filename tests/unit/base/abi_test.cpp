#include "base/abi.hpp"

#include <cstring>

#include <gmock/gmock.h>

#include <chaperon/detail/abi.hpp>
#include <chaperon/errors.hpp>

#include "support/temp_dir.hpp"

namespace chaperon {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::ThrowsMessage;

TEST(Abi, ThisProgramHasItsOwnNotes) {
  // The test program is itself an ELF file in which every translation unit that includes Chaperon leaves a
  // note.
  const auto notes = read_abi_notes("/proc/self/exe");
  ASSERT_THAT(notes, Not(IsEmpty()));
  EXPECT_THAT(notes, Each(std::string(own_abi())));
}

TEST(Abi, TextNamesVersionAndCompiler) {
  EXPECT_EQ(abi_value(own_abi(), "Chaperon"), CHAPERON_VERSION);
  EXPECT_THAT(std::string(abi_value(own_abi(), "compiler")), testing::MatchesRegex("(GCC|Clang) [0-9]+"));
  EXPECT_EQ(abi_value(own_abi(), "no such line"), "");
  EXPECT_EQ(abi_value("", "compiler"), "");
}

TEST(Abi, DifferencesAreNamed) {
  EXPECT_FALSE(abi_difference(own_abi(), own_abi()));
  EXPECT_EQ(abi_difference("Chaperon=0.1.0\ncompiler=GCC 12\nfmt=90100\n",
                           "Chaperon=0.2.0\ncompiler=GCC 12\nfmt=90100\n"),
            "Chaperon 0.1.0 instead of 0.2.0");
  EXPECT_EQ(abi_difference("compiler=Clang 14\nfmt=1\n", "compiler=GCC 12\nfmt=2\nsanitizer=none\n"),
            "compiler Clang 14 instead of GCC 12, fmt 1 instead of 2, sanitizer unknown instead of none");
}

TEST(Abi, WhatIsNoSharedObjectIsRefused) {
  EXPECT_THAT([] { parse_abi_notes("", "a.so"); },
              ThrowsMessage<InputError>(HasSubstr("a.so is no shared object")));
  EXPECT_THAT([] { parse_abi_notes("#include <chaperon/chaperon.hpp>", "a.so"); },
              ThrowsMessage<InputError>(HasSubstr("a.so is no shared object")));
  EXPECT_THAT([] { read_abi_notes("/nonexistent/a.so"); },
              ThrowsMessage<InputError>(HasSubstr("cannot be read")));
}

TEST(Abi, AnotherMachinesFileIsRefused) {
  auto content = test::read_file("/proc/self/exe");
  content[18] = static_cast<char>(0xF3);  // e_machine: RISC-V
  content[19] = 0;
  EXPECT_THAT([&] { parse_abi_notes(content, "a.so"); },
              ThrowsMessage<InputError>(HasSubstr("this kind of machine")));
}

TEST(Abi, DamagedFilesDoNotLeadOutOfThem) {
  // Cut off at every length that matters, and with each byte of the headers damaged: an error or no notes,
  // never a read beyond the end (the sanitizers would tell).
  const auto whole = test::read_file("/proc/self/exe");
  const auto survives = [](const std::string& content) {
    try {
      parse_abi_notes(content, "a.so");
    } catch (const InputError&) {
    }
  };
  for (std::size_t size = 0; size < 2048; size += 7)
    survives(whole.substr(0, size));
  auto head = whole.substr(0, 4096);
  for (std::size_t at = 4; at < 1024; ++at) {
    const auto original = head[at];
    for (const char damaged : {'\x00', '\xff', '\x7f'}) {
      head[at] = damaged;
      survives(head);
    }
    head[at] = original;
  }
}

TEST(Abi, BuildIdIsHexadecimal) {
  EXPECT_THAT(own_build_id(), testing::MatchesRegex("([0-9a-f]{16,})?"));
}

}  // namespace
}  // namespace chaperon
