#pragma once
// What a server logs while clients do a bit of everything: sessions, ephemerals, sequences, ACLs, TTL
// and container nodes, quotas, multis, and requests that fail. From a seed.

#include "tests/support/test_server.hpp"

#include <random>
#include <string>
#include <vector>

namespace vivarium::test {

class BusyClients {
 public:
  explicit BusyClients(std::uint64_t seed) : random_(seed) {
    clients_.push_back(std::make_unique<TestClient>(server_));
    client().create("/zookeeper/quota/a");
    client().create("/zookeeper/quota/a/zookeeper_limits", "count=100000,bytes=-1");
    client().create("/zookeeper/quota/a/zookeeper_stats", "count=0,bytes=0");
    client().create("/a");
    paths_.push_back("/a");
  }

  void work(int steps) {
    for (int i = 0; i < steps; ++i) step();
  }

  /// All that was logged so far.
  std::vector<LogEntry> log() {
    std::optional<Result<LogSlice>> slice;
    server_.store.read(Zxid{}, SIZE_MAX, [&](Result<LogSlice> read) { slice = std::move(read); });
    server_.loop.run_until([&] { return slice.has_value(); });
    return slice->value().entries;
  }

 private:
  static constexpr std::size_t kClientsMax = 5;

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  TestClient& client() { return *clients_[below(clients_.size())]; }
  const std::string& path() { return paths_[below(paths_.size())]; }
  std::string new_path() { return path() + "/" + std::to_string(++names_); }

  void step() {
    switch (below(12)) {
    case 0: return come_and_go();
    case 1: return remember(client().create(new_path(), std::string(below(40), 'x')));
    case 2: return remember(client().create(new_path(), std::nullopt));
    case 3: return forget(client().create(new_path(), "e", CreateFlag::ephemeral));
    case 4: return forget(client().create(path() + "/s-", "", CreateFlag::persistent_sequential));
    case 5: return container();
    case 6: return time_to_live();
    case 7: return forget(client().set(path(), std::string(below(60), 'y')));
    case 8: return remove();
    case 9: return change_acl();
    case 10: return multi("/a");
    default: return multi("/missing");
    }
  }

  void come_and_go() {
    if (clients_.size() < kClientsMax) {
      clients_.push_back(std::make_unique<TestClient>(server_));
      return;
    }
    const auto leaving = 1 + static_cast<std::ptrdiff_t>(below(clients_.size() - 1));
    clients_[static_cast<std::size_t>(leaving)]->call(Op::close_session);
    clients_.erase(clients_.begin() + leaving);
  }

  /// A node that later ones may lie below.
  void remember(const Reply& reply) {
    if (reply.err == WireError::ok) paths_.emplace_back(reply.as<records::PathRequest>().path);
  }
  void forget(const Reply&) {}

  void container() {
    client().call(Op::create_container,
                  records::CreateRequest{new_path(), "c", TestClient::open_acl(),
                                         static_cast<std::int32_t>(CreateFlag::container)});
  }

  void time_to_live() {
    client().call(Op::create_ttl,
                  records::CreateTtlRequest{new_path(), "t", TestClient::open_acl(),
                                            static_cast<std::int32_t>(CreateFlag::persistent_ttl),
                                            1'000'000'000});
  }

  /// A leaf goes; what has children stays, and the request that failed is in the log.
  void remove() {
    const std::string victim = path();
    if (victim != "/a" && client().remove(victim).err == WireError::ok) std::erase(paths_, victim);
  }

  void change_acl() {
    const AclList acl = {{perms::kAll, "world", "anyone"},
                         {static_cast<std::int32_t>(1 + below(31)), "ip", "127.0.0.1"}};
    client().call(Op::set_acl, records::SetAclRequest{path(), acl, -1});
  }

  void multi(const std::string& last) {
    const std::string first = new_path(), second = new_path();
    MultiBody body;
    body.add(Op::create, records::CreateRequest{first, "m", TestClient::open_acl(), 0})
        .add(Op::create2, records::CreateRequest{second, "n", TestClient::open_acl(), 0})
        .add(Op::check, records::PathVersionRequest{first, -1})
        .add(Op::remove, records::PathVersionRequest{second, -1})
        .add(Op::set_data, records::SetDataRequest{last, "multi", -1});
    const auto xid = client_for_multi().send(Op::multi, body.bytes());
    multi_client_->wait_for(xid);
  }
  TestClient& client_for_multi() {
    multi_client_ = &client();
    return *multi_client_;
  }

  std::mt19937_64 random_;
  TestServer server_;
  std::vector<std::unique_ptr<TestClient>> clients_;
  TestClient* multi_client_ = nullptr;
  std::vector<std::string> paths_;
  int names_ = 0;
};

}  // namespace vivarium::test
