#pragma once
// A logged transaction taken apart, for those who look at it.

#include "kernel/core/database.hpp"

#include <vivarium/records.hpp>

#include <optional>
#include <string_view>

namespace vivarium::tools {

/// Hands the record that a transaction of this type has for a body to `visit`. False, and nothing is
/// handed on, when the bytes are no such record or the type is unknown.
template <class Visit>
bool visit_body(Op type, JuteIn& body, Visit&& visit) {
  const auto hand_on = [&](auto record) {
    body(record);
    if (body.ok()) visit(record);
    return body.ok();
  };
  switch (type) {
  case Op::create: {
    records::CreateTxn create;
    take_create(body, create);
    if (body.ok()) visit(create);
    return body.ok();
  }
  case Op::create2: return hand_on(records::CreateTxn{});
  case Op::create_container: return hand_on(records::CreateContainerTxn{});
  case Op::create_ttl: return hand_on(records::CreateTtlTxn{});
  case Op::remove:
  case Op::delete_container: return hand_on(records::DeleteTxn{});
  case Op::set_data:
  case Op::reconfig: return hand_on(records::SetDataTxn{});
  case Op::set_acl: return hand_on(records::SetAclTxn{});
  case Op::check: return hand_on(records::CheckVersionTxn{});
  case Op::create_session: return hand_on(records::CreateSessionTxn{});
  case Op::error: return hand_on(records::ErrorTxn{});
  case Op::multi: return hand_on(records::MultiTxn{});
  case Op::close_session: {
    records::CloseSessionTxn close;
    take_close_list(body, close);
    visit(close);
    return true;
  }
  default: return false;
  }
}

/// Likewise for a part of a multi, which is never a multi itself: from outside bytes one could be,
/// to any depth.
template <class Visit>
bool visit_part(const records::SubTxn& part, Visit&& visit) {
  const auto type = static_cast<Op>(part.type);
  JuteIn body(part.data);
  return type != Op::multi && visit_body(type, body, visit);
}

/// ZooKeeper's name for the type: "createTTL".
std::string_view name_of(Op type);

/// Views into the payload that it was taken from.
struct Transaction {
  records::TxnHeader header;
  std::string_view body;  ///< With the digest behind it.
  std::optional<records::TxnDigest> digest;
  bool malformed = false;  ///< The body is no record of its type.

  static Transaction of(std::string_view payload);
  Op type() const { return static_cast<Op>(header.type); }
};

}  // namespace vivarium::tools
