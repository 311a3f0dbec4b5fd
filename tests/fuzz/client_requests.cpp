#include "tests/fuzz/client_requests.hpp"

#include <array>
#include <optional>
#include <span>
#include <vector>

#include <vivarium/records.hpp>

namespace vivarium::fuzz {
namespace {

// The order of these is the meaning of corpus files: add at the end.
constexpr std::array<Op, 32> kOps = {Op::create,
                                     Op::create2,
                                     Op::create_container,
                                     Op::create_ttl,
                                     Op::remove,
                                     Op::set_data,
                                     Op::set_acl,
                                     Op::multi,
                                     Op::exists,
                                     Op::get_data,
                                     Op::get_acl,
                                     Op::get_children,
                                     Op::get_children2,
                                     Op::sync,
                                     Op::ping,
                                     Op::get_ephemerals,
                                     Op::set_watches,
                                     Op::set_watches2,
                                     Op::add_watch,
                                     Op::remove_watches,
                                     Op::check_watches,
                                     Op::auth,
                                     Op::who_am_i,
                                     Op::multi_read,
                                     Op::close_session,
                                     Op::reconfig,
                                     Op::check,
                                     Op::get_all_children_number,
                                     Op::delete_container,
                                     Op::sasl,
                                     Op::create_session,
                                     Op::notification};
constexpr std::array<std::string_view, 32> kPaths = {"/a",
                                                     "/a/b",
                                                     "/a/b/c",
                                                     "/d",
                                                     "/d/e",
                                                     "/",
                                                     "/q",
                                                     "/q/r",
                                                     "/s-",
                                                     "/a/s-",
                                                     "",
                                                     "a",
                                                     "/a/",
                                                     "//",
                                                     "/a/..",
                                                     "/./b",
                                                     "/\x01",
                                                     "/\xff",
                                                     "/\xc3\xa4",
                                                     "/a//b",
                                                     "/zookeeper",
                                                     "/zookeeper/config",
                                                     "/zookeeper/quota",
                                                     "/zookeeper/quota/q",
                                                     "/zookeeper/quota/q/zookeeper_limits",
                                                     "/zookeeper/quota/q/zookeeper_stats",
                                                     "/zookeeper/quota/a",
                                                     "/zookeeper/quota/a/zookeeper_limits",
                                                     "/zookeeper/x",
                                                     "/missing",
                                                     "/missing/child",
                                                     std::string_view("/n\0l", 4)};
constexpr std::array<std::string_view, 8> kData = {
    "",
    "x",
    "data",
    "count=1,bytes=1",
    "count=2,bytes=20=;byteHardLimit=10;countHardLimit=2",
    "count=-1,bytes=-1",
    "count=9223372036854775807,bytes=-9223372036854775808",
    "\xff\xff"};
constexpr std::array<std::int32_t, 8> kVersions = {-1, 0, 1, 2, -1, 3, INT32_MAX, INT32_MIN};
constexpr std::array<std::int64_t, 8> kTtls = {1000, 1,  5000,         60'000,
                                               0,    -1, 0xFFFFFFFFFF, 0x10000000000};
constexpr std::array<std::int32_t, 8> kWatchTypes = {0, 1, 2, 3, 4, 5, 6, -1};
constexpr std::array<std::string_view, 8> kCredentials = {
    "bob:secret", "alice:other", "super:test", "", "bob", ":", "b\xff:\xff", "a:b:c"};
constexpr std::size_t kPartsMax = 8;
constexpr std::size_t kLongDataBytes = 64;  ///< Times a byte.

Text some_path(Choices& choices) { return choices.one_of(kPaths); }

/// Short and chosen, or long and all the same.
std::optional<std::string> some_data(Choices& choices) {
  const auto choice = choices.byte();
  if (choice < 128) return std::string(kData[choice % kData.size()]);
  if (choice < 144) return std::nullopt;
  return std::string((choice - 143u) * kLongDataBytes, 'z');
}

AclEntry some_entry(Choices& choices) {
  constexpr std::array<AclEntry, 12> kEntries = {
      AclEntry{perms::kAll, "world", "anyone"},
      {perms::kRead, "world", "anyone"},
      {perms::kAll, "auth", ""},
      {perms::kAll, "digest", "bob:fyVmFCwVbTJYrznoSu1koqYEYF0="},
      {perms::kAll, "ip", "127.0.0.1"},
      {perms::kRead | perms::kAdmin, "ip", "10.0.0.0/8"},
      {perms::kCreate, "world", "anyone"},
      {0, "world", "anyone"},
      {perms::kAll, "digest", "bob"},
      {perms::kAll, "nobody", "x"},
      {-1, "world", "anyone"},
      {perms::kAll, "world", "somebody"}};
  return choices.one_of(kEntries);
}

/// In most cases the one that is open.
AclList some_acl(Choices& choices) {
  const auto choice = choices.byte();
  if (choice < 160) return {{perms::kAll, "world", "anyone"}};
  AclList acl;
  for (auto count = choice % 4; count > 0; --count) acl.push_back(some_entry(choices));
  return acl;
}

std::vector<Text> some_paths(Choices& choices) {
  std::vector<Text> paths;
  for (auto count = choices.below(4); count > 0; --count) paths.push_back(some_path(choices));
  return paths;
}

std::string body_of(Op op, Text path, Choices& choices);

std::string some_multi(Choices& choices, std::span<const Op> ops) {
  std::string body;
  const auto parts = choices.below(kPartsMax + 1);
  for (std::size_t i = 0; i < parts; ++i) {
    const auto op = ops[choices.below(ops.size())];
    append_jute(body, records::MultiHeader{static_cast<std::int32_t>(op), false, -1});
    body += body_of(op, some_path(choices), choices);
  }
  append_jute(body, records::MultiHeader{-1, true, -1});
  return body;
}

std::string body_of(Op op, Text path, Choices& choices) {
  // A multi and a closing of the session in a multi are no parts of one.
  constexpr std::array kWrites = {Op::create,   Op::set_data,         Op::remove,     Op::check,
                                  Op::create2,  Op::create_container, Op::create_ttl, Op::create,
                                  Op::get_data, Op::close_session};
  constexpr std::array kReads = {Op::get_data, Op::get_children, Op::get_data, Op::exists};
  switch (op) {
  case Op::create:
  case Op::create2:
  case Op::create_container: {
    const auto data = some_data(choices);
    const auto flag = op == Op::create_container ? 4 : static_cast<int>(choices.below(8)) - 1;
    return to_jute(records::CreateRequest{path, data, some_acl(choices), flag});
  }
  case Op::create_ttl: {
    const auto data = some_data(choices);
    const auto flag = 4 + static_cast<std::int32_t>(choices.below(4));
    const auto acl = some_acl(choices);
    return to_jute(records::CreateTtlRequest{path, data, acl, flag, choices.one_of(kTtls)});
  }
  case Op::remove:
  case Op::check: return to_jute(records::PathVersionRequest{path, choices.one_of(kVersions)});
  case Op::set_data: {
    const auto data = some_data(choices);
    return to_jute(records::SetDataRequest{path, data, choices.one_of(kVersions)});
  }
  case Op::set_acl: {
    const auto acl = some_acl(choices);
    return to_jute(records::SetAclRequest{path, acl, choices.one_of(kVersions)});
  }
  case Op::exists:
  case Op::get_data:
  case Op::get_children:
  case Op::get_children2: return to_jute(records::PathWatchRequest{path, choices.byte() % 2 == 1});
  case Op::get_acl:
  case Op::sync:
  case Op::get_ephemerals:
  case Op::get_all_children_number:
  case Op::delete_container: return to_jute(records::PathRequest{path});
  case Op::add_watch:
  case Op::remove_watches:
  case Op::check_watches:
    return to_jute(records::PathTypeRequest{path, choices.one_of(kWatchTypes)});
  case Op::set_watches: {
    const auto zxid = choices.byte();
    const auto data = some_paths(choices), exist = some_paths(choices);
    return to_jute(records::SetWatchesRequest{zxid, data, exist, some_paths(choices)});
  }
  case Op::set_watches2: {
    const auto zxid = choices.byte();
    const auto data = some_paths(choices), exist = some_paths(choices);
    const auto child = some_paths(choices), persistent = some_paths(choices);
    return to_jute(
        records::SetWatches2Request{zxid, data, exist, child, persistent, some_paths(choices)});
  }
  case Op::auth: {
    constexpr std::array<Text, 4> kSchemes = {"digest", "ip", "digest", "nobody"};
    const auto scheme = choices.one_of(kSchemes);
    return to_jute(records::AuthPacket{0, scheme, choices.one_of(kCredentials)});
  }
  case Op::multi: return some_multi(choices, kWrites);
  case Op::multi_read: return some_multi(choices, kReads);
  case Op::reconfig: return to_jute(records::ReconfigRequest{"server.1=a:1:2", {}, {}, -1});
  default: return {};
  }
}

bool watches(Op op) {
  return op == Op::exists || op == Op::get_data || op == Op::get_children ||
         op == Op::get_children2;
}

bool has_path(Op op) {
  switch (op) {
  case Op::set_watches:
  case Op::set_watches2:
  case Op::auth:
  case Op::multi:
  case Op::multi_read:
  case Op::reconfig: return false;
  default: return true;
  }
}

/// Few are: cut off, with a null in front, with more behind.
void spoil(ClientRequest& request, std::uint8_t choice) {
  if (choice < 248 || request.body.empty()) return;
  request.spoilt = true;
  if (choice < 251) return request.body.resize(request.body.size() / 2);
  if (choice < 254) return void(request.body.replace(0, 4, 4, '\xff'));
  request.body.append(7, '\1');
}

}  // namespace

ClientRequest some_request(Choices& choices) {
  ClientRequest request;
  request.op = choices.one_of(kOps);
  const auto path = has_path(request.op) ? some_path(choices) : Text();
  request.path = path;
  request.body = body_of(request.op, path, choices);
  request.leaves_watch = watches(request.op) && request.body.back() != 0;
  if (request.op != Op::auth) spoil(request, choices.byte());
  return request;
}

ClientRequest any_bytes_as_request(Choices& choices) {
  ClientRequest request;
  const auto op = choices.byte();
  request.op = op < 128 ? static_cast<Op>(op) : kOps[op % kOps.size()];
  request.body = choices.bytes(choices.byte());
  request.spoilt = true;
  return request;
}

}  // namespace vivarium::fuzz
