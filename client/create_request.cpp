#include "client/create_request.hpp"

#include <vivarium/records.hpp>

namespace vivarium::client {

Op create_op(CreateFlag flag) {
  switch (flag) {
    case CreateFlag::container: return Op::create_container;
    case CreateFlag::persistent_ttl:
    case CreateFlag::persistent_sequential_ttl: return Op::create_ttl;
    default: return Op::create2;
  }
}

std::string create_body(std::string_view path, Data data, const NodeKind& kind) {
  const auto flags = static_cast<std::int32_t>(kind.flag);
  if (create_op(kind.flag) == Op::create_ttl)
    return to_jute(records::CreateTtlRequest{path, data, kind.acl, flags, kind.ttl_ms});
  return to_jute(records::CreateRequest{path, data, kind.acl, flags});
}

}  // namespace vivarium::client
