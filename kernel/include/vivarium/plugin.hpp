#pragma once
// What a plugin is, and the descriptor by which a shared library offers it.
//
// A library exports one symbol, `vivarium_plugin`, a PluginDescriptor of constant data. The kernel reads
// it before it runs any code of the library, and refuses a wrong magic, size, ABI tag, kind or revision
// with a sentence that names the file, what was found, what was wanted and the cure.
//
// Life of an instance, all on the core thread: create (the factory), start, events, reload, stop,
// destroy. After stop() returned nothing of the plugin calls back, on any thread.

#include <vivarium/options.hpp>
#include <vivarium/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace vivarium {

class Loop;
class Disk;
class Workers;
class Log;
class Metrics;
class Commands;

enum class InterfaceKind : std::uint32_t {
  transport = 1,
  log_store = 2,
  election = 3,
  broadcast = 4,
  authenticator = 5,
  acl_policy = 6,
  service = 7,
};

class Plugin {
 public:
  virtual ~Plugin() = default;
  virtual Result<void> start() { return {}; }
  /// Takes new files and reloadable options. On failure everything stays as it was.
  virtual Result<void> reload() { return {}; }
  virtual void stop() {}
};

/// What a server lends to a plugin instance for its whole life.
class PluginHost {
 public:
  virtual ~PluginHost() = default;
  virtual Loop& loop() = 0;
  virtual Disk& disk() = 0;
  virtual Workers& workers() = 0;
  virtual Log& log() = 0;
  virtual Metrics& metrics() = 0;
  virtual Commands& commands() = 0;
  virtual const Options& options() = 0;
  /// A key of the server's own config (`dataDir`, `tickTime`, ...), with ZooKeeper's default when the
  /// file is silent; empty when there is neither. For what a plugin shares with the server, such as
  /// directories; its own settings are options().
  virtual std::string server_setting(std::string_view key) const = 0;
  /// For a decorator: the created and not yet started instance that its option `inner` names, handed
  /// over once. nullptr for others.
  virtual std::unique_ptr<Plugin> take_inner() = 0;
};

/// One interface that a library serves. The object that `create` returns is of the interface's class.
/// A factory may throw std::exception; its text ends in the refusal.
struct PluginInterface {
  InterfaceKind kind;
  std::uint32_t revision;
  const char* name;  ///< What a config file calls it: "tcp".
  Plugin* (*create)(PluginHost& host);
  const OptionSpec* options;
  std::size_t option_count;
};

inline constexpr std::uint64_t kPluginMagic = 0x316d756972617669;  // "ivarium1", little-endian

struct PluginDescriptor {
  std::uint64_t magic;
  std::uint32_t size;     ///< sizeof(PluginDescriptor)
  std::uint32_t reserved; ///< 0
  /// VIVARIUM_ABI_TAG of abi.hpp: compiler, standard library, Boost, sanitizer, hash of these headers.
  char abi_tag[160];
  const char* name;
  const char* version;
  const PluginInterface* interfaces;
  std::size_t interface_count;
};

/// Builds a table entry for interface I, served by class P, which is constructed from a PluginHost&.
template <class I, class P, std::size_t N>
constexpr PluginInterface serves(const char* name, const OptionSpec (&options)[N]) {
  return {I::kKind, I::kRevision, name,
          [](PluginHost& host) -> Plugin* { return static_cast<I*>(new P(host)); }, options, N};
}
template <class I, class P>
constexpr PluginInterface serves(const char* name) {
  return {I::kKind, I::kRevision, name,
          [](PluginHost& host) -> Plugin* { return static_cast<I*>(new P(host)); }, nullptr, 0};
}

}  // namespace vivarium

/// Defines the exported descriptor. Stands alone in the plugin's plugin.cpp, after <vivarium/abi.hpp>.
#define VIVARIUM_PLUGIN(plugin_name, plugin_version, interface_table)                             \
  extern "C" __attribute__((visibility("default"))) const ::vivarium::PluginDescriptor            \
      vivarium_plugin = {::vivarium::kPluginMagic, sizeof(::vivarium::PluginDescriptor), 0,        \
                         VIVARIUM_ABI_TAG,        plugin_name,                                      \
                         plugin_version,          interface_table,                                  \
                         sizeof(interface_table) / sizeof(interface_table[0])}
