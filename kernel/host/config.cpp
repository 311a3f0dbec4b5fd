#include "kernel/host/config.hpp"

#include "kernel/host/dynamic_config.hpp"
#include "kernel/host/nearest.hpp"
#include "kernel/host/permissions.hpp"
#include "kernel/host/zookeeper_keys.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace vivarium {
namespace {

constexpr std::string_view kOwnPrefix = "vivarium.";
constexpr std::string_view kClassPrefix = "vivarium.class.";
constexpr std::string_view kOverride = "--set";
constexpr std::int64_t kIdMax = 254;  ///< A session's number has one byte for it, and 255 is its sign.

constexpr OptionSpec kServerOptions[] = {
    {"vivarium.plugins", OptionType::text, "", 0, -1, "",
     "further directories and files with plugins, separated by commas", false, false, false},
    {"vivarium.permissions", OptionType::text, "strict", 0, -1, "",
     "strict: refuse plugins and data that others may write; warn: say so and go on", false, false,
     false},
    {"vivarium.stages", OptionType::boolean, "true", 0, -1, "",
     "time the stages of every request and of every batch, for metrics and for slow_request, and count by namespace", false, false, false},
    {"vivarium.slow_request", OptionType::duration, "1s", 0, 86'400'000, "ms",
     "how long a request takes of which a line in the log says why; 0: none", false, false, false},
    {"vivarium.memory.ceiling", OptionType::bytes, "", 0, std::numeric_limits<std::int64_t>::max(), "",
     "memory in use above which requests that make the state grow are refused; 0: none; unset: three "
     "quarters of what the process may have",
     false, false, false},
    {"vivarium.log.level", OptionType::text, "info", 0, -1, "", "debug, info, warn or error", false,
     false, true},
};

/// Decides about the plugins where the file is silent.
enum class Company : std::uint8_t { alone, in_ensemble };

OptionSpec spec_of(const PluginRole& role, Company company) {
  const auto* defaults = company == Company::alone ? role.defaults : role.ensemble_defaults;
  return {role.key, OptionType::text, defaults, 0, -1, "", role.help, false, false, false};
}

/// Everything whose value has a type.
std::vector<OptionSpec> typed_specs(Company company) {
  std::vector<OptionSpec> specs(std::begin(kServerOptions), std::end(kServerOptions));
  for (const PluginRole& role : plugin_roles()) specs.push_back(spec_of(role, company));
  for (const ZooKeeperKey& row : zookeeper_keys())
    if (row.use == KeyUse::acted_on && !std::string_view(row.option.key).ends_with("*"))
      specs.push_back(row.option);
  return specs;
}

bool is_one_of(std::string_view value, std::initializer_list<std::string_view> allowed) {
  return std::find(allowed.begin(), allowed.end(), value) != allowed.end();
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text == "auto") return std::uint16_t{0};
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && port > 0 ? std::optional(port) : std::nullopt;
}

/// A number with a unit, hours without one. As long as somebody may wait for it.
std::optional<Millis> parse_interval(std::string_view text) {
  constexpr std::int64_t kCountMax = 1'000'000;
  constexpr std::pair<std::string_view, Millis> kUnits[] = {
      {"", std::chrono::hours(1)},   {"ms", Millis(1)},           {"s", std::chrono::seconds(1)},
      {"m", std::chrono::minutes(1)}, {"h", std::chrono::hours(1)}, {"d", std::chrono::hours(24)}};
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error != std::errc() || count > kCountMax) return std::nullopt;
  for (const auto& [name, each] : kUnits)
    if (unit == name) return std::max<std::int64_t>(count, 0) * each;
  return std::nullopt;
}

/// Java takes an IPv6 address with and without brackets.
std::string without_brackets(std::string host) {
  if (host.starts_with('[') && host.ends_with(']')) return host.substr(1, host.size() - 2);
  return host;
}

}  // namespace

/// Builds one ServerConfig, step by step.
class ServerConfig::Reader {
 public:
  Reader(ServerConfig& config, Findings& findings) : config_(config), findings_(findings) {}

  void read(const std::string& file, std::span<const std::string> overrides) {
    if (!take(file, read_properties(file))) return;
    for (const std::string& override : overrides) take_override(override);
    take_dynamic_file();
    check();
    check_data_directories();
    check_permissions(file);
  }

  void read_text(const std::string& file, std::string_view text, std::string_view id) {
    id_text_ = id;
    if (take(file, parse_properties(text, file))) check();
  }

