#include "tools/transaction.hpp"

namespace vivarium::tools {

std::string_view name_of(Op type) {
  switch (type) {
  case Op::create: return "create";
  case Op::create2: return "create2";
  case Op::create_container: return "createContainer";
  case Op::create_ttl: return "createTTL";
  case Op::remove: return "delete";
  case Op::delete_container: return "deleteContainer";
  case Op::set_data: return "setData";
  case Op::reconfig: return "reconfig";
  case Op::set_acl: return "setACL";
  case Op::check: return "check";
  case Op::create_session: return "createSession";
  case Op::close_session: return "closeSession";
  case Op::error: return "error";
  case Op::multi: return "multi";
  default: return "unknown";
  }
}

Transaction Transaction::of(std::string_view payload) {
  constexpr std::size_t kDigestBytes = 12;
  Transaction transaction;
  JuteIn in(payload);
  in(transaction.header);
  transaction.body = in.rest();
  JuteIn body(transaction.body);
  transaction.malformed = !visit_body(transaction.type(), body, [](const auto&) {});
  if (transaction.malformed || body.rest().size() < kDigestBytes) return transaction;
  body(transaction.digest.emplace());
  return transaction;
}

}  // namespace vivarium::tools
