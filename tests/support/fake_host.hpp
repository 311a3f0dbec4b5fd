#pragma once
// A PluginHost for tests. It lends the doors it is given, reads options from a map against the
// plugin's own table, and keeps what the plugin logs, measures and offers where a test can see it.
//
//     SimulatedLoop loop(1);
//     FakeHost host(my_options, {{"script", "/policy.lua"}}, {.loop = &loop});
//     MyPlugin plugin(host);
//     ...
//     CHECK(host.fake_log.contains("loaded"));
//     host.fake_options.set("time_budget", "1s");
//     CHECK(plugin.reload());

#include <vivarium/assert.hpp>
#include <vivarium/commands.hpp>
#include <vivarium/disk.hpp>
#include <vivarium/log.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/metrics.hpp>
#include <vivarium/plugin.hpp>
#include <vivarium/workers.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

namespace vivarium::test {

using Settings = std::map<std::string, std::string, std::less<>>;

/// Options as a config file would give them. A value that its OptionSpec does not allow throws
/// std::invalid_argument; a key that is not in the table is a bug, as the contract says.
class FakeOptions final : public Options {
 public:
  FakeOptions(std::span<const OptionSpec> specs, Settings values)
      : specs_(specs), values_(std::move(values)) {
    for (const auto& [key, value] : values_) check(key);
    for (const auto& spec : specs_)
      if (spec.required && !has(spec.key))
        throw std::invalid_argument(std::string(spec.key) + " is required");
  }

  /// Sets an option, as an edited file would before a reload.
  void set(std::string_view key, std::string value) {
    values_.insert_or_assign(std::string(key), std::move(value));
    check(key);
  }
  void unset(std::string_view key) {
    std::erase_if(values_, [&](const auto& entry) { return entry.first == key; });
  }

  bool has(std::string_view key) const override { return !written(spec(key)).empty(); }
  std::string text(std::string_view key) const override {
    const auto& found = spec(key);
    expect(found, found.type == OptionType::text || found.type == OptionType::path);
    return std::string(written(found));
  }
  std::int64_t integer(std::string_view key) const override {
    const auto& found = spec(key);
    expect(found, found.type != OptionType::text && found.type != OptionType::path &&
                      found.type != OptionType::boolean);
    return number(found);
  }
  bool boolean(std::string_view key) const override {
    const auto& found = spec(key);
    expect(found, found.type == OptionType::boolean);
    return truth(found);
  }
  std::string origin(std::string_view key) const override {
    return values_.contains(key) ? "test" : "default";
  }

 private:
  const OptionSpec& spec(std::string_view key) const {
    const auto found = std::find_if(specs_.begin(), specs_.end(),
                                    [&](const OptionSpec& s) { return s.key == key; });
    VIVARIUM_ASSERT(found != specs_.end(), "the plugin declares no option " + std::string(key));
    return *found;
  }
  static void expect(const OptionSpec& spec, bool right_type) {
    VIVARIUM_ASSERT(right_type, std::string("asked for by another type: ") + spec.key);
  }
  std::string_view written(const OptionSpec& spec) const {
    const auto found = values_.find(std::string_view(spec.key));
    return found == values_.end() ? std::string_view(spec.default_value) : found->second;
  }
  void check(std::string_view key) const {
    const auto& found = spec(key);
    if (found.type == OptionType::text || found.type == OptionType::path) return;
    if (!has(key)) return;
    found.type == OptionType::boolean ? void(truth(found)) : void(number(found));
  }

  [[noreturn]] void refuse(const OptionSpec& spec) const {
    throw std::invalid_argument(std::string(spec.key) + "=" + std::string(written(spec)) +
                                " is malformed or out of range");
  }
  static std::int64_t factor(OptionType type, std::string_view suffix) {
    static constexpr std::pair<std::string_view, std::int64_t> kDurations[] = {
        {"", 1}, {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}};
    static constexpr std::pair<std::string_view, std::int64_t> kSizes[] = {
        {"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}};
    std::span<const std::pair<std::string_view, std::int64_t>> units(kSizes, 1);
    if (type == OptionType::duration) units = kDurations;
    if (type == OptionType::bytes) units = kSizes;
    for (const auto& [unit, times] : units)
      if (unit == suffix) return times;
    return 0;
  }
  std::int64_t number(const OptionSpec& spec) const {
    const auto value = written(spec);
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
    const auto times = factor(
        spec.type, value.substr(static_cast<std::size_t>(end - value.data())));
    if (error != std::errc{} || times == 0) refuse(spec);
    const auto total = count * times;
    if (spec.min <= spec.max && (total < spec.min || total > spec.max)) refuse(spec);
    return total;
  }
  bool truth(const OptionSpec& spec) const {
    const auto value = written(spec);
    for (const std::string_view yes : {"true", "yes", "on", "1"})
      if (value == yes) return true;
    for (const std::string_view no : {"false", "no", "off", "0"})
      if (value == no) return false;
    refuse(spec);
  }

  std::span<const OptionSpec> specs_;
  Settings values_;
};

/// Keeps every line.
class FakeLog final : public Log {
 public:
  struct Line {
    LogLevel level;
    std::string text;
  };
  bool enabled(LogLevel level) const override { return level >= least; }
  void write(LogLevel level, std::string_view line) override {
    if (enabled(level)) lines.push_back({level, std::string(line)});
  }
  bool contains(std::string_view part) const { return count(part) > 0; }
  std::size_t count(std::string_view part) const {
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(),
                      [&](const Line& line) { return line.text.find(part) != std::string::npos; }));
  }

