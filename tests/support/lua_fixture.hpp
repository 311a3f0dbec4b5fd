#pragma once
// A LuaPolicy on simulated doors, and accesses to ask it about.

#include "kernel/simulation/simulated_disk.hpp"
#include "kernel/simulation/simulated_loop.hpp"
#include "plugins/acl-lua/lua_policy.hpp"
#include "tests/support/fake_host.hpp"

#include <set>

namespace vivarium::test {

/// A tree that has the paths it is given.
struct FakeView final : AclView {
  FakeView() = default;
  explicit FakeView(std::set<std::string, std::less<>> given) : paths(std::move(given)) {}
  bool exists(std::string_view path) const override { return paths.contains(path); }
  std::set<std::string, std::less<>> paths;
};

/// An access that a test describes by what matters to it.
struct Asked {
  std::string path = "/";
  Operation operation = Operation::get_data;
  std::int32_t permission = perms::kRead;
  std::vector<Identity> identities = {{"ip", "127.0.0.1"}};
  std::string address = "127.0.0.1";
  bool encrypted = false;
  bool in_multi = false;
  std::vector<AclEntry> acl = {{perms::kAll, "world", "anyone"}};

  AccessRequest request() const {
    return {operation, path,     permission, SessionId{1}, address,
            encrypted, in_multi, identities, acl};
  }
};

class LuaFixture {
 public:
  static constexpr const char* kPath = "/etc/policy.lua";

  explicit LuaFixture(std::string_view script, Settings settings = {})
      : LuaFixture(loop, script, std::move(settings)) {}
  /// With a clock of the test's own.
  LuaFixture(Loop& clock, std::string_view script, Settings settings)
      : host(acl_lua::kOptions, with_path(std::move(settings)), {.loop = &clock, .disk = &disk}) {
    write(script);
  }

  /// Replaces the script, as an editor would.
  void write(std::string_view script, const std::string& path = kPath) {
    auto& files = disk.blocking();
    REQUIRE(files.create_directories("/etc").has_value());
    auto file = files.open(path, OpenMode::create_empty);
    REQUIRE(file.has_value());
    REQUIRE((*file)->write_at(0, script).has_value());
  }
  Result<void> reload(std::string_view script) {
    write(script);
    return policy.reload();
  }

  Decision decide(const Asked& asked) { return policy.decide(asked.request(), view); }
  Decision decide(std::string path) { return decide(Asked{.path = std::move(path)}); }
  std::string reason(const Asked& asked) { return std::string(decide(asked).reason); }
  std::string reason(std::string path) { return std::string(decide(std::move(path)).reason); }
  double metric(std::string_view name) { return host.fake_metrics.value(name).value(); }

  SimulatedLoop loop{1};
  SimulatedDisk disk{loop};
  FakeView view;
  FakeHost host;
  acl_lua::LuaPolicy policy{host};

 private:
  static Settings with_path(Settings settings) {
    settings.emplace("script", kPath);
    return settings;
  }
};

/// A fixture whose script is loaded.
struct LoadedLua : LuaFixture {
  explicit LoadedLua(std::string_view script, Settings settings = {})
      : LuaFixture(script, std::move(settings)) {
    const auto started = policy.start();
    INFO((started ? std::string() : started.error().what));
    REQUIRE(started.has_value());
  }
};

}  // namespace vivarium::test
