#include "kernel/host/typed_options.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include <vivarium/assert.hpp>

namespace vivarium {
namespace {

namespace po = boost::program_options;

struct Unit {
  std::string_view suffix;
  std::int64_t factor;
};
constexpr Unit kPlain[] = {{"", 1}};
constexpr Unit kDurations[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
constexpr Unit kSizes[] = {{"", 1},       {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30},
                           {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}};

std::span<const Unit> units_of(OptionType type) {
  switch (type) {
    case OptionType::duration: return kDurations;
    case OptionType::bytes: return kSizes;
    default: return kPlain;
  }
}

std::string_view noun_of(OptionType type) {
  switch (type) {
    case OptionType::text: return "text";
    case OptionType::path: return "a path";
    case OptionType::integer: return "an integer";
    case OptionType::boolean: return "true or false";
    case OptionType::duration: return "a duration such as 500ms, 10s, 5m or 1h";
    case OptionType::bytes: return "a size such as 4096, 64K, 16M or 1G";
  }
  return "text";
}

bool bounded(const OptionSpec& spec) { return spec.min <= spec.max; }

std::string range_of(const OptionSpec& spec) {
  if (!bounded(spec)) return "";
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  return spec.max == kMax ? fmt::format(" from {}", spec.min)
                          : fmt::format(" from {} to {}", spec.min, spec.max);
}

/// nullopt when the text is no number with one of the units, or too large for 64 bits.
std::optional<std::int64_t> parse_number(std::string_view text, std::span<const Unit> units) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const int base = text.starts_with("0x") ? 16 : 10;  // Java's Integer.decode, for jute.maxbuffer
  if (base == 16) text.remove_prefix(2);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc()) return {};
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units) {
    std::int64_t product = 0;
    if (suffix == unit.suffix && !__builtin_mul_overflow(number, unit.factor, &product))
      return product;
  }
  return {};
}

std::optional<bool> parse_boolean(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  for (const char* yes : {"true", "yes", "on", "1"})
    if (text == yes) return true;
  for (const char* no : {"false", "no", "off", "0"})
    if (text == no) return false;
  return {};
}

Error complaint(const OptionSpec& spec, std::string_view what) {
  return Error(Errc::invalid_argument, fmt::format("{}; want {}", what, describe_type(spec)));
}

/// An OptionSpec as Program_options wants it.
class SpecValue final : public po::value_semantic {
 public:
  explicit SpecValue(const OptionSpec& spec) : spec_(spec) {}
  std::string name() const override { return describe_type(spec_); }
  unsigned min_tokens() const override { return 1; }
  unsigned max_tokens() const override { return 1; }
  bool is_composing() const override { return false; }
  bool is_required() const override { return spec_.required; }
  void parse(boost::any& store, const std::vector<std::string>& tokens, bool) const override {
    store = take(tokens.at(0));
  }
  bool apply_default(boost::any& store) const override {
    const bool any = *spec_.default_value != '\0';
    if (any) store = take(spec_.default_value);
    return any;
  }
  void notify(const boost::any&) const override {}

 private:
  OptionValue take(const std::string& text) const {
    auto value = parse_option(spec_, text);
    if (!value) throw po::error(value.error().what);
    return *value;
  }

  const OptionSpec& spec_;
};

/// Stores one value, so that a complaint can be laid to its place.
void store_one(const po::options_description& description, const std::string& key,
               const Property& given, bool secret, po::variables_map& values,
               std::vector<std::string>& errors) {
  po::parsed_options parsed(&description);
  parsed.options.emplace_back(key, std::vector<std::string>{given.value});
  try {
    po::store(parsed, values);
  } catch (const po::error& error) {
    values.erase(key);  // So that the default takes its place.
    errors.push_back(fmt::format("{}: {}={} {}", given.origin, given.key,
                                 secret ? "***" : given.value, error.what()));
  }
}

}  // namespace

std::string describe_type(const OptionSpec& spec) {
  std::string text(noun_of(spec.type));
  text += range_of(spec);
  if (*spec.unit != '\0') text += fmt::format(" ({})", spec.unit);
  return text;
}

Result<OptionValue> parse_option(const OptionSpec& spec, const std::string& text) {
  if (spec.type == OptionType::text || spec.type == OptionType::path) return OptionValue(text);
  if (spec.type == OptionType::boolean) {
    const auto truth = parse_boolean(text);
    if (!truth) return complaint(spec, "is neither true nor false");
    return OptionValue(*truth);
  }
  const auto number = parse_number(text, units_of(spec.type));
  if (!number) return complaint(spec, "is malformed");
  if (bounded(spec) && (*number < spec.min || *number > spec.max))
    return complaint(spec, "is out of range");
  return OptionValue(*number);
}

TypedOptions::TypedOptions(std::span<const OptionSpec> specs, const Given& given,
                           const std::string& title, std::vector<std::string>& errors) {
  po::options_description description;
  for (const OptionSpec& spec : specs)
    description.add_options()(spec.key, new SpecValue(spec), spec.help);

  po::variables_map values;
  for (const OptionSpec& spec : specs) {
    const auto found = given.find(spec.key);
    if (found != given.end())
      store_one(description, spec.key, found->second, spec.secret, values, errors);
    else if (spec.required)
      errors.push_back(fmt::format("{}{} is missing: {}", title, spec.key, spec.help));
  }
  po::store(po::parsed_options(&description), values);  // the defaults of those that were not given

  for (const OptionSpec& spec : specs) {
    Entry& entry = entries_[spec.key];
    entry.reloadable = spec.reloadable;
    const po::variable_value& value = values[spec.key];
    entry.set = !value.empty();
    if (entry.set) entry.value = value.as<OptionValue>();
    const auto found = given.find(spec.key);
    entry.origin = found == given.end() ? "default" : found->second.origin;
  }
}

const TypedOptions::Entry& TypedOptions::entry(std::string_view key) const {
  const auto found = entries_.find(key);
  VIVARIUM_ASSERT(found != entries_.end(), "no such option was declared: " + std::string(key));
  return found->second;
}

template <class T>
const T& TypedOptions::value(std::string_view key) const {
  const T* value = std::get_if<T>(&entry(key).value);
  VIVARIUM_ASSERT(value && entry(key).set,
                  "unset, or asked for by another type: " + std::string(key));
  return *value;
}

bool TypedOptions::has(std::string_view key) const { return entry(key).set; }

std::string TypedOptions::text(std::string_view key) const {
  // An unset text holds the empty text already.
  const auto* text = std::get_if<std::string>(&entry(key).value);
  VIVARIUM_ASSERT(text, "asked for by another type: " + std::string(key));
  return *text;
}

std::int64_t TypedOptions::integer(std::string_view key) const { return value<std::int64_t>(key); }
bool TypedOptions::boolean(std::string_view key) const { return value<bool>(key); }
std::string TypedOptions::origin(std::string_view key) const { return entry(key).origin; }

std::vector<std::string> TypedOptions::differences(const TypedOptions& other) const {
  std::vector<std::string> keys;
  for (const auto& [key, mine] : entries_) {
    const Entry& theirs = other.entry(key);
    if (mine.set != theirs.set || mine.value != theirs.value) keys.push_back(key);
  }
  return keys;
}

}  // namespace vivarium
