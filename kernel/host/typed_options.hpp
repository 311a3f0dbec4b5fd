#pragma once
// Values of the types that a table of OptionSpec declares, from the text of a config. Program_options
// stores them, applies the defaults and calls the checks.

#include "kernel/host/properties.hpp"

#include <vivarium/options.hpp>
#include <vivarium/result.hpp>

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vivarium {

/// The value in the type's own unit, or a complaint that reads on after "key=value": "is not ...".
using OptionValue = std::variant<std::string, std::int64_t, bool>;
Result<OptionValue> parse_option(const OptionSpec& spec, const std::string& text);

/// "integer from 1 to 100 (ms)": what an option takes, for people.
std::string describe_type(const OptionSpec& spec);

/// Copies what it needs of the table: the library that the table came from may be closed.
class TypedOptions final : public Options {
 public:
  /// What was given for an option: Property::key is what a message calls it, which may be longer than
  /// the option's own key.
  using Given = std::map<std::string, Property, std::less<>>;

  TypedOptions() = default;
  /// Every malformed or missing value adds a sentence to `errors` and leaves the default.
  /// `title` names a required key that is missing: title + "dataDir" + " is missing".
  TypedOptions(std::span<const OptionSpec> specs, const Given& given, const std::string& title,
               std::vector<std::string>& errors);

  bool has(std::string_view key) const override;
  std::string text(std::string_view key) const override;
  std::int64_t integer(std::string_view key) const override;
  bool boolean(std::string_view key) const override;
  std::string origin(std::string_view key) const override;

  bool declares(std::string_view key) const { return entries_.find(key) != entries_.end(); }
  bool reloadable(std::string_view key) const { return entry(key).reloadable; }
  /// The keys whose values differ.
  std::vector<std::string> differences(const TypedOptions& other) const;
  /// Takes over one value.
  void adopt(const std::string& key, const TypedOptions& from) { entries_[key] = from.entry(key); }

 private:
  struct Entry {
    bool set = false;
    bool reloadable = false;
    OptionValue value;
    std::string origin;
  };
  const Entry& entry(std::string_view key) const;
  template <class T>
  const T& value(std::string_view key) const;

  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace vivarium
