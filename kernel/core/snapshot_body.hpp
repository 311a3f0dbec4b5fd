#pragma once
// A snapshot's body taken apart into its records: sessions, ACL lists, nodes (section G.4).

#include <vivarium/records.hpp>
#include <vivarium/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vivarium {

/// The ACL key of a node that has no list: the built-in ones.
inline constexpr std::int64_t kOpenAclKey = -1;
inline bool is_acl_key(std::int64_t key) { return key > 0 && key <= INT32_MAX; }

struct SnapshotSession {
  std::int64_t session_id = 0;
  std::int32_t timeout = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(session_id), CEREAL_NVP(timeout));
  }
};

struct SnapshotAcl {
  std::int64_t key = 0;
  AclList acl;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(key), CEREAL_NVP(acl));
  }
};

/// A node, its owner and cversion in their stored forms. The root's path is "".
struct SnapshotNode {
  Text path;
  Data data;
  std::int64_t acl = kOpenAclKey;
  std::int64_t czxid = 0, mzxid = 0, ctime = 0, mtime = 0;
  std::int32_t version = 0, cversion = 0, aversion = 0;
  std::int64_t owner = 0, pzxid = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(path), CEREAL_NVP(data), CEREAL_NVP(acl), CEREAL_NVP(czxid),
            CEREAL_NVP(mzxid), CEREAL_NVP(ctime), CEREAL_NVP(mtime), CEREAL_NVP(version),
            CEREAL_NVP(cversion), CEREAL_NVP(aversion), CEREAL_NVP(owner), CEREAL_NVP(pzxid));
  }
};

/// Takes the records as they come; views last for the call. An error ends the reading.
class SnapshotRecords {
 public:
  virtual ~SnapshotRecords() = default;
  virtual Result<void> take(const SnapshotSession& session) = 0;
  virtual Result<void> take(const SnapshotAcl& acl) = 0;
  virtual Result<void> take(const SnapshotNode& node) = 0;
};

class SnapshotBody {
 public:
  /// `records` is borrowed.
  explicit SnapshotBody(SnapshotRecords& records) : records_(records) {}

  /// Takes pieces of any size; a record may span several. The first error is final, and so are bytes
  /// behind the terminator.
  Result<void> feed(std::string_view piece);
  /// The same of a stream that goes on behind the terminator: returns how many bytes were taken.
  Result<std::size_t> feed_part(std::string_view piece);
  /// The terminator has come.
  bool complete() const { return part_ == Part::done; }

 private:
  enum class Part : std::uint8_t { sessions, acls, nodes, done };
  /// Consumes one record from the front of `in`; false when it is not complete yet.
  Result<bool> step(JuteIn& in);
  template <class Record>
  Result<bool> hand_on(JuteIn& in);
  Result<bool> read_node(JuteIn& in);
  Error fail(const Error& error);

  SnapshotRecords& records_;
  Part part_ = Part::sessions;
  std::optional<std::int32_t>
      left_;             ///< Records of this part still to come; unset before its count.
  std::string pending_;  ///< The incomplete tail of what was fed.
  std::optional<Error> error_;
};

}  // namespace vivarium
