#pragma once
// Options that a plugin offers: constant data in its descriptor, so that they are known, checked and
// listed before any of its code runs. The kernel builds Program_options from them.
//
// A plugin option `script` of the policy "lua" stands in a config file as `vivarium.acl.lua.script`:
// role, plugin name, key. `kernel/host/config` does the mapping.

#include <cstdint>
#include <string>
#include <string_view>

namespace vivarium {

enum class OptionType : std::uint8_t {
  text,
  path,      ///< Relative ones are taken from the folder of the config file.
  integer,
  boolean,   ///< true/false, yes/no, on/off, 1/0.
  duration,  ///< Integer with ms, s, m, h; in milliseconds.
  bytes,     ///< Integer with K, M, G (1024-based).
};

/// One option. Every pointer is to static text; unused ones are empty, never null.
struct OptionSpec {
  const char* key;
  OptionType type;
  const char* default_value;  ///< As written in a file; empty means "no default": unset.
  std::int64_t min;           ///< For numbers, durations (ms) and bytes; ignored when min > max.
  std::int64_t max;
  const char* unit;  ///< For people: "ms", "bytes", "instructions".
  const char* help;  ///< One sentence.
  bool required;
  bool secret;      ///< Never printed.
  bool reloadable;  ///< Plugin::reload() takes a new value.
};

/// The values for one plugin instance, already typed and within range. Asking for a key that the
/// plugin did not declare, or by another type, is a bug (asserts).
class Options {
 public:
  virtual ~Options() = default;
  virtual bool has(std::string_view key) const = 0;
  virtual std::string text(std::string_view key) const = 0;  ///< text and path
  virtual std::int64_t integer(std::string_view key) const = 0;  ///< integer, duration (ms), bytes
  virtual bool boolean(std::string_view key) const = 0;
  /// "zoo.cfg:12", "default", "--set": for messages.
  virtual std::string origin(std::string_view key) const = 0;
};

}  // namespace vivarium
