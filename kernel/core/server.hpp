#pragma once
// One server, assembled: client sessions on one side, the broadcast on the other, the state between
// them. The host constructs it from a config and plugins; everything in it runs on the core thread and
// is a deterministic function of what the doors and the plugins hand in.

#include "kernel/core/purger.hpp"

#include <vivarium/acl_policy.hpp>
#include <vivarium/authenticator.hpp>
#include <vivarium/broadcast.hpp>
#include <vivarium/commands.hpp>
#include <vivarium/disk.hpp>
#include <vivarium/election.hpp>
#include <vivarium/log.hpp>
#include <vivarium/log_store.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/metrics.hpp>
#include <vivarium/result.hpp>
#include <vivarium/service.hpp>
#include <vivarium/transport.hpp>
#include <vivarium/workers.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vivarium {

/// Where a server listens for clients.
struct ClientAddress {
  std::string role;  ///< "client" or "secure": the key in the ready file.
  Transport* transport = nullptr;
  std::string host;  ///< Empty: every interface.
  std::uint16_t port = 0;  ///< 0: a free one.
};

/// What a member of an ensemble knows of it, and of its place there.
struct EnsembleSettings {
  std::string config;  ///< ZooKeeper's text of the members (section E.2 of the reference).
  Zxid version;        ///< Of that text.
  std::int32_t voters = 0;
  std::int32_t init_limit = 0, sync_limit = 0;  ///< In ticks.
  std::uint16_t quorum_port = 0, election_port = 0;
  bool observes = false;
};

/// What the config says to the core, with ZooKeeper's defaults (sections H.4 and H.5).
struct ServerSettings {
  ServerId id{0};                             ///< Of a member: what `myid` says.
  std::optional<EnsembleSettings> ensemble;   ///< Nothing: the server runs alone.
  std::int32_t tick_time_ms = 3000;
  std::int32_t min_session_timeout_ms = 6000;
  std::int32_t max_session_timeout_ms = 60000;
  std::int32_t max_client_connections_per_address = 60;  ///< maxClientCnxns; 0: no limit.
  std::int32_t max_connections = 0;                      ///< maxCnxns; 0: no limit.
  std::int32_t client_descriptors = 0;                   ///< What files leave of them; 0: not known.
  std::uint64_t memory_ceiling_bytes = 0;                ///< vivarium.memory.ceiling; 0: none.
  std::int32_t listen_backlog = -1;
  std::uint32_t frame_bytes_max = 1048575;               ///< jute.maxbuffer
  std::int32_t outstanding_limit = 10000;                ///< globalOutstandingLimit (ZooKeeper: 1000)
  std::int64_t sessionless_timeout_ms = 10000;           ///< nio.sessionlessCnxnTimeout
  std::vector<std::string> whitelisted_words;            ///< 4lw.commands.whitelist; "*" for all.
  bool extended_types = false;                           ///< extendedTypesEnabled
  bool digest_enabled = true;                            ///< digest.enabled
  bool enforce_quota = false;                            ///< enforceQuota
  bool skip_acl = false;                                 ///< skipACL
  bool reconfig_enabled = false;
  bool read_only_enabled = false;                        ///< readonlymode.enabled
  std::int64_t container_check_ms = 60000;               ///< znode.container.checkIntervalMs
  std::int64_t container_max_per_minute = 10000;         ///< znode.container.maxPerMinute
  std::int64_t container_never_used_ms = 0;              ///< znode.container.maxNeverUsedIntervalMs
  bool stages = true;                                    ///< Time the stages of requests.
  std::int64_t slow_request_ms = 1000;                   ///< From where one is told of; 0: none is.
  std::int64_t snapshot_entries = 0;                     ///< snapCount; 0: none.
  std::int64_t snapshot_log_bytes = 0;                   ///< snapSizeLimitInKb; 0: none.
  PurgeRule purge;                                       ///< autopurge.*
  std::string data_dir, data_log_dir;                    ///< As configured, for `conf` and `dirs`.
  std::vector<std::pair<std::string, std::string>> environment;  ///< For `envi`.
  std::string version_line;  ///< "1.0.0-abc, built on 09/04/2020 12:44 GMT"
};

/// What a server works with; borrowed for its whole life.
struct ServerParts {
  Loop& loop;
  Log& log;
  Metrics& metrics;
  Commands& commands;
  LogStore& store;
  Broadcast& broadcast;
  Election* election = nullptr;    ///< nullptr: none configured.
  Transport* election_transport = nullptr;  ///< nullptr: none configured.
  Transport* quorum = nullptr;     ///< nullptr: none configured.
  AclPolicy* policy = nullptr;     ///< nullptr: the ACLs alone decide.
  std::vector<Authenticator*> authenticators;
  std::vector<Service*> services;
  std::vector<ClientAddress> addresses;
  Transport* service_transport = nullptr;  ///< There if there are services.
  std::function<std::uint64_t()> memory_in_use = {};  ///< In bytes; nullptr: nobody knows.
};

class Server {
 public:
  Server(ServerSettings settings, ServerParts parts);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Opens the store, loads the state, starts the broadcast and listens. `serving` comes once: when
  /// clients can connect, or with the reason why they never will.
  void start(Done<void> serving);
  /// Stops listening, closes clients, lets the log come to rest. `stopped` comes once.
  void stop(std::function<void()> stopped);
  /// What ends the server from inside: a failed log, above all. Called at most once.
  void on_fatal(std::function<void(const Error&)> handler);

  /// What it listens on: role ("client", "secure") and "host:port". Valid once it serves.
  std::vector<std::pair<std::string, std::string>> addresses() const;

  /// For tests and services.
  StateMachine& state();
  const ServerView& view() const;

 private:
  class Body;
  std::unique_ptr<Body> body_;
};

/// The command table and the metrics of one server.
std::unique_ptr<Commands> make_commands();
std::unique_ptr<Metrics> make_metrics();

}  // namespace vivarium
