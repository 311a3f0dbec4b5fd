#include "kernel/host/elf_file.hpp"

#include "kernel/host/posix_file_system.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include <boost/dll/library_info.hpp>
#include <elf.h>
#include <fmt/format.h>

namespace vivarium {
namespace {

#if defined(__x86_64__)
constexpr std::uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kMachine = EM_AARCH64;
#else
#error "Say here which ELF machine this is."
#endif

Error complaint(std::string what) { return Error(Errc::corrupt, std::move(what)); }

/// The header, or why it is not one of a shared library for this machine.
Result<Elf64_Ehdr> read_header(File& file) {
  Elf64_Ehdr header{};
  const auto size = file.read_at(0, reinterpret_cast<char*>(&header), sizeof header);
  if (!size) return size.error();
  if (*size < SELFMAG || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return complaint("is not a shared library (no ELF magic at its start); want one that "
                     "vivarium_plugin() of the CMake package built");
  if (*size < sizeof header) return complaint("ends within its ELF header; copy or build it again");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != kMachine)
    return complaint(fmt::format("is for another kind of machine (ELF machine {}, want {}); build it "
                                 "for this one",
                                 header.e_machine, kMachine));
  if (header.e_type != ET_DYN || header.e_phentsize != sizeof(Elf64_Phdr))
    return complaint(fmt::format("is no shared library (ELF type {}, want {}); build it as a MODULE",
                                 header.e_type, ET_DYN));
  return header;
}

/// Does `count` times `each` bytes at `offset` lie within the file?
bool within(std::uint64_t size, std::uint64_t offset, std::uint64_t count, std::uint64_t each) {
  return offset <= size && (each == 0 || count <= (size - offset) / each);
}

/// The end of what the headers speak of, as far as it lies beyond the file: 0 when all is there.
Result<bool> is_whole(File& file, const Elf64_Ehdr& header, std::uint64_t size) {
  if (!within(size, header.e_phoff, header.e_phnum, sizeof(Elf64_Phdr)) ||
      !within(size, header.e_shoff, header.e_shnum, header.e_shentsize))
    return false;
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  const auto read = file.read_at(header.e_phoff, reinterpret_cast<char*>(segments.data()),
                                 segments.size() * sizeof(Elf64_Phdr));
  if (!read) return read.error();
  return std::all_of(segments.begin(), segments.end(), [&](const Elf64_Phdr& segment) {
    return within(size, segment.p_offset, 1, segment.p_filesz);
  });
}

}  // namespace

Result<void> check_shared_library(const std::string& path) {
  auto file = PosixFileSystem().open(path, OpenMode::read);
  if (!file) return complaint("cannot be read: " + file.error().what);
  const auto header = read_header(**file);
  if (!header) return header.error();
  const auto size = (*file)->size();
  if (!size) return size.error();
  const auto whole = is_whole(**file, *header, *size);
  if (!whole) return whole.error();
  if (!*whole)
    return complaint(fmt::format("is truncated (it has {} bytes, and its headers speak of more); copy "
                                 "or build it again",
                                 *size));
  return {};
}

Result<bool> exports_symbol(const std::string& path, std::string_view symbol) {
  try {
    const auto symbols = boost::dll::library_info(path).symbols();
    return std::find(symbols.begin(), symbols.end(), symbol) != symbols.end();
  } catch (const std::exception& error) {
    return complaint(fmt::format("has no readable list of symbols ({}); build it again", error.what()));
  }
}

}  // namespace vivarium
