#include "epochs.hpp"

#include "identity.hpp"
#include "try.hpp"

#include <algorithm>
#include <charconv>

namespace vivarium::file {
namespace {

constexpr char kCopyName[] = "epochs";
constexpr std::string_view kNever = "none";
// They are the upper half of a zxid.
constexpr std::int64_t kEpochMax = 0x7fffffff;

std::string name_of(EpochKind kind) {
  return kind == EpochKind::accepted ? "acceptedEpoch" : "currentEpoch";
}

std::optional<Epoch> parse(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  Epoch epoch;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), epoch.value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  const bool possible = epoch.value >= 0 && epoch.value <= kEpochMax;
  return whole && possible ? std::optional(epoch) : std::nullopt;
}

Result<EpochsFound::Number> read_number(FileSystem& files, const std::string& path) {
  EpochsFound::Number number;
  if (!files.exists(path)) return number;
  TRY_LET(text, read_file(files, path));
  const auto epoch = parse(text);
  number.state = epoch ? FileState::whole : FileState::damaged;
  number.epoch = epoch.value_or(Epoch{});
  return number;
}

std::string text_of(std::optional<Epoch> epoch) {
  return epoch ? std::to_string(epoch->value) : std::string(kNever);
}

OwnFields fields_of(const Epochs& epochs, bool may_vote) {
  return {{"accepted", text_of(epochs.accepted)},
          {"current", text_of(epochs.current)},
          {"vote", may_vote ? "yes" : "no"}};
}

/// Nothing when a field is not as we write it.
bool take_copy(const OwnFile& file, EpochsFound& found) {
  const std::string* accepted = file.find("accepted");
  const std::string* current = file.find("current");
  const std::string* vote = file.find("vote");
  if (!accepted || !current || !vote) return false;
  found.ours = {parse(*accepted), parse(*current)};
  found.may_vote = *vote == "yes";
  return (found.ours.accepted || *accepted == kNever) && (found.ours.current || *current == kNever);
}

Result<void> write_java(FileSystem& files, const Directories& directories, EpochKind kind,
                        Epoch epoch) {
  return replace_file(files, directories.snapshots(), name_of(kind), std::to_string(epoch.value));
}

/// Whether Java's currentEpoch is above ours: by a Java server, or by a changed byte.
bool is_above_ours(const EpochsFound& found) {
  return found.copy == FileState::whole && found.current.whole() &&
         found.current.epoch > found.ours.current;
}

/// One decision, from what was found to what is decided.
class Decision {
 public:
  Decision(const EpochsFound& found, const EpochWitnesses& witnesses)
      : found_(found), witnesses_(witnesses) {}

  EpochsDecided make() {
    found_.copy == FileState::whole ? from_both() : from_java();
    agree_with_history();
    if (witnesses_.end_unknown)
      no_vote("the newest snapshot cannot be read, and the log ends before it");
    return std::move(decided_);
  }

 private:
  // --- with a copy of ours
  void from_both() {
    decided_.may_vote = found_.may_vote;
    accepted() = found_.ours.accepted;
    current() = found_.ours.current;
    if (found_.accepted.whole() && found_.accepted.epoch > accepted())
      accepted() = found_.accepted.epoch;  // A promise is never too high.
    if (is_above_ours(found_))
      believe_current();
    else if (!found_.current.whole() && java_accepted())
      no_vote("currentEpoch is missing or damaged, and a Java server may have raised it");
    compare("acceptedEpoch", found_.accepted, accepted());
    compare("currentEpoch", found_.current, current());
  }

  /// Java's currentEpoch is above ours. Too high, it would win elections with an old history.
  void believe_current() {
    const Epoch said = found_.current.epoch;
    if (said <= accepted() && (java_accepted() || witnesses_.foreign_logs)) {
      current() = said;
    } else if (!found_.accepted.whole() && said > accepted()) {
      accepted() = current() = said;
      no_vote("acceptedEpoch is missing or damaged, and a Java server may have raised it");
    } else if (said == accepted()) {
      current() = said;
      no_vote("currentEpoch was raised to " + text_of(said) +
              " by a Java server that left no other trace, or by a changed byte");
    }
  }

  bool java_accepted() const {
    return found_.accepted.whole() && found_.accepted.epoch > found_.ours.accepted;
  }

  void compare(const std::string& name, const EpochsFound::Number& number,
               std::optional<Epoch> right) {
    if (!right || (number.whole() && number.epoch == *right)) return;
    const std::string was = number.whole()                        ? "says " + text_of(number.epoch)
                            : number.state == FileState::absent ? "is missing"
                                                                  : "holds no epoch";
    decided_.findings.push_back(name + " " + was + ", and the copy of it says " + text_of(right) +
                                ": that counts, and the file is written again");
  }

  // --- without
  void from_java() {
    const bool lost = found_.claimed || found_.copy == FileState::damaged;
    const bool both = found_.accepted.whole() && found_.current.whole();
    const bool neither =
        found_.accepted.state == FileState::absent && found_.current.state == FileState::absent;
    // No server of an ensemble ever ran here: one that stands alone stays in epoch 0.
    if (neither && !lost && witnesses_.last.epoch() == Epoch{}) return;
    if (both && found_.current.epoch <= found_.accepted.epoch) return adopt_java(lost);
    if (found_.accepted.whole() && !found_.current.whole()) return only_accepted();
    const Epoch history = witnesses_.last.epoch();
    accepted() = current() = history;
    if (found_.current.whole()) accepted() = current() = std::max(history, found_.current.epoch);
    no_vote(both ? "currentEpoch says " + text_of(found_.current.epoch) +
                       ", above acceptedEpoch, which says " + text_of(found_.accepted.epoch)
            : found_.current.whole() ? "acceptedEpoch is missing or damaged, as is the copy of it"
                                     : "both epochs are missing or damaged");
  }