 private:
  void error(std::string sentence) { findings_.errors.push_back(std::move(sentence)); }
  void warn(std::string sentence) { findings_.warnings.push_back(std::move(sentence)); }

  const Property* given(std::string_view key) const { return config_.given(key); }
  /// Where a key was set, or the file's name.
  std::string origin_of(std::string_view key) const {
    const Property* property = given(key);
    return property ? property->origin : file_;
  }
  std::string text(std::string_view key) const { return config_.values_.text(key); }

  /// All that can be told from the keys alone.
  void check() {
    find_ensemble();
    for (const std::string& key : order_) check_key(key, *given(key));
    type_values();
    derive_timeouts();
    read_purge_interval();
    resolve_paths();
    if (config_.ensemble_) take_place_in_ensemble();
    check_choices_of_words();
    check_java_classes();
    find_addresses();
    check_membership();
  }

  // --- collecting ---------------------------------------------------------------------------------

  bool take(const std::string& file, Result<std::vector<Property>> properties) {
    config_.folder_ = std::filesystem::absolute(file).parent_path().string();
    file_ = file;
    if (!properties) return error(properties.error().what), false;
    for (Property& property : *properties) put(std::move(property));
    return true;
  }

  void take_override(const std::string& text) {
    const std::size_t equals = text.find('=');
    const auto key = trimmed(std::string_view(text).substr(0, equals));
    if (equals == text.npos || key.empty())
      return error(fmt::format("--set {}: want key=value", text));
    put({std::string(key), std::string(trimmed(std::string_view(text).substr(equals + 1))),
         std::string(kOverride)});
  }

  /// The last one wins, as in Java, where nobody hears of the others.
  void put(Property property) {
    const std::string key(canonical_key(property.key));
    const auto [at, inserted] = config_.given_.try_emplace(key, property);
    if (inserted) return order_.push_back(key);
    if (property.origin != kOverride)
      warn(fmt::format("{}: {} replaces the value given at {}", property.origin, property.key,
                       at->second.origin));
    at->second = std::move(property);
  }

  /// What ZooKeeper keeps beside the zoo.cfg once the membership has been changed by reconfig.
  void take_dynamic_file() {
    const Property* name = given("dynamicConfigFile");
    if (!name || name->value.empty()) return;
    auto membership = read_membership(std::filesystem::absolute(name->value).string());
    if (!membership)
      return error(fmt::format("{}: dynamicConfigFile: {}", name->origin, membership.error().what));
    version_ = membership->version;
    for (Property& property : membership->lines) put(std::move(property));
    tell_of_proposed();
  }

  /// Where a reconfig was under way when the server went down. Alone it has nobody to ask what became
  /// of it.
  void tell_of_proposed() {
    const auto proposed = read_proposed_membership(std::filesystem::absolute(file_).string());
    if (!proposed) return warn(proposed.error().what);
    if (*proposed)
      warn(fmt::format("{}.dynamic.next holds version {:x} of the membership, which was proposed and "
                       "not committed when the server went down: it is not in force",
                       file_, (*proposed)->version));
  }

  // --- checking -----------------------------------------------------------------------------------

  void check_key(const std::string& key, const Property& property) {
    if (key.starts_with(kClassPrefix)) return;
    if (key.starts_with(kOwnPrefix)) return take_own_key(key, property);
    const ZooKeeperKey* row = find_zookeeper_key(key);
    if (!row) return warn_of_unknown(key, property);
    if (row->scope == KeyScope::service && !has_services()) return tell_of_no_service(*row, property);
    if (row->use == KeyUse::acted_on) return check_flag(*row, property);
    if (!in_scope(row->scope) || property.value.empty() || is_harmless(*row, property.value)) return;
    if (row->use == KeyUse::refused)
      return error(fmt::format("{}: {}={} is not honoured: {}", property.origin, property.key,
                               property.value, row->option.help));
    // Without the value, which may be a password.
    warn(fmt::format("{}: {} is ignored: {}", property.origin, property.key, row->option.help));
  }

  bool has_services() const {
    const Property* services = given(plugin_role("service").key);
    return services && !comma_list(services->value).empty();
  }

  void tell_of_no_service(const ZooKeeperKey& row, const Property& property) {
    if (property.value.empty() || is_harmless(row, property.value)) return;
    warn(fmt::format("{}: {} is ignored: no service runs that could act on it; {} names those that do, and "
                     "`vivarium plugins` lists them",
                     property.origin, property.key, plugin_role("service").key));
  }

