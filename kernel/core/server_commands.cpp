// ruok, isro, srvr, stat, conf, mntr, dirs, envi, hash, srst, gtmk, stmk.
#include "kernel/core/command_rows.hpp"
#include "kernel/core/hex.hpp"
#include "kernel/core/java_text.hpp"

namespace vivarium {
namespace {

/// ZooKeeper's default. There is no such tracing here, so it stays as it is whatever `stmk` asks for.
constexpr std::int64_t kTraceMask = 306;

Value nothing(const Inspection&) { return Value::Fields{}; }

// --- srvr, stat -----------------------------------------------------------------------------------

/// Log and snapshots share a directory unless dataLogDir is set, and then its size is told twice.
LogStore::Sizes directory_sizes(const Inspection& server) {
  auto sizes = server.store.sizes();
  const auto& settings = server.settings;
  if (!settings.data_log_dir.empty() && settings.data_log_dir != settings.data_dir) return sizes;
  sizes.log_bytes_total += sizes.snapshot_bytes_total;
  sizes.snapshot_bytes_total = sizes.log_bytes_total;
  return sizes;
}

Value size_value(const SizeStats& stats) {
  return Value::Fields{{"last_buffer_size", stats.last},
                       {"min_buffer_size", stats.min},
                       {"max_buffer_size", stats.max}};
}

/// Of a plugin's metric; 0 where no plugin has it.
Value metric(const Inspection& server, std::string_view name) {
  return static_cast<std::int64_t>(server.metrics->value(name).value_or(0));
}

Value counters(const Inspection& server) {
  const auto& stats = server.stats;
  const auto sizes = directory_sizes(server);
  return Value::Fields{
      {"packets_sent", stats.packets_sent},
      {"packets_received", stats.packets_received},
      {"fsync_threshold_exceed_count", metric(server, "fsync_threshold_exceed_count")},
      {"client_response_stats", size_value(stats.responses)},
      {"provider_null", false},
      {"server_state", std::string(name_of(server.role()))},
      {"outstanding_requests", count_value(server.clients.outstanding().requests)},
      {"last_processed_zxid", server.database().last_applied().value},
      {"data_dir_size", count_value(sizes.snapshot_bytes_total)},
      {"log_dir_size", count_value(sizes.log_bytes_total)},
      {"min_latency", stats.latency.min_ms()},
      {"avg_latency", four_decimals(stats.latency.average_ms())},
      {"max_latency", stats.latency.max_ms()},
      {"num_alive_client_connections", count_value(server.clients.size())},
      {"uptime", server.uptime_ms()},
      {"auth_failed_count", stats.auth_failed.value()},
      // ZooKeeper counts those on a port for both kinds of connections, and there is none here.
      {"non_mtlsremote_conn_count", 0},
      {"non_mtlslocal_conn_count", 0}};
}

Value::Fields server_fields(const Inspection& server) {
  Value::Fields fields{{"version", server.settings.version_line},
                       {"read_only", server.role() == ServingRole::read_only},
                       {"server_stats", counters(server)},
                       {"client_response", size_value(server.stats.responses)}};
  if (server.role() == ServingRole::leader)
    fields.emplace_back("proposal_stats", size_value(server.stats.proposals));
  fields.emplace_back("node_count", server.znode_count());
  return fields;
}

Value server_stats(const Inspection& server) { return server_fields(server); }

Value stats(const Inspection& server) {
  auto fields = server_fields(server);
  append_connections(server, ConnectionDetail::brief, fields);
  return fields;
}

std::string version_text(const Value& value) {
  const auto version = "Zookeeper version: " + text_at(value, "version") + "\n";
  if (text_at(value, "read_only") == "false") return version;
  return version + "READ-ONLY mode; serving only read-only clients\n";
}

/// A leader's alone.
std::string proposal_text(const Value& value) {
  const auto* sizes = value.field("proposal_stats");
  if (!sizes) return {};
  return "Proposal sizes last/min/max: " + text_at(*sizes, "last_buffer_size") + "/" +
         text_at(*sizes, "min_buffer_size") + "/" + text_at(*sizes, "max_buffer_size") + "\n";
}

std::string counters_text(const Value& value) {
  const auto& stats = at(value, "server_stats");
  return "Latency min/avg/max: " + text_at(stats, "min_latency") + "/" +
         text_at(stats, "avg_latency") + "/" + text_at(stats, "max_latency") + "\n" +
         "Received: " + text_at(stats, "packets_received") + "\n" +
         "Sent: " + text_at(stats, "packets_sent") + "\n" +
         "Connections: " + text_at(stats, "num_alive_client_connections") + "\n" +
         "Outstanding: " + text_at(stats, "outstanding_requests") + "\n" +
         "Zxid: 0x" + to_hex(integer_at(stats, "last_processed_zxid")) + "\n" +
         "Mode: " + text_at(stats, "server_state") + "\n" +
         "Node count: " + text_at(value, "node_count") + "\n" + proposal_text(value);
}

std::string server_stats_text(const Value& value) {
  return version_text(value) + counters_text(value);
}

std::string stats_text(const Value& value) {
  return version_text(value) + "Clients:\n" + connection_lines(value) + counters_text(value);
}

// --- conf, dirs, envi -----------------------------------------------------------------------------

std::int64_t port_of(const Inspection& server, std::string_view role) {
  for (const auto& [listens_as, address] : server.addresses())
    if (listens_as == role) return std::stoll(address.substr(address.rfind(':') + 1));
  return -1;
}

constexpr auto kMembership = "membership";

std::string versioned(const std::string& directory) { return directory + "/version-2"; }

void append_ensemble(const EnsembleSettings& ensemble, Value::Fields& fields) {
  constexpr std::int64_t kFastLeaderElection = 3;
  for (auto& field : Value::Fields{{"init_limit", ensemble.init_limit},
                                   {"sync_limit", ensemble.sync_limit},
                                   {"election_alg", kFastLeaderElection},
                                   {"election_port", std::int64_t{ensemble.election_port}},
                                   {"quorum_port", std::int64_t{ensemble.quorum_port}},
                                   {"peer_type", std::int64_t{ensemble.observes}},
                                   {kMembership, ensemble.config}})
    fields.push_back(std::move(field));
}

Value configuration(const Inspection& server) {
  const auto& settings = server.settings;
  const auto& log_dir = settings.data_log_dir.empty() ? settings.data_dir : settings.data_log_dir;
  const auto sizes = directory_sizes(server);
  Value::Fields fields{
      {"client_port", port_of(server, "client")},
      {"secure_client_port", port_of(server, "secure")},
      {"data_dir", versioned(settings.data_dir)},
      {"data_dir_size", count_value(sizes.snapshot_bytes_total)},
      {"data_log_dir", versioned(log_dir)},
      {"data_log_size", count_value(sizes.log_bytes_total)},
      {"tick_time", settings.tick_time_ms},
      {"max_client_cnxns", settings.max_client_connections_per_address},
      {"min_session_timeout", settings.min_session_timeout_ms},
      {"max_session_timeout", settings.max_session_timeout_ms},
      {"client_port_listen_backlog", settings.listen_backlog},
      {"server_id", settings.id.value}};
  if (settings.ensemble) append_ensemble(*settings.ensemble, fields);
  return fields;
}

/// "min_session_timeout" is "minSessionTimeout" to the four-letter word.
std::string camel_case(std::string_view snake_case) {
  std::string name;
  for (const char c : snake_case) {
    const bool begins_word = !name.empty() && name.back() == '_';
    if (begins_word) name.pop_back();
    name.push_back(begins_word ? static_cast<char>(c - 'a' + 'A') : c);
  }
  return name;
}

std::string lines(const Value& value, std::string_view between,
                  std::string (*key_text)(std::string_view)) {
  std::string text;
  for (const auto& [key, field] : std::get<Value::Fields>(value.content()))
    text.append(key_text(key)).append(between).append(text_of(field)).append("\n");
  return text;
}

std::string as_it_is(std::string_view key) { return std::string(key); }

std::string configuration_text(const Value& value) {
  auto fields = std::get<Value::Fields>(value.content());
  if (fields.back().first != kMembership) return lines(value, "=", camel_case);
  const auto membership = text_of(fields.back().second);
  fields.pop_back();
  return lines(fields, "=", camel_case) + "membership: \n" + membership;
}

Value dirs(const Inspection& server) {
  const auto sizes = directory_sizes(server);
  return Value::Fields{{"datadir_size", count_value(sizes.snapshot_bytes_total)},
                       {"logdir_size", count_value(sizes.log_bytes_total)}};
}

std::string dirs_text(const Value& value) { return lines(value, ": ", as_it_is); }

Value environment(const Inspection& server) {
  Value::Fields fields{{"zookeeper.version", server.settings.version_line}};
  for (const auto& [key, value] : server.settings.environment) fields.emplace_back(key, value);
  return fields;
}

std::string environment_text(const Value& value) {
  return "Environment:\n" + lines(value, "=", as_it_is);
}

// --- mntr -----------------------------------------------------------------------------------------

/// nullptr outside an ensemble. A server that serves has always come to the broadcast phase.
const char* peer_state(ServingRole role) {
  switch (role) {
    case ServingRole::leader: return "leading - broadcast";
    case ServingRole::follower: return "following - broadcast";
    case ServingRole::observer: return "observing - broadcast";
    default: return nullptr;
  }
}

Value sample_value(const Metrics::Sample& sample) {
  if (sample.integral) return static_cast<std::int64_t>(sample.value);
  return sample.value;
}

Value monitor(const Inspection& server) {
  const auto role = server.role();
  Value::Fields fields{{"version", server.settings.version_line},
                       {"server_state", std::string(name_of(role))}};
  if (const auto* state = peer_state(role)) fields.emplace_back("peer_state", state);
  if (!server.metrics) return fields;
  for (const auto& sample : server.metrics->samples())
    fields.emplace_back(sample.name, sample_value(sample));
  return fields;
}

std::string monitor_text(const Value& value) {
  return lines(value, "\t", [](std::string_view name) { return "zk_" + std::string(name); });
}

// --- the others -----------------------------------------------------------------------------------

std::string ruok_text(const Value&) { return "imok"; }

Value is_read_only(const Inspection& server) {
  const auto role = server.role();
  if (role == ServingRole::none) return Value::Fields{{"read_only", Value()}};
  return Value::Fields{{"read_only", role == ServingRole::read_only}};
}

std::string is_read_only_text(const Value& value) {
  const auto answer = text_at(value, "read_only");
  return answer == "true" ? "ro" : answer == "false" ? "rw" : "null";
}

Value trace_mask(const Inspection&) { return Value::Fields{{"tracemask", kTraceMask}}; }
std::string trace_mask_text(const Value& value) { return text_at(value, "tracemask"); }

Value reset_stats(const Inspection& server) {
  server.metrics->reset();
  server.stats.reset();
  return Value::Fields{};
}

std::string reset_stats_text(const Value&) { return "Server stats reset.\n"; }

Value hash(const Inspection& server) {
  Value::List digests;
  for (const auto& [zxid, digest] : server.stats.digests.entries())
    digests.push_back(Value::Fields{{"zxid", zxid.value},
                                    {"digest_version", 2},
                                    {"digest", static_cast<std::int64_t>(digest)}});
  return Value::Fields{{"digests", std::move(digests)}};
}

std::string hash_text(const Value& value) {
  std::string text;
  for (const auto& digest : list_at(value, "digests"))
    text += to_hex(integer_at(digest, "zxid")) + ": " + text_at(digest, "digest") + "\n";
  return text;
}

using enum CommandPermission;
using enum Available;

constexpr CommandRow kCommands[] = {
    {"ruok", "ruok", anyone, always, "Does the server run?", nothing, ruok_text},
    {"is_read_only", "isro", anyone, always, "Does it serve read-only clients alone?",
     is_read_only, is_read_only_text},
    {"server_stats", "srvr", operators, while_serving, "Role, zxid, latency, packets, znodes.",
     server_stats, server_stats_text},
    {"stats", "stat", operators, while_serving, "As server_stats, with the connections.", stats,
     stats_text},
    {"configuration", "conf", operators, while_serving, "The settings in force.", configuration,
     configuration_text, "config"},
    {"monitor", "mntr", operators, while_serving, "All metrics.", monitor, monitor_text},
    {"dirs", "dirs", operators, while_serving, "Bytes of snapshots and of logs.", dirs, dirs_text},
    {"environment", "envi", operators, always, "Version, host, user, system.", environment,
     environment_text, "env"},
    {"hash", "hash", operators, while_serving, "Tree digests at every 128th zxid.", hash,
     hash_text},
    {"stat_reset", "srst", operators, while_serving, "Sets the server's statistics to zero.",
     reset_stats, reset_stats_text},
    {"get_trace_mask", "gtmk", operators, always, "ZooKeeper's trace mask, without effect here.",
     trace_mask, trace_mask_text},
    {"set_trace_mask", "stmk", operators, always, "Accepted, and without effect here.", trace_mask,
     trace_mask_text},
};

}  // namespace

std::span<const CommandRow> server_commands() { return kCommands; }

}  // namespace vivarium
