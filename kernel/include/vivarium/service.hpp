#pragma once
// Extends a running server: admin pages, exporters, bridges. A service reads through ServerView, and
// offers and runs commands through PluginHost::commands().
//
// Threads: all on the core thread.

#include <vivarium/broadcast.hpp>
#include <vivarium/identity.hpp>
#include <vivarium/ids.hpp>
#include <vivarium/plugin.hpp>
#include <vivarium/stat.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

class Authenticator;
struct PeerIdentity;

/// Who looks, as far as it is proved. Views, valid during the call.
struct Viewer {
  std::span<const Identity> identities;
  std::string_view address = {};  ///< Numeric, for policies; empty: nobody's.
  bool encrypted = false;
};

/// How much of a node is wanted.
struct NodeWindow {
  static constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  std::size_t data_bytes_max = kAll;
  std::string_view children_after = {};  ///< Only names behind this one, in the order of their bytes.
  std::size_t children_max = kAll;
  std::size_t name_bytes_max = kAll;     ///< Of all names together; one always has room.
};

struct ChildView {
  std::string name;
  std::optional<std::int32_t> num_children;  ///< nullopt: the child itself is hidden.
};

/// A znode as a viewer may see it.
struct NodeView {
  Stat stat;                        ///< Of the whole node, whatever the window.
  std::string data;                 ///< Its beginning; empty for null data too.
  bool lists_children = false;      ///< False: a policy hides their names.
  std::vector<ChildView> children;  ///< Sorted by name.
  bool more_children = false;       ///< There are some behind the last of these.
};

/// An ACL's entry as a viewer may see it: without secrets, unless he administers the node.
struct AclEntryView {
  std::int32_t perms = 0;
  std::string scheme;
  std::string id;
};

/// Read-only views of the server a service runs in.
class ServerView {
 public:
  virtual ~ServerView() = default;
  virtual ServingRole role() const = 0;
  virtual Zxid last_applied() const = 0;
  virtual std::uint64_t digest() const = 0;
  virtual std::int64_t node_count() const = 0;
  /// nullopt when the node is missing, or its ACL or the policy hides it from the viewer. Costs a look
  /// at each child, unless none is wanted.
  virtual std::optional<NodeView> node(std::string_view path, const Viewer& viewer,
                                       const NodeWindow& window) const = 0;
  /// As getACL (section B.8): for who may read or administer the node. nullopt as above.
  virtual std::optional<std::vector<AclEntryView>> acl(std::string_view path,
                                                       const Viewer& viewer) const = 0;

  /// For services whose users prove who they are. nullptr: no such scheme is configured. Lent as the
  /// view is.
  virtual Authenticator* authenticator(std::string_view scheme) const = 0;
  /// What a connection proves by itself, in all schemes.
  virtual std::vector<Identity> identities_of(const PeerIdentity& peer) const = 0;
};

class Service : public Plugin {
 public:
  static constexpr InterfaceKind kKind = InterfaceKind::service;
  static constexpr std::uint32_t kRevision = 1;

  /// Called once, before the server reads its state, so that who asks is answered at all times: until
  /// it serves, view.role() is none. `view` and the transport, that of the role transport.service, are
  /// lent until stop().
  virtual Result<void> run(const ServerView& view, Transport& transport) = 0;
};

}  // namespace vivarium
