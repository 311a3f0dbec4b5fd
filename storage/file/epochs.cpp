#include "epochs.hpp"

#include "try.hpp"

#include <charconv>
#include <optional>

namespace vivarium::file {
namespace {

std::string name_of(EpochKind kind) {
  return kind == EpochKind::accepted ? "acceptedEpoch" : "currentEpoch";
}

std::optional<Epoch> parse(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  Epoch epoch;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), epoch.value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && epoch.value >= 0 ? std::optional(epoch) : std::nullopt;
}

Result<std::optional<Epoch>> read_epoch(FileSystem& files, const std::string& path) {
  if (!files.exists(path)) return std::optional<Epoch>();
  TRY_LET(text, read_file(files, path));
  const auto epoch = parse(text);
  if (!epoch)
    return Error(
        Errc::corrupt,
        path +
            " does not hold an epoch, a decimal number: a promise of this server to its "
            "ensemble is lost; restore the file from a backup, or move the data directory away "
            "and let this server be filled by the others");
  return epoch;
}

}  // namespace

Result<Epochs> read_epochs(FileSystem& files, const Directories& directories) {
  const std::string folder = directories.snapshots() + "/";
  TRY_LET(accepted, read_epoch(files, folder + name_of(EpochKind::accepted)));
  TRY_LET(current, read_epoch(files, folder + name_of(EpochKind::current)));
  return Epochs{accepted, current};
}

Result<void> write_epoch(FileSystem& files, const Directories& directories, EpochKind kind,
                         Epoch epoch) {
  return replace_file(files, directories.snapshots(), name_of(kind), std::to_string(epoch.value));
}

}  // namespace vivarium::file