  void adopt_java(bool lost) {
    accepted() = found_.accepted.epoch;
    current() = found_.current.epoch;
    if (lost)
      decided_.findings.push_back(
          "the copy of acceptedEpoch and currentEpoch is missing or damaged, and is written again");
  }

  void only_accepted() {
    accepted() = found_.accepted.epoch;
    current() = witnesses_.last.epoch();
    // It lies between the history's epoch and the accepted one: no doubt when these are one.
    if (current() == accepted())
      decided_.findings.push_back(
          "currentEpoch is missing or damaged, and follows from the history");
    else
      no_vote("currentEpoch is missing or damaged, as is the copy of it");
  }

  // --- the history
  void agree_with_history() {
    const Epoch history = witnesses_.last.epoch();
    if (!accepted() && !current()) return;
    if (history > current().value_or(Epoch{})) {
      // Usual between the first transaction of an epoch and the file: the log is an in-order prefix
      // of that epoch's history.
      const bool accepted_it = accepted() && history <= *accepted();
      current() = history;
      if (!accepted_it) {
        accepted() = history;
        no_vote("the history reaches into epoch " + text_of(history) +
                ", which was never accepted according to acceptedEpoch");
      }
    }
    if (current() && accepted() < current()) accepted() = current();
  }

  void no_vote(std::string finding) {
    decided_.may_vote = false;
    decided_.findings.push_back(std::move(finding));
  }

  std::optional<Epoch>& accepted() { return decided_.epochs.accepted; }
  std::optional<Epoch>& current() { return decided_.epochs.current; }

  const EpochsFound& found_;
  const EpochWitnesses& witnesses_;
  EpochsDecided decided_;
};

}  // namespace

EpochsDecided decide_epochs(const EpochsFound& found, const EpochWitnesses& witnesses) {
  return Decision(found, witnesses).make();
}

Result<EpochsFound> read_epochs(FileSystem& files, const Directories& directories) {
  const std::string folder = directories.snapshots() + "/";
  EpochsFound found;
  TRY_LET(accepted, read_number(files, folder + name_of(EpochKind::accepted)));
  TRY_LET(current, read_number(files, folder + name_of(EpochKind::current)));
  TRY_LET(copy, read_own(files, directories.own(), kCopyName));
  found.accepted = accepted;
  found.current = current;
  found.copy = copy.state;
  if (copy.state == FileState::whole && !take_copy(copy, found)) found.copy = FileState::damaged;
  found.claimed = is_claimed(files, directories);
  return found;
}

bool raised_elsewhere(const EpochsFound& found, const EpochWitnesses& witnesses) {
  if (!is_above_ours(found)) return false;
  const auto decided = decide_epochs(found, {Zxid{}, witnesses.foreign_logs});
  return decided.epochs.current == found.current.epoch;
}

Result<void> repair_epochs(FileSystem& files, const Directories& directories,
                           const EpochsFound& found, const EpochsDecided& decided) {
  const Epochs& epochs = decided.epochs;
#ifdef VIVARIUM_BUG_ZK1653
  if (found.ours.current && found.ours.current < epochs.current)
    return Error(Errc::corrupt, "the current epoch is older than the last transaction");
#endif
  const bool copy_right = found.copy == FileState::whole &&
                          found.ours.accepted == epochs.accepted &&
                          found.ours.current == epochs.current &&
                          found.may_vote == decided.may_vote;
  // Also one that is right: whoever wrote it may not have made it durable, and Java's files must not
  // be ahead of it.
  TRY(copy_right
          ? files.sync_directory(directories.own())
          : write_own(files, directories.own(), kCopyName, fields_of(epochs, decided.may_vote)));
  const auto right = [](const EpochsFound::Number& number, std::optional<Epoch> wanted) {
    return !wanted || (number.whole() && number.epoch == *wanted);
  };
  if (!right(found.accepted, epochs.accepted))
    TRY(write_java(files, directories, EpochKind::accepted, *epochs.accepted));
  if (!right(found.current, epochs.current))
    TRY(write_java(files, directories, EpochKind::current, *epochs.current));
  return {};
}

std::string epochs_copy_path(const Directories& directories) {
  return directories.own() + "/" + kCopyName;
}

Result<void> remove_epochs(FileSystem& files, const Directories& directories) {
  for (const std::string_view name : kEpochFiles) {
    const std::string path = directories.snapshots() + "/" + std::string(name);
    if (files.exists(path)) TRY(files.remove(path));
  }
  return {};
}

Result<void> write_epoch(FileSystem& files, const Directories& directories, EpochKind kind,
                         Epoch epoch) {
  TRY_LET(found, read_epochs(files, directories));
  if (found.copy != FileState::whole)
    return Error(Errc::corrupt,
                 directories.own() + "/" + kCopyName +
                     " was damaged while the server ran; the disk cannot be trusted");
  // A server whose current epoch is set has been brought up to date by the leader of that epoch.
  const bool may_vote = found.may_vote || kind == EpochKind::current;
  (kind == EpochKind::accepted ? found.ours.accepted : found.ours.current) = epoch;
  TRY(write_own(files, directories.own(), kCopyName, fields_of(found.ours, may_vote)));
  return write_java(files, directories, kind, epoch);
}

Result<void> forget_epochs(FileSystem& files, const Directories& directories) {
  const std::string path = directories.own() + "/" + kCopyName;
  if (files.exists(path)) TRY(files.remove(path));
  return files.sync_directory(directories.own());
}

}  // namespace vivarium::file
