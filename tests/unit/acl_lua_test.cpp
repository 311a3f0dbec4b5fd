// The policy `lua`: what a script may say and see, and what no script can do to the server.
#include <catch2/catch.hpp>

#include "plugins/acl-lua/library.hpp"
#include "tests/support/lua_fixture.hpp"

using namespace vivarium;
using namespace vivarium::test;

namespace {

/// A script whose decide() runs `body` and then denies with the reason that `body` left in `seen`.
std::string script_seeing(const std::string& body) {
  return "function decide(access)\n  local seen\n  " + body +
         "\n  return deny(tostring(seen))\nend\n";
}

std::string seen(const std::string& body, const Asked& asked = {}) {
  LoadedLua lua(script_seeing(body));
  return lua.reason(asked);
}

std::string load_refusal(std::string_view script) {
  LuaFixture lua(script, {{"script_bytes_max", "512K"}});
  const auto started = lua.policy.start();
  REQUIRE(!started.has_value());
  return started.error().what;
}

/// A clock that goes on by `step` at each look.
class SlowClock final : public Loop {
 public:
  explicit SlowClock(MonoTime step) : step_(step) {}
  MonoTime now() const override { return time_ += step_; }
  std::int64_t wall_ms() const override { return 0; }
  std::uint64_t random() override { return 0; }
  void random_bytes(void*, std::size_t) override {}
  std::unique_ptr<Timer> timer(Task) override { return nullptr; }
  void post(Task) override {}
  std::unique_ptr<DescriptorWatch> watch(int, std::function<void(Readiness)>) override {
    return nullptr;
  }
  bool on_core_thread() const override { return true; }

