#include "tools/snapshot_tree.hpp"

#include "kernel/core/hex.hpp"
#include "kernel/core/paths.hpp"
#include "kernel/core/snapshot_body.hpp"
#include "storage/file/format.hpp"
#include "storage/file/try.hpp"
#include "tools/json_archive.hpp"
#include "tools/text_archive.hpp"

#include <algorithm>
#include <map>
#include <ostream>
#include <set>
#include <unordered_set>

namespace vivarium::tools {
namespace {

constexpr std::size_t kTextBytesMax = 64;
constexpr std::size_t kTopMax = 10;

Result<void> read_records(FileSystem& files, const file::NamedFile& snapshot,
                          SnapshotRecords& records, const file::BytesSeen& seen) {
  TRY_LET(reader, file::SnapshotReader::open(files, snapshot));
  SnapshotBody body(records);
  while (true) {
    TRY_LET(piece, reader.next());
    if (piece.empty()) break;
    seen(piece.size());
    if (const auto fed = body.feed(piece.view()); !fed)
      return Error(Errc::corrupt, snapshot.path + ": " + fed.error().what);
  }
  if (body.complete()) return {};
  return Error(Errc::corrupt, snapshot.path + ": it ends in the middle of its records");
}

/// A line for each.
class RecordPrinter final : public SnapshotRecords {
 public:
  RecordPrinter(RecordForm form, std::ostream& out) : form_(form), out_(out) {}
  Result<void> take(const SnapshotSession& session) override { return print("session", session); }
  Result<void> take(const SnapshotAcl& acl) override { return print("acl", acl); }
  Result<void> take(const SnapshotNode& node) override { return print("node", node); }

 private:
  template <class Record>
  Result<void> print(const char* what, const Record& record) {
    out_ << (form_ == RecordForm::json ? json(what, record) : text(what, record)) << "\n";
    return {};
  }

  template <class Record>
  static std::string json(const char* what, const Record& record) {
    return json_line([&](auto& archive) { archive(cereal::make_nvp(what, record)); });
  }

  template <class Record>
  static std::string text(std::string what, const Record& record) {
    TextArchive archive(what, kTextBytesMax);
    archive(record);
    return what;
  }

  const RecordForm form_;
  std::ostream& out_;
};

/// The references between the records.
class Checker final : public SnapshotRecords {
 public:
  Result<void> take(const SnapshotSession& session) override {
    ++found.sessions;
    sessions_.insert(session.session_id);
    return {};
  }

  Result<void> take(const SnapshotAcl& acl) override {
    ++found.acls;
    if (!acls_.emplace(acl.key, 0).second)
      found.damage.push_back("the ACL key " + std::to_string(acl.key) + " comes twice");
    return {};
  }

  Result<void> take(const SnapshotNode& node) override {
    ++found.nodes;
    check_place(node.path);
    if (node.acl != kOpenAclKey) {
      const auto acl = acls_.find(node.acl);
      if (acl == acls_.end())
        found.damage.push_back(shown(node.path) + " refers to the ACL key " +
                               std::to_string(node.acl) + ", which the file does not have");
      else
        ++acl->second;
    }
    if (is_ephemeral(node.owner, true) && !sessions_.contains(node.owner))
      found.notes.push_back(
          shown(node.path) + " is an ephemeral of session 0x" + to_hex(node.owner) +
          ", which is not among the sessions: it goes with the next start, or the "
          "log behind the snapshot closes it");
    return {};
  }

  void finish() {
    const auto unused =
        std::count_if(acls_.begin(), acls_.end(), [](const auto& acl) { return acl.second == 0; });
    if (unused > 0)
      found.notes.push_back(std::to_string(unused) + " ACL lists are used by no node");
  }

  SnapshotCheck found;

 private:
  static std::string shown(std::string_view path) { return path.empty() ? "/" : std::string(path); }

  void check_place(std::string_view path) {
    if (!paths_.emplace(path).second)
      found.damage.push_back(shown(path) + " comes twice");
    else if (!path.empty() && (!paths::valid(path) || !paths_.contains(parent_of(path))))
      found.damage.push_back(shown(path) + " comes without its parent before it");
  }

