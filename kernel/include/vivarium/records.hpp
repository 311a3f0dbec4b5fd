#pragma once
// The records of the client protocol and of transactions: plain structs, one serialize function each.
// Decoded ones view into their frame. Names of fields are those of JSON output.
// Source: sections B.2 to B.6 and D.2 of the reference.

#include <vivarium/jute.hpp>
#include <vivarium/opcodes.hpp>
#include <vivarium/stat.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#define VIVARIUM_FIELDS(...)       \
  template <class Archive>         \
  void serialize(Archive& archive) { archive(__VA_ARGS__); }

namespace vivarium {

template <class Archive>
void serialize(Archive& ar, Stat& s) {
  ar(cereal::make_nvp("czxid", s.czxid), cereal::make_nvp("mzxid", s.mzxid),
     cereal::make_nvp("ctime", s.ctime), cereal::make_nvp("mtime", s.mtime),
     cereal::make_nvp("version", s.version), cereal::make_nvp("cversion", s.cversion),
     cereal::make_nvp("aversion", s.aversion),
     cereal::make_nvp("ephemeralOwner", s.ephemeral_owner),
     cereal::make_nvp("dataLength", s.data_length),
     cereal::make_nvp("numChildren", s.num_children), cereal::make_nvp("pzxid", s.pzxid));
}

using Text = std::string_view;
using Data = std::optional<std::string_view>;
using AclList = std::vector<AclEntry>;

namespace records {

// --- connecting -----------------------------------------------------------------------------------

/// Without the trailing readOnly byte, which old clients leave out.
struct ConnectRequest {
  std::int32_t protocol_version = 0;
  std::int64_t last_zxid_seen = 0;
  std::int32_t timeout = 0;
  std::int64_t session_id = 0;
  Data password;
  VIVARIUM_FIELDS(CEREAL_NVP(protocol_version), CEREAL_NVP(last_zxid_seen), CEREAL_NVP(timeout),
                  CEREAL_NVP(session_id), CEREAL_NVP(password))
};
struct ConnectResponse {
  std::int32_t protocol_version = 0;
  std::int32_t timeout = 0;
  std::int64_t session_id = 0;
  Text password;
  VIVARIUM_FIELDS(CEREAL_NVP(protocol_version), CEREAL_NVP(timeout), CEREAL_NVP(session_id),
                  CEREAL_NVP(password))
};
struct RequestHeader {
  std::int32_t xid = 0;
  std::int32_t type = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(xid), CEREAL_NVP(type))
};
struct ReplyHeader {
  std::int32_t xid = 0;
  std::int64_t zxid = 0;
  std::int32_t err = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(xid), CEREAL_NVP(zxid), CEREAL_NVP(err))
};

// --- requests -------------------------------------------------------------------------------------

/// create, create2, createContainer.
struct CreateRequest {
  Text path;
  Data data;
  AclList acl;
  std::int32_t flags = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(path), CEREAL_NVP(data), CEREAL_NVP(acl), CEREAL_NVP(flags))
};
struct CreateTtlRequest {
  Text path;
  Data data;
  AclList acl;
  std::int32_t flags = 0;
  std::int64_t ttl = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(path), CEREAL_NVP(data), CEREAL_NVP(acl), CEREAL_NVP(flags),
                  CEREAL_NVP(ttl))
};
/// delete, check.
struct PathVersionRequest {
  Text path;
  std::int32_t version = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(path), CEREAL_NVP(version))
};
/// exists, getData, getChildren, getChildren2.
struct PathWatchRequest {
  Text path;
  bool watch = false;
  VIVARIUM_FIELDS(CEREAL_NVP(path), CEREAL_NVP(watch))
};
/// getACL, sync, getEphemerals, getAllChildrenNumber, deleteContainer.
struct PathRequest {
  Text path;
  VIVARIUM_FIELDS(CEREAL_NVP(path))
};
struct SetDataRequest {
  Text path;
  Data data;
  std::int32_t version = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(path), CEREAL_NVP(data), CEREAL_NVP(version))
};
struct SetAclRequest {
  Text path;
  AclList acl;
  std::int32_t version = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(path), CEREAL_NVP(acl), CEREAL_NVP(version))
};
struct ReconfigRequest {
  Data joining, leaving, new_members;
  std::int64_t config_id = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(joining), CEREAL_NVP(leaving), CEREAL_NVP(new_members),
                  CEREAL_NVP(config_id))
};
/// checkWatches, removeWatches, addWatch: path and a number.
struct PathTypeRequest {
  Text path;
  std::int32_t type = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(path), CEREAL_NVP(type))
};
struct AuthPacket {
  std::int32_t type = 0;
  Text scheme;
  Data auth;
  VIVARIUM_FIELDS(CEREAL_NVP(type), CEREAL_NVP(scheme), CEREAL_NVP(auth))
};
struct SetWatchesRequest {
  std::int64_t relative_zxid = 0;
  std::vector<Text> data, exist, child;
  VIVARIUM_FIELDS(CEREAL_NVP(relative_zxid), CEREAL_NVP(data), CEREAL_NVP(exist), CEREAL_NVP(child))
};
struct SetWatches2Request {
  std::int64_t relative_zxid = 0;
  std::vector<Text> data, exist, child, persistent, persistent_recursive;
  VIVARIUM_FIELDS(CEREAL_NVP(relative_zxid), CEREAL_NVP(data), CEREAL_NVP(exist), CEREAL_NVP(child),
                  CEREAL_NVP(persistent), CEREAL_NVP(persistent_recursive))
};
struct MultiHeader {
  std::int32_t type = -1;
  bool done = true;
  std::int32_t err = -1;
  VIVARIUM_FIELDS(CEREAL_NVP(type), CEREAL_NVP(done), CEREAL_NVP(err))
};
struct WatcherEvent {
  std::int32_t type = 0;
  std::int32_t state = kStateSyncConnected;
  Text path;
  VIVARIUM_FIELDS(CEREAL_NVP(type), CEREAL_NVP(state), CEREAL_NVP(path))
};
struct ClientInfo {
  static constexpr std::size_t kJuteBytesMin = 8;
  Text scheme, user;
  VIVARIUM_FIELDS(CEREAL_NVP(scheme), CEREAL_NVP(user))
};

