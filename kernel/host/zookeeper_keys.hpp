#pragma once
// What we do about each key of a zoo.cfg: ZooKeeper's own keys and its system properties, which may
// stand in the file too, with or without the prefix `zookeeper.` (docs/configuration.md lists them).
//
// The rule (design.md "Config"): a key whose neglect would leave the server more open or less durable
// than ZooKeeper with the same file makes it refuse to start; any other that is not acted on gets one
// warning, unless its value is what this server does anyway.

#include <vivarium/options.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace vivarium {

enum class KeyUse : std::uint8_t {
  acted_on,  ///< By the server, or by the plugin that asks for it.
  ignored,   ///< One warning, unless the value is harmless.
  refused,   ///< An error, unless the value is harmless.
};

/// Where ZooKeeper itself looks at a key. Elsewhere it is passed over without a word, as there.
enum class KeyScope : std::uint8_t {
  always,
  secure_port,  ///< Only when secureClientPort is set.
  ensemble,     ///< Only with several servers.
  service,      ///< Only when there is a service that asks for it; there is a word where there is none.
};

struct ZooKeeperKey {
  /// key (a last part `*` stands for any), type and range of what is acted on, and ZooKeeper's default.
  OptionSpec option;
  KeyUse use;
  KeyScope scope;
  /// Comma-separated values (any letter case) that ask for nothing we do not do; "*" for all.
  const char* harmless;
};

std::span<const ZooKeeperKey> zookeeper_keys();

/// `key` without the prefix `zookeeper.`.
std::string_view canonical_key(std::string_view key);

/// The row for a canonical key; nullptr for one that ZooKeeper does not know.
const ZooKeeperKey* find_zookeeper_key(std::string_view canonical);

/// Is `value` one of the row's harmless ones?
bool is_harmless(const ZooKeeperKey& row, std::string_view value);

/// A ZooKeeper key that stands for an option of whatever plugin has a role.
struct KeyAlias {
  std::string_view key;     ///< "ssl.trustStore.location"
  std::string_view role;    ///< "transport.secure"
  std::string_view option;  ///< "ca"
};
std::span<const KeyAlias> key_aliases();

}  // namespace vivarium
