#include "client/errors.hpp"

namespace vivarium::client {

std::string_view name_of(WireError error) {
  if (error == kConnectionLoss) return "ConnectionLoss";
  switch (error) {
    case WireError::ok: return "Ok";
    case WireError::runtime_inconsistency: return "RuntimeInconsistency";
    case WireError::marshalling_error: return "MarshallingError";
    case WireError::unimplemented: return "Unimplemented";
    case WireError::bad_arguments: return "BadArguments";
    case WireError::new_config_no_quorum: return "NewConfigNoQuorum";
    case WireError::reconfig_in_progress: return "ReconfigInProgress";
    case WireError::no_node: return "NoNode";
    case WireError::no_auth: return "NoAuth";
    case WireError::bad_version: return "BadVersion";
    case WireError::no_children_for_ephemerals: return "NoChildrenForEphemerals";
    case WireError::node_exists: return "NodeExists";
    case WireError::not_empty: return "NotEmpty";
    case WireError::session_expired: return "SessionExpired";
    case WireError::invalid_acl: return "InvalidACL";
    case WireError::auth_failed: return "AuthFailed";
    case WireError::session_moved: return "SessionMoved";
    case WireError::not_read_only: return "NotReadOnly";
    case WireError::ephemeral_on_local_session: return "EphemeralOnLocalSession";
    case WireError::no_watcher: return "NoWatcher";
    case WireError::reconfig_disabled: return "ReconfigDisabled";
    case WireError::session_closed_require_sasl: return "SessionClosedRequireSaslAuth";
    case WireError::quota_exceeded: return "QuotaExceeded";
    case WireError::throttled_op: return "ThrottledOp";
  }
  return "Unknown";
}

}  // namespace vivarium::client
