#include "kernel/host/assembly.hpp"

#include <algorithm>
#include <utility>

#include <vivarium/assert.hpp>

namespace vivarium {

Assembly::Assembly(ServerConfig config, const Plan& plan, const Doors& doors, About about)
    : config_(std::move(config)),
      doors_(doors),
      metrics_(make_metrics()),
      commands_(make_commands()) {
  const SharedParts shared{doors.loop, doors.disk, doors.workers,
                           doors.log,  *metrics_,  *commands_,
                           [this](std::string_view key) { return config_.setting(key); }};
  for (const PlannedPlugin& planned : plan.plugins)
    plugins_.push_back(std::make_unique<PluginInstance>(planned, shared));
  ServerParts lent = parts();
  lent.memory_in_use = about.memory_in_use;
  server_ = std::make_unique<Server>(settings(std::move(about)), std::move(lent));
}

Assembly::~Assembly() {
  stop_plugins();
  server_.reset();
  while (!plugins_.empty()) plugins_.pop_back();
}

void Assembly::start(Done<void> serving) {
  if (auto started = start_plugins(); !started) {
    stop_plugins();
    return doors_.loop.post([serving = std::move(serving), started] { serving(started); });
  }
  server_->start(std::move(serving));
}

Result<void> Assembly::start_plugins() {
  for (const auto& instance : plugins_)
    if (auto started = instance->start(); !started) return started;
  return {};
}

void Assembly::stop(std::function<void()> stopped) {
  server_->stop([this, stopped = std::move(stopped)] {
    stop_plugins();
    stopped();
  });
}

/// Those that came last lean on those before them.
void Assembly::stop_plugins() {
  for (auto at = plugins_.rbegin(); at != plugins_.rend(); ++at) (*at)->stop();
}

void Assembly::reload(ServerConfig config, const PluginCatalogue& catalogue) {
  Findings findings;
  const Plan plan = make_plan(config, catalogue, findings);
  for (const std::string& sentence : findings.errors) doors_.log.error(sentence);
  if (!findings.errors.empty()) return doors_.log.error("nothing was reloaded");
  for (const std::string& key : config_.values().differences(config.values()))
    if (!config_.values().reloadable(key)) tell_of_restart(key);
  config_ = std::move(config);
  for (const PlannedPlugin& planned : plan.plugins) reload_plugin(planned);
  doors_.log.info("reloaded");
}

void Assembly::reload_plugin(const PlannedPlugin& planned) {
  const auto same = std::find_if(plugins_.begin(), plugins_.end(), [&](const auto& instance) {
    return instance->component() == planned.component();
  });
  if (same == plugins_.end()) return;  // Its role's key was told of.
  if (const auto reloaded = (*same)->reload(planned); !reloaded)
    doors_.log.error("not reloaded: " + reloaded.error().what);
}

void Assembly::tell_of_restart(const std::string& key) {
  doors_.log.warn(key + " has changed and takes effect at the next start");
}

// --- the core's view ------------------------------------------------------------------------------

template <class I>
std::vector<I*> Assembly::all_in_role(std::string_view role) {
  std::vector<I*> found;
  for (const auto& instance : plugins_)
    if (role == instance->role().name) found.push_back(&dynamic_cast<I&>(instance->plugin()));
  return found;
}

template <class I>
I* Assembly::in_role(std::string_view role) {
  const auto found = all_in_role<I>(role);
  return found.empty() ? nullptr : found.front();
}

ServerSettings Assembly::settings(About about) const {
  const Options& values = config_.values();
  const auto number = [&](std::string_view key) {
    return static_cast<std::int32_t>(values.integer(key));
  };
  ServerSettings settings;
  settings.id = config_.id();
  settings.ensemble = ensemble_settings();
  settings.tick_time_ms = number("tickTime");
  settings.min_session_timeout_ms = std::stoi(config_.setting("minSessionTimeout"));
  settings.max_session_timeout_ms = std::stoi(config_.setting("maxSessionTimeout"));
  settings.max_client_connections_per_address = number("maxClientCnxns");
  settings.max_connections = number("maxCnxns");
  settings.client_descriptors = about.client_descriptors;
  settings.memory_ceiling_bytes = memory_ceiling(about);
  settings.listen_backlog = number("clientPortListenBacklog");
  settings.frame_bytes_max = static_cast<std::uint32_t>(values.integer("jute.maxbuffer"));
  if (values.has("globalOutstandingLimit"))
    settings.outstanding_limit = number("globalOutstandingLimit");
  settings.sessionless_timeout_ms = values.integer("nio.sessionlessCnxnTimeout");
  settings.whitelisted_words = comma_list(values.text("4lw.commands.whitelist"));
  settings.extended_types = values.boolean("extendedTypesEnabled");
  settings.digest_enabled = values.boolean("digest.enabled");
  settings.enforce_quota = values.boolean("enforceQuota");
  settings.skip_acl = values.text("skipACL") == "yes";
  settings.reconfig_enabled = values.boolean("reconfigEnabled");
  settings.read_only_enabled = values.boolean("readonlymode.enabled");
  settings.container_check_ms = values.integer("znode.container.checkIntervalMs");
  settings.container_max_per_minute = values.integer("znode.container.maxPerMinute");
  settings.container_never_used_ms = values.integer("znode.container.maxNeverUsedIntervalMs");
  if (values.has("snapCount")) settings.snapshot_entries = values.integer("snapCount");
  if (values.has("snapSizeLimitInKb"))
    settings.snapshot_log_bytes = std::max<std::int64_t>(values.integer("snapSizeLimitInKb"), 0) << 10;
  settings.stages = values.boolean("vivarium.stages");
  settings.slow_request_ms = values.integer("vivarium.slow_request");
  settings.purge = purge_rule();
  settings.data_dir = config_.setting("dataDir");
  settings.data_log_dir = config_.setting("dataLogDir");
  settings.environment = std::move(about.environment);
  settings.version_line = std::move(about.version_line);
  return settings;
}

/// Where the file is silent: a quarter is left to snapshots, the system's buffers and the allocator.
std::uint64_t Assembly::memory_ceiling(const About& about) const {
  constexpr auto kKey = "vivarium.memory.ceiling";
  if (!config_.values().has(kKey)) return about.memory_bytes_max / 4 * 3;
  return static_cast<std::uint64_t>(config_.values().integer(kKey));
}

/// Where the file is silent ZooKeeper removes nothing, and fills its disk. A server does not begin with
/// that, though: whoever only tries it on the data of another shall find everything again.
PurgeRule Assembly::purge_rule() const {
  PurgeRule rule;
  rule.snapshots_kept = static_cast<unsigned>(std::max<std::int64_t>(
      rule.snapshots_kept, config_.values().integer("autopurge.snapRetainCount")));
  const auto said = config_.purge_interval();
  rule.interval = said.value_or(std::chrono::hours(1));
  if (!said) rule.first = PurgeRule::First::after_interval;
  return rule;
}

std::optional<EnsembleSettings> Assembly::ensemble_settings() const {
  if (!config_.ensemble()) return {};
  const auto* self = config_.ensemble()->find(config_.id());
  VIVARIUM_ASSERT(self, "a member stands in the configuration of its ensemble");
  EnsembleSettings settings;
  settings.config = config_.ensemble()->text();
  settings.version = Zxid{static_cast<std::int64_t>(config_.ensemble()->version())};
  settings.voters = static_cast<std::int32_t>(config_.ensemble()->voters());
  settings.init_limit = static_cast<std::int32_t>(config_.values().integer("initLimit"));
  settings.sync_limit = static_cast<std::int32_t>(config_.values().integer("syncLimit"));
  settings.quorum_port = self->quorum_port;
  settings.election_port = self->election_port;
  settings.observes = self->role == MemberRole::observer;
  return settings;
}

ServerParts Assembly::parts() {
  ServerParts parts{doors_.loop,
                    doors_.log,
                    *metrics_,
                    *commands_,
                    *in_role<LogStore>("storage"),
                    *in_role<Broadcast>("broadcast"),
                    in_role<Election>("election"),
                    in_role<Transport>("transport.election"),
                    in_role<Transport>("transport.quorum"),
                    in_role<AclPolicy>("acl"),
                    all_in_role<Authenticator>("auth"),
                    all_in_role<Service>("service"),
                    {},
                    in_role<Transport>("transport.service")};
  if (const auto& client = config_.client_address())
    parts.addresses.push_back(
        {"client", in_role<Transport>("transport.client"), client->host, client->port});
  if (const auto& secure = config_.secure_address())
    parts.addresses.push_back(
        {"secure", in_role<Transport>("transport.secure"), secure->host, secure->port});
  return parts;
}

}  // namespace vivarium
