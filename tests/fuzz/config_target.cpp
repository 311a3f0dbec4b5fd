// `vivarium check` on any zoo.cfg, with any dynamic config beside it.
//
// An input is the zoo.cfg; after a line "=== zoo.cfg.dynamic" comes the other file, which the first
// finds under that name.
#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <vivarium/assert.hpp>

#include "kernel/host/config.hpp"
#include "kernel/host/plan.hpp"
#include "kernel/host/zookeeper_keys.hpp"
#include "plugins/acl-lua/lua_policy.hpp"
#include "plugins/digest/digest_authenticator.hpp"
#include "storage/file/file_store.hpp"
#include "tests/fuzz/memory_gauge.hpp"
#include "tests/fuzz/mutation.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transports/tls/tls_settings.hpp"

using namespace vivarium;
using namespace vivarium::fuzz;

namespace {

constexpr std::string_view kFile = "zoo.cfg";
constexpr std::string_view kDynamicFile = "zoo.cfg.dynamic";
constexpr std::string_view kDivider = "=== zoo.cfg.dynamic\n";
constexpr std::size_t kMemoryPerByte = 64;
constexpr std::size_t kMemoryFixed = std::size_t{2} << 20;

/// The shipped plugins as a catalogue knows them, without their libraries.
class Offers {
 public:
  Offers() {
    add(InterfaceKind::transport, "tcp", {});
    add(InterfaceKind::transport, "tls", kTlsOptions);
    add(InterfaceKind::log_store, "file", file::kFileOptions);
    add(InterfaceKind::log_store, "memory", {});
    add(InterfaceKind::authenticator, "digest", kDigestOptions);
    add(InterfaceKind::authenticator, "ip", {});
    add(InterfaceKind::broadcast, "standalone", {});
    add(InterfaceKind::acl_policy, "lua", acl_lua::kOptions);
  }
  const PluginCatalogue& catalogue() const { return catalogue_; }

 private:
  void add(InterfaceKind kind, const char* name, std::span<const OptionSpec> options) {
    auto& interface = interfaces_.emplace_back(std::make_unique<PluginInterface>());
    *interface = {kind, 1, name, nullptr, options.data(), options.size()};
    catalogue_.add_offer({std::string(name) + ".so", nullptr, nullptr, interface.get()});
  }

  std::vector<std::unique_ptr<PluginInterface>> interfaces_;
  PluginCatalogue catalogue_{PermissionRule::refuse};
};

/// The working directory while it lives: a dynamic config is looked for from there.
class Inside {
 public:
  explicit Inside(const std::string& folder) : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(folder);
  }
  ~Inside() { std::filesystem::current_path(before_); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  std::filesystem::path before_;
};

void write(std::string_view name, std::string_view text) {
  std::ofstream(std::string(name), std::ios::binary | std::ios::trunc) << text;
}

struct Inputs {
  std::string_view config, dynamic;
};

Inputs inputs_in(std::string_view text) {
  const auto divider = text.find(kDivider);
  if (divider == text.npos) return {text, {}};
  return {text.substr(0, divider), text.substr(divider + kDivider.size())};
}

Findings findings_of_check(const PluginCatalogue& catalogue) {
  Findings findings;
  const auto config = ServerConfig::read(std::string(kFile), {}, findings);
  make_plan(config, catalogue, findings);
  return findings;
}

/// Whether the sentence begins "FILE:LINE: ", with a line that there is.
bool names_line(std::string_view sentence, std::string_view file, std::string_view text) {
  if (!sentence.starts_with(file) || !sentence.substr(file.size()).starts_with(':')) return false;
  sentence.remove_prefix(file.size() + 1);
  std::size_t line = 0;
  const auto [end, error] =
      std::from_chars(sentence.data(), sentence.data() + sentence.size(), line);
  const auto lines =
      1 + std::count_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; });
  sentence.remove_prefix(static_cast<std::size_t>(end - sentence.data()));
  return error == std::errc{} && sentence.starts_with(": ") && line >= 1 &&
         line <= static_cast<std::size_t>(lines);
}

/// What is missing, or a default, stands in no line; and what a path points at is outside of the
/// file.
bool needs_no_line(std::string_view sentence) {
  return sentence.starts_with("zoo.cfg: ") || sentence.starts_with("default: ") ||
         sentence.find(" may be written by everybody") != sentence.npos;
}

void check_names(const std::vector<std::string>& sentences, const Inputs& inputs) {
  for (const std::string& sentence : sentences)
    VIVARIUM_ASSERT(
        names_line(sentence, kFile, inputs.config) || needs_no_line(sentence) ||
            names_line(sentence, std::filesystem::absolute(kDynamicFile).string(), inputs.dynamic),
        "a sentence that names no line: " + sentence);
}

// --- changing an input ---------------------------------------------------------------------------

constexpr std::array<std::string_view, 22> kValues = {
    "",
    "0",
    "-1",
    "1",
    "yes",
    "no",
    "true",
    "false",
    "maybe",
    "2181",
    "auto",
    "65536",
    "10s",
    "64K",
    "99999999999999999999",
    "/nowhere/data",
    "zoo.cfg.dynamic",
    "file",
    "tcp,tls",
    "lua",
    "h1:2888:3888;2181",
    "org.apache.zookeeper.server.auth.SASLAuthenticationProvider"};
constexpr std::array<std::string_view, 15> kFurtherKeys = {
    "server.1",
    "server.2",
    "authProvider.1",
    "vivarium.storage",
    "vivarium.broadcast",
    "vivarium.authenticators",
    "vivarium.acl",
    "vivarium.plugins",
    "vivarium.permissions",
    "vivarium.log.level",
    "vivarium.memory.ceiling",
    "vivarium.storage.file.prealloc",
    "vivarium.acl.lua.script",
    "vivarium.transport.secure.tls.certificate",
    "vivarium.transport.client"};

std::string_view some_key(Chance& chance) {
  const auto rows = zookeeper_keys();
  const auto which = chance() % (rows.size() + kFurtherKeys.size());
  return which < rows.size() ? rows[which].option.key : kFurtherKeys[which - rows.size()];
}

/// Puts a line of a known key between two others.
std::string with_line(std::string text, Chance& chance) {
  const auto somewhere = text.find('\n', text.empty() ? 0 : chance() % text.size());
  const auto at = somewhere == text.npos ? text.size() : somewhere + 1;
  std::string line = chance() % 4 == 0 ? "zookeeper." : "";
  line += some_key(chance);
  line += '=';
  line += kValues[chance() % kValues.size()];
  return text.insert(at, line + "\n");
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  Chance chance(seed);
  if (chance() % 3 != 0) return LLVMFuzzerMutate(data, size, size_max);
  const auto changed = with_line(std::string(text_view(data, size)), chance);
  const auto changed_size = std::min(changed.size(), size_max);
  std::copy_n(changed.data(), changed_size, reinterpret_cast<char*>(data));
  return changed_size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::TemporaryDirectory folder;
  static const Offers offers;
  const Inside inside(folder.path());
  const auto inputs = inputs_in(text_view(data, size));
  write(kFile, inputs.config);
  write(kDynamicFile, inputs.dynamic);
  const MemoryGauge gauge;
  const auto findings = findings_of_check(offers.catalogue());
  gauge.check(kMemoryFixed + kMemoryPerByte * size);
  check_names(findings.errors, inputs);
  check_names(findings.warnings, inputs);
  return 0;
}
