#pragma once
// ZooKeeper's rules for paths (section B.11). A path is bytes; the rules look at it as Java would.

#include <optional>
#include <string_view>

namespace vivarium::paths {

inline constexpr std::string_view kZooKeeper = "/zookeeper";
inline constexpr std::string_view kQuota = "/zookeeper/quota";
inline constexpr std::string_view kConfig = "/zookeeper/config";

/// The full rule: what create (after its sequence suffix), setData, setACL and check ask for.
bool valid(std::string_view path);
/// What create and delete ask for at first: a slash somewhere, and no NUL. Yields the parent's path
/// ("/" for a top-level one).
std::optional<std::string_view> parent_if_plain(std::string_view path);
/// The parent of a valid path other than the root.
std::string_view parent(std::string_view path);
/// What follows the last slash.
std::string_view name(std::string_view path);
/// The path at which a reader finds the node: the root has an empty name too, as in ZooKeeper. A watch
/// that is left there stays under that name, where nothing fires it.
inline std::string_view of_node(std::string_view path) { return path.empty() ? "/" : path; }
/// Nodes that can never be deleted.
bool special(std::string_view path);
/// `path` is `ancestor` itself or below it.
bool at_or_below(std::string_view path, std::string_view ancestor);

}  // namespace vivarium::paths
