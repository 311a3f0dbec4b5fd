#pragma once
// The policy `lua`: a script decides each access. What cannot be decided is denied: an error of the
// script, a run that goes beyond its budget, a policy that is not loaded.

#include "decision_cache.hpp"
#include "script.hpp"

#include <vivarium/acl_policy.hpp>
#include <vivarium/disk.hpp>
#include <vivarium/metrics.hpp>
#include <vivarium/options.hpp>

#include <array>
#include <optional>
#include <vector>

namespace vivarium::acl_lua {

inline constexpr OptionSpec kOptions[] = {
    {"script", OptionType::path, "", 0, -1, "", "The Lua script that decides.", true, false, true},
    {"instruction_budget", OptionType::integer, "10000", 1'000, 100'000'000, "instructions",
     "What one decision may use; work of functions and memory count too.", false, false, true},
    {"time_budget", OptionType::duration, "100ms", 1, 10'000, "ms",
     "How long one decision may take, should the instructions not stop it before.", false, false,
     true},
    {"memory_budget", OptionType::bytes, "4M", 256 << 10, 256 << 20, "bytes",
     "What the script may hold at any time; its constants may take half of it.", false, false,
     true},
    {"script_bytes_max", OptionType::bytes, "64K", 1 << 10, 4 << 20, "bytes",
     "A longer script is refused: compiling it would hold up the server.", false, false, true},
    {"cache_entries", OptionType::integer, "1024", 0, 1'000'000, "answers",
     "How many answers that the script calls cacheable are kept.", false, false, true},
};

class LuaPolicy final : public AclPolicy {
 public:
  explicit LuaPolicy(PluginHost& host);

  Result<void> start() override;
  /// Loads the script anew. When that fails the one that is loaded stays.
  Result<void> reload() override;
  void stop() override;

  Decision decide(const AccessRequest& access, const AclView& view) override;

 private:
  Result<void> load();
  Result<std::unique_ptr<Script>> load_script();
  Result<std::string> read_script(const std::string& path);
  Error refusal(const std::string& path, const std::string& why) const;
  void add_metrics();
  void count(Verdict verdict);
  void report_failure(const AccessRequest& access, const Answer& answer);

  PluginHost& host_;
  std::unique_ptr<Script> script_;
  DecisionCache cache_{0};

  std::array<Counter, 3> verdicts_;         ///< By Verdict.
  std::array<Counter, kFailures> failures_; ///< By Failure.
  Counter cache_hits_, loads_, failed_loads_;
  std::vector<std::unique_ptr<MetricHandle>> metrics_;

  std::optional<MonoTime> failure_logged_;
  std::uint64_t failures_not_logged_ = 0;
};

}  // namespace vivarium::acl_lua