  /// The root's path is "" here.
  static std::string parent_of(std::string_view path) {
    return std::string(path.substr(0, path.rfind('/')));
  }

  std::set<std::int64_t> sessions_;
  std::map<std::int64_t, std::uint64_t> acls_;  ///< How many nodes use each.
  std::unordered_set<std::string> paths_;
};

void keep_largest(std::vector<Sized>& top, std::string_view path, std::int64_t value) {
  if (value == 0 || (top.size() == kTopMax && value <= top.back().value)) return;
  const auto place =
      std::find_if(top.begin(), top.end(), [&](const Sized& one) { return one.value < value; });
  top.insert(place, {std::string(path), value});
  if (top.size() > kTopMax) top.pop_back();
}

void print(std::ostream& out, const char* title, const std::vector<Sized>& list) {
  if (list.empty()) return;
  out << title << "\n";
  for (const Sized& one : list) out << "  " << one.value << "\t" << one.path << "\n";
}

/// A node's fields by their names in the snapshot; the ACL as a list, since its key is a local number.
class Fields {
 public:
  Fields(const Database& database, std::string_view path, const Znode& node)
      : acl_(database.acls().entries(node.acl).begin(), database.acls().entries(node.acl).end()) {
    record_.path = path;
    record_.data = node.data();
    record_.czxid = node.czxid;
    record_.mzxid = node.mzxid;
    record_.ctime = node.ctime;
    record_.mtime = node.mtime;
    record_.version = node.version;
    record_.cversion = node.cversion();
    record_.aversion = node.aversion;
    record_.owner = node.owner();
    record_.pzxid = node.pzxid();
  }

  /// "data: "a" -> "b", version: 0 -> 1"; empty when nothing differs.
  std::string differences_to(const Fields& other) const {
    Collector mine, theirs;
    SnapshotNode a = record_, b = other.record_;
    a.serialize(mine);
    b.serialize(theirs);
    std::string text;
    for (std::size_t i = 0; i < mine.values.size(); ++i)
      if (mine.values[i] != theirs.values[i])
        text += " " + shown(mine.values[i]) + " -> " + shown(theirs.values[i]);
    if (acl_ != other.acl_) text += " acl=" + text_of(acl_) + " -> " + text_of(other.acl_);
    return text;
  }

 private:
  /// Takes what SnapshotNode::serialize hands out, as texts.
  struct Collector {
    std::vector<std::string> values;
    template <class... Values>
    void operator()(Values&&... pairs) {
      (values.push_back(as_text(pairs)), ...);
    }
    template <class Pair>
    static std::string as_text(const Pair& pair) {
      std::string text;
      TextArchive archive(text, SIZE_MAX);
      archive(pair);
      return text;
    }
  };

  static std::string shown(const std::string& value) {
    constexpr std::size_t kShownMax = 80;
    return value.size() <= kShownMax ? value : value.substr(0, kShownMax) + "...";
  }

  static std::string text_of(const AclList& acl) {
    std::string text;
    TextArchive archive(text, SIZE_MAX);
    archive(acl);
    return text;
  }

  SnapshotNode record_;
  AclList acl_;
};

/// Takes lines until there are enough.
class Differences {
 public:
  Differences(std::uint64_t most, std::ostream& out) : most_(most), out_(out) {}
  void add(const std::string& line) {
    if (++count_ <= most_) out_ << line << "\n";
  }
  bool enough() const { return count_ >= most_; }
  std::uint64_t count() const { return count_; }

