#pragma once
// The places in a server that plugins take, who takes them when the config is silent, and which
// authenticators stand for the Java classes that a zoo.cfg may name. plugin_roles.cpp is the one file of the
// kernel that knows plugins by name.

#include <vivarium/plugin.hpp>

#include <span>
#include <string_view>

namespace vivarium {

/// A plugin NAME in a role has its options at `vivarium.ROLE.NAME.KEY`.
struct PluginRole {
  const char* name;      ///< "storage"
  const char* key;       ///< "vivarium.storage": what the config calls the choice.
  InterfaceKind kind;
  const char* defaults;  ///< Comma-separated where the role is a list; empty for nobody.
  const char* ensemble_defaults;  ///< The same for a member of an ensemble.
  bool list;
  const char* help;
};

/// In the order in which a server starts them.
std::span<const PluginRole> plugin_roles();
const PluginRole& plugin_role(std::string_view name);

/// A class that a line `authProvider.N=` may name.
struct JavaClass {
  std::string_view name;
  std::string_view authenticator;  ///< Empty: none yet; then `note` says what that means.
  std::string_view note;
};
const JavaClass* find_java_class(std::string_view name);

/// "LogStore": what people call an interface.
std::string_view name_of(InterfaceKind kind);

}  // namespace vivarium
