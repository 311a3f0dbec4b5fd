#include "tests/fuzz/transactions.hpp"

#include <array>
#include <cstddef>

#include <vivarium/jute.hpp>
#include <vivarium/opcodes.hpp>
#include <vivarium/records.hpp>

namespace vivarium::fuzz {
namespace {

template <class T, std::size_t N>
const T& one_of(const std::array<T, N>& choices, Chance& chance) {
  return choices[chance() % N];
}

constexpr std::array<std::string_view, 22> kPaths = {
    "/a",
    "/a/b",
    "/a/b/c",
    "/a/0000000001",
    "/d",
    "/d/e",
    "/",
    "",
    "/zookeeper",
    "/zookeeper/config",
    "/zookeeper/quota",
    "/zookeeper/quota/a",
    "/zookeeper/quota/a/zookeeper_limits",
    "/zookeeper/quota/a/zookeeper_stats",
    "/zookeeper/quota/a/b",
    "/zookeeper/quota/a/b/zookeeper_limits",
    "/zookeeper/quota/a/b/zookeeper_stats",
    "/zookeeper/quota/zookeeper_limits",
    "/zookeeper/quota/zookeeper_stats",
    "a",
    "/a/",
    "//",
};
constexpr std::array<std::int64_t, 8> kSessions = {
    0x100, 0x100, 0x200, 0x300, 0, INT64_MIN, -1, std::int64_t{0x7f} << 56};
constexpr std::array<std::string_view, 6> kData = {
    "",
    "data",
    "count=1,bytes=1",
    "count=3,bytes=10=;byteHardLimit=7;countHardLimit=2",
    "count=9223372036854775807,bytes=-9223372036854775808",
    "server.1=h:1:2:participant;3"};
constexpr std::array<std::int32_t, 6> kNumbers = {-1, 0, 1, 2, INT32_MAX, INT32_MIN};
constexpr std::array<Op, 14> kTypes = {
    Op::create,           Op::create2,  Op::create_container, Op::create_ttl, Op::remove,
    Op::delete_container, Op::set_data, Op::set_acl,          Op::check,      Op::create_session,
    Op::close_session,    Op::error,    Op::reconfig,         Op::multi};

Data some_data(Chance& chance) {
  if (chance() % 6 == 0) return std::nullopt;
  return one_of(kData, chance);
}

AclList some_acl(Chance& chance) {
  AclList acl;
  for (auto count = chance() % 3; count > 0; --count)
    acl.push_back({one_of(kNumbers, chance), count % 2 ? "world" : "digest",
                   count % 2 ? "anyone" : one_of(kData, chance)});
  return acl;
}

std::string some_body(Op type, Chance& chance);

std::string some_multi(Chance& chance) {
  records::MultiTxn multi;
  std::array<std::string, 3> bodies;
  for (auto& body : bodies) {
    const Op type = chance() % 16 == 0 ? Op::multi : kTypes[chance() % (kTypes.size() - 1)];
    body = some_body(type, chance);
    multi.txns.push_back({static_cast<std::int32_t>(type), body});
  }
  multi.txns.resize(chance() % (bodies.size() + 1));
  return to_jute(multi);
}

std::string some_close(Chance& chance) {
  records::CloseSessionTxn close;
  for (auto count = chance() % 3; count > 0; --count) close.paths.push_back(one_of(kPaths, chance));
  return chance() % 3 == 0 ? "" : to_jute(close);
}

std::string some_body(Op type, Chance& chance) {
  const auto path = one_of(kPaths, chance);
  const auto number = one_of(kNumbers, chance);
  const auto acl = some_acl(chance);
  const auto data = some_data(chance);
  switch (type) {
    case Op::create:
    case Op::create2:
      return to_jute(records::CreateTxn{path, data, acl, chance() % 2 == 0, number});
    case Op::create_container: return to_jute(records::CreateContainerTxn{path, data, acl, number});
    case Op::create_ttl: return to_jute(records::CreateTtlTxn{path, data, acl, number, number});
    case Op::remove:
    case Op::delete_container: return to_jute(records::DeleteTxn{path});
    case Op::set_data:
    case Op::reconfig: return to_jute(records::SetDataTxn{path, data, number});
    case Op::set_acl: return to_jute(records::SetAclTxn{path, acl, number});
    case Op::check: return to_jute(records::CheckVersionTxn{path, number});
    case Op::multi: return chance() % 8 == 0 ? "" : some_multi(chance);
    case Op::close_session: return some_close(chance);
    default: return to_jute(records::ErrorTxn{number});
  }
}

}  // namespace

std::string some_transaction(std::int64_t zxid, Chance& chance) {
  const Op type = one_of(kTypes, chance);
  std::string payload =
      to_jute(records::TxnHeader{one_of(kSessions, chance), one_of(kNumbers, chance), zxid,
                                 1'600'000'000'000, static_cast<std::int32_t>(type)});
  payload += some_body(type, chance);
  if (chance() % 4 == 0) payload += to_jute(records::TxnDigest{2, 0});
  return payload;
}

std::string some_node(Chance& chance) {
  std::string node;
  const auto number = [&] { return std::int64_t{one_of(kNumbers, chance)}; };
  append_jute(node, one_of(kPaths, chance), some_data(chance), number(), number(), number(),
              number(), number(), one_of(kNumbers, chance), one_of(kNumbers, chance),
              one_of(kNumbers, chance), one_of(kSessions, chance), number());
  return node;
}

}  // namespace vivarium::fuzz
