#pragma once
// One loaded policy: a lua_State that has run a script once, and asks its decide() again and again.
//
// Whatever the script does, load() and decide() return: with what it says, or with why it failed.
// The state is closed to the outside: the script sees the globals of library.hpp and the access,
// holds what was frozen when its loading ended, and every run is metered.
//
// Threads: core thread.

#include "context.hpp"
#include "frozen.hpp"

#include <vivarium/acl_policy.hpp>
#include <vivarium/result.hpp>

#include <memory>
#include <string>

namespace vivarium::acl_lua {

struct Limits {
  RunBudget decision;
  std::size_t memory_bytes;  ///< For all that the script holds; its constants may take half of it.
};

/// Loading may do more than a decision: it happens once, and nobody's request waits for it.
inline constexpr RunBudget kLoadBudget{10'000'000, Millis(2'000)};
inline constexpr std::size_t kReasonBytesMax = 255;

/// Why a decision failed.
enum class Failure : std::uint8_t { none, script, instructions, time, memory };
inline constexpr std::size_t kFailures = 5;

struct Answer {
  Verdict verdict = Verdict::deny;
  std::string_view reason;  ///< Valid until the next decision.
  bool cacheable = false;
  Failure failure = Failure::none;
};

class Script {
 public:
  /// Compiles and runs `source`. `name` stands in its messages, before the line. The error says
  /// what is wrong and the cure.
  static Result<std::unique_ptr<Script>> load(std::string_view source, const std::string& name,
                                              const Limits& limits, const Loop& loop);
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  /// A failure is a denial, with the failure for its reason.
  Answer decide(const AccessRequest& access, const AclView& view);

  std::size_t memory_bytes() const { return meter_.memory_bytes(); }

 private:
  struct Source;
  struct CloseState {
    void operator()(lua_State* lua) const { lua_close(lua); }
  };

  Script(const Limits& limits, const Loop& loop);

  Result<void> run(Source& source);
  static int build(lua_State* lua);
  void compile_and_run(Source& source);
  void choose_decide();
  Error load_error(int status, const std::string& name) const;
  Result<void> settle();

  Answer read_answer();
  Answer read_failure(int status);
  Answer failed(Failure failure, std::string_view reason);
  std::string_view keep_reason(std::string_view reason);
  void collect_when_due();

  const Limits limits_;
  Meter meter_;
  Context context_{meter_};
  CapturedVariables variables_;
  std::size_t settled_bytes_ = 0;  ///< What is held between decisions.
  std::array<char, kReasonBytesMax> reason_;
  std::unique_ptr<lua_State, CloseState> lua_;  ///< Uses all of the above until it is closed.
};

}  // namespace vivarium::acl_lua
