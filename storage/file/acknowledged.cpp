#include "acknowledged.hpp"

#include "format.hpp"
#include "own_file.hpp"
#include "try.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

#include <vivarium/jute.hpp>

namespace vivarium::file {
namespace {

constexpr std::string_view kMagic = "VVAK";
constexpr std::size_t kSlotBytes = 52;
// Apart, so that no sector or page holds both.
constexpr std::uint64_t kSlotStep = 4096;
constexpr std::uint64_t kSlots = 2;

std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

//     "VVAK", i32 version, i64 sequence, i64 first, i64 end, i64 last, i64 chain, i32 crc32
std::string encode(const Acknowledged& record, std::uint64_t sequence) {
  std::string slot(kMagic);
  append_jute(slot, static_cast<std::int32_t>(kOwnFormat), static_cast<std::int64_t>(sequence),
              record.first.value, static_cast<std::int64_t>(record.end), record.last.value,
              static_cast<std::int64_t>(record.chain));
  append_jute(slot, static_cast<std::int32_t>(crc32(slot)));
  return slot;
}

struct Slot {
  FileState state = FileState::absent;
  std::uint64_t sequence = 0;
  std::uint64_t version = 0;
  Acknowledged record;
};

Slot decode(std::string_view bytes) {
  Slot slot;
  if (bytes.find_first_not_of('\0') == std::string_view::npos) return slot;
  slot.state = FileState::damaged;
  if (bytes.size() < kSlotBytes || !bytes.starts_with(kMagic)) return slot;
  const auto content = bytes.substr(0, kSlotBytes - 4);
  JuteIn in(bytes.substr(kMagic.size(), kSlotBytes - kMagic.size()));
  slot.version = static_cast<std::uint32_t>(in.take<std::int32_t>());
  slot.sequence = static_cast<std::uint64_t>(in.take<std::int64_t>());
  slot.record.first.value = in.take<std::int64_t>();
  slot.record.end = static_cast<std::uint64_t>(in.take<std::int64_t>());
  slot.record.last.value = in.take<std::int64_t>();
  slot.record.chain = static_cast<std::uint64_t>(in.take<std::int64_t>());
  if (static_cast<std::uint32_t>(in.take<std::int32_t>()) == crc32(content))
    slot.state = FileState::whole;
  return slot;
}

/// Of a log: a transaction was acknowledged if and only if some stretch behind the header was.
bool makes_sense(const Acknowledged& record) {
  return (record.last > Zxid{}) == (record.end > kFileHeaderBytes);
}

/// The newer slot that is whole.
Result<Slot> read_record(FileSystem& files, const NamedFile& file) {
  TRY_LET(open, files.open(file.path, OpenMode::read));
  Slot best;
  for (std::uint64_t i = 0; i < kSlots; ++i) {
    std::string bytes(kSlotBytes, '\0');
    TRY_LET(got, open->read_at(i * kSlotStep, bytes.data(), bytes.size()));
    Slot slot = decode(std::string_view(bytes).substr(0, got));
    if (slot.state == FileState::whole && slot.version > kOwnFormat)
      return newer_format(file.path, slot.version);
    if (slot.state == FileState::whole && slot.record.first != file.zxid)
      slot.state = FileState::damaged;
    const bool better = slot.state > best.state ||
                        (slot.state == best.state && slot.sequence > best.sequence);
    if (better) best = slot;
  }
  return best;
}

Damage unreadable(const std::string& path) {
  return {path, 0, {}, path +
              " is damaged: how far its log was acknowledged is judged by the log alone, and the "
              "record is written anew",
          true};
}

enum class Of : std::uint8_t { logs, snapshots };

Result<void> read_records(FileSystem& files, const std::vector<NamedFile>& named, Of which,
                          std::map<Zxid, Acknowledged>& into, AcknowledgedRecords& all) {
  for (const NamedFile& file : named) {
    TRY_LET(slot, read_record(files, file));
    if (which == Of::logs && slot.state == FileState::whole && !makes_sense(slot.record))
      slot.state = FileState::damaged;
    if (slot.state == FileState::whole) into[file.zxid] = slot.record;
    if (slot.state == FileState::damaged) all.damage.push_back(unreadable(file.path));
    if (slot.state != FileState::whole) all.blank.push_back(file.path);
  }
  return {};
}

Result<void> remove_above(FileSystem& files, const std::vector<NamedFile>& named, Zxid zxid) {
  for (const NamedFile& file : named)
    if (file.zxid > zxid) TRY(files.remove(file.path));
  return {};
}

Result<void> write_slot(FileSystem& files, const Directories& directories,
                        const std::string& name, const Acknowledged& record) {
  return replace_file(files, directories.acknowledged(), name, encode(record, 1));
}

}  // namespace

Chain::Chain(Zxid first) : value_(mixed(static_cast<std::uint64_t>(first.value))) {}

void Chain::add(std::uint64_t offset, const RecordPrefix& prefix) {
  const auto length = static_cast<std::uint32_t>(prefix.length);
  value_ = mixed(value_ + offset);
  value_ = mixed(value_ ^ (prefix.checksum << 32 | length));
}

Result<std::unique_ptr<AcknowledgedWriter>> AcknowledgedWriter::begin(
    FileSystem& files, const Directories& directories, Zxid first) {
  TRY_LET(file, files.open(directories.acknowledged_log_path(first), OpenMode::create_empty));
  TRY(file->allocate(kSlots * kSlotStep));
  return std::unique_ptr<AcknowledgedWriter>(new AcknowledgedWriter(std::move(file)));
}

Result<void> AcknowledgedWriter::write(const Acknowledged& acknowledged) {
  ++sequence_;
  return file_->write_at(sequence_ % kSlots * kSlotStep, encode(acknowledged, sequence_));
}

Result<void> AcknowledgedWriter::sync() { return file_->sync(); }

Result<void> sync_acknowledged(FileSystem& files, const Directories& directories, Zxid first,
                               RecordName name) {
  const auto file = files.open(directories.acknowledged_log_path(first), OpenMode::read_write);
  if (file.has_error() && file.error().is(Errc::not_found)) return {};
  if (file.has_error()) return file.error();
  TRY((*file)->sync());
  return name == RecordName::fresh ? files.sync_directory(directories.acknowledged())
                                   : Result<void>();
}

Result<AcknowledgedRecords> read_acknowledged(FileSystem& files, const Directories& directories) {
  AcknowledgedRecords all;
  TRY_LET(logs, directories.list_acknowledged_logs(files));
  TRY_LET(snapshots, directories.list_acknowledged_snapshots(files));
  TRY(read_records(files, logs, Of::logs, all.logs, all));
  TRY(read_records(files, snapshots, Of::snapshots, all.snapshots, all));
  return all;
}

Result<void> write_acknowledged(FileSystem& files, const Directories& directories,
                                const Acknowledged& acknowledged) {
  const std::string path = directories.acknowledged_log_path(acknowledged.first);
  return write_slot(files, directories, path.substr(path.rfind('/') + 1), acknowledged);
}

Result<void> forget_acknowledged_above(FileSystem& files, const Directories& directories,
                                       Zxid zxid) {
  TRY_LET(logs, directories.list_acknowledged_logs(files));
  TRY(remove_above(files, logs, zxid));
  TRY_LET(snapshots, directories.list_acknowledged_snapshots(files));
  TRY(remove_above(files, snapshots, zxid));
  return files.sync_directory(directories.acknowledged());
}

Result<void> acknowledge_snapshot_only(FileSystem& files, const Directories& directories,
                                       Zxid zxid) {
  TRY_LET(snapshots, directories.list_acknowledged_snapshots(files));
  for (const NamedFile& other : snapshots)
    if (other.zxid != zxid) TRY(files.remove(other.path));
  TRY_LET(logs, directories.list_acknowledged_logs(files));
  TRY(remove_above(files, logs, Zxid{-1}));
  const std::string path = directories.snapshot_path(zxid, Compression::none);
  return write_slot(files, directories, path.substr(path.rfind('/') + 1), {zxid, 0, zxid, 0});
}

}  // namespace vivarium::file
