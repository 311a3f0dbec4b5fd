// What an AclPolicy promises, on the scripted one under both kinds of doors, and on one written
// here: whoever implements the interface can be put under this suite.
#include <catch2/catch.hpp>

#include "plugins/acl-lua/lua_policy.hpp"
#include "tests/contract/doors.hpp"
#include "tests/support/fake_host.hpp"
#include "tests/support/lua_fixture.hpp"

using namespace vivarium;
using namespace vivarium::test;

namespace {

Asked asked_about(std::string path, Operation operation = Operation::get_data) {
  Asked asked;
  asked.path = std::move(path);
  asked.operation = operation;
  return asked;
}

// Each policy under test keeps these rules:
//   /allowed  allow, "open to all", cacheable
//   /denied   deny, "closed to <operation>"
//   /guarded  deny while /guard exists, else allow
//   others    defer
// and after a reload that works: deny everything, "closed".

class NativePolicy final : public AclPolicy {
 public:
  Result<void> reload() override {
    if (next == Next::broken) return Error(Errc::invalid_argument, "broken rules");
    closed_ = next == Next::closed;
    return {};
  }
  Decision decide(const AccessRequest& access, const AclView& view) override {
    if (closed_) return {Verdict::deny, "closed", false};
    if (access.path == "/allowed") return {Verdict::allow, "open to all", true};
    if (access.path == "/guarded")
      return {view.exists("/guard") ? Verdict::deny : Verdict::allow, "", false};
    if (access.path != "/denied") return {};
    reason_ = "closed to " + std::string(name_of(access.operation));
    return {Verdict::deny, reason_, false};
  }

  enum class Next { open, closed, broken } next = Next::open;

 private:
  bool closed_ = false;
  std::string reason_;
};

struct Native {
  NativePolicy native;
  AclPolicy& policy() { return native; }
  void prepare_closed() { native.next = NativePolicy::Next::closed; }
  void prepare_broken() { native.next = NativePolicy::Next::broken; }
};

template <class Doors>
struct Scripted {
  static constexpr std::string_view kOpen = R"(
    function decide(access)
      if access.path == "/allowed" then return cacheable(allow("open to all")) end
      if access.path == "/denied" then return deny("closed to " .. access.operation) end
      if access.path == "/guarded" then return exists("/guard") and deny() or allow() end
      return defer()
    end)";

  Scripted()
      : disk(doors.disk()),
        path(doors.directory() + "/policy.lua"),
        host(acl_lua::kOptions, Settings{{"script", path}},
             {doors.loop.get(), disk.get(), nullptr}),
        lua(host) {
    write(kOpen);
  }
  AclPolicy& policy() { return lua; }
  void prepare_closed() { write("return function() return deny('closed') end"); }
  void prepare_broken() { write("return function() return deny('closed'"); }

  void write(std::string_view script) {
    auto file = disk->blocking().open(path, OpenMode::create_empty);
    REQUIRE(file.has_value());
    REQUIRE((*file)->write_at(0, script).has_value());
  }

  Doors doors;
  std::unique_ptr<typename Doors::DiskType> disk;
  std::string path;
  FakeHost host;
  acl_lua::LuaPolicy lua;
};

template <class Subject>
struct Started : Subject {
  Started() { REQUIRE(this->policy().start().has_value()); }
  ~Started() { this->policy().stop(); }
  Decision decide(const Asked& asked) { return this->policy().decide(asked.request(), view); }
  Decision decide(std::string path) { return decide(asked_about(std::move(path))); }
  FakeView view;
};

}  // namespace

#define ON_EACH_POLICY(name)                                        \
  TEMPLATE_TEST_CASE(name, "[acl_policy]", Started<Native>,          \
                     Started<Scripted<RealDoors>>, Started<Scripted<SimulatedDoors>>)

ON_EACH_POLICY("a policy allows, denies and defers") {
  TestType with;
  CHECK(with.decide("/allowed").verdict == Verdict::allow);
  CHECK(with.decide("/denied").verdict == Verdict::deny);
  CHECK(with.decide("/other").verdict == Verdict::defer);
}

