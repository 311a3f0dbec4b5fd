#include "tests/fuzz/tree_text.hpp"

#include <vivarium/assert.hpp>

#include "kernel/core/paths.hpp"
#include "kernel/core/quotas.hpp"

namespace vivarium::fuzz {
namespace {

void append(std::string& text, std::string_view label, std::int64_t value) {
  text += ' ';
  text += label;
  text += '=';
  text += std::to_string(value);
}

void append_node(std::string& text, std::string_view path, const Znode& node,
                 const AclTable& acls) {
  text += path;
  // Clients may write anything into a quota's statistics, which loading a snapshot counts anew, as
  // a Java server does.
  const bool counted_anew = Quotas::counted_by(path).has_value();
  if (!counted_anew) text += node.data() ? " '" + std::string(*node.data()) + "'" : " null";
  append(text, "c", node.czxid);
  append(text, "m", node.mzxid);
  append(text, "p", node.pzxid());
  append(text, "ctime", node.ctime);
  append(text, "mtime", node.mtime);
  append(text, "v", node.version);
  append(text, "cv", node.cversion());
  append(text, "av", node.aversion);
  append(text, "owner", node.owner());
  for (const AclEntry& entry : acls.entries(node.acl)) {
    append(text, "acl", entry.perms);
    text += ',' + std::string(entry.scheme) + ',' + std::string(entry.id);
  }
  text += '\n';
}

std::uint64_t digest_of(std::string_view path, const Znode& node) {
  if (!counts_in_digest(path)) return 0;
  return node_digest(crc_of(path, node.data()),
                     {node.czxid, node.mzxid, node.pzxid(), node.ctime, node.mtime, node.version,
                      node.cversion(), node.aversion, node.owner()});
}

}  // namespace

std::string text_of(const Database& database) {
  std::string text;
  append(text, "last", database.last_applied().value);
  for (const auto& [session, timeout] : database.sessions()) {
    append(text, "session", session.value);
    append(text, "timeout", timeout);
  }
  text += '\n';
  database.tree().visit("/", [&](std::string_view path, const Znode& node) {
    append_node(text, path, node, database.acls());
  });
  return text;
}

void check_consistent(const Database& database) {
  std::uint64_t digest = 0;
  std::int64_t count = 0, bytes = 0, ephemerals = 0;
  std::size_t containers = 0, ttls = 0;
  database.tree().visit("/", [&](std::string_view path, const Znode& node) {
    digest += digest_of(path, node);
    ++count;
    bytes += static_cast<std::int64_t>(path.size() + node.data().value_or("").size());
    const auto owner = node.owner();
    if (owner == owners::kContainer) ++containers;
    if (ttl_of(owner, database.extended_types())) ++ttls;
    if (is_ephemeral(owner, database.extended_types())) {
      ++ephemerals;
      const auto* held = database.ephemerals({owner});
      VIVARIUM_ASSERT(held && held->contains(path), "an ephemeral that its session does not list");
    }
    VIVARIUM_ASSERT(paths::valid(path), "a node of an impossible path");
  });
  VIVARIUM_ASSERT(digest == database.tree().digest(), "the digest is not that of the tree");
  VIVARIUM_ASSERT(count == database.tree().node_count(), "the nodes were miscounted");
  VIVARIUM_ASSERT(bytes == database.tree().data_bytes(), "the bytes were miscounted");
  VIVARIUM_ASSERT(ephemerals == database.ephemeral_count(), "the ephemerals were miscounted");
  VIVARIUM_ASSERT(containers == database.containers().size(), "the containers were miscounted");
  VIVARIUM_ASSERT(ttls == database.ttl_nodes().size(), "the TTL nodes were miscounted");
}

}  // namespace vivarium::fuzz
