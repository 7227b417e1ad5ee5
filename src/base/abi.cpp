#include "base/abi.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>
#include <type_traits>

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <chaperon/detail/abi.hpp>
#include <chaperon/errors.hpp>

#include "base/files.hpp"

namespace chaperon {
namespace {

using ElfHeader = ElfW(Ehdr);
using Segment = ElfW(Phdr);
using Note = ElfW(Nhdr);

// Reads a T at an offset, or nothing if the content ends before: a damaged file must not lead out of it.
template <class T>
std::optional<T> read_at(std::string_view content, std::uint64_t offset) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (offset > content.size() || content.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, content.data() + offset, sizeof value);
  return value;
}

std::string_view part_of(std::string_view content, std::uint64_t offset, std::uint64_t size) {
  if (offset > content.size() || content.size() - offset < size) return {};
  return content.substr(offset, size);
}

constexpr std::uint64_t padded(std::uint64_t size) {
  return (size + 3) / 4 * 4;
}

// Calls visit(owner, type, description) for each note of a segment.
template <class Visit>
void for_each_note(std::string_view notes, Visit visit) {
  while (const auto note = read_at<Note>(notes, 0)) {
    const auto owner = part_of(notes, sizeof(Note), note->n_namesz);
    const auto description = part_of(notes, sizeof(Note) + padded(note->n_namesz), note->n_descsz);
    visit(owner.substr(0, owner.find('\0')), note->n_type, description);
    const auto size = sizeof(Note) + padded(note->n_namesz) + padded(note->n_descsz);
    if (size >= notes.size()) return;
    notes.remove_prefix(size);
  }
}

std::optional<ElfHeader> elf_header(std::string_view content) {
  const auto header = read_at<ElfHeader>(content, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return std::nullopt;
  return header;
}

// What this very program is for.
ElfHeader own_header() {
  ElfHeader header{};
  std::ifstream self("/proc/self/exe", std::ios::binary);
  self.read(reinterpret_cast<char*>(&header), sizeof header);
  return header;
}

}  // namespace

std::vector<std::string> parse_abi_notes(std::string_view content, const std::string& name) {
  const auto header = elf_header(content);
  if (!header || header->e_phentsize != sizeof(Segment)) {
    throw InputError(
        fmt::format("{} is no shared object: name a C++ file, or a library made from one", name));
  }
  static const ElfHeader own = own_header();
  if (header->e_machine != own.e_machine || header->e_ident[EI_CLASS] != own.e_ident[EI_CLASS] ||
      header->e_type != ET_DYN) {
    throw InputError(fmt::format("{} is no shared object for this kind of machine: compile it here", name));
  }
  std::vector<std::string> texts;
  for (unsigned at = 0; at < header->e_phnum; ++at) {
    const auto segment = read_at<Segment>(content, header->e_phoff + at * sizeof(Segment));
    // The loader maps what is missing without a word, and the process dies of SIGBUS.
    if (segment && segment->p_type == PT_LOAD &&
        (segment->p_offset > content.size() || content.size() - segment->p_offset < segment->p_filesz)) {
      throw InputError(fmt::format("{} is cut short: compile it again, or give its C++ file", name));
    }
    // Notes that are aligned to 8 bytes are laid out in another way; ours are not.
    if (!segment || segment->p_type != PT_NOTE || segment->p_align > 4) continue;
    for_each_note(part_of(content, segment->p_offset, segment->p_filesz),
                  [&](std::string_view owner, unsigned type, std::string_view text) {
                    if (owner != detail::kAbiNoteOwner || type != detail::kAbiNoteType) return;
                    texts.emplace_back(text.substr(0, text.find('\0')));
                  });
  }
  return texts;
}

std::vector<std::string> read_abi_notes(const std::filesystem::path& file) {
  const auto content = read_file(file);
  if (!content) {
    throw InputError(fmt::format("{} cannot be read ({}): check the path and its permissions", file.string(),
                                 std::generic_category().message(errno)));
  }
  return parse_abi_notes(*content, file.string());
}

std::string_view abi_value(std::string_view abi, std::string_view name) {
  while (!abi.empty()) {
    const auto line = abi.substr(0, abi.find('\n'));
    if (line.starts_with(name) && line.substr(name.size()).starts_with('='))
      return line.substr(name.size() + 1);
    if (line.size() == abi.size()) break;
    abi.remove_prefix(line.size() + 1);
  }
  return {};
}

std::optional<std::string> abi_difference(std::string_view theirs, std::string_view ours) {
  std::string difference;
  for (const std::string_view name :
       {"Chaperon", "compiler", "standard library", "nlohmann/json", "fmt", "sanitizer"}) {
    const auto their = abi_value(theirs, name);
    const auto our = abi_value(ours, name);
    if (their == our) continue;
    difference += fmt::format("{}{} {} instead of {}", difference.empty() ? "" : ", ", name,
                              their.empty() ? "unknown" : their, our);
  }
  if (difference.empty()) return std::nullopt;
  return difference;
}

std::string_view own_abi() {
  const std::string_view text(detail::abi_note.text, sizeof detail::abi_note.text);
  return text.substr(0, text.find('\0'));
}

std::string own_build_id() {
  struct Search {
    ElfW(Addr) address;
    std::string id;
  };
  Search search{.address = reinterpret_cast<ElfW(Addr)>(&own_build_id), .id = {}};
  dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void* found) {
        auto& wanted = *static_cast<Search*>(found);
        bool is_ours = false;
        std::string id;
        for (unsigned at = 0; at < object->dlpi_phnum; ++at) {
          const auto& segment = object->dlpi_phdr[at];
          const auto begin = object->dlpi_addr + segment.p_vaddr;
          if (segment.p_type == PT_LOAD) {
            is_ours = is_ours || (wanted.address >= begin && wanted.address < begin + segment.p_memsz);
          }
          if (segment.p_type != PT_NOTE || segment.p_align > 4) continue;
          // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader gives addresses as integers
          for_each_note({reinterpret_cast<const char*>(begin), segment.p_memsz},
                        [&](std::string_view owner, unsigned type, std::string_view description) {
                          if (owner != ELF_NOTE_GNU || type != NT_GNU_BUILD_ID) return;
                          for (const char byte : description) {
                            id += fmt::format("{:02x}", static_cast<unsigned char>(byte));
                          }
                        });
        }
        if (is_ours) wanted.id = std::move(id);
        return is_ours ? 1 : 0;
      },
      &search);
  return search.id;
}

}  // namespace chaperon
