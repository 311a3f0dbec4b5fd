#include "tests/fuzz/mutation.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "storage/file/format.hpp"
#include "storage/file/own_file.hpp"
#include "tests/fuzz/log_parts.hpp"
#include "tests/fuzz/packing.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/fuzz/transactions.hpp"

namespace vivarium::fuzz {
namespace {

constexpr std::size_t kGrowthMax = 64;
constexpr std::size_t kSectorBytes = 512;
constexpr std::array<std::int64_t, 9> kZxids = {
    0, 1, 2, 10, 0x100000000, 0x100000001, 0x200000000, INT64_MAX, -1};

/// An index into something of `size` elements, which has some.
std::size_t below(std::size_t size, Chance& chance) { return chance() % size; }

std::int64_t next_of(std::int64_t zxid) { return Zxid{zxid}.next().value; }

/// A zxid that may well follow `zxid`.
std::int64_t some_next(std::int64_t zxid, Chance& chance) {
  switch (chance() % 8) {
    case 0: return Zxid::of({Zxid{zxid}.epoch().value + 1}, 1).value;
    case 1: return Zxid::of({Zxid{zxid}.epoch().value + 1}, 0).value;
    case 2: return zxid;
    case 3: return kZxids[below(kZxids.size(), chance)];
    default: return next_of(zxid);
  }
}

// --- logs ----------------------------------------------------------------------------------------

void renumber(std::vector<std::string>& payloads, std::size_t from, std::int64_t zxid) {
  for (auto at = from; at < payloads.size(); ++at, zxid = next_of(zxid))
    set_zxid(payloads[at], zxid);
}

void change_payload(std::string& payload, Chance& chance) {
  constexpr auto kHeader = file::kTxnHeaderBytes;
  payload = payload.substr(0, kHeader) +
            mutate_bytes(payload.substr(kHeader), payload.size() - kHeader + kGrowthMax, chance);
}

void change_header(std::string& payload, Chance& chance) {
  if (chance() % 2 == 0) return set_zxid(payload, some_next(zxid_of(payload), chance));
  if (chance() % 2 == 0) return set_type(payload, static_cast<std::int32_t>(chance() % 30) - 12);
  payload = mutate_bytes(payload.substr(0, file::kTxnHeaderBytes), file::kTxnHeaderBytes, chance)
                .append(payload, file::kTxnHeaderBytes);
  payload.resize(std::max(payload.size(), file::kTxnHeaderBytes));
}

void append_transaction(std::vector<std::string>& payloads, Chance& chance) {
  const std::int64_t last = payloads.empty() ? 0 : zxid_of(payloads.back());
  payloads.push_back(some_transaction(some_next(last, chance), chance));
}

void insert_transaction(std::vector<std::string>& payloads, std::size_t at, Chance& chance) {
  const auto zxid = zxid_of(payloads[at]);
  payloads.insert(payloads.begin() + static_cast<std::ptrdiff_t>(at),
                  some_transaction(zxid, chance));
  renumber(payloads, at, zxid);
}

void change_records(std::vector<std::string>& payloads, Chance& chance) {
  if (payloads.empty()) return append_transaction(payloads, chance);
  const auto at = below(payloads.size(), chance);
  const auto place = payloads.begin() + static_cast<std::ptrdiff_t>(at);
  switch (chance() % 9) {
    case 0: return change_payload(*place, chance);
    case 1: return change_header(*place, chance);
    case 2: return void(payloads.insert(place, *place));
    case 3: return void(payloads.erase(place));
    case 4: return std::swap(*place, payloads[below(payloads.size(), chance)]);
    case 5: return renumber(payloads, at, zxid_of(payloads[at]));
    case 6: return insert_transaction(payloads, at, chance);
    case 7: *place = some_transaction(zxid_of(*place), chance); return;
    default: return append_transaction(payloads, chance);
  }
}

/// Puts the records behind some one into a file of their own, named by the first of them.
void split(Image& image, std::size_t which, Chance& chance) {
  auto parts = LogParts::of(image.files[which].content);
  if (parts.payloads.empty()) return;
  const auto middle =
      parts.payloads.begin() + static_cast<std::ptrdiff_t>(below(parts.payloads.size(), chance));
  LogParts behind{parts.header, {middle, parts.payloads.end()}, parts.rest};
  parts.payloads.erase(middle, parts.payloads.end());
  parts.rest.clear();
  ImageFile added{log_name(zxid_of(behind.payloads.front())), behind.content(),
                  std::exchange(image.files[which].zeros, 0)};
  image.files[which].content = parts.content();
  image.files.push_back(std::move(added));
}

/// As a crash, or a disk, leaves a file. Checksums do not follow.
void damage(ImageFile& file, Chance& chance) {
  if (file.content.empty()) return;
  const auto at = below(file.content.size(), chance);
  switch (chance() % 5) {
    case 0: return file.content.resize(at);
    case 1: return void(file.zeros = chance() % (std::size_t{1} << 17));
    case 2: {
      const auto sector = at / kSectorBytes * kSectorBytes;
      const auto size = std::min(kSectorBytes, file.content.size() - sector);
      return void(file.content.replace(sector, size, size, '\0'));
    }
    case 3:
      file.content.resize(at);
      file.zeros = chance() % (std::size_t{1} << 17);
      return;
    default: file.content[at] = static_cast<char>(file.content[at] ^ (1 << chance() % 8));
  }
}

void change_log(Image& image, std::size_t which, Chance& chance) {
  ImageFile& file = image.files[which];
  if (chance() % 8 == 0) return damage(file, chance);
  if (chance() % 8 == 0) return split(image, which, chance);
  auto parts = LogParts::of(file.content);
  if (chance() % 10 == 0)
    parts.rest = mutate_bytes(parts.rest, parts.rest.size() + kGrowthMax, chance);
  else
    change_records(parts.payloads, chance);
  file.content = parts.content();
  if (chance() % 8 == 0 && !parts.payloads.empty())
    file.name = log_name(zxid_of(parts.payloads.front()));
}

// --- snapshots -----------------------------------------------------------------------------------

constexpr std::string_view kBodyEnd("\0\0\0\1/", 5);

void insert_node(std::string& body, Chance& chance) {
  const auto end = body.ends_with(kBodyEnd) ? body.size() - kBodyEnd.size() : body.size();
  body.insert(end, some_node(chance));
}

/// The same snapshot in another kind of file.
void repack(ImageFile& file, Chance& chance) {
  const auto before = file::compression_of(file.name);
  const auto after = file::kCompressions[below(file::kCompressions.size(), chance)];
  file.name.resize(file.name.size() - file::suffix_of(before).size());
  file.name += file::suffix_of(after);
  file.content = packed(unpacked(file.content, before), after);
}

void change_snapshot(ImageFile& file, Chance& chance) {
  if (chance() % 10 == 0) return damage(file, chance);
  if (chance() % 10 == 0)
    return repack(file, chance);
  const auto compression = file::compression_of(file.name);
  if (compression != file::Compression::none && chance() % 4 == 0) {
    file.content = mutate_bytes(file.content, file.content.size() + kGrowthMax, chance);
    return;
  }
  auto parts = SnapshotParts::of(unpacked(file.content, compression));
  if (chance() % 4 == 0)
    insert_node(parts.body, chance);
  else
    parts.body = mutate_bytes(parts.body, parts.body.size() + kGrowthMax, chance);
  const auto trailers =
      static_cast<SnapshotParts::Trailers>(chance() % SnapshotParts::kTrailersCount);
  const auto zxid = kZxids[below(kZxids.size(), chance)];
  file.content = packed(parts.content(trailers, zxid, chance()), compression);
}

// --- epochs and the rest -------------------------------------------------------------------------

constexpr std::array<std::string_view, 14> kEpochTexts = {
    "0",  "1",  "2\n",   "007", "-1",        "+1", "", "9223372036854775807", "9223372036854775808",
    "1 ", " 1", "1\r\n", "0x1", "2147483648"};

void change_text(ImageFile& file, Chance& chance) {
  if (chance() % 3 == 0)
    file.content = kEpochTexts[below(kEpochTexts.size(), chance)];
  else
    file.content = mutate_bytes(file.content, file.content.size() + kGrowthMax, chance);
}

constexpr std::array<std::string_view, 8> kOwnLines = {"vivarium epochs 1", "vivarium identity 1",
                                                       "vivarium format 2", "accepted 7",
                                                       "current none",      "vote no",
                                                       "server 3",          "directory 0"};

/// Changes, adds or removes a line of one of our own files, under the right checksum.
void change_own_file(ImageFile& file, Chance& chance) {
  auto& text = file.content;
  const auto line = text.empty() ? 0 : text.find('\n', chance() % text.size());
  const auto at = std::min(line, text.size());
  const auto size = text.find('\n', at + 1) - at;
  switch (chance() % 4) {
    case 0: return void(file.content = resealed_own_file(text.erase(at, size)));
    case 1: text.insert(at, "\n" + std::string(kOwnLines[below(kOwnLines.size(), chance)])); break;
    default: text = mutate_bytes(text, text.size() + kGrowthMax, chance);
  }
  file.content = resealed_own_file(text);
}

void change_record(ImageFile& file, Chance& chance) {
  auto& content = file.content;
  content.append(std::exchange(file.zeros, 0), '\0');
  const auto slot = chance() % 2 * kRecordSlotStep;
  if (chance() % 4 == 0 || content.size() < slot + kRecordSlotBytes) return damage(file, chance);
  auto fields = mutate_bytes(content.substr(slot, kRecordSlotBytes), kRecordSlotBytes, chance);
  fields.resize(kRecordSlotBytes);
  content = resealed_record(content.replace(slot, kRecordSlotBytes, fields));
}

/// Lets the manifest list the files as they are.
void list_in_manifest(Image& image) {
  for (ImageFile& manifest : image.files) {
    if (!is_manifest(manifest)) continue;
    auto text = manifest.content.substr(0, manifest.content.find("\nfile ") + 1);
    for (const ImageFile& file : image.files) {
      if (is_manifest(file)) continue;
      const auto whole = file.content + std::string(file.zeros, '\0');
      text += "file " + std::to_string(whole.size()) + " " + hex(file::crc32(whole)) + " " +
              file.name + "\n";
    }
    manifest.content = resealed_manifest(text);
  }
}

void change_manifest(ImageFile& file, Chance& chance) {
  const auto text = mutate_bytes(file.content, file.content.size() + kGrowthMax, chance);
  file.content = chance() % 8 == 0 ? text : resealed_manifest(text);
}

constexpr std::array<std::string_view, 13> kNames = {"version-2/currentEpoch",
                                                     "version-2/acceptedEpoch",
                                                     "version-2/currentEpoch.tmp",
                                                     "version-2/log.0",
                                                     "version-2/snapshot.0",
                                                     "version-2/unfinished.snapshot.5",
                                                     "vivarium/change",
                                                     "vivarium/lock",
                                                     "version-2/log.00000000000000001",
                                                     "vivarium/epochs",
                                                     "vivarium/identity",
                                                     "vivarium/acknowledged/log.1",
                                                     "myid"};

void change_files(Image& image, Chance& chance) {
  const auto which = below(image.files.size(), chance);
  ImageFile& file = image.files[which];
  switch (chance() % 6) {
    case 0:
      return void(image.files.erase(image.files.begin() + static_cast<std::ptrdiff_t>(which)));
    case 1: return void(image.files.push_back(ImageFile(file)));
    case 2: return void(file.name = kNames[below(kNames.size(), chance)]);
    case 3: return void(file.name = log_name(kZxids[below(kZxids.size(), chance)]));
    case 4: return void(file.name = snapshot_name(kZxids[below(kZxids.size(), chance)]));
    default:
      image.files.push_back({std::string(kNames[below(3, chance)]),
                             std::string(kEpochTexts[below(kEpochTexts.size(), chance)]), 0});
  }
}

bool in_focus(const ImageFile& file, Focus focus) {
  switch (focus) {
    case Focus::logs: return is_log(file) || is_record(file);
    case Focus::snapshots: return is_snapshot(file);
    case Focus::backups: return true;
    case Focus::epochs: return !is_log(file) && !is_snapshot(file) && !is_record(file);
  }
  return false;
}

void change_content(Image& image, std::size_t which, Chance& chance) {
  ImageFile& file = image.files[which];
  if (is_log(file)) return change_log(image, which, chance);
  if (is_snapshot(file)) return change_snapshot(file, chance);
  if (is_record(file)) return change_record(file, chance);
  if (is_manifest(file)) return change_manifest(file, chance);
  const bool ours = file.content.starts_with("vivarium ");
  ours ? change_own_file(file, chance) : change_text(file, chance);
}

}  // namespace

std::string mutate_bytes(std::string bytes, std::size_t bytes_max, Chance&) {
  const auto size = bytes.size();
  bytes.resize(std::max(bytes_max, size));
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), size, bytes.size()));
  return bytes;
}