  LogLevel least = LogLevel::debug;
  std::vector<Line> lines;
};

/// Keeps what is registered, under its name as given. A Summary shows its count.
class FakeMetrics final : public Metrics {
 public:
  std::unique_ptr<MetricHandle> add(MetricName name, Counter& counter) override {
    return add(std::move(name), [&counter] { return static_cast<double>(counter.value()); });
  }
  std::unique_ptr<MetricHandle> add(MetricName name, Tally& tally, PerUnit) override {
    return add(std::move(name), [&tally] { return static_cast<double>(tally.count()); });
  }
  std::unique_ptr<MetricHandle> add(MetricName name, Summary& summary, SummaryDetail,
                                    PerUnit) override {
    return add(std::move(name), [&summary] { return static_cast<double>(summary.count()); });
  }
  std::unique_ptr<MetricHandle> add(MetricName name, Gauge gauge) override {
    const auto number = ++last_number_;
    gauges_.push_back({number, std::move(name), std::move(gauge)});
    return std::make_unique<Handle>(*this, number);
  }
  std::unique_ptr<MetricHandle> add_set(std::string_view name, GaugeSet set) override {
    return add(name, [set = std::move(set)] { return static_cast<double>(set().size()); });
  }
  std::vector<Sample> samples() const override {
    std::vector<Sample> all;
    for (const auto& one : gauges_) all.push_back({one.name.name, one.gauge(), false});
    return all;
  }
  std::vector<Family> families() const override {
    std::vector<Family> all;
    for (const auto& one : gauges_) {
      auto& family = all.emplace_back();
      family.name = one.name.name;
      family.key = one.name.key;
      family.value = one.gauge();
    }
    return all;
  }
  void reset() override {}
  /// nullopt when no such metric is registered.
  std::optional<double> value(std::string_view name) const override {
    for (const auto& one : gauges_)
      if (one.name.name == name) return one.gauge();
    return std::nullopt;
  }

 private:
  struct Registered {
    int number;
    MetricName name;
    Gauge gauge;
  };
  struct Handle final : MetricHandle {
    Handle(FakeMetrics& metrics, int number) : metrics_(metrics), number_(number) {}
    ~Handle() override {
      std::erase_if(metrics_.gauges_, [&](const auto& one) { return one.number == number_; });
    }
    FakeMetrics& metrics_;
    int number_;
  };
  std::vector<Registered> gauges_;
  int last_number_ = 0;
};

/// The command table, without the kernel's own commands.
class FakeCommands final : public Commands {
 public:
  std::unique_ptr<CommandHandle> add(CommandSpec spec) override {
    specs_.push_back(std::make_unique<CommandSpec>(std::move(spec)));
    return std::make_unique<Handle>(*this, specs_.back().get());
  }
  const CommandSpec* find(std::string_view name) const override {
    return find_if([&](const CommandSpec& spec) {
      const auto is_among = [&](const std::vector<std::string>& names) {
        return std::find(names.begin(), names.end(), name) != names.end();
      };
      return spec.name == name || is_among(spec.words) || is_among(spec.aliases);
    });
  }
  const CommandSpec* find_word(std::string_view word) const override {
    return find_if([&](const CommandSpec& spec) {
      return std::find(spec.words.begin(), spec.words.end(), word) != spec.words.end();
    });
  }
  std::vector<const CommandSpec*> all() const override {
    std::vector<const CommandSpec*> specs;
    for (const auto& spec : specs_) specs.push_back(spec.get());
    return specs;
  }

 private:
  struct Handle final : CommandHandle {
    Handle(FakeCommands& commands, const CommandSpec* spec) : commands_(commands), spec_(spec) {}
    ~Handle() override {
      std::erase_if(commands_.specs_, [&](const auto& spec) { return spec.get() == spec_; });
    }
    FakeCommands& commands_;
    const CommandSpec* spec_;
  };
  template <class Predicate>
  const CommandSpec* find_if(Predicate predicate) const {
    for (const auto& spec : specs_)
      if (predicate(*spec)) return spec.get();
    return nullptr;
  }
  std::vector<std::unique_ptr<CommandSpec>> specs_;
};

/// What a test lends; asking for what it does not is a bug in the test.
struct FakeDoors {
  Loop* loop = nullptr;
  Disk* disk = nullptr;
  Workers* workers = nullptr;
};

class FakeHost final : public PluginHost {
 public:
  explicit FakeHost(std::span<const OptionSpec> specs = {}, Settings values = {},
                    FakeDoors doors = {})
      : fake_options(specs, std::move(values)), doors_(doors) {}

  Loop& loop() override { return lent(doors_.loop); }
  Disk& disk() override { return lent(doors_.disk); }
  Workers& workers() override { return lent(doors_.workers); }
  Log& log() override { return fake_log; }
  Metrics& metrics() override { return fake_metrics; }
  Commands& commands() override { return fake_commands; }
  const Options& options() override { return fake_options; }
  std::string server_setting(std::string_view key) const override {
    const auto found = server_settings.find(key);
    return found == server_settings.end() ? std::string() : found->second;
  }
  std::unique_ptr<Plugin> take_inner() override { return std::move(inner); }

  FakeOptions fake_options;
  FakeLog fake_log;
  FakeMetrics fake_metrics;
  FakeCommands fake_commands;
  Settings server_settings;
  std::unique_ptr<Plugin> inner;

 private:
  template <class Door>
  static Door& lent(Door* door) {
    VIVARIUM_ASSERT(door != nullptr, "this test lends no such door");
    return *door;
  }
  FakeDoors doors_;
};

}  // namespace vivarium::test