// --- transactions ---------------------------------------------------------------------------------

struct TxnHeader {
  std::int64_t client_id = 0;
  std::int32_t cxid = 0;
  std::int64_t zxid = 0;
  std::int64_t time = 0;  ///< wall ms at the leader
  std::int32_t type = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(client_id), CEREAL_NVP(cxid), CEREAL_NVP(zxid), CEREAL_NVP(time),
                  CEREAL_NVP(type))
};
struct TxnDigest {
  std::int32_t version = 2;
  std::int64_t tree_digest = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(version), CEREAL_NVP(tree_digest))
};
struct CreateSessionTxn {
  std::int32_t timeout = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(timeout))
};
struct CloseSessionTxn {
  std::vector<Text> paths;
  VIVARIUM_FIELDS(CEREAL_NVP(paths))
};
struct ErrorTxn {
  std::int32_t err = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(err))
};
struct CreateTxn {
  Text path;
  Data data;
  AclList acl;
  bool ephemeral = false;
  std::int32_t parent_cversion = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(path), CEREAL_NVP(data), CEREAL_NVP(acl), CEREAL_NVP(ephemeral),
                  CEREAL_NVP(parent_cversion))
};
struct CreateContainerTxn {
  Text path;
  Data data;
  AclList acl;
  std::int32_t parent_cversion = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(path), CEREAL_NVP(data), CEREAL_NVP(acl), CEREAL_NVP(parent_cversion))
};
struct CreateTtlTxn {
  Text path;
  Data data;
  AclList acl;
  std::int32_t parent_cversion = 0;
  std::int64_t ttl = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(path), CEREAL_NVP(data), CEREAL_NVP(acl), CEREAL_NVP(parent_cversion),
                  CEREAL_NVP(ttl))
};
/// delete, deleteContainer.
struct DeleteTxn {
  Text path;
  VIVARIUM_FIELDS(CEREAL_NVP(path))
};
/// setData, reconfig. `version` is the new one.
struct SetDataTxn {
  Text path;
  Data data;
  std::int32_t version = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(path), CEREAL_NVP(data), CEREAL_NVP(version))
};
struct SetAclTxn {
  Text path;
  AclList acl;
  std::int32_t version = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(path), CEREAL_NVP(acl), CEREAL_NVP(version))
};
struct CheckVersionTxn {
  Text path;
  std::int32_t version = 0;
  VIVARIUM_FIELDS(CEREAL_NVP(path), CEREAL_NVP(version))
};
/// A sub-operation: `data` is the body record of that type, without a header.
struct SubTxn {
  static constexpr std::size_t kJuteBytesMin = 8;
  std::int32_t type = 0;
  Text data;
  VIVARIUM_FIELDS(CEREAL_NVP(type), CEREAL_NVP(data))
};
struct MultiTxn {
  std::vector<SubTxn> txns;
  VIVARIUM_FIELDS(CEREAL_NVP(txns))
};

}  // namespace records

/// The bytes of a record, alone.
template <class Record>
std::string to_jute(Record record) {
  std::string out;
  JuteOut archive(out);
  archive(record);
  return out;
}

}  // namespace vivarium

#undef VIVARIUM_FIELDS
