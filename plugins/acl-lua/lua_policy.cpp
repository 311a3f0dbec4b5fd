#include "lua_policy.hpp"

#include <algorithm>

#include <openssl/evp.h>

#include <vivarium/log.hpp>

namespace vivarium::acl_lua {
namespace {

/// A script that fails does so at each access: one line in a while says it.
constexpr MonoTime kFailureLogInterval = std::chrono::seconds(10);
constexpr std::size_t kLoggedPathBytesMax = 256;

Limits limits_of(const Options& options) {
  return {{options.integer("instruction_budget"), Millis(options.integer("time_budget"))},
          static_cast<std::size_t>(options.integer("memory_budget"))};
}

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// SHA-256, in hexadecimal: it tells which policy decided.
std::string fingerprint(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), hash.data(), &size, EVP_sha256(), nullptr) != 1)
    return "unknown";
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const auto byte : std::span(hash).first(size)) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

LuaPolicy::LuaPolicy(PluginHost& host) : host_(host) { add_metrics(); }

void LuaPolicy::add_metrics() {
  const auto add = [this](std::string_view name, Counter& counter) {
    metrics_.push_back(host_.metrics().add(name, counter));
  };
  add("acl_lua_allowed", verdicts_[static_cast<std::size_t>(Verdict::allow)]);
  add("acl_lua_denied", verdicts_[static_cast<std::size_t>(Verdict::deny)]);
  add("acl_lua_deferred", verdicts_[static_cast<std::size_t>(Verdict::defer)]);
  add("acl_lua_script_errors", failures_[static_cast<std::size_t>(Failure::script)]);
  add("acl_lua_out_of_instructions", failures_[static_cast<std::size_t>(Failure::instructions)]);
  add("acl_lua_out_of_time", failures_[static_cast<std::size_t>(Failure::time)]);
  add("acl_lua_out_of_memory", failures_[static_cast<std::size_t>(Failure::memory)]);
  add("acl_lua_cache_hits", cache_hits_);
  add("acl_lua_loads", loads_);
  add("acl_lua_failed_loads", failed_loads_);
  metrics_.push_back(host_.metrics().add("acl_lua_memory_bytes", [this] {
    return script_ ? static_cast<double>(script_->memory_bytes()) : 0.0;
  }));
}

// --- loading ------------------------------------------------------------------------------------

Result<void> LuaPolicy::start() { return load(); }

Result<void> LuaPolicy::reload() {
  auto loaded = load();
  if (loaded) return loaded;
  auto error = loaded.error();
  if (script_) error.what += "; the policy that was loaded before stays in force";
  return error;
}

void LuaPolicy::stop() { metrics_.clear(); }

Result<void> LuaPolicy::load() {
  auto script = load_script();
  (script ? loads_ : failed_loads_).add();
  if (!script) return script.error();
  script_ = std::move(*script);
  cache_ = DecisionCache(static_cast<std::size_t>(host_.options().integer("cache_entries")));
  return {};
}

Result<std::unique_ptr<Script>> LuaPolicy::load_script() {
  const auto path = host_.options().text("script");
  const auto source = read_script(path);
  if (!source) return source.error();
  auto script = Script::load(*source, std::string(file_name(path)), limits_of(host_.options()),
                             host_.loop());
  if (!script) return refusal(path, script.error().what);
  host_.log().info("policy " + path + ": " + std::to_string(source->size()) + " bytes, SHA-256 " +
                   fingerprint(*source) + ", holds " + std::to_string((*script)->memory_bytes()) +
                   " bytes");
  return script;
}

Result<std::string> LuaPolicy::read_script(const std::string& path) {
  auto file = host_.disk().blocking().open(path, OpenMode::read);
  if (!file) return refusal(path, file.error().what);
  const auto size = (*file)->size();
  if (!size) return refusal(path, size.error().what);
  const auto size_max = static_cast<std::uint64_t>(host_.options().integer("script_bytes_max"));
  if (*size > size_max)
    return refusal(path, std::to_string(*size) + " bytes are more than script_bytes_max, " +
                             std::to_string(size_max) + "; shorten the script, or raise it");
  std::string source(*size, '\0');
  const auto read = (*file)->read_at(0, source.data(), source.size());
  if (!read) return refusal(path, read.error().what);
  source.resize(*read);
  return source;
}

/// One sentence that names the file, where it was named, and what is wrong.
Error LuaPolicy::refusal(const std::string& path, const std::string& why) const {
  return {Errc::invalid_argument, "the policy " + path + " (" + host_.options().origin("script") +
                                      ") cannot be used: " + why};
}

// --- deciding -----------------------------------------------------------------------------------

Decision LuaPolicy::decide(const AccessRequest& access, const AclView& view) {
  if (const auto* known = cache_.find(access)) {
    cache_hits_.add();
    count(known->verdict);
    return *known;
  }
  if (!script_) return {Verdict::deny, "no policy is loaded", false};
  const auto answer = script_->decide(access, view);
  count(answer.verdict);
  if (answer.failure != Failure::none) report_failure(access, answer);
  const Decision decision{answer.verdict, answer.reason, answer.cacheable};
  if (decision.cacheable) cache_.store(access, decision);
  return decision;
}

void LuaPolicy::count(Verdict verdict) { verdicts_[static_cast<std::size_t>(verdict)].add(); }

void LuaPolicy::report_failure(const AccessRequest& access, const Answer& answer) {
  failures_[static_cast<std::size_t>(answer.failure)].add();
  const auto now = host_.loop().now();
  if (failure_logged_ && now - *failure_logged_ < kFailureLogInterval) {
    ++failures_not_logged_;
    return;
  }
  failure_logged_ = now;
  auto line = "the policy failed, so " + std::string(name_of(access.operation)) + " of " +
              std::string(access.path.substr(0, kLoggedPathBytesMax)) +
              " is denied: " + std::string(answer.reason);
  if (failures_not_logged_ > 0)
    line += " (and " + std::to_string(failures_not_logged_) + " times since the last such line)";
  failures_not_logged_ = 0;
  host_.log().error(line);
}

}  // namespace vivarium::acl_lua
