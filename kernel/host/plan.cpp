#include "kernel/host/plan.hpp"

#include "kernel/host/nearest.hpp"
#include "kernel/host/zookeeper_keys.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>

namespace vivarium {
namespace {

constexpr std::string_view kInner = "inner";

std::span<const OptionSpec> specs_of(const PluginOffer& offer) {
  return {offer.interface->options, offer.interface->option_count};
}

const OptionSpec* find_option(const PluginOffer& offer, std::string_view key) {
  for (const OptionSpec& spec : specs_of(offer))
    if (key == spec.key) return &spec;
  return nullptr;
}

/// "vivarium.storage.file.": what the keys of a plugin in a role begin with.
std::string prefix_of(const PluginRole& role, std::string_view plugin) {
  return fmt::format("vivarium.{}.{}.", role.name, plugin);
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// --- ZooKeeper's keys for TLS ---------------------------------------------------------------------

/// The kind of a key or trust store, as ZooKeeper finds it: by its own key, or by the file's name.
std::string store_type(const ServerConfig& config, const Property& location) {
  const std::string key = location.key.substr(0, location.key.rfind('.')) + ".type";
  if (const std::string said = config.setting(key); !said.empty()) return lower(said);
  const std::string extension = lower(std::filesystem::path(location.value).extension().string());
  if (extension == ".jks" || extension == ".bcfks") return extension.substr(1);
  return extension == ".p12" || extension == ".pfx" ? "pkcs12" : "pem";
}

/// Empty for a PEM file.
std::string store_complaint(const ServerConfig& config, const Property& location) {
  const std::string type = store_type(config, location);
  if (type == "pem") return "";
  const std::string& path = location.value;
  const std::string source = type == "pkcs12" ? path : "store.p12";
  const std::string first =
      type == "pkcs12" ? ""
                       : fmt::format("keytool -importkeystore -srckeystore {} -destkeystore store.p12 "
                                     "-deststoretype PKCS12, then ",
                                     path);
  return fmt::format("{}: {}={} is of type {}, and only PEM is read here; convert it: {}openssl pkcs12 "
                     "-in {} -nodes -out store.pem",
                     location.origin, location.key, path, type, first, source);
}

/// The oldest protocol of a list, as the option `min_version` takes it. Nothing older than 1.2 is
/// spoken, whatever the list says.
std::string oldest_protocol(const std::string& list) {
  const auto protocols = comma_list(list);
  const auto is_newest = [](const std::string& name) { return name == "TLSv1.3"; };
  return std::all_of(protocols.begin(), protocols.end(), is_newest) ? "TLSv1.3" : "TLSv1.2";
}

std::string translated(const KeyAlias& alias, const Property& given) {
  if (alias.option == "min_version") return oldest_protocol(given.value);
  if (alias.option == "client_auth") return lower(given.value);
  if (given.key.ends_with(".location")) return std::filesystem::absolute(given.value).string();
  return given.value;
}

// --- the plan -------------------------------------------------------------------------------------

class Planner {
 public:
  Planner(const ServerConfig& config, const PluginCatalogue& catalogue, Findings& findings)
      : config_(config), catalogue_(catalogue), findings_(findings) {}

  Plan make() {
    Plan plan;
    for (const PluginChoice& choice : config_.choices()) {
      std::set<std::string> wrapping;
      if (auto planned = plan_one(*choice.role, choice.name, choice.origin, choice.role->key, wrapping))
        plan.plugins.push_back(std::move(*planned));
    }
    demand("storage");
    demand("broadcast");
    for (const Property& property : config_.plugin_keys()) check_key(property);
    return plan;
  }

 private:
  void error(std::string sentence) { findings_.errors.push_back(std::move(sentence)); }

  /// `wrapping`: the decorators around this one, which it cannot name again.
  std::unique_ptr<PlannedPlugin> plan_one(const PluginRole& role, const std::string& name,
                                          const std::string& origin, const std::string& key,
                                          std::set<std::string>& wrapping) {
    const auto offer = catalogue_.find(role.kind, name);
    if (!offer) {
      missing_.insert(prefix_of(role, name));
      error(fmt::format("{}: {}={}: {}", origin, key, name, offer.error().what));
      return nullptr;
    }
    wrapping.insert(name);
    used_.insert(prefix_of(role, name));
    auto planned = std::make_unique<PlannedPlugin>();
    planned->role = &role;
    planned->offer = **offer;
    planned->options = options_of(role, **offer, origin);
    if (find_option(**offer, kInner)) plan_inner(*planned, origin, wrapping);
    return planned;
  }

  void plan_inner(PlannedPlugin& outer, const std::string& origin,
                  std::set<std::string>& wrapping) {
    const std::string key = prefix_of(*outer.role, outer.offer.interface->name) + "inner";
    const std::string name = outer.options.text(kInner);
    if (name.empty())
      return error(fmt::format("{}: {} is missing: name the {} that it wraps", origin, key,
                               name_of(outer.role->kind)));
    if (wrapping.contains(name))
      return error(fmt::format("{}: {}={} wraps itself; name the innermost one", 
                               outer.options.origin(kInner), key, name));
    outer.inner = plan_one(*outer.role, name, outer.options.origin(kInner), key, wrapping);
  }

  /// A server is nothing without it, so an empty name is no choice.
  void demand(std::string_view name) {
    const PluginRole& wanted = plugin_role(name);
    if (config_.values().text(wanted.key).empty())
      error(fmt::format("{}: {} is empty; name a plugin such as {}",
                        config_.values().origin(wanted.key), wanted.key, wanted.defaults));
  }

  /// `origin`: where the plugin was chosen.
  TypedOptions options_of(const PluginRole& role, const PluginOffer& offer,
                          const std::string& origin) {
    const std::string prefix = prefix_of(role, offer.interface->name);
    TypedOptions::Given given;
    for (const Property& property : config_.plugin_keys())
      if (property.key.starts_with(prefix)) give(given, offer, property.key.substr(prefix.size()), property);
    for (const KeyAlias& alias : key_aliases())
      if (alias.role == role.name) give_alias(given, config_, alias, offer, prefix);
    return TypedOptions(specs_of(offer), given, origin + ": " + prefix, findings_.errors);
  }

  void give(TypedOptions::Given& given, const PluginOffer& offer, const std::string& key,
            Property property) {
    const OptionSpec* spec = find_option(offer, key);
    if (!spec) return;  // check_key() complains.
    if (spec->type == OptionType::path && !property.value.empty())
      property.value = config_.absolute(property);
    given[key] = std::move(property);
  }

  /// ZooKeeper's key counts where the plugin's own is not there: one file serves both.
  void give_alias(TypedOptions::Given& given, const ServerConfig& config, const KeyAlias& alias,
                  const PluginOffer& offer, const std::string& prefix) {
    const Property* property = config.given(alias.key);
    const std::string option(alias.option);
    const auto present = given.find(option);
    const bool own = present != given.end() && present->second.key.starts_with(prefix);
    if (!property || property->value.empty() || own) return;
    if (!find_option(offer, option)) {
      if (find_option(offer, kInner)) return;  // The transport inside is asked too.
      return error(fmt::format("{}: {} stands for the option {}, which {} \"{}\" has not; remove it, or "
                               "name another plugin with vivarium.{}",
                               property->origin, property->key, option, name_of(offer.interface->kind),
                               offer.interface->name, alias.role));
    }
    if (property->key.ends_with("Store.location"))
      if (auto complaint = store_complaint(config, *property); !complaint.empty())
        return error(std::move(complaint));
    given[option] = {property->key, translated(alias, *property), property->origin};
  }

  // --- keys that nobody took ----------------------------------------------------------------------

  void check_key(const Property& property) {
    for (const std::string& prefix : missing_)
      if (property.key.starts_with(prefix)) return;
    for (const PluginRole& role : plugin_roles())
      for (const PluginOffer& offer : catalogue_.offers())
        if (offer.interface->kind == role.kind && is_key_of(property.key, role, offer))
          return check_use(property, prefix_of(role, offer.interface->name));
    const std::string meant = nearest(property.key, known_keys());
    error(fmt::format("{}: {} is unknown{}", property.origin, property.key,
                      meant.empty() ? "; `vivarium plugins` lists what there is"
                                    : "; did you mean " + meant + "?"));
  }

  static bool is_key_of(const std::string& key, const PluginRole& role, const PluginOffer& offer) {
    const std::string prefix = prefix_of(role, offer.interface->name);
    return key.starts_with(prefix) && find_option(offer, key.substr(prefix.size()));
  }

  void check_use(const Property& property, const std::string& prefix) {
    if (!used_.contains(prefix))
      findings_.warnings.push_back(fmt::format("{}: {} has no effect: that plugin is not in use",
                                               property.origin, property.key));
  }

  std::vector<std::string> known_keys() const {
    std::vector<std::string> keys = config_.own_keys();
    for (const PluginRole& role : plugin_roles())
      for (const PluginOffer& offer : catalogue_.offers())
        if (offer.interface->kind == role.kind)
          for (const OptionSpec& spec : specs_of(offer))
            keys.push_back(prefix_of(role, offer.interface->name) + spec.key);
    return keys;
  }

  const ServerConfig& config_;
  const PluginCatalogue& catalogue_;
  Findings& findings_;
  std::set<std::string> used_;     ///< Prefixes of the plugins that the plan has.
  std::set<std::string> missing_;  ///< Of those that it should have.
};

}  // namespace

PluginCatalogue find_plugins(const ServerConfig& config, Findings& findings) {
  PluginCatalogue catalogue(config.strict_permissions() ? PermissionRule::refuse
                                                        : PermissionRule::warn);
  const auto note = [&](const Result<void>& added) {
    if (!added) findings.errors.push_back(added.error().what);
  };
  note(catalogue.add_directory(PluginCatalogue::default_directory()));
  for (const std::string& path : config.plugin_paths()) note(catalogue.add(path));
  for (const auto* sentences : {&catalogue.refusals(), &catalogue.warnings()})
    findings.warnings.insert(findings.warnings.end(), sentences->begin(), sentences->end());
  return catalogue;
}

Plan make_plan(const ServerConfig& config, const PluginCatalogue& catalogue, Findings& findings) {
  return Planner(config, catalogue, findings).make();
}

}  // namespace vivarium