  bool in_scope(KeyScope scope) const {
    if (scope == KeyScope::secure_port) return given("secureClientPort") != nullptr;
    return scope != KeyScope::ensemble || config_.ensemble_.has_value();
  }

  void take_own_key(const std::string& key, const Property& property) {
    const auto own = config_.own_keys();
    if (std::find(own.begin(), own.end(), key) == own.end())
      config_.plugin_keys_.push_back(property);
  }

  void warn_of_unknown(const std::string& key, const Property& property) {
    std::vector<std::string> known;
    for (const ZooKeeperKey& row : zookeeper_keys()) known.emplace_back(row.option.key);
    const std::string meant = nearest(key, known);
    warn(fmt::format("{}: {} is unknown and ignored{}", property.origin, property.key,
                     meant.empty() ? "" : "; did you mean " + meant + "?"));
  }

  /// Where we take `yes` for true ZooKeeper takes it for false; nobody shall be caught out by that.
  void check_flag(const ZooKeeperKey& row, const Property& property) {
    if (row.option.type == OptionType::boolean && !is_one_of(lower(property.value), {"true", "false"}))
      error(fmt::format("{}: {}={} is neither true nor false; write one of them", property.origin,
                        property.key, property.value));
  }

  void type_values() {
    auto specs = typed_specs(config_.ensemble_ ? Company::in_ensemble : Company::alone);
    for (OptionSpec& spec : specs)
      if (std::string_view(spec.key) == "dataDir") spec.required = true;
    config_.values_ = TypedOptions(specs, config_.given_, file_ + ": ", findings_.errors);
  }

  void check_choices_of_words() {
    expect_one_of("skipACL", {"yes", "no"});
    expect_one_of("forceSync", {"yes", "no"});
    if (!text("snapshot.compression.method").empty())
      expect_one_of("snapshot.compression.method", {"gz", "snappy"});
    expect_one_of("vivarium.permissions", {"strict", "warn"});
    expect_one_of("vivarium.log.level", {"debug", "info", "warn", "error"});
  }

  void expect_one_of(const char* key, std::initializer_list<std::string_view> allowed) {
    if (!is_one_of(text(key), allowed))
      error(fmt::format("{}: {}={} is unknown; want {}", origin_of(key), key, text(key),
                        fmt::join(allowed, " or ")));
  }

  void check_java_classes() {
    for (const auto& [key, property] : config_.given_)
      if (key.starts_with("authProvider.")) check_java_class(property);
  }

  void check_java_class(const Property& line) {
    const std::string standing = config_.setting(std::string(kClassPrefix) + line.value);
    const JavaClass* known = find_java_class(line.value);
    if (standing.empty() && !known)
      return error(fmt::format(
          "{}: {}={} is a Java class that no authenticator here is known to stand for; remove the "
          "line, or name the authenticator that does: {}{}=NAME",
          line.origin, line.key, line.value, kClassPrefix, line.value));
    const std::string name = standing.empty() ? std::string(known->authenticator) : standing;
    if (name.empty())
      return warn(fmt::format("{}: {} is ignored: {}", line.origin, line.key, known->note));
    const auto chosen = comma_list(text(plugin_role("auth").key));
    if (std::find(chosen.begin(), chosen.end(), name) == chosen.end())
      warn(fmt::format("{}: {} is ignored: {} ({}) does not name {}", line.origin, line.key,
                       plugin_role("auth").key, origin_of(plugin_role("auth").key), name));
  }

  // --- values that follow from others -------------------------------------------------------------

  void derive_timeouts() {
    const std::int64_t tick = config_.values_.integer("tickTime");
    const auto least = derive_timeout("minSessionTimeout", 2 * tick);
    const auto most = derive_timeout("maxSessionTimeout", 20 * tick);
    if (least > most)
      error(fmt::format("{}: minSessionTimeout is {} ms, above the maxSessionTimeout of {} ms; the "
                        "defaults are 2 and 20 times tickTime",
                        origin_of("minSessionTimeout"), least, most));
  }

  std::int64_t derive_timeout(const char* key, std::int64_t otherwise) {
    const std::int64_t said = config_.values_.integer(key);
    const std::int64_t value = said == -1 ? otherwise : said;
    config_.derived_[key] = std::to_string(value);
    return value;
  }

