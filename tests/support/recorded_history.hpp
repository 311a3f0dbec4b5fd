#pragma once
// Transactions as a server makes them, with their digests, and the trees that they lead to: what a
// test of a store compares with what comes back from the disk.

#include "kernel/core/database.hpp"
#include "tests/support/test_server.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace vivarium::test {

/// A tree with all there is to know of it.
struct TreeImage {
  std::uint64_t digest = 0;
  std::string dump;  ///< The body of its snapshot: sessions, ACLs, every node with its stat.
  bool operator==(const TreeImage&) const = default;
};

inline std::string snapshot_body_of(Database& database) {
  std::string body;
  const auto cursor = database.snapshot();
  for (auto piece = cursor->next(1 << 20); !piece.empty(); piece = cursor->next(1 << 20))
    body += piece.view();
  return body;
}

/// The tree of a snapshot's body, or the fresh one when that is empty, after these transactions.
/// Throws when they do not fit together: a transaction carries the digest of the tree after it.
inline std::unique_ptr<Database> replayed(std::string_view body, Zxid zxid,
                                          std::span<const LogEntry> entries) {
  constexpr std::uint64_t kSeed = 7;  // One for all: the order of a dump depends on it.
  auto database = std::make_unique<Database>(kSeed);
  database->set_extended_types(true);
  if (!body.empty()) {
    DatabaseLoader loader(kSeed, true);
    if (!loader.feed(body)) throw std::runtime_error("the snapshot cannot be decoded");
    auto loaded = loader.finish(zxid);
    if (!loaded) throw std::runtime_error(loaded.error().what);
    database = std::move(*loaded);
  }
  for (const LogEntry& entry : entries) {
    const auto& applied = database->apply(entry, nullptr, DigestCheck::compare);
    if (applied.malformed) throw std::runtime_error("a transaction cannot be decoded");
    if (applied.digest_differs) throw std::runtime_error("a digest is not the one in the log");
  }
  return database;
}

inline TreeImage image_of(Database& database) {
  return {database.tree().digest(), snapshot_body_of(database)};
}

/// Transactions of many kinds, until their payloads come to `bytes`.
inline std::vector<LogEntry> record_history(std::size_t bytes) {
  TestServer server;
  TestClient client(server);
  const auto write_some = [&](int round) {
    const std::string name = "/node-" + std::to_string(round);
    client.create(name, std::string(static_cast<std::size_t>(round % 90), 'd'));
    client.create(name + "/child-", "x", CreateFlag::persistent_sequential);
    client.create("/mine-" + std::to_string(round), "", CreateFlag::ephemeral);
    client.set(name, "changed " + std::to_string(round));
    const auto check = records::PathVersionRequest{name, 1};
    MultiBody multi;
    multi.add(Op::check, check).add(Op::set_data, records::SetDataRequest{name, "multi", -1});
    client.wait_for(client.send(Op::multi, multi.bytes()));
    if (round % 3 == 0) client.remove("/mine-" + std::to_string(round));
    if (round % 7 == 0) client.remove("/nowhere");
    if (round % 10 == 0) TestClient passing(server);
  };
  const auto logged = [&] {
    std::vector<LogEntry> entries;
    bool there = false;
    server.store.read(Zxid{}, ~std::size_t{0}, [&](Result<LogSlice> slice) {
      entries = std::move(slice->entries);
      there = true;
    });
    server.loop.run_until([&] { return there; });
    return entries;
  };
  for (int round = 0;; ++round) {
    write_some(round);
    auto entries = logged();
    std::size_t sum = 0, count = 0;
    while (count < entries.size() && sum < bytes) sum += entries[count++].payload.size();
    if (sum < bytes) continue;
    entries.resize(count);
    return entries;
  }
}

}  // namespace vivarium::test