 private:
  const MonoTime step_;
  mutable MonoTime time_{0};
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

// --- answers ------------------------------------------------------------------------------------

TEST_CASE("a script allows, denies and defers, with a reason") {
  LoadedLua lua(R"(
    function decide(access)
      if access.path == "/a" then return allow("an allowed path") end
      if access.path == "/d" then return deny("a denied path") end
      return defer()
    end)");
  CHECK(lua.decide("/a").verdict == Verdict::allow);
  CHECK(lua.reason("/a") == "an allowed path");
  CHECK(lua.decide("/d").verdict == Verdict::deny);
  CHECK(lua.reason("/d") == "a denied path");
  CHECK(lua.decide("/x").verdict == Verdict::defer);
  CHECK(lua.reason("/x").empty());
  CHECK(lua.metric("acl_lua_allowed") == 2);
  CHECK(lua.metric("acl_lua_denied") == 2);
  CHECK(lua.metric("acl_lua_deferred") == 2);
}

TEST_CASE("a script may return its function, and name its verdict by a word") {
  LoadedLua lua(R"(return function(access) return "allow", "by word" end)");
  CHECK(lua.decide("/").verdict == Verdict::allow);
  CHECK(lua.reason("/") == "by word");
}

TEST_CASE("whatever is no answer denies") {
  const char* const kNoAnswers[] = {
      "return", "return nil", "return true", "return 1", "return {}", "return 'maybe'", "return ''",
      "return 'ALLOW'", "return 'allow', {}", "return 'allow', access", "return allow(true)",
      "return allow(access)", "return access", "return allow", "return nil, 'allow'",
      "return cacheable()", "return cacheable(nil, 'x')", "return cacheable('maybe', 'x')"};
  for (const auto* body : kNoAnswers) {
    INFO(body);
    LoadedLua lua("function decide(access) " + std::string(body) + " end");
    CHECK(lua.decide("/").verdict == Verdict::deny);
    CHECK(lua.metric("acl_lua_script_errors") == 1);
  }
}

TEST_CASE("a policy that is not loaded denies") {
  LuaFixture lua("return allow");
  CHECK(lua.decide("/").verdict == Verdict::deny);
}

TEST_CASE("a long reason is cut, and may hold any bytes") {
  LoadedLua lua(R"(function decide() return deny(("long\n"):rep(100)) end)");
  CHECK(lua.reason("/").size() == acl_lua::kReasonBytesMax);
  REQUIRE(lua.reload("function decide() return deny('a\\0b\\255') end").has_value());
  CHECK(lua.reason("/") == std::string("a\0b\xff", 4));
}

// --- what a script sees -------------------------------------------------------------------------

TEST_CASE("a script sees the access") {
  Asked asked{.path = "/teams/a",
              .operation = Operation::set_data,
              .permission = perms::kWrite,
              .identities = {{"ip", "10.0.0.1"}, {"digest", "bob:hash"}},
              .address = "10.0.0.1",
              .encrypted = true,
              .in_multi = true,
              .acl = {{perms::kRead | perms::kAdmin, "ip", "::1"}}};
  CHECK(seen("seen = access.path", asked) == "/teams/a");
  CHECK(seen("seen = access.operation", asked) == "set_data");
  CHECK(seen("seen = access.permission", asked) == "write");
  CHECK(seen("seen = access.writes", asked) == "true");
  CHECK(seen("seen = access.address", asked) == "10.0.0.1");
  CHECK(seen("seen = access.encrypted", asked) == "true");
  CHECK(seen("seen = access.in_multi", asked) == "true");
  CHECK(seen("seen = #access.identities", asked) == "2");
  CHECK(seen("seen = access.identities[2].scheme .. access.identities[2].id", asked) ==
        "digestbob:hash");
  CHECK(seen("seen = #access.acl", asked) == "1");
  CHECK(seen("local e = access.acl[1] seen = e.scheme .. e.id .. e.permissions", asked) ==
        "ip::1ra");
  CHECK(seen("seen = access.path .. access.path .. #access.acl .. #access.acl", asked) ==
        "/teams/a/teams/a11");
  CHECK(seen("seen = type(access)", asked) == "userdata");
  CHECK(seen("seen = tostring(access)", asked) == "userdata");
}

TEST_CASE("every operation has its name, and says whether it writes") {
  const std::set<std::string_view> writing = {"create", "delete", "set_data", "set_acl",
                                              "reconfig"};
  LoadedLua lua("function decide(a) return deny(a.operation .. ' ' .. tostring(a.writes)) end");
  for (int i = 0; i <= static_cast<int>(Operation::sync); ++i) {
    const auto operation = static_cast<Operation>(i);
    const auto name = std::string(name_of(operation));
    CHECK(lua.reason(Asked{.operation = operation}) ==
          name + (writing.contains(name) ? " true" : " false"));
  }
}

TEST_CASE("where several permissions would do, the weakest is named") {
  LoadedLua lua("function decide(a) return deny(a.permission) end");
  CHECK(lua.reason(Asked{.permission = 0}) == "none");
  CHECK(lua.reason(Asked{.permission = perms::kRead | perms::kAdmin}) == "read");
  CHECK(lua.reason(Asked{.permission = perms::kWrite}) == "write");
  CHECK(lua.reason(Asked{.permission = perms::kCreate}) == "create");
  CHECK(lua.reason(Asked{.permission = perms::kDelete}) == "delete");
  CHECK(lua.reason(Asked{.permission = perms::kAdmin}) == "admin");
}

TEST_CASE("has() finds an identity by scheme and whole id") {
  Asked asked{.identities = {{"ip", "10.0.0.1"}, {"digest", "bob:hash"}, {"sasl", ""}}};
  CHECK(seen("seen = has(access, 'digest', 'bob:hash')", asked) == "true");
  CHECK(seen("seen = has(access, 'digest')", asked) == "true");
  CHECK(seen("seen = has(access, 'digest', nil)", asked) == "true");
  CHECK(seen("seen = has(access, 'sasl', '')", asked) == "true");
  CHECK(seen("seen = has(access, 'digest', 'bob')", asked) == "false");
  CHECK(seen("seen = has(access, 'digest', '')", asked) == "false");
  CHECK(seen("seen = has(access, 'ip', 'bob:hash')", asked) == "false");
  CHECK(seen("seen = has(access, 'x509')", asked) == "false");
}

TEST_CASE("under() knows a node and what is below it") {
  const std::tuple<const char*, const char*, bool> kCases[] = {
      {"/a", "/a", true},      {"/a/b", "/a", true},   {"/a/b/c", "/a", true}, {"/ab", "/a", false},
      {"/", "/a", false},      {"/a", "/a/b", false},  {"/a", "/", true},      {"/", "/", true},
      {"/a/b", "/a/", true},   {"/a", "/a/", true},    {"/ab", "/a/", false},  {"/A", "/a", false}};
  for (const auto& [path, top, expected] : kCases) {
    INFO(path << " under " << top);
    const std::string call = "seen = under(access, '" + std::string(top) + "')";
    const std::string plain =
        "seen = under('" + std::string(path) + "', '" + std::string(top) + "')";
    CHECK(seen(call, {.path = path}) == (expected ? "true" : "false"));
    CHECK(seen(plain) == (expected ? "true" : "false"));
  }
}

TEST_CASE("segment() counts the parts of a path from either end") {
  CHECK(seen("seen = segment(access, 1)", {.path = "/a/bb/c"}) == "a");
  CHECK(seen("seen = segment(access, 2)", {.path = "/a/bb/c"}) == "bb");
  CHECK(seen("seen = segment(access, 3)", {.path = "/a/bb/c"}) == "c");
  CHECK(seen("seen = segment(access, 4)", {.path = "/a/bb/c"}) == "nil");
  CHECK(seen("seen = segment(access, 0)", {.path = "/a/bb/c"}) == "nil");
  CHECK(seen("seen = segment(access, -1)", {.path = "/a/bb/c"}) == "c");
  CHECK(seen("seen = segment(access, -3)", {.path = "/a/bb/c"}) == "a");
  CHECK(seen("seen = segment(access, -4)", {.path = "/a/bb/c"}) == "nil");
  CHECK(seen("seen = segment(access, 1)", {.path = "/"}) == "nil");
  CHECK(seen("seen = segment(access, math.mininteger)", {.path = "/a"}) == "nil");
  CHECK(seen("seen = segment('no slash', 1)") == "nil");
}

TEST_CASE("nearest() finds the rule of the closest node above") {
  const std::string rules = R"(
    local rules = {["/"] = "root", ["/teams/a"] = "team a", ["/teams/a/open"] = "open"}
    function decide(access)
      local rule, where = nearest(rules, access)
      return deny(tostring(rule) .. " of " .. tostring(where))
    end)";
  LoadedLua lua(rules);
  CHECK(lua.reason("/teams/a") == "team a of /teams/a");
  CHECK(lua.reason("/teams/a/x/y") == "team a of /teams/a");
  CHECK(lua.reason("/teams/a/open/x") == "open of /teams/a/open");
  CHECK(lua.reason("/teams/ab") == "root of /");
  CHECK(lua.reason("/") == "root of /");
  CHECK(seen("seen = nearest({['/a'] = 1}, access)", {.path = "/b/c"}) == "nil");
  CHECK(seen("seen = nearest({['/a'] = false}, '/a/b')") == "false");
}

TEST_CASE("exists() asks the tree as the access would see it") {
  LoadedLua lua("function decide(access) return deny(tostring(exists('/a')) .. "
                "tostring(exists(access))) end");
  lua.view.paths = {"/a", "/b"};
  CHECK(lua.reason("/b") == "truetrue");
  CHECK(lua.reason("/c") == "truefalse");
}

TEST_CASE("constants that a script computed when it was loaded can be read as any table") {
  LoadedLua lua(R"(
    local list, map = {"x", "y", "z"}, {}
    for i, name in ipairs(list) do map[name] = {number = i} end
    both = {list = list, map = map, again = list}
    function decide(access)
      local text = #list .. table.concat(list) .. map.y.number .. #both.list .. type(both)
      for name, entry in pairs(map) do text = text .. name .. entry.number end
      for i, name in ipairs(both.list) do text = text .. i .. name end
      return deny(text .. tostring(both.list == list) .. tostring(both.again == list) ..
                  select("#", table.unpack(list)) .. tostring(list[4]))
    end)");
  CHECK(lua.reason("/") == "3xyz23tablex1y2z31x2y3ztruetrue3nil");
}

TEST_CASE("pairs() goes over integers, then strings in the order of their bytes") {
  LoadedLua lua(R"(
    local t = {zebra = 1, ant = 2, bee = 3, [10] = 4, [-1] = 5, [2] = 6, Zoo = 7, [""] = 8}
    function decide()
      local order = {}
      for key in pairs(t) do table.insert(order, tostring(key)) end
      return deny(table.concat(order, ","))
    end)");
  CHECK(lua.reason("/") == "-1,2,10,,Zoo,ant,bee,zebra");
  CHECK(seen("local t = {b = 1, a = 2, c = 3} local n = 0 "
             "for k in pairs(t) do n = n + 1 t[k] = nil t.c = nil end seen = n") == "2");
}

TEST_CASE("the library does what Lua's does") {
  const std::pair<const char*, const char*> kCases[] = {
      {"('abc'):upper()", "ABC"},
      {"('ABC'):lower()", "abc"},
      {"('abc'):len()", "3"},
      {"#'abc'", "3"},
      {"('abc'):reverse()", "cba"},
      {"('ab'):rep(3)", "ababab"},
      {"('ab'):rep(3, '-')", "ab-ab-ab"},
      {"('ab'):rep(0)", ""},
      {"('ab'):rep(-1)", ""},
      {"('abcde'):sub(2, 3)", "bc"},
      {"('abcde'):sub(-2)", "de"},
      {"('abcde'):sub(0)", "abcde"},
      {"('abcde'):sub(4, 2)", ""},
      {"('abcde'):sub(-100, 100)", "abcde"},
      {"('abcde'):sub(math.mininteger, math.maxinteger)", "abcde"},
      {"('abc'):byte(2)", "98"},
      {"('abc'):byte(10)", "nil"},
      {"select('#', ('abc'):byte(1, -1))", "3"},
      {"string.char(97, 98)", "ab"},
      {"string.char()", ""},
      {"('a.b'):find('.', 1, true)", "2"},
      {"('hello'):find('l')", "3"},
      {"('hello'):find('xyz')", "nil"},
      {"('hello'):find('')", "1"},
      {"('hello'):find('', 10)", "nil"},
      {"('hello'):find('', 6)", "6"},
      {"('hello'):find('l+')", "3"},
      {"select(2, ('hello'):find('l+'))", "4"},
      {"select(3, ('key=value'):find('(%w+)=(%w+)'))", "key"},
      {"('/teams/a/b'):match('^/teams/([^/]+)')", "a"},
      {"('2024-05'):match('%d+')", "2024"},
      {"('  x '):match('^%s*(.-)%s*$')", "x"},
      {"('f(a(b)c)d'):match('%b()')", "(a(b)c)"},
      {"('THE (quick) fox'):find('%((%a+)%)')", "5"},
      {"('hello'):match('()ll')", "3"},
      {"('aa bb'):match('(%a)%1')", "a"},
      {"('abab'):match('^(ab)%1$')", "ab"},
      {"('THE x'):match('%f[%l]%l')", "x"},
      {"('x]y'):match('[]]')", "]"},
      {"('x-y'):match('[a%-z]')", "-"},
      {"('x'):match('[^%w]')", "nil"},
      {"('abc'):match('a?b?c?d?')", "abc"},
      {"('ac'):match('ab?c')", "ac"},
      {"('aaa'):match('a-')", ""},
      {"('aaab'):match('a-b')", "aaab"},
      {"('a\\0b'):match('%z')", "nil"},
      {"('a$'):match('a$')", "nil"},
      {"('a$'):match('a%$')", "a$"},
      {"('x^'):match('x^')", "x^"},
      {"('0xAF'):match('^0x(%x+)$')", "AF"},
      {"(''):match('.*')", ""},
      {"('abc'):match('b', -2)", "b"},
      {"('a,b'):match('([^,]*),([^,]*)')", "a"},
      {"('é'):match('%a')", "nil"},
      {"('[x]'):match('%[(.)%]')", "x"},
      {"('%d'):format(42)", "42"},
      {"('%5d|%-5d|%05d'):format(1, 2, 3)", "    1|2    |00003"},
      {"('%x %X'):format(255, 255)", "ff FF"},
      {"('%s %s %s'):format(1, true, nil)", "1 true nil"},
      {"('%5s|%-5s|%.2s'):format('a', 'b', 'cde')", "    a|b    |cd"},
      {"('%g %.2f'):format(1.5, 2)", "1.5 2.00"},
      {"('100%%'):format()", "100%"},
      {"('%s'):format({})", "table"},
      {"('%s'):format(access)", "userdata"},
      {"tostring(1)", "1"},
      {"tostring(1.5)", "1.5"},
      {"tostring(nil)", "nil"},
      {"tostring({})", "table"},
      {"tostring(decide)", "function"},
      {"tonumber('0x10')", "16"},
      {"tonumber(' 7 ')", "7"},
      {"tonumber('7a')", "nil"},
      {"tonumber('')", "nil"},
      {"tonumber({})", "nil"},
      {"tonumber(3)", "3"},
      {"tonumber('1e1')", "10.0"},
      {"type(1)", "number"},
      {"type(nil)", "nil"},
      {"type(type)", "function"},
      {"select('#')", "0"},
      {"select('#', nil, nil)", "2"},
      {"select(2, 'a', 'b', 'c')", "b"},
      {"select(-1, 'a', 'b', 'c')", "c"},
      {"assert(5, 'no')", "5"},
      {"math.max(1, 5, 3)", "5"},
      {"math.min(4, 2.5)", "2.5"},
      {"math.floor(2.7)", "2"},
      {"math.floor(-2.5)", "-3"},
      {"math.floor(4)", "4"},
      {"math.floor(1e300) == 1e300", "true"},
      {"math.abs(-3)", "3"},
      {"math.abs(2.5)", "2.5"},
      {"math.tointeger(3.0)", "3"},
      {"math.tointeger(3.5)", "nil"},
      {"math.tointeger('3')", "nil"},
      {"table.concat({1, 2, 3}, '-')", "1-2-3"},
      {"table.concat({})", ""},
      {"table.concat({1, 2, 3}, '', 2, 3)", "23"},
      {"table.concat({'x'}, ',', math.maxinteger, math.mininteger)", ""},
      {"select('#', table.unpack({1, nil, 3}, 1, 3))", "3"},
      {"table.unpack({7})", "7"},
  };
  for (const auto& [expression, expected] : kCases) {
    INFO(expression);
    CHECK(seen("seen = " + std::string(expression)) == expected);
  }
  CHECK(seen("local t = {1, 2} table.insert(t, 3) table.insert(t, 1, 0) "
             "local last = table.remove(t) local first = table.remove(t, 1) "
             "seen = last .. first .. table.concat(t)") == "3012");
  CHECK(seen("local t = {} seen = table.remove(t)") == "nil");
  CHECK(seen("seen = 0 for i = #access.path, 1, -1 do seen = seen + i end", {.path = "/abc"}) ==
        "10");
}

// --- failing closed -----------------------------------------------------------------------------

namespace {

enum class Ends { script_error, instructions, memory };

struct Attack {
  const char* name;
  const char* body;
  Ends ends = Ends::script_error;
};

constexpr auto kInstructions = Ends::instructions;
constexpr auto kMemory = Ends::memory;

// Each body runs in a decision, where `access`, the constants list, map and text, and the variable
// `kept` are at hand.
const Attack kAttacks[] = {
    // Time.
    {"an endless loop", "while true do end", kInstructions},
    {"an endless repeat", "repeat until false", kInstructions},
    {"an endless goto", "::again:: goto again", kInstructions},
    {"a loop to infinity", "for i = 1, 1e308 do end", kInstructions},
    {"a loop to the last integer", "for i = math.mininteger, math.maxinteger do end",
     kInstructions},
    {"endless tail calls", "local function f() return f() end f()", kInstructions},
    {"endless mutual calls",
     "local f, g function f() return g() end function g() return f() end f()", kInstructions},
    {"endless recursion", "local function f() return 1 + f() end f()", kInstructions},
    {"recursion with growing arguments", "local function f(...) return f(1, ...) end f()",
     kInstructions},
    {"recursion through string methods",
     "local function f(s) return f(s:upper():lower()) end f('x')", kInstructions},
    {"a loop over a table, again and again", "while true do for k in pairs(map) do end end",
     kInstructions},
    {"a loop over a list, again and again", "while true do for i in ipairs(list) do end end",
     kInstructions},
    {"endless questions about the tree", "while true do exists('/a') end", kInstructions},
    {"endless questions about identities", "while true do has(access, 'ip') end", kInstructions},
    {"endless questions about rules", "while true do nearest(map, '/a/b/c/d/e') end",
     kInstructions},
    {"a table filled at its front", "local t = {} while true do table.insert(t, 1, 0) end",
     kInstructions},
    {"a table emptied at its front",
     "local t = {} for i = 1, 500 do t[i] = i end while true do t[500] = 1 table.remove(t, 1) end",
     kInstructions},
    {"a comparison of long strings",
     "local a, b = text .. 'a', text .. 'b' while true do local x = a < b end", kInstructions},
    {"conversions of long strings",
     "local s = (' '):rep(16000) .. 'x' while true do tonumber(s) end", kInstructions},
    {"a plain search of the worst kind", "(('a'):rep(16000)):find(('a'):rep(8000) .. 'b', 1, true)",
     kInstructions},
    // Patterns.
    {"a pattern that backtracks", "(('a'):rep(5000)):match('.-.-.-.-b')", kInstructions},
    {"a pattern of nested repeats", "(('a'):rep(5000)):find('a*a*a*a*a*b')", kInstructions},
    {"a pattern of balances", "(('('):rep(16000)):match('%b()%b()')", kInstructions},
    {"a pattern of frontiers", "(('a'):rep(16000)):match('.-%f[b]')", kInstructions},
    {"a pattern with a long set", "(('a'):rep(2000)):match('[' .. ('b'):rep(10000) .. ']')",
     kInstructions},
    {"a pattern that refers back", "(('a'):rep(16000)):match('(.*)%1b')", kInstructions},
    {"a pattern with many options", "local s = ('a'):rep(300) s:match(('a?'):rep(300) .. s)"},
    {"a pattern with many captures", "('x'):match(('()'):rep(33))"},
    {"a pattern with an open set", "('a'):match('[a')"},
    {"a pattern with an empty set", "('a'):match('[]')"},
    {"a pattern that ends in %", "('a'):match('%')"},
    {"a pattern with an open capture", "('a'):match('(a')"},
    {"a pattern that closes nothing", "('a'):match('a)')"},
    {"a pattern with half a balance", "('a'):match('%b(')"},
    {"a pattern with a bare frontier", "('a'):match('%fa')"},
    {"a pattern that refers to nothing", "('aa'):match('(a)%2')"},
    {"a pattern that refers to itself", "('aa'):match('(a%1)')"},
    // Memory.
    {"a repeated string", "(('x'):rep(1 << 30))", kInstructions},
    {"a repeated long string", "(text:rep(1 << 30))"},
    {"a repeated empty string", "((''):rep(math.maxinteger))", kInstructions},
    {"a repeated separator", "((''):rep(1 << 40, text))"},
    {"a doubled string", "local s = 'x' while true do s = s .. s end", kMemory},
    {"a string that is too long", "local s = text .. text .. text", kMemory},
    {"strings without end", "local i = 0 while true do i = i + 1 local s = text .. i end",
     kInstructions},
    {"a table without end", "local t = {} local i = 0 while true do i = i + 1 t[i] = i end",
     kInstructions},
    {"tables in tables", "local t = {} while true do t = {t} end", kInstructions},
    {"large tables", "local t = {} while true do t[#t + 1] = {1,2,3,4,5,6,7,8,9,10} end",
     kInstructions},
    {"functions without end", "local t = {} while true do t[#t + 1] = function() return t end end",
     kInstructions},
    {"a concatenated list", "local t = {} for i = 1, 100 do t[i] = text end table.concat(t)"},
    {"a concatenated range", "table.concat({}, 'x', 1, math.maxinteger)"},
    {"a concatenated range of repeats", "table.concat({1, 2, 3, 4}, text)"},
    {"a concatenated list of tables", "table.concat({{}, {}})"},
    {"an unpacked range", "table.unpack({}, 1, 1 << 30)"},
    {"an unpacked range of all integers", "table.unpack({}, math.mininteger, math.maxinteger)"},
    {"the bytes of a long string", "text:byte(1, -1)"},
    {"a wide format", "('%99d'):rep(200):format(table.unpack(list))"},
    {"a format wider than two digits", "('%1000d'):format(1)"},
    {"a precise format, again and again", "while true do ('%99.99f'):format(1e308) end",
     kInstructions},
    {"a format of a long string", "('%s%s%s'):format(text, text, text)"},
    {"a format without an argument", "('%d'):format()"},
    {"a format that ends too soon", "('%'):format(1)"},
    {"a format of an address", "('%p'):format({})"},
    {"a format with many flags", "('%-+ #0-+ #0d'):format(1)"},
    {"a character that is none", "string.char(256)"},
    // What is not there.
    {"pcall", "while true do pcall(error) end"},
    {"pcall around an endless loop", "pcall(function() while true do end end)"},
    {"xpcall", "xpcall(error, error)"},
    {"load", "load('return 1')"},
    {"loadstring", "loadstring('return 1')"},
    {"loadfile", "loadfile('/etc/passwd')"},
    {"dofile", "dofile('/etc/passwd')"},
    {"require", "require('os')"},
    {"string.dump", "string.dump(decide)"},
    {"string.gsub", "('x'):gsub('x', 'y')"},
    {"os", "os.exit(1)"},
    {"io", "io.open('/etc/passwd')"},
    {"debug", "debug.getregistry()"},
    {"package", "package.loadlib('libc.so.6', 'system')"},
    {"collectgarbage", "collectgarbage('stop')"},
    {"print", "print('x')"},
    {"coroutine", "coroutine.wrap(function() while true do end end)()"},
    {"math.random", "math.random()"},
    {"a metatable with a finalizer", "setmetatable({}, {__gc = function() while true do end end})"},
    {"the metatable of strings", "getmetatable('').__index.upper = nil"},
    {"raw access to the globals", "rawset(_ENV, 'decide', allow)"},
    {"raw reading", "rawget(_ENV, 'decide')"},
    {"next", "next(map)"},
    {"_G", "_G.decide = allow"},
    {"a variable to be closed", "local x <close> = {}"},
    {"a loop with a value to be closed", "for i in ipairs, {}, 0, {} do end"},
    {"a misspelt name", "if acces then end"},
    // What may not change.
    {"a new global", "leaked = 1"},
    {"a changed global", "decide = function() return allow() end"},
    {"a changed function of the policy", "deny = allow"},
    {"a changed environment", "_ENV.deny = allow"},
    {"a changed library", "string.upper = string.lower"},
    {"a function in a library", "table.gift = 1"},
    {"a method of strings", "text.gift = 1"},
    {"a changed constant", "list[1] = 'changed'"},
    {"an inserted constant", "table.insert(list, 'more')"},
    {"a removed constant", "table.remove(list)"},
    {"a changed constant within a constant", "map.inner.x = 1"},
    {"a changed variable", "kept = kept + 1"},
    {"a changed variable, in a function", "local function f() kept = {} end f()"},
    {"a changed access", "access.path = '/free'"},
    {"an added field of the access", "access.more = 1"},
    // Misuse.
    {"an unknown field of the access", "local x = access.pth"},
    {"a field of the access by number", "local x = access[1]"},
    {"a field of a field", "local x = access.path.x.y"},
    {"the length of the access", "local x = #access"},
    {"a call of the access", "access()"},
    {"pairs of the access", "for k in pairs(access) do end"},
    {"pairs without an order", "for k in pairs({[{}] = 1}) do end"},
    {"pairs of nothing", "for k in pairs(nil) do end"},
    {"has() of something else", "has({}, 'digest')"},
    {"has() of nothing", "has()"},
    {"has() without a scheme", "has(access)"},
    {"nearest() without rules", "nearest(nil, access)"},
    {"under() without a path", "under(nil, '/')"},
    {"an error", "error('no')"},
    {"an error that is a table", "error({})"},
    {"an error that is the access", "error(access)"},
    {"an error that is a function", "error(error)"},
    {"an error that is nil", "error(nil)"},
    {"an error without a value", "error()"},
    {"an error with a long text", "error(text)"},
    {"a failed assertion", "assert(false)"},
    {"an assertion of nothing", "assert()"},
    {"a call of nil", "local f f()"},
    {"arithmetic with text", "local x = 'a' + 1"},
    {"a comparison of kinds", "local x = {} < 1"},
    {"a division by zero", "local x = 1 // 0"},
    {"an index of nil", "local x = nil local y = x.y"},
    {"a key that is nil", "local t = {} t[nil] = 1"},
    {"a key that is no number", "local t = {} t[0/0] = 1"},
};

std::string_view metric_of(Ends ends) {
  switch (ends) {
    case Ends::script_error: return "acl_lua_script_errors";
    case Ends::instructions: return "acl_lua_out_of_instructions";
    case Ends::memory: break;
  }
  return "acl_lua_out_of_memory";
}

std::string script_with(const Attack& attack) {
  return R"(
    local list, map, text, kept = {"a", "b", "c"}, {x = 1, inner = {}}, ("t"):rep(8000), 0
    local function attack(access)
      )" + std::string(attack.body[0] == '(' ? "local result = " : "") + attack.body + R"(
    end
    function decide(access)
      if access.path == "/good" then
        return allow(list[1] .. #list .. #text .. kept .. string.upper("u") .. type(map.inner))
      end
      attack(access)
      return allow("the attack went unnoticed")
    end)";
}

}  // namespace

TEST_CASE("each attack in a decision is cut off, denies, and leaves the policy as it was") {
  for (const auto& attack : kAttacks) {
    INFO(attack.name << ": " << attack.body);
    LoadedLua lua(script_with(attack));
    for (int times = 1; times <= 3; ++times) {
      const auto decision = lua.decide("/attack");
      CHECK(decision.verdict == Verdict::deny);
      CHECK(!decision.reason.empty());
      INFO(decision.reason);
      CHECK(lua.metric(metric_of(attack.ends)) == times);
      CHECK(lua.metric("acl_lua_memory_bytes") <= 4 << 20);
      CHECK(lua.reason("/good") == "a380000Utable");
      CHECK(lua.decide("/good").verdict == Verdict::allow);
    }
  }
  CHECK(std::size(kAttacks) >= 60);
}

namespace {

/// What ends a load: a script, and a part of the sentence that refuses it.
struct BadScript {
  const char* name;
  std::string text;
  const char* refusal;
};

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

const std::vector<BadScript>& bad_scripts() {
  static const std::vector<BadScript> scripts = {
      {"nothing", "", "there is no function decide(access), but a nil"},
      {"a comment", "-- nothing", "there is no function decide(access), but a nil"},
      {"a number for decide", "decide = 1", "but a number"},
      {"a returned text", "return 'allow'", "but a string"},
      {"half a function", "function decide(access)\n  return", "policy.lua:2: 'end' expected"},
      {"a misplaced word", "x = = 1", "policy.lua:1: unexpected symbol near '='"},
      {"an unclosed string", "x = 'abc", "policy.lua:1: unfinished string"},
      {"an unclosed comment", "--[[ abc", "policy.lua:1: unfinished long comment"},
      {"an error", "\nerror('not today')", "policy.lua:2: not today"},
      {"an error without text", "error()", "error"},
      {"an error that is a table", "error({})", "table"},
      {"a misspelt name", "\n\nlocal x = striing.upper",
       "policy.lua:3: the name 'striing' is not defined"},
      {"a changed library", "string.upper = nil", "cannot set 'upper'"},
      {"an endless loop", "while true do end", "more than 10000000 instructions"},
      {"an endless string", "local s = 'x' while true do s = s .. s end",
       "a string of more than 16384 bytes"},
      {"a gigabyte", "local t = {} for i = 1, 1e9 do t[i] = i end", "memory_budget"},
      {"constants that leave no room",
       "t = {} for i = 1, 160 do t[i] = ('x'):rep(16000) .. i end function decide() return t end",
       "more than half of memory_budget"},
      {"an iterator that is kept", "local i = pairs({1, 2}) function decide() i() end",
       "an iterator of pairs()"},
      {"a question about the tree", "exists('/a')", "exists() answers in a decision"},
      {"a question about an access", "has(nil, 'digest')", "argument #1 must be the access"},
      {"compiled Lua", "\x1bLuaT", "policy.lua:1: this is compiled Lua; give its source text"},
      {"zeros", std::string(100, '\0'), "policy.lua:"},
      {"a byte order mark", "\xef\xbb\xbfx = 1", "policy.lua:"},
      {"deep parentheses", "x = " + repeated("(", 100'000), "policy.lua:"},
      {"deep tables", "x = " + repeated("{", 100'000), "policy.lua:"},
      {"deep blocks", repeated("do ", 80'000), "policy.lua:"},
      {"deep functions", repeated("function f() ", 15'000), "policy.lua:"},
      {"a long chain of powers", "x = " + repeated("2^", 100'000) + "2", "policy.lua:"},
      {"a long chain of concatenations", "x = " + repeated("'a'..", 50'000) + "'a'", "policy.lua:"},
      {"a long chain of negations", "x = " + repeated("not ", 60'000) + "1", "policy.lua:"},
      {"many local variables", repeated("local a ", 300), "policy.lua:1: too many local variables"},
      {"many jumps to nowhere", repeated("goto a ", 30'000), "policy.lua:"},
      {"many labels", repeated("::a:: ", 30'000), "policy.lua:"},
      {"a long string", "x = '" + repeated("a", 17'000) + "'", "a string of more than 16384 bytes"},
      {"a long name", repeated("a", 17'000) + " = 1", "a string of more than 16384 bytes"},
      {"a long file", repeated("-- comment\n", 60'000),
       "660000 bytes are more than script_bytes_max, 524288"},
      {"a changed environment", "local _ENV <const> = {} x = 1 print(x)", "policy.lua:"},
  };
  return scripts;
}

}  // namespace

TEST_CASE(
    "a script that cannot be used is refused with what is wrong, and the last good one stays") {
  for (const auto& bad : bad_scripts()) {
    INFO(bad.name);
    const auto refusal = load_refusal(bad.text);
    INFO(refusal);
    CHECK(refusal.starts_with("the policy /etc/policy.lua (test) cannot be used: "));
    CHECK(contains(refusal, bad.refusal));

    LoadedLua lua("return function() return allow('the old one') end",
                  {{"script_bytes_max", "512K"}});
    const auto reloaded = lua.reload(bad.text);
    REQUIRE(!reloaded.has_value());
    CHECK(contains(reloaded.error().what, "; the policy that was loaded before stays in force"));
    CHECK(lua.reason("/") == "the old one");
    CHECK(lua.metric("acl_lua_failed_loads") == 1);
  }
}

TEST_CASE("a script that is hard to compile is compiled or refused within its memory") {
  for (const auto& text : {"x = 1 " + repeated("and x ", 9'000) + " decide = allow",
                           repeated("if x then elseif y then end ", 2'000) + "decide = allow",
                           "x = {" + repeated("{},", 20'000) + "} decide = allow",
                           "decide = allow " + repeated("x = {} ", 9'000)}) {
    LuaFixture lua(text);
    (void)lua.policy.start();
    CHECK(lua.metric("acl_lua_memory_bytes") <= 4 << 20);
  }
}

TEST_CASE("a script that takes too long to compile is refused") {
  SlowClock clock(std::chrono::milliseconds(500));
  LuaFixture lua(clock, "decide = allow " + repeated("x = 1 ", 9'000), {});
  const auto started = lua.policy.start();
  REQUIRE(!started.has_value());
  CHECK(contains(started.error().what,
                 "loading takes more than 2000 ms; compute less outside of decide()"));
}

TEST_CASE("no mutation of compiled Lua is loaded") {
  std::unique_ptr<lua_State, void (*)(lua_State*)> compiler(luaL_newstate(), lua_close);
  REQUIRE(luaL_loadstring(compiler.get(), "function decide(a) return allow(a.path .. 'x') end") ==
          LUA_OK);
  std::string compiled;
  lua_dump(
      compiler.get(),
      [](lua_State*, const void* piece, std::size_t size, void* into) {
        static_cast<std::string*>(into)->append(static_cast<const char*>(piece), size);
        return 0;
      },
      &compiled, 0);
  REQUIRE(compiled.starts_with('\x1b'));

  SimulatedLoop random(7);
  LoadedLua lua("return function() return allow('the old one') end");
  for (int i = 0; i < 2'000; ++i) {
    auto mutated = compiled;
    for (auto n = random.random() % 4 + 1; n > 0; --n)
      mutated[random.random() % mutated.size()] = static_cast<char>(random.random());
    if (i % 2 == 0) mutated.resize(random.random() % mutated.size());
    CHECK(!lua.reload(mutated).has_value());
  }
  CHECK(lua.reason("/") == "the old one");
}

TEST_CASE("a decision that takes too long is cut off whatever it counts") {
  SlowClock clock(std::chrono::milliseconds(2));
  LuaFixture lua(clock, R"(
    function decide(access)
      for i = 1, access.path == "/slow" and 1e9 or 10 do end
      return allow()
    end)", {{"time_budget", "50ms"}, {"instruction_budget", "1000000"}});
  REQUIRE(lua.policy.start().has_value());
  CHECK(lua.decide("/fast").verdict == Verdict::allow);
  CHECK(lua.decide("/slow").verdict == Verdict::deny);
  CHECK(lua.reason("/slow") == "out of time (time_budget)");
  CHECK(lua.metric("acl_lua_out_of_time") == 2);
  CHECK(lua.decide("/fast").verdict == Verdict::allow);
}

TEST_CASE("a path that no string may hold is denied when the script asks for it, and only then") {
  LoadedLua lua(R"(
    function decide(access)
      if under(access, "/long") then return allow() end
      return defer(access.path)
    end)");
  const auto tail = std::string(20'000, 'x');
  CHECK(lua.decide("/long/" + tail).verdict == Verdict::allow);
  CHECK(lua.decide("/other/" + tail).verdict == Verdict::deny);
  CHECK(lua.metric("acl_lua_out_of_memory") == 1);
}

TEST_CASE("the instruction budget is an option") {
  const std::string script = "function decide() for i = 1, 20000 do end return allow() end";
  CHECK(LoadedLua(script).decide("/").verdict == Verdict::deny);
  CHECK(LoadedLua(script, {{"instruction_budget", "100000"}}).decide("/").verdict ==
        Verdict::allow);
}

TEST_CASE("a decision cannot hold more than the memory budget, however many instructions it has") {
  LoadedLua lua("function decide(access) local t = {} for i = 1, 1e9 do t[i] = {i} end end",
                {{"instruction_budget", "100000000"}, {"memory_budget", "1M"}});
  for (int i = 0; i < 3; ++i) CHECK(lua.reason("/") == "out of memory (memory_budget)");
  CHECK(lua.metric("acl_lua_memory_bytes") <= 1 << 20);
}

TEST_CASE("garbage of many decisions is collected between them") {
  LoadedLua lua("function decide(a) local t = {} for i = 1, 100 do t[i] = {a.path .. i} end return "
                "allow() end",
                {{"memory_budget", "256K"}});
  for (int i = 0; i < 1'000; ++i)
    REQUIRE(lua.decide("/path/" + std::to_string(i)).verdict == Verdict::allow);
}

TEST_CASE("failures are logged once in a while, and counted") {
  LoadedLua lua("function decide() error('broken') end");
  for (int i = 0; i < 100; ++i) (void)lua.decide("/some/path");
  CHECK(lua.host.fake_log.count("the policy failed, so get_data of /some/path is denied: "
                                "policy.lua:1: broken") == 1);
  lua.loop.run_for(std::chrono::seconds(11));
  (void)lua.decide("/x");
  CHECK(lua.host.fake_log.count("(and 99 times since the last such line)") == 1);
  CHECK(lua.metric("acl_lua_script_errors") == 101);
  CHECK(lua.metric("acl_lua_denied") == 101);
}

// --- nothing passes from one decision to the next -----------------------------------------------

TEST_CASE("no decision learns anything from an earlier one") {
  const std::pair<const char*, const char*> kChannels[] = {
      {"a variable", "local n = 0 function decide(a) local old = n if a.writes then n = n + 1 end "
                     "return deny(tostring(old)) end"},
      {"the kind of a number", "local n = 1 function decide(a) local old = tostring(n) "
                               "if a.writes then n = 1.0 end return deny(old) end"},
      {"a variable of an inner function",
       "local n = 0 local function get() return n end local function set() n = 'x' end "
       "function decide(a) local old = get() if a.writes then set() end return deny(tostring(old)) "
       "end"},
      {"a variable that two functions share through a table",
       "local n = 0 api = {get = function() return n end, set = function() n = 'x' end} "
       "function decide(a) local old = api.get() if a.writes then api.set() end return "
       "deny(tostring(old)) end"},
      {"a variable that is nil",
       "local n function decide(a) local old = n if a.writes then n = {} end "
       "return deny(tostring(old)) end"},
      {"fields made for the access", "function decide(a) local t = a.identities local old = t.mark "
                                     "t.mark = 1 return deny(tostring(old)) end"},
      {"a recursive function that rewrites itself",
       "local function f() return 'old' end "
       "function decide(a) local old = f() if a.writes then f = function() return 'new' end end "
       "return deny(old) end"},
  };
  for (const auto& [name, script] : kChannels) {
    INFO(name);
    LoadedLua lua(script);
    const auto before = lua.reason("/");
    (void)lua.decide(Asked{.operation = Operation::set_data});
    CHECK(lua.reason("/") == before);
  }
}

TEST_CASE("a changed variable is named") {
  LoadedLua lua("local calls = 0 function decide() calls = calls + 1 return allow() end");
  CHECK(lua.decide("/").verdict == Verdict::deny);
  CHECK(lua.reason("/") == "decide() changed 'calls', a variable that outlives it");
}

TEST_CASE("a variable that holds no number can be held") {
  LoadedLua lua("local nan = 0/0 function decide() return allow(tostring(nan ~= nan)) end");
  CHECK(lua.reason("/") == "true");
}

TEST_CASE("two servers give the same answers to the same questions") {
  const std::string script = R"(
    local rules = {}
    for i = 1, 50 do rules["/r" .. i] = {name = "rule " .. i, of = {i, i * 2}} end
    function decide(access)
      local text = ""
      for path, rule in pairs(rules) do text = text .. segment(path, 1) .. rule.of[2] end
      return deny(text:sub(-200))
    end)";
  LoadedLua one(script, {{"instruction_budget", "100000"}}),
      other(script, {{"instruction_budget", "100000"}});
  for (int i = 0; i < 20; ++i) {
    const auto path = "/p" + std::to_string(i);
    CHECK(one.reason(path) == other.reason(path));
    CHECK(one.metric("acl_lua_memory_bytes") == other.metric("acl_lua_memory_bytes"));
  }
}

TEST_CASE("a decision that only asks makes no garbage") {
  LoadedLua lua(R"(
    local teams = {["/teams/a"] = "bob:hash"}
    function decide(access)
      if not under(access, "/teams") then return defer() end
      local owner = nearest(teams, access)
      if owner and has(access, "digest", owner) then return defer("its owner") end
      if access.operation == "get_data" or not access.writes then return defer() end
      return deny("not the owner")
    end)");
  const Asked asked{.path = "/teams/a", .identities = {{"digest", "bob:hash"}}};
  CHECK(lua.decide(asked).verdict == Verdict::defer);
  const auto before = lua.metric("acl_lua_memory_bytes");
  for (int i = 0; i < 1'000; ++i) (void)lua.decide(asked);
  CHECK(lua.metric("acl_lua_memory_bytes") == before);
}

// --- the environment ----------------------------------------------------------------------------

namespace {

/// Every name that can be reached from the globals, values being functions unless they say
/// otherwise.
void collect_names(lua_State* lua, const std::string& prefix, std::set<std::string>& names) {
  lua_pushnil(lua);
  while (lua_next(lua, -2)) {
    const auto name = prefix + lua_tostring(lua, -2);
    if (lua_istable(lua, -1)) {
      acl_lua::push_content(lua, -1);
      collect_names(lua, name + ".", names);
      lua_pop(lua, 1);
    } else {
      names.insert(lua_isfunction(lua, -1) ? name : name + " (" + luaL_typename(lua, -1) + ")");
      CHECK(lua_getupvalue(lua, -1, 1) == nullptr);
    }
    lua_pop(lua, 1);
  }
}

}  // namespace

TEST_CASE("a script can reach these names and no others") {
  SimulatedLoop loop(1);
  acl_lua::Meter meter(loop, 1 << 20);
  acl_lua::Context context{meter};
  std::unique_ptr<lua_State, void (*)(lua_State*)> lua(
      lua_newstate(acl_lua::Meter::allocate, &meter), lua_close);
  *static_cast<acl_lua::Context**>(lua_getextraspace(lua.get())) = &context;
  acl_lua::push_globals(lua.get());

  std::set<std::string> names;
  collect_names(lua.get(), "", names);
  CHECK(names == std::set<std::string>{"allow",
                                       "assert",
                                       "cacheable",
                                       "defer",
                                       "deny",
                                       "error",
                                       "exists",
                                       "has",
                                       "ipairs",
                                       "math.abs",
                                       "math.floor",
                                       "math.max",
                                       "math.maxinteger (number)",
                                       "math.min",
                                       "math.mininteger (number)",
                                       "math.tointeger",
                                       "nearest",
                                       "pairs",
                                       "segment",
                                       "select",
                                       "string.byte",
                                       "string.char",
                                       "string.find",
                                       "string.format",
                                       "string.len",
                                       "string.lower",
                                       "string.match",
                                       "string.rep",
                                       "string.reverse",
                                       "string.sub",
                                       "string.upper",
                                       "table.concat",
                                       "table.insert",
                                       "table.remove",
                                       "table.unpack",
                                       "tonumber",
                                       "tostring",
                                       "type",
                                       "under"});

  // The methods of strings are the functions of `string`.
  lua_pushliteral(lua.get(), "");
  REQUIRE(lua_getmetatable(lua.get(), -1));
  std::set<std::string> methods;
  collect_names(lua.get(), "", methods);
  std::set<std::string> expected;
  for (const auto& name : names)
    if (name.starts_with("string.")) expected.insert("__index." + name.substr(7));
  CHECK(methods == expected);
}

TEST_CASE("a script sees its names through its own eyes, too") {
  CHECK(
      seen("seen = '' for name in pairs(_ENV) do seen = seen .. name .. ' ' end") ==
      "allow assert cacheable decide defer deny error exists has ipairs math nearest pairs segment "
      "select string table tonumber tostring type under ");
}

// --- the cache ----------------------------------------------------------------------------------

namespace {

constexpr const char* kCacheable = R"(
  function decide(access)
    if access.path == "/multi" and access.in_multi then return cacheable(allow("in a multi")) end
    if access.path == "/exists" and exists("/x") then return cacheable(allow("x is there")) end
    if access.path == "/once" then return allow("not cacheable") end
    return cacheable(deny(access.path .. access.operation .. access.permission .. access.address ..
                          #access.identities))
  end)";

}  // namespace

TEST_CASE("a cacheable answer is given again without the script") {
  LoadedLua lua(kCacheable);
  const auto first = lua.decide("/a");
  CHECK(first.cacheable);
  CHECK(first.reason == "/aget_dataread127.0.0.11");
  const auto second = lua.decide("/a");
  CHECK(lua.metric("acl_lua_cache_hits") == 1);
  CHECK(second.verdict == Verdict::deny);
  CHECK(second.reason == "/aget_dataread127.0.0.11");
  CHECK(second.cacheable);
  CHECK(lua.metric("acl_lua_denied") == 2);
}

TEST_CASE("a different question is asked anew") {
  LoadedLua lua(kCacheable);
  const Asked asked{.path = "/a"};
  (void)lua.decide(asked);
  const auto differs = [&](auto change) {
    auto other = asked;
    change(other);
    CHECK(lua.reason(other) != lua.reason(asked));
  };
  differs([](Asked& a) { a.path = "/b"; });
  differs([](Asked& a) { a.operation = Operation::exists; });
  differs([](Asked& a) { a.permission = perms::kWrite; });
  differs([](Asked& a) { a.address = "127.0.0.2"; });
  differs([](Asked& a) { a.identities.push_back({"digest", "bob:hash"}); });
}

TEST_CASE("an answer that rests on more than the question is not kept") {
  LoadedLua lua(kCacheable);
  lua.view.paths = {"/x"};
  for (int i = 0; i < 3; ++i) {
    CHECK(!lua.decide(Asked{.path = "/multi", .in_multi = true}).cacheable);
    CHECK(!lua.decide("/exists").cacheable);
    CHECK(!lua.decide("/once").cacheable);
  }
  CHECK(lua.metric("acl_lua_cache_hits") == 0);
}

TEST_CASE("a reload forgets what was kept") {
  LoadedLua lua(kCacheable);
  (void)lua.decide("/a");
  REQUIRE(lua.reload("return function() return allow('new') end").has_value());
  CHECK(lua.reason("/a") == "new");
}

TEST_CASE("the cache is bounded, and can be switched off") {
  LoadedLua small(kCacheable, {{"cache_entries", "2"}});
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 100; ++i) {
      const auto path = "/" + std::to_string(i);
      CHECK(small.reason(path) == path + "get_dataread127.0.0.11");
    }
  LoadedLua off(kCacheable, {{"cache_entries", "0"}});
  (void)off.decide("/a");
  (void)off.decide("/a");
  CHECK(off.metric("acl_lua_cache_hits") == 0);
  LoadedLua lua(kCacheable);
  const auto longer = "/" + std::string(acl_lua::DecisionCache::kQuestionBytesMax, 'x');
  (void)lua.decide(longer);
  (void)lua.decide(longer);
  CHECK(lua.metric("acl_lua_cache_hits") == 0);
}

// --- the plugin ---------------------------------------------------------------------------------

TEST_CASE("a reload takes a new script, and new options") {
  LoadedLua lua("return function() return allow('one') end");
  REQUIRE(lua.reload("return function() return deny('two') end").has_value());
  CHECK(lua.reason("/") == "two");
  lua.write("return function() return deny('three') end", "/etc/other.lua");
  lua.host.fake_options.set("script", "/etc/other.lua");
  REQUIRE(lua.policy.reload().has_value());
  CHECK(lua.reason("/") == "three");
  CHECK(lua.metric("acl_lua_loads") == 3);
}

TEST_CASE("what is loaded is logged with its fingerprint") {
  LoadedLua lua("return deny");
  // printf 'return deny' | sha256sum
  CHECK(lua.host.fake_log.contains(
      "policy /etc/policy.lua: 11 bytes, SHA-256 "
      "9fcf3c1308c396a0bea6d283a9f9fb3456a9f6607331ab7a934507567ffcc547"));
}

TEST_CASE("a script that is not there is refused by its name") {
  LuaFixture lua("return deny", {{"script", "/etc/missing.lua"}});
  const auto started = lua.policy.start();
  REQUIRE(!started.has_value());
  CHECK(started.error().what.starts_with("the policy /etc/missing.lua (test) cannot be used: "));
}

TEST_CASE("a stopped policy leaves no metric behind") {
  LoadedLua lua("return deny");
  lua.policy.stop();
  CHECK(lua.host.fake_metrics.samples().empty());
}