 private:
  const std::uint64_t most_;
  std::ostream& out_;
  std::uint64_t count_ = 0;
};

void compare_sessions(const Database& a, const Database& b, Differences& differences) {
  for (const auto& [session, timeout] : a.sessions()) {
    const auto other = b.sessions().find(session);
    const std::string name = "session 0x" + to_hex(session.value);
    if (other == b.sessions().end())
      differences.add("- " + name);
    else if (other->second != timeout)
      differences.add("~ " + name + " timeout=" + std::to_string(timeout) + " -> " +
                      std::to_string(other->second));
  }
  for (const auto& [session, timeout] : b.sessions())
    if (!a.sessions().contains(session)) differences.add("+ session 0x" + to_hex(session.value));
}

}  // namespace

Result<void> print_records(FileSystem& files, const file::NamedFile& snapshot, RecordForm form,
                           const file::BytesSeen& seen, std::ostream& out) {
  RecordPrinter records(form, out);
  return read_records(files, snapshot, records, seen);
}

Result<SnapshotCheck> check_records(FileSystem& files, const file::NamedFile& snapshot,
                                    const file::BytesSeen& seen) {
  Checker checker;
  TRY(read_records(files, snapshot, checker, seen));
  checker.finish();
  return std::move(checker.found);
}

TreeFacts facts_of(const Database& database) {
  TreeFacts facts;
  facts.zxid = file::text_of(database.last_applied());
  facts.digest = "0x" + to_hex(static_cast<std::int64_t>(database.tree().digest()));
  facts.nodes = database.tree().node_count();
  facts.bytes = database.tree().data_bytes();
  facts.sessions = static_cast<std::int64_t>(database.sessions().size());
  facts.acl_lists = static_cast<std::int64_t>(database.acls().numbers().size());
  facts.ephemerals = database.ephemeral_count();
  facts.containers = static_cast<std::int64_t>(database.containers().size());
  facts.ttl_nodes = static_cast<std::int64_t>(database.ttl_nodes().size());
  facts.quotas = static_cast<std::int64_t>(database.quotas().subtrees().size());
  database.tree().visit("/", [&](std::string_view path, const Znode& node) {
    const auto depth = path == "/" ? 0 : std::count(path.begin(), path.end(), '/');
    facts.largest_depth = std::max(facts.largest_depth, static_cast<std::int64_t>(depth));
    keep_largest(facts.biggest, path, std::max(node.data_length, 0));
    keep_largest(facts.widest, path, node.child_count());
    if (depth == 1) keep_largest(facts.subtrees, path, database.tree().descendants(node) + 1);
  });
  for (const auto& [session, paths] : database.all_ephemerals())
    keep_largest(facts.ephemerals_by_session, "0x" + to_hex(session.value),
                 static_cast<std::int64_t>(paths.size()));
  return facts;
}

void print(std::ostream& out, const TreeFacts& facts) {
  out << "zxid        " << facts.zxid << "\n"
      << "digest      " << facts.digest << "\n"
      << "nodes       " << facts.nodes << ", " << facts.bytes << " bytes of paths and data, "
      << facts.largest_depth << " levels\n"
      << "sessions    " << facts.sessions << "\n"
      << "ACL lists   " << facts.acl_lists << "\n"
      << "ephemerals  " << facts.ephemerals << "\n"
      << "containers  " << facts.containers << "\n"
      << "TTL nodes   " << facts.ttl_nodes << "\n"
      << "quotas      " << facts.quotas << "\n";
  print(out, "bytes of data", facts.biggest);
  print(out, "children", facts.widest);
  print(out, "nodes of subtrees", facts.subtrees);
  print(out, "ephemerals of sessions", facts.ephemerals_by_session);
}

std::uint64_t compare_trees(const Database& a, const Database& b, std::uint64_t most,
                            std::ostream& out) {
  Differences differences(most, out);
  a.tree().visit("/", [&](std::string_view path, const Znode& node) {
    if (differences.enough()) return;
    const Znode* other = b.tree().find(path);
    if (!other) return differences.add("- " + std::string(path));
    const auto changed = Fields(a, path, node).differences_to(Fields(b, path, *other));
    if (!changed.empty()) differences.add("~ " + std::string(path) + changed);
  });
  b.tree().visit("/", [&](std::string_view path, const Znode&) {
    if (!differences.enough() && !a.tree().find(path)) differences.add("+ " + std::string(path));
  });
  if (!differences.enough()) compare_sessions(a, b, differences);
  return differences.count();
}

}  // namespace vivarium::tools
