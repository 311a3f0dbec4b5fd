// cons, crst, wchs, wchc, wchp, dump.
#include "kernel/core/command_rows.hpp"
#include "kernel/core/hex.hpp"
#include "kernel/core/java_text.hpp"

#include <algorithm>
#include <map>

namespace vivarium {
namespace {

// --- connections ----------------------------------------------------------------------------------

/// Bits of java.nio's SelectionKey.
constexpr int kOpRead = 1;

Value connection_value(const ConnectionInfo& info, ConnectionDetail detail) {
  Value::Fields fields{{"remote_socket_address", info.address},
                       {"interest_ops", info.reading ? kOpRead : 0},
                       {"outstanding_requests", count_value(info.outstanding)},
                       {"packets_received", info.received},
                       {"packets_sent", info.sent}};
  if (detail == ConnectionDetail::brief) return fields;
  const auto& latency = info.latency;
  const auto average_us = latency.count ? latency.total_us / latency.count : 0;
  for (auto& field : Value::Fields{{"session_id", info.session.value},
                                   {"last_operation", info.last_operation},
                                   {"established", info.established_ms},
                                   {"session_timeout", info.timeout_ms},
                                   {"last_cxid", info.last_cxid},
                                   {"last_zxid", info.last_zxid},
                                   {"last_response_time", info.last_response_ms},
                                   {"last_latency", info.last_latency_ms},
                                   {"min_latency", latency.min_ms()},
                                   {"avg_latency", average_us / 1000},
                                   {"max_latency", latency.max_ms()}})
    fields.push_back(std::move(field));
  return fields;
}

Value connections(const Inspection& server) {
  Value::Fields fields;
  append_connections(server, ConnectionDetail::full, fields);
  return fields;
}

std::string session_text(const Value& connection) {
  const auto* session = connection.field("session_id");
  if (!session || std::get<std::int64_t>(session->content()) == 0) return {};
  const auto hex = [&](std::string_view field) { return to_hex(integer_at(connection, field)); };
  const auto plain = [&](std::string_view field) { return text_at(connection, field); };
  const bool has_cxid = integer_at(connection, "last_cxid") >= 0;
  return ",sid=0x" + hex("session_id") + ",lop=" + plain("last_operation") +
         ",est=" + plain("established") + ",to=" + plain("session_timeout") +
         (has_cxid ? ",lcxid=0x" + hex("last_cxid") : "") + ",lzxid=0x" + hex("last_zxid") +
         ",lresp=" + plain("last_response_time") + ",llat=" + plain("last_latency") +
         ",minlat=" + plain("min_latency") + ",avglat=" + plain("avg_latency") +
         ",maxlat=" + plain("max_latency");
}

std::string connection_line(const Value& connection) {
  return " /" + text_at(connection, "remote_socket_address") + "[" +
         to_hex(integer_at(connection, "interest_ops")) +
         "](queued=" + text_at(connection, "outstanding_requests") +
         ",recved=" + text_at(connection, "packets_received") +
         ",sent=" + text_at(connection, "packets_sent") + session_text(connection) + ")\n";
}

Value reset_connections(const Inspection& server) {
  server.clients.reset_connection_stats();
  return Value::Fields{};
}

std::string reset_connections_text(const Value&) { return "Connection stats reset.\n"; }

// --- watches: the data table alone, as in ZooKeeper -----------------------------------------------

/// 0 for a watcher that is no client.
std::int64_t session_of(const Watcher& watcher) {
  const auto* connection = dynamic_cast<const Connection*>(&watcher);
  return connection ? connection->session().value : 0;
}

Value watch_summary(const Inspection& server) {
  const auto totals = server.watches.data_totals();
  return Value::Fields{{"num_connections", count_value(totals.watchers)},
                       {"num_paths", count_value(totals.paths)},
                       {"num_total_watches", count_value(totals.watches)}};
}

std::string watch_summary_text(const Value& value) {
  return text_at(value, "num_connections") + " connections watching " +
         text_at(value, "num_paths") +
         " paths\nTotal watches:" + text_at(value, "num_total_watches") + "\n";
}

template <class Paths>
Value path_list(const Paths& paths) {
  Value::List list;
  for (const auto& path : paths) list.emplace_back(std::string(path));
  return list;
}

Value watches(const Inspection& server) {
  Value::Fields by_session;
  for (const auto& [watcher, paths] : server.watches.data_by_watcher())
    by_session.emplace_back(std::to_string(session_of(*watcher)), path_list(paths));
  return Value::Fields{{"session_id_to_watched_paths", std::move(by_session)}};
}

Value watches_by_path(const Inspection& server) {
  Value::Fields by_path;
  for (const auto& [path, watchers] : server.watches.data_by_path()) {
    Value::List sessions;
    for (const auto* watcher : watchers) sessions.emplace_back(session_of(*watcher));
    by_path.emplace_back(std::string(path), std::move(sessions));
  }
  return Value::Fields{{"path_to_session_ids", std::move(by_path)}};
}

std::string hex_key(const std::string& decimal) { return "0x" + to_hex(std::stoll(decimal)); }

std::string path_lines(const Value& paths) {
  std::string text;
  for (const auto& path : std::get<Value::List>(paths.content()))
    text.append("\t").append(text_of(path)).append("\n");
  return text;
}

std::string watches_text(const Value& value) {
  std::string text;
  for (const auto& [session, paths] : fields_at(value, "session_id_to_watched_paths"))
    text += hex_key(session) + "\n" + path_lines(paths);
  return text + "\n";
}

std::string session_lines(const Value& sessions) {
  std::string text;
  for (const auto& session : std::get<Value::List>(sessions.content()))
    text += "\t0x" + to_hex(std::get<std::int64_t>(session.content())) + "\n";
  return text;
}

std::string watches_by_path_text(const Value& value) {
  std::string text;
  for (const auto& [path, sessions] : fields_at(value, "path_to_session_ids"))
    text += path + "\n" + session_lines(sessions);
  return text + "\n";
}

// --- dump -----------------------------------------------------------------------------------------

/// What is due at a time, by wall clock in ms.
using Expiries = std::map<std::int64_t, Value::List>;

Value by_time(Expiries expiries) {
  Value::Fields fields;
  for (auto& [when, list] : expiries) fields.emplace_back(std::to_string(when), std::move(list));
  return fields;
}

Expiries session_expiries(const Inspection& server) {
  Expiries expiries;
  const auto now = server.loop.wall_ms();
  for (const auto& [left_ms, sessions] : server.sessions.buckets())
    for (const auto session : sessions) expiries[now + left_ms].emplace_back(session.value);
  return expiries;
}

/// The latest end of a connection that stays silent, at the end of a tick.
std::int64_t latest_end(const Inspection& server, const ConnectionInfo& info) {
  const auto tick = server.settings.tick_time_ms;
  const auto end = info.session.value == 0
                       ? info.established_ms + server.settings.sessionless_timeout_ms
                       : server.loop.wall_ms() + info.timeout_ms;
  return (end / tick + 1) * tick;
}

/// A connection goes with its session, of which only who leads knows the end.
Expiries connection_expiries(const Inspection& server, const Expiries& sessions) {
  std::map<std::int64_t, std::int64_t> session_ends;
  for (const auto& [when, ids] : sessions)
    for (const auto& id : ids) session_ends.emplace(std::get<std::int64_t>(id.content()), when);
  Expiries expiries;
  for (const auto* connection : server.clients.connections()) {
    const auto info = connection->info();
    const auto known = session_ends.find(info.session.value);
    const auto when = known == session_ends.end() ? latest_end(server, info) : known->second;
    expiries[when].push_back(Value::Fields{{"remote_socket_address", info.address},
                                           {"session_id", info.session.value}});
  }
  return expiries;
}

Value ephemerals(const Database& database) {
  Value::Fields by_session;
  for (const auto& [session, paths] : database.all_ephemerals())
    by_session.emplace_back(std::to_string(session.value), path_list(paths));
  return by_session;
}

Value timeouts(const Database& database) {
  Value::Fields by_session;
  for (const auto& [session, timeout_ms] : database.sessions())
    by_session.emplace_back(std::to_string(session.value), timeout_ms);
  return by_session;
}

/// Only who leads knows when sessions expire; the others know their timeouts.
bool expires_sessions(ServingRole role) {
  return role == ServingRole::standalone || role == ServingRole::leader;
}

Value dump(const Inspection& server) {
  Expiries sessions;
  if (expires_sessions(server.role())) sessions = session_expiries(server);
  auto connections = connection_expiries(server, sessions);
  Value::Fields fields{
      {"expiry_time_to_session_ids", by_time(std::move(sessions))},
      {"session_id_to_ephemeral_paths", ephemerals(server.database())},
      {"expiry_time_to_connections", by_time(std::move(connections))}};
  if (!expires_sessions(server.role()))
    fields.emplace_back("global_session_timeouts", timeouts(server.database()));
  return fields;
}

/// "Sets (buckets)/(members):" and each bucket with its members.
std::string expiry_sets(const Value::Fields& expiries, std::string (*line)(const Value&)) {
  std::string text;
  std::size_t members = 0;
  for (const auto& [when, value] : expiries) {
    const auto& list = std::get<Value::List>(value.content());
    members += list.size();
    text += std::to_string(list.size()) + " expire at " + java_date(std::stoll(when)) + ":\n";
    for (const auto& member : list) text.append("\t").append(line(member)).append("\n");
  }
  return "Sets (" + std::to_string(expiries.size()) + ")/(" + std::to_string(members) + "):\n" +
         text;
}

std::string session_line(const Value& session) {
  return "0x" + to_hex(std::get<std::int64_t>(session.content()));
}

std::string expiring_connection_line(const Value& connection) {
  return "ip: /" + text_at(connection, "remote_socket_address") + " sessionId: 0x" +
         to_hex(integer_at(connection, "session_id"));
}

std::string timeout_lines(const Value::Fields& sessions) {
  auto text = "Global Sessions(" + std::to_string(sessions.size()) + "):\n";
  for (const auto& [session, timeout_ms] : sessions)
    text += hex_key(session) + "\t" + text_of(timeout_ms) + "ms\n";
  return text;
}

std::string ephemeral_lines(const Value::Fields& sessions) {
  auto text = "Sessions with Ephemerals (" + std::to_string(sessions.size()) + "):\n";
  for (const auto& [session, paths] : sessions)
    text += hex_key(session) + ":\n" + path_lines(paths);
  return text;
}

std::string dump_text(const Value& value) {
  const bool learner = value.field("global_session_timeouts") != nullptr;
  const auto sessions =
      learner ? timeout_lines(fields_at(value, "global_session_timeouts"))
              : "Session " + expiry_sets(fields_at(value, "expiry_time_to_session_ids"),
                                         session_line);
  return "SessionTracker dump:\n" + sessions + "ephemeral nodes dump:\n" +
         ephemeral_lines(fields_at(value, "session_id_to_ephemeral_paths")) +
         "Connections dump:\nConnections " +
         expiry_sets(fields_at(value, "expiry_time_to_connections"), expiring_connection_line);
}

// --- slow requests --------------------------------------------------------------------------------

/// Whoever asks is nobody that an ACL or a policy knows, and so sees the paths of those nodes that everybody
/// may read.
Value path_for_all(const Inspection& server, const SlowRequest& request) {
  if (request.path.empty() || request.path_cut) return {};
  const auto* node = server.database().tree().find(request.path);
  const bool readable = node && server.clients.reader().readable(Operation::get_data, request.path,
                                                                 node->acl, Subject{});
  return readable ? Value(request.path) : Value();
}

Value stages_value(const SlowRequest& request) {
  Value::Fields fields;
  for (std::size_t i = 0; i < kStages; ++i) {
    const auto stage = static_cast<Stage>(i);
    if (has_stage(request.kind, stage))
      fields.emplace_back(name_of(stage), std::int64_t{request.times[stage]});
  }
  return fields;
}

Value awaited_sync_value(const std::optional<AwaitedSync>& sync) {
  if (!sync) return {};
  return Value::Fields{{"took_us", sync->took_us},
                       {"waited_us", sync->waited_us},
                       {"transactions", count_value(sync->entries)},
                       {"bytes", count_value(sync->bytes)},
                       {"first_zxid", "0x" + to_hex(sync->first.value)},
                       {"last_zxid", "0x" + to_hex(sync->last.value)},
                       {"file", sync->file}};
}

Value slow_requests(const Inspection& server) {
  Value::List list;
  for (const auto& request : server.slow_requests.kept())
    list.push_back(Value::Fields{{"time_ms", request.wall_ms},
                                 {"session", "0x" + to_hex(request.session.value)},
                                 {"client", request.client},
                                 {"operation", std::string(name_of(request.op))},
                                 {"path", path_for_all(server, request)},
                                 {"xid", request.xid},
                                 {"zxid", "0x" + to_hex(request.zxid.value)},
                                 {"total_us", request.total_us},
                                 {"stages", stages_value(request)},
                                 {"sync", awaited_sync_value(request.sync)}});
  return Value::Fields{{"threshold_ms", server.slow_requests.threshold().count()},
                       {"count", server.stats.slow_requests.value()},
                       {"slow_requests", std::move(list)}};
}

// --------------------------------------------------------------------------------------------------

using enum CommandPermission;
using enum Available;

// Paths can be secrets: three of these show them whatever ACLs and policies say.
constexpr CommandRow kCommands[] = {
    {"connections", "cons", operators, while_serving, "Each connection with its statistics.",
     connections, connection_lines},
    {"connection_stat_reset", "crst", operators, while_serving,
     "Sets the statistics of all connections to zero.", reset_connections,
     reset_connections_text},
    {"slow_requests", nullptr, operators, always,
     "The last requests that took too long, and the stages of each.", slow_requests, nullptr},
    {"watch_summary", "wchs", operators, while_serving, "How many watches, by whom, on how much.",
     watch_summary, watch_summary_text},
    {"watches", "wchc", admin, while_serving, "Watched paths by session.", watches, watches_text},
    {"watches_by_path", "wchp", admin, while_serving, "Watching sessions by path.",
     watches_by_path, watches_by_path_text},
    {"dump", "dump", admin, while_serving, "When sessions expire, and their ephemerals.", dump,
     dump_text},
};

}  // namespace

std::span<const CommandRow> client_commands() { return kCommands; }

void append_connections(const Inspection& server, ConnectionDetail detail, Value::Fields& fields) {
  Value::List plain, secure;
  for (const auto* connection : server.clients.connections()) {
    const auto info = connection->info();
    (info.encrypted ? secure : plain).push_back(connection_value(info, detail));
  }
  fields.emplace_back("connections", std::move(plain));
  fields.emplace_back("secure_connections", std::move(secure));
}

std::string connection_lines(const Value& value) {
  std::string text;
  for (const auto* field : {"connections", "secure_connections"})
    for (const auto& connection : list_at(value, field)) text += connection_line(connection);
  return text + "\n";
}

}  // namespace vivarium