void mutate(Image& image, Focus focus, Chance& chance) {
  if (image.files.empty()) return image.files.push_back({log_name(1), file::log_header(), 0});
  if (chance() % 8 == 0) return change_files(image, chance);
  std::vector<std::size_t> candidates;
  for (std::size_t which = 0; which < image.files.size(); ++which)
    if (in_focus(image.files[which], focus)) candidates.push_back(which);
  if (candidates.empty() || chance() % 8 == 0)
    return change_content(image, below(image.files.size(), chance), chance);
  change_content(image, candidates[below(candidates.size(), chance)], chance);
}

Image crossed(const Image& a, const Image& b, Chance& chance) {
  Image both;
  for (const Image* one : {&a, &b})
    for (const ImageFile& file : one->files)
      if (chance() % 2 == 0) both.files.push_back(file);
  return both;
}

namespace {

std::string_view view(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// As much of the image as there is room for.
std::size_t write(const Image& image, std::uint8_t* out, std::size_t size_max) {
  const auto bytes = bytes_of(image);
  const auto size = std::min(bytes.size(), size_max);
  std::copy_n(bytes.data(), size, reinterpret_cast<char*>(out));
  return size;
}

}  // namespace

std::size_t mutate_in_place(std::uint8_t* data, std::size_t size, std::size_t size_max,
                            unsigned seed, Focus focus) {
  Chance chance(seed);
  if (chance() % 8 == 0) return LLVMFuzzerMutate(data, size, size_max);
  auto image = parse_image(view(data, size));
  for (auto count = 1 + chance() % 3; count > 0; --count) mutate(image, focus, chance);
  if (focus == Focus::backups && chance() % 4 != 0) list_in_manifest(image);
  return write(image, data, size_max);
}

std::size_t cross(const std::uint8_t* a, std::size_t a_size, const std::uint8_t* b,
                  std::size_t b_size, std::uint8_t* out, std::size_t size_max, unsigned seed) {
  Chance chance(seed);
  return write(crossed(parse_image(view(a, a_size)), parse_image(view(b, b_size)), chance), out,
               size_max);
}

}  // namespace vivarium::fuzz
