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

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

/// A znode as a viewer with certain identities may see it.
struct NodeView {
  Stat stat;
  std::string data;
  std::vector<std::string> children;
};

/// Read-only views of the server a service runs in.
class ServerView {
 public:
  virtual ~ServerView() = default;
  virtual ServingRole role() const = 0;
  virtual Zxid last_applied() const = 0;
  virtual std::uint64_t digest() const = 0;
  virtual std::int64_t node_count() const = 0;
  /// nullopt when the node is missing or its ACL or the policy hides it from these identities.
  virtual std::optional<NodeView> node(std::string_view path,
                                       std::span<const Identity> identities) const = 0;
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