  /// In hours, or with a unit.
  void read_purge_interval() {
    const Property* said = given("autopurge.purgeInterval");
    if (!said || said->value.empty()) return;
    config_.purge_interval_ = parse_interval(said->value);
    if (!config_.purge_interval_)
      error(fmt::format("{}: {}={} is no interval; want hours, or a number with ms, s, m, h or d",
                        said->origin, said->key, said->value));
  }

  /// Java takes relative paths from the working directory.
  void resolve_paths() {
    for (const char* key : {"dataDir", "dataLogDir"})
      if (const std::string path = text(key); !path.empty())
        config_.derived_[key] = std::filesystem::absolute(path).lexically_normal().string();
    if (text("dataDir").empty() && given("dataDir"))
      error(fmt::format("{}: dataDir is empty; name a directory", origin_of("dataDir")));
    if (text("dataLogDir").empty()) config_.derived_["dataLogDir"] = config_.setting("dataDir");
  }

  void find_addresses() {
    config_.client_ = address_of("clientPort", "clientPortAddress");
    config_.secure_ = address_of("secureClientPort", "secureClientPortAddress");
    if (const auto* self = this->self())
      take_client_address(*self);
    else if (!config_.client_ && !given("clientPort"))
      config_.client_ = address_of_server_line();
    if (!config_.client_ && !config_.secure_ && !given("clientPort") && !given("secureClientPort"))
      error(fmt::format("{}: there is no clientPort, so nobody could connect; write clientPort=2181, "
                        "or clientPort=auto for a free one",
                        file_));
  }

  std::optional<ListenAddress> address_of(const char* port_key, const char* host_key) {
    const std::string port_text = text(port_key);
    if (port_text.empty()) {
      if (given(host_key))
        error(fmt::format("{}: {} is set and {} is not; set both or neither", origin_of(host_key),
                          host_key, port_key));
      return {};
    }
    const auto port = parse_port(port_text);
    if (!port)
      return error(fmt::format("{}: {}={} is no port; want a number from 1 to 65535, or auto",
                               origin_of(port_key), port_key, port_text)),
             std::nullopt;
    return ListenAddress{without_brackets(text(host_key)), *port};
  }

  // --- membership ---------------------------------------------------------------------------------

  std::vector<const Property*> servers() const {
    std::vector<const Property*> lines;
    for (const auto& [key, property] : config_.given_)
      if (key.starts_with("server.")) lines.push_back(&property);
    return lines;
  }

  /// `server.1=host:2888:3888;2181`: what stands behind the semicolon.
  std::optional<ListenAddress> address_of_server_line() {
    const auto lines = servers();
    const std::size_t semicolon = lines.size() == 1 ? lines[0]->value.find(';') : std::string::npos;
    if (semicolon == std::string::npos) return {};
    const std::string address = lines[0]->value.substr(semicolon + 1);
    const std::size_t colon = address.rfind(':');
    const auto port = parse_port(trimmed(address.substr(colon == address.npos ? 0 : colon + 1)));
    if (!port)
      return error(fmt::format("{}: {}={} ends in no port; want ;PORT or ;HOST:PORT",
                               lines[0]->origin, lines[0]->key, lines[0]->value)),
             std::nullopt;
    const auto host = trimmed(std::string_view(address).substr(0, colon == address.npos ? 0 : colon));
    return ListenAddress{without_brackets(std::string(host)), *port};
  }

  /// As ZooKeeper decides: one server line is a server alone, unless standaloneEnabled=false.
  void find_ensemble() {
    const Property* standalone = given("standaloneEnabled");
    const bool may_be_alone = !standalone || lower(standalone->value) != "false";
    const auto lines = servers();
    if (may_be_alone && lines.size() < 2) return;
    if (lines.empty())
      return error(fmt::format("{}: standaloneEnabled=false and there is no server line; name the members "
                               "of the ensemble, or remove it",
                               standalone->origin));
    std::vector<Property> membership;
    for (const auto& [key, property] : config_.given_)
      if (is_membership_key(key)) membership.push_back(property);
    config_.ensemble_.emplace(membership, version_, findings_.errors);
    const auto voters = config_.ensemble_->voters();
    if (voters == 0 || (voters == 1 && may_be_alone))
      error(fmt::format("{}: of {} servers {}; an ensemble needs participants that outnumber failures, "
                        "three as a rule",
                        lines[0]->origin, lines.size(),
                        voters == 0 ? "all are observers" : "all but one are observers"));
  }