ON_EACH_POLICY("a reason stays until the next question, whatever becomes of this one") {
  TestType with;
  Decision decision;
  {
    auto asked = std::make_unique<Asked>(asked_about("/denied", Operation::set_data));
    decision = with.decide(*asked);
    asked->path = "/???????????????";
  }
  CHECK(decision.reason == "closed to set_data");
}

ON_EACH_POLICY("every operation, permission and kind of client can be asked about") {
  TestType with;
  for (int operation = 0; operation <= static_cast<int>(Operation::sync); ++operation) {
    for (std::int32_t permission = 0; permission <= perms::kAll; ++permission) {
      auto asked = asked_about("/denied", static_cast<Operation>(operation));
      asked.permission = permission;
      asked.identities.clear();
      asked.address.clear();
      asked.acl.clear();
      asked.in_multi = asked.encrypted = true;
      const auto decision = with.decide(asked);
      CHECK(decision.verdict == Verdict::deny);
      CHECK(decision.reason == "closed to " + std::string(name_of(asked.operation)));
    }
  }
}

ON_EACH_POLICY("any path can be asked about") {
  TestType with;
  for (const auto& path :
       {std::string(), std::string("/"), std::string("no/slash"), std::string("/a\0b", 4),
        "/" + std::string(10'000, 'x'), std::string("/\xff\xfe"), std::string("/a//b/")})
    CHECK(with.decide(path).verdict == Verdict::defer);
}

ON_EACH_POLICY("the tree is seen as the access would see it, at each question anew") {
  TestType with;
  CHECK(with.decide("/guarded").verdict == Verdict::allow);
  with.view.paths = {"/guard"};
  CHECK(with.decide("/guarded").verdict == Verdict::deny);
  with.view.paths = {};
  CHECK(with.decide("/guarded").verdict == Verdict::allow);
  CHECK(!with.decide("/guarded").cacheable);
}

ON_EACH_POLICY("a cacheable answer is given again to the same question") {
  TestType with;
  for (int i = 0; i < 3; ++i) {
    const auto decision = with.decide("/allowed");
    CHECK(decision.cacheable);
    CHECK(decision.verdict == Verdict::allow);
    CHECK(decision.reason == "open to all");
  }
}

ON_EACH_POLICY("a question does not change the answer to another") {
  TestType with;
  for (int i = 0; i < 100; ++i) {
    CHECK(with.decide("/allowed").verdict == Verdict::allow);
    CHECK(with.decide("/denied").verdict == Verdict::deny);
    CHECK(with.decide("/" + std::to_string(i)).verdict == Verdict::defer);
  }
}

ON_EACH_POLICY("a reload takes effect at once, for cacheable answers too") {
  TestType with;
  CHECK(with.decide("/allowed").verdict == Verdict::allow);
  with.prepare_closed();
  CHECK(with.decide("/allowed").verdict == Verdict::allow);
  REQUIRE(with.policy().reload().has_value());
  CHECK(with.decide("/allowed").verdict == Verdict::deny);
  CHECK(with.decide("/other").reason == "closed");
}

ON_EACH_POLICY("after a reload that fails everything is as it was") {
  TestType with;
  with.prepare_broken();
  const auto reloaded = with.policy().reload();
  REQUIRE(!reloaded.has_value());
  CHECK(!reloaded.error().what.empty());
  CHECK(with.decide("/allowed").verdict == Verdict::allow);
  CHECK(with.decide("/denied").verdict == Verdict::deny);
  with.prepare_closed();
  REQUIRE(with.policy().reload().has_value());
  CHECK(with.decide("/allowed").verdict == Verdict::deny);
}

ON_EACH_POLICY("one process holds several, and they know nothing of each other") {
  TestType one, other;
  one.prepare_closed();
  REQUIRE(one.policy().reload().has_value());
  REQUIRE(other.policy().reload().has_value());
  CHECK(one.decide("/allowed").verdict == Verdict::deny);
  CHECK(other.decide("/allowed").verdict == Verdict::allow);
}
