#pragma once
// The numbers of ZooKeeper's client protocol (sections B.4, B.5, B.7 of the reference).

#include <cstdint>

namespace vivarium {

enum class Op : std::int32_t {
  notification = 0,
  create = 1,
  remove = 2,
  exists = 3,
  get_data = 4,
  set_data = 5,
  get_acl = 6,
  set_acl = 7,
  get_children = 8,
  sync = 9,
  ping = 11,
  get_children2 = 12,
  check = 13,
  multi = 14,
  create2 = 15,
  reconfig = 16,
  check_watches = 17,
  remove_watches = 18,
  create_container = 19,
  delete_container = 20,
  create_ttl = 21,
  multi_read = 22,
  auth = 100,
  set_watches = 101,
  sasl = 102,
  get_ephemerals = 103,
  get_all_children_number = 104,
  set_watches2 = 105,
  add_watch = 106,
  who_am_i = 107,
  error = -1,
  create_session = -10,
  close_session = -11,
};

/// What a reply header's `err` says. A refused operation is data, not a failure of the server.
enum class WireError : std::int32_t {
  ok = 0,
  runtime_inconsistency = -2,
  marshalling_error = -5,
  unimplemented = -6,
  bad_arguments = -8,
  new_config_no_quorum = -13,
  reconfig_in_progress = -14,
  no_node = -101,
  no_auth = -102,
  bad_version = -103,
  no_children_for_ephemerals = -108,
  node_exists = -110,
  not_empty = -111,
  session_expired = -112,
  invalid_acl = -114,
  auth_failed = -115,
  session_moved = -118,
  not_read_only = -119,
  ephemeral_on_local_session = -120,
  no_watcher = -121,
  reconfig_disabled = -123,
  session_closed_require_sasl = -124,
  quota_exceeded = -125,
  throttled_op = -127,
};

enum class EventType : std::int32_t {
  created = 1,
  deleted = 2,
  data_changed = 3,
  children_changed = 4,
};

/// The only state that a server sends in a notification.
inline constexpr std::int32_t kStateSyncConnected = 3;

/// Xids with a meaning of their own (section B.3).
inline constexpr std::int32_t kXidNotification = -1;
inline constexpr std::int32_t kXidPing = -2;
inline constexpr std::int32_t kXidAuth = -4;
inline constexpr std::int32_t kXidSetWatches = -8;

/// CreateMode, as `flags` of the create requests.
enum class CreateFlag : std::int32_t {
  persistent = 0,
  ephemeral = 1,
  persistent_sequential = 2,
  ephemeral_sequential = 3,
  container = 4,
  persistent_ttl = 5,
  persistent_sequential_ttl = 6,
};

}  // namespace vivarium