  /// Its number, the keys that only a member needs, and those that say the same twice.
  void take_place_in_ensemble() {
    if (const auto id = read_id()) config_.id_ = *id, has_id_ = true;
    for (const char* key : {"initLimit", "syncLimit"})
      if (const Property* said = given(key); !said || said->value.empty())
        error(fmt::format("{}: {} is missing, and {} is one of {} servers; write {}={}, which is in ticks "
                          "of tickTime",
                          file_, key, servers()[0]->key, servers().size(), key,
                          key[0] == 'i' ? 10 : 5));
    expect_one_of("electionAlg", {"3"});
    check_peer_type();
    tell_of_even_number();
  }

  std::optional<ServerId> read_id() {
    const std::string path = config_.setting("dataDir") + "/myid";
    const auto& members = config_.ensemble_->members();
    if (members.empty()) return {};
    std::ifstream file(path);
    std::string line = id_text_;
    if (line.empty() && !std::getline(file, line))
      return error(fmt::format("{}: server.{} is one of {} servers, and no {} says which of them this is; "
                               "write its number into that file: echo {} > {}",
                               members.begin()->second.origin, members.begin()->first.value,
                               members.size(), path, members.begin()->first.value, path)),
             std::nullopt;
    const auto text = trimmed(line);
    std::int64_t number = -1;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc() || end != text.data() + text.size() || number < 0 || number > kIdMax)
      return error(fmt::format("{}: \"{}\" is no number of a server; want one from 0 to {}", path, text,
                               kIdMax)),
             std::nullopt;
    if (!config_.ensemble_->find({number}))
      return error(fmt::format("{}: this is server {}, and there is no line server.{}; add the line to {}, "
                               "or correct the number",
                               path, number, number, file_)),
             std::nullopt;
    return ServerId{number};
  }

  const EnsembleMember* self() const {
    return config_.ensemble_ && has_id_ ? config_.ensemble_->find(config_.id_) : nullptr;
  }

  /// The server line counts, as in ZooKeeper.
  void check_peer_type() {
    const Property* said = given("peerType");
    if (!said) return;
    const auto role = parse_member_role(said->value);
    if (!role)
      return error(fmt::format("{}: peerType={} is unknown; want participant or observer", said->origin,
                               said->value));
    const auto* member = self();
    if (member && member->role != *role)
      warn(fmt::format("{}: peerType={} is ignored: {} says that this server is {}", said->origin,
                       said->value, member->origin,
                       *role == MemberRole::observer ? "a participant" : "an observer"));
  }

  void tell_of_even_number() {
    const auto voters = config_.ensemble_->voters();
    if (voters >= 2 && voters % 2 == 0)
      warn(fmt::format("{}: {} servers vote, and no more of them may fail than of {}; an odd number serves "
                       "better",
                       servers()[0]->origin, voters, voters - 1));
  }

  /// As ZooKeeper: what the server line says counts, and clientPort may say it again.
  void take_client_address(const EnsembleMember& member) {
    if (!member.client) return;
    const auto& said = config_.client_;
    const bool everywhere = !said || said->host.empty() || said->host == "0.0.0.0" || said->host == "::";
    if (said && (said->port != member.client->port || (!everywhere && said->host != member.client->host)))
      return error(fmt::format("{}: clientPort says another address for clients than server.{} at {} does; "
                               "remove clientPort, or the part behind the semicolon",
                               origin_of("clientPort"), member.id.value, member.origin));
    config_.client_ = member.client;
  }

  void check_membership() {
    const auto lines = servers();
    const PluginRole& broadcast = plugin_role("broadcast");
    const std::string chosen = text(broadcast.key);
    if (!config_.ensemble_ && chosen == broadcast.ensemble_defaults)
      return error(fmt::format("{}: {}={} is for ensembles, and this server runs alone; remove the line, or "
                               "name the members with server.N lines",
                               origin_of(broadcast.key), broadcast.key, chosen));
    if (!config_.ensemble_ && lines.size() == 1)
      return warn(fmt::format("{}: {} is the only server, so it runs alone and its quorum ports stay "
                              "closed, as with ZooKeeper",
                              lines[0]->origin, lines[0]->key));
    if (config_.ensemble_ && chosen == broadcast.defaults)
      error(fmt::format("{}: {} is one of {} servers, and the broadcast {} ({}) is for a server alone; "
                        "leave one server line, or remove {}",
                        lines[0]->origin, lines[0]->key, lines.size(), chosen,
                        config_.values_.origin(broadcast.key), broadcast.key));
  }

  // --- the outside --------------------------------------------------------------------------------

  /// Guards against a disk that is not mounted, where a server would begin with nothing.
  void check_data_directories() {
    if (config_.values_.boolean("datadir.autocreate")) return;
    for (const char* key : {"dataDir", "dataLogDir"})
      if (const std::string folder = config_.setting(key) + "/version-2";
          !std::filesystem::is_directory(folder))
        error(fmt::format("{}: datadir.autocreate=false and there is no {}; mount the disk of {}, or "
                          "create the folder for a new server",
                          origin_of("datadir.autocreate"), folder, key));
  }

  /// Whoever may write the config chooses which code runs; whoever may write the data, what is true.
  void check_permissions(const std::string& file) {
    for (const std::string& path :
         std::set{file, config_.setting("dataDir"), config_.setting("dataLogDir")})
      if (auto sentence = writable_by_everybody(path); !sentence.empty())
        config_.strict_permissions() ? error(std::move(sentence)) : warn(std::move(sentence));
  }

  ServerConfig& config_;
  Findings& findings_;
  std::string file_;
  std::string id_text_;             ///< What stands in myid; empty until it is read.
  std::uint64_t version_ = 0;       ///< Of the dynamic file.
  bool has_id_ = false;
  std::vector<std::string> order_;  ///< The keys as they were met, so that findings follow the file.
};

