#pragma once
// The znodes, built for memory and for snapshots.
//
// A znode is one allocation: 64 bytes of fixed fields, then its owner (if it has one), its name,
// its data. It knows neither its parent nor its path. A node that ever had children has a Branch:
// the persisted cversion, pzxid, and an open-addressing table of its children by name, which is the
// only index there is; a path is found by walking down. A leaf's pzxid is its czxid and its
// cversion 0.
//
// The tree digest (section D.3) is kept incrementally: each node holds the CRC-32 state over its
// path and data, so that a change costs two checksums over 60 bytes.
//
// A snapshot (TreeWalk) sees the tree as it was when the walk began. Nodes carry a mark bit that
// says whether the walk has them; a change to a node that it does not have yet first gives the old
// record, and those of its ancestors, to the walk. So no request waits for a snapshot.
//
// The tree checks nothing: who changes it has validated. Paths are absolute, without trailing
// slash, "/" for the root. All on the core thread.

#include "kernel/core/acl_table.hpp"
#include "kernel/core/name_hash.hpp"

#include <vivarium/stat.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

/// ephemeralOwner in its stored form (section B.12).
namespace owners {
inline constexpr std::int64_t kNone = 0;
inline constexpr std::int64_t kContainer = INT64_MIN;
}  // namespace owners

class Branch;
class MarkingWalk;
class TreeWalk;

/// A znode's fixed part. Read it freely; only Tree changes it. The fields that finding a path reads
/// stand last, beside the name, so that a step mostly costs one cache line.
struct Znode {
  std::int64_t czxid, mzxid, ctime, mtime;
  std::int32_t version, aversion;
  AclNumber acl;
  std::uint32_t crc;         ///< CRC-32 state over path and data.
  Branch* branch;            ///< nullptr until the first child.
  std::int32_t data_length;  ///< -1: null data, which is not the same as empty.
  std::uint32_t name_length : 24;
  std::uint32_t owned : 1;     ///< An 8-byte owner follows.
  std::uint32_t mark : 1;      ///< Of the snapshot walk.
  std::uint32_t unhashed : 1;  ///< Below /zookeeper/: counts nothing in the digest.

  std::string_view name() const { return {tail() + (owned ? 8 : 0), name_length}; }
  std::optional<std::string_view> data() const;  ///< nullopt: null
  std::int64_t owner() const;                    ///< Stored form.
  std::int32_t cversion() const;                 ///< Persisted form: creates only.
  std::int64_t pzxid() const;
  std::int32_t child_count() const;

  /// What follows in the same block: owner, name, data.
  const char* tail() const { return reinterpret_cast<const char*>(this + 1); }
};
static_assert(sizeof(Znode) == 64);

/// The checksum of a node in the digest, from the CRC state over path and data and the fields that
/// section D.3 lists. Also used for nodes that are only pending.
struct DigestFields {
  std::int64_t czxid, mzxid, pzxid, ctime, mtime;
  std::int32_t version, cversion, aversion;
  std::int64_t owner;
};
std::uint32_t crc_of(std::string_view path, std::optional<std::string_view> data);
std::uint64_t node_digest(std::uint32_t crc, const DigestFields& fields);
/// False below /zookeeper/, where nodes do not count.
bool counts_in_digest(std::string_view path);

/// All that a node is made from.
struct NewZnode {
  std::optional<std::string_view> data;
  AclNumber acl = kOpenAcl;  ///< The tree takes over one use of it, and releases it with the node.
  std::int64_t owner = owners::kNone;
  std::int64_t czxid = 0, mzxid = 0, ctime = 0, mtime = 0;
  std::int32_t version = 0, aversion = 0;
  std::int32_t cversion = 0;  ///< Persisted form.
  std::int64_t pzxid = 0;
};

