#pragma once
// What operations give back, and how they give it. Plain values that own what they hold.
//
// Each reply is a Reply, so that who wants to know the outcome alone passes a function of a
// `const Reply&`, whatever the operation. Fields beside `err` and `zxid` have a meaning when `err` is
// ok.

#include <vivarium/identity.hpp>
#include <vivarium/ids.hpp>
#include <vivarium/opcodes.hpp>
#include <vivarium/stat.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace vivarium::client {

struct Reply {
  WireError err = WireError::ok;  ///< A server's, or one of errors.hpp.
  /// What the server had applied when it answered; zero when none did.
  Zxid zxid;
  bool ok() const { return err == WireError::ok; }
};

struct PathReply : Reply {
  std::string path;
};
struct StatReply : Reply {
  Stat stat;
};
struct CreateReply : Reply {
  std::string path;  ///< With the number of a sequential znode.
  Stat stat;
};
struct DataReply : Reply {
  std::optional<std::string> data;  ///< Null and empty data are different.
  Stat stat;
};
struct ChildrenReply : Reply {
  std::vector<std::string> children;  ///< Names without the path, in no order.
  Stat stat;
};
struct PathsReply : Reply {
  std::vector<std::string> paths;
};
struct CountReply : Reply {
  std::int32_t count = 0;
};
struct IdentitiesReply : Reply {
  std::vector<Identity> identities;
};

/// One entry of a znode's ACL.
struct Acl {
  std::int32_t perms = 0;  ///< vivarium::perms
  std::string scheme;
  std::string id;
  bool operator==(const Acl&) const = default;
};
struct AclReply : Reply {
  std::vector<Acl> acl;
  Stat stat;  ///< Its `aversion` is what set_acl() compares with.
};

/// The outcome of a part of a multi. Which fields beside `err` are set depends on what was asked for.
struct Part {
  WireError err = WireError::ok;
  std::string path;                   ///< create
  Stat stat;                          ///< create, set, get
  std::optional<std::string> data;    ///< get
  std::vector<std::string> children;  ///< get_children
};
/// `err` of a Multi that was refused is that of the part which was: the parts before that one are ok,
/// those after it runtime_inconsistency, and none has been carried out. Parts of a MultiRead fail each
/// for itself, and leave `err` as it is.
struct MultiReply : Reply {
  std::vector<Part> parts;  ///< As many as were asked for, unless the request failed as a whole.
};

/// Called once, on the loop, never inside the call that took it; may be empty.
template <class R>
using Completion = std::function<void(const R&)>;

}  // namespace vivarium::client