ServerConfig ServerConfig::read(const std::string& file, std::span<const std::string> overrides,
                                Findings& findings) {
  ServerConfig config;
  Reader(config, findings).read(file, overrides);
  return config;
}

ServerConfig ServerConfig::read_text(const std::string& file, std::string_view text,
                                     std::string_view id, Findings& findings) {
  ServerConfig config;
  Reader(config, findings).read_text(file, text, id);
  return config;
}

/// values() holds the defaults even when the file cannot be read.
ServerConfig::ServerConfig() {
  std::vector<std::string> none;
  values_ = TypedOptions(typed_specs(Company::alone), {}, "", none);
}

const Property* ServerConfig::given(std::string_view key) const {
  const auto found = given_.find(key);
  return found == given_.end() ? nullptr : &found->second;
}

std::string ServerConfig::setting(std::string_view key) const {
  const std::string_view canonical = canonical_key(key);
  if (const auto found = derived_.find(canonical); found != derived_.end()) return found->second;
  if (const Property* property = given(canonical)) return property->value;
  const ZooKeeperKey* row = find_zookeeper_key(canonical);
  return row ? row->option.default_value : "";
}

std::vector<PluginChoice> ServerConfig::choices() const {
  std::vector<PluginChoice> choices;
  for (const PluginRole& role : plugin_roles()) {
    const std::string_view name = role.name;
    if (name == "transport.client" && !client_) continue;
    if (name == "transport.secure" && !secure_) continue;
    if (name == "transport.service" && !has_services()) continue;
    const std::string said = values_.text(role.key);
    for (std::string& plugin : role.list ? comma_list(said) : std::vector{said})
      if (!plugin.empty()) choices.push_back({&role, std::move(plugin), values_.origin(role.key)});
  }
  return choices;
}

bool ServerConfig::has_services() const {
  return !comma_list(values_.text(plugin_role("service").key)).empty();
}

std::vector<std::string> ServerConfig::plugin_paths() const {
  std::vector<std::string> paths;
  for (std::string& path : comma_list(values_.text("vivarium.plugins")))
    paths.push_back(absolute({"", std::move(path), values_.origin("vivarium.plugins")}));
  return paths;
}

std::vector<std::string> ServerConfig::own_keys() const {
  std::vector<std::string> keys;
  for (const OptionSpec& spec : kServerOptions) keys.emplace_back(spec.key);
  for (const PluginRole& role : plugin_roles()) keys.emplace_back(role.key);
  return keys;
}

LogLevel ServerConfig::log_level() const {
  const std::string level = values_.text("vivarium.log.level");
  if (level == "debug") return LogLevel::debug;
  if (level == "warn") return LogLevel::warn;
  return level == "error" ? LogLevel::error : LogLevel::info;
}

std::string ServerConfig::absolute(const Property& path) const {
  const std::filesystem::path written(path.value);
  const bool from_folder = written.is_relative() && path.origin != kOverride;
  return std::filesystem::absolute(from_folder ? folder_ / written : written)
      .lexically_normal()
      .string();
}

}  // namespace vivarium