class Tree {
 public:
  /// An empty root. `seed` keys the name hash, so that clients cannot choose colliding names.
  Tree(AclTable& acls, std::uint64_t seed);
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  /// The node at `path`; nullptr when there is none. Valid until the next change of that node.
  const Znode* find(std::string_view path) const;
  /// The child of `parent` of that name, likewise.
  const Znode* child(const Znode& parent, std::string_view name) const;
  /// Names of the children, sorted; views valid until the next change below `node`.
  std::vector<std::string_view> children(const Znode& node) const;
  /// The first `most` children whose names come behind `after`, sorted; likewise. One pass over all.
  std::vector<const Znode*> children(const Znode& node, std::string_view after,
                                     std::size_t most) const;
  /// Descendants, the node itself left out.
  std::int64_t descendants(const Znode& node) const;
  /// Calls `visit(path, node)` for the node at `path` and everything below it, parents first,
  /// siblings sorted. The tree must not change meanwhile.
  void visit(std::string_view path,
             const std::function<void(std::string_view, const Znode&)>& visit) const;
  /// With the owner in its stored form: which owners a client is shown depends on settings.
  static Stat stat_of(const Znode& node);

  /// Adds a node below an existing parent that has no child of that name. Does not touch the
  /// parent's own fields; see touch_parent().
  void add(std::string_view path, const NewZnode& node);
  /// The way of every create: adds a node below `parent`, a node of this tree that has no child of
  /// that name, and touches the parent, both in one step. Valid until the next change of the node.
  const Znode& add_below(const Znode& parent, std::string_view path, const NewZnode& node,
                         std::optional<std::int32_t> parent_cversion);
  /// Puts a node as a snapshot has it: added below an existing parent, or, where there is one at
  /// that path already (the built-in ones), replacing all its fields. Touches no other node.
  void load(std::string_view path, const NewZnode& node);
  /// A child was created: a larger persisted cversion is taken over, and pzxid raised with it; one
  /// that is not larger changes nothing. A child was removed (nullopt): pzxid is raised. Nothing is
  /// lowered.
  void touch_parent(std::string_view parent, std::optional<std::int32_t> cversion,
                    std::int64_t pzxid);
  /// Removes a node without children.
  void remove(std::string_view path);
  /// The node with its new data, which may be another block than before; nullptr when there is none at
  /// `path`, and nothing was changed.
  const Znode* set_data(std::string_view path, std::optional<std::string_view> data,
                        std::int32_t version, std::int64_t mzxid, std::int64_t mtime);
  /// Replaces data and nothing else: quota statistics, /zookeeper/config.
  void replace_data(std::string_view path, std::optional<std::string_view> data);
  /// Takes over one use of `acl`.
  void set_acl(std::string_view path, AclNumber acl, std::int32_t aversion);

  /// Of names and paths; nobody outside knows its key.
  const NameHash& name_hash() const { return hash_; }
  std::uint64_t digest() const { return digest_; }
  std::int64_t node_count() const { return node_count_; }
  /// Bytes of paths and data, as `approximate_data_size` counts them.
  std::int64_t data_bytes() const { return data_bytes_; }

  /// Begins a walk over the tree as it is now. One at a time (asserts). Abandoning it before its
  /// end costs a pass over what is left.
  std::unique_ptr<TreeWalk> walk();
  bool walking() const { return walk_ != nullptr; }

 private:
  friend class MarkingWalk;
  struct Place;

  Place place_of(std::string_view path) const;
  void put(Place& place, Znode* node);
  template <class Change>
  const Znode* edit_if_there(std::string_view path, Change change);
  template <class Change>
  void edit(std::string_view path, Change change);
  void replace(std::string_view path, const NewZnode& node);
  void put_data(Place& place, std::string_view path, std::optional<std::string_view> data);
  Znode* make(std::string_view path, const NewZnode& node) const;
  void discard(Znode* node);
  Branch& branch_of(Znode& node);
  static void touch(Branch& branch, std::optional<std::int32_t> cversion, std::int64_t pzxid);
  Znode* hang_below(Znode& parent, std::string_view path, const NewZnode& node);
  void unhang(const Place& place);
  void rebuild_branch(Znode& node);

  AclTable& acls_;
  NameHash hash_;
  Znode* root_;
  std::uint64_t digest_ = 0;
  std::int64_t node_count_ = 0;
  std::int64_t data_bytes_ = 0;
  bool parity_ = false;  ///< The mark of nodes that the current walk has, or needs not have.
  MarkingWalk* walk_ = nullptr;
};

/// A walk in progress: gives every node of the moment it began, parents first.
class TreeWalk {
 public:
  virtual ~TreeWalk() = default;
  /// Appends the Jute records of further nodes (section G.4, without the terminator) to `out` until
  /// about `bytes` more are there. False when the walk is complete.
  virtual bool next(std::string& out, std::size_t bytes) = 0;
};

}  // namespace vivarium
