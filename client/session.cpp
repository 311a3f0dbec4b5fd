#include "client/session.hpp"

#include "client/conversation.hpp"

#include <utility>

namespace vivarium::client {

Session::Session(Loop& loop, Transport& transport, Settings settings, SessionHandler& handler)
    : conversation_(std::make_unique<Conversation>(loop, transport, std::move(settings), handler)) {}

Session::~Session() = default;

State Session::state() const { return conversation_->state(); }
SessionId Session::id() const { return conversation_->key().id; }
std::int32_t Session::timeout_ms() const { return conversation_->timeout_ms(); }
SessionKey Session::key() const { return conversation_->key(); }
Zxid Session::last_zxid() const { return conversation_->key().last_zxid; }
const ServerAddress& Session::server() const { return conversation_->server(); }
std::size_t Session::outstanding() const { return conversation_->outstanding(); }

std::string_view name_of(State state) {
  switch (state) {
    case State::connecting: return "connecting";
    case State::connected: return "connected";
    case State::read_only: return "read_only";
    case State::suspended: return "suspended";
    case State::expired: return "expired";
    case State::auth_failed: return "auth_failed";
    case State::closed: return "closed";
  }
  return "unknown";
}

}  // namespace vivarium::client
