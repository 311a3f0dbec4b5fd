#pragma once
// What the clients of a run asked for, what they were told, and when: the input of checks/client_checks.
//
// A conversation is the life of one client::Session. Two conversations may share a session: when a client
// moves it, or goes on with it after a restart.

#include "client/errors.hpp"
#include "client/replies.hpp"
#include "client/session.hpp"

#include <vivarium/identity.hpp>
#include <vivarium/ids.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/opcodes.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::simulator {

enum class Action : std::uint8_t {
  create, remove, set, set_acl, multi, close,                      // writes
  get, exists, children, get_acl, sync, add_watch, remove_watches  // the others
};
std::string_view name_of(Action action);
inline bool is_write(Action action) { return action <= Action::close; }

/// One part of a multi, or the whole of another write.
struct Write {
  Action action = Action::create;
  bool check = false;  ///< A part of a multi that only compares the version.
  std::string path;
  std::string data;
  std::int32_t version = -1;
  CreateFlag flag = CreateFlag::persistent;
  std::vector<client::Acl> acl = {{perms::kAll, "world", "anyone"}};  ///< As asked for.
  // What was answered:
  std::string created;
  Stat stat;
  WireError err = WireError::ok;
};

struct Operation {
  Action action = Action::get;
  std::vector<Write> writes;  ///< One; of a multi as many as it has parts; none for what only reads.
  std::string path;
  bool watch = false;
  client::AddWatchMode mode{};

  MonoTime invoked{};
  MonoTime returned{};
  std::uint64_t arrival = 0;  ///< Place among all that the conversation was told; 0: not answered.
  WireError err = WireError::ok;
  Zxid zxid;  ///< Zero: no server has answered.
  Stat stat;
  std::optional<std::string> data;
  std::vector<std::string> children;
  std::vector<client::Acl> acl;

  bool done() const { return arrival != 0; }
  /// A server has answered, so that it is known what became of it.
  bool definite() const { return done() && zxid.value != 0; }
  bool succeeded() const { return definite() && err == WireError::ok; }
};

struct Told {
  client::WatchEvent event;
  MonoTime when{};
  std::uint64_t arrival = 0;
};

struct StateChange {
  client::State state;
  std::uint64_t arrival = 0;
  MonoTime when{};
};

/// A credential, and who it shows its client to be.
struct Shown {
  Identity identity;
  std::size_t before_operation = 0;  ///< Those from this one on were asked for behind it.
  MonoTime when{};
};

struct Conversation {
  std::size_t client = 0;
  std::string address;         ///< Of its host.
  std::vector<Shown> shown;    ///< In the order in which they were.
  SessionId session;  ///< Zero: it never had one.
  Zxid seen_before;   ///< What earlier conversations of the session had seen.
  std::vector<Operation> operations;  ///< In the order in which they were asked for.
  std::vector<Told> told;
  std::vector<StateChange> states;
  std::uint64_t last_arrival = 0;
};

struct History {
  std::vector<Conversation> conversations;
};

}  // namespace vivarium::simulator
