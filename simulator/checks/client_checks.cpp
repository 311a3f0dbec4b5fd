#include "simulator/checks/client_checks.hpp"

#include <vivarium/jute.hpp>

#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>

namespace vivarium::simulator {
namespace {

using records::TxnHeader;

/// Refused for what its session is, or for want of room: there is no transaction of it.
bool is_about_session(WireError err) {
  return err == WireError::session_expired || err == WireError::session_moved ||
         err == WireError::not_read_only;
}

bool is_sequential(const Write& write) {
  return write.flag == CreateFlag::persistent_sequential ||
         write.flag == CreateFlag::ephemeral_sequential;
}

bool is_ephemeral(const Write& write) {
  return write.flag == CreateFlag::ephemeral || write.flag == CreateFlag::ephemeral_sequential;
}

Op op_of(std::int32_t type) { return static_cast<Op>(type); }

/// Could this part of a transaction be what was asked for?
bool is_like(const Write& write, std::int32_t type, std::string_view body) {
  JuteIn in(body);
  switch (op_of(type)) {
    case Op::create:
    case Op::create2: {
      records::CreateTxn txn;
      in(txn);
      return write.action == Action::create && !write.check && txn.data == write.data &&
             (is_sequential(write) ? txn.path.starts_with(write.path) : txn.path == write.path);
    }
    case Op::remove: {
      records::DeleteTxn txn;
      in(txn);
      return write.action == Action::remove && txn.path == write.path;
    }
    case Op::set_data: {
      records::SetDataTxn txn;
      in(txn);
      return write.action == Action::set && !write.check && txn.path == write.path &&
             txn.data == write.data;
    }
    case Op::set_acl: {
      records::SetAclTxn txn;
      in(txn);
      return write.action == Action::set_acl && txn.path == write.path;
    }
    case Op::check: {
      records::CheckVersionTxn txn;
      in(txn);
      return write.check && txn.path == write.path;
    }
    default: return type == static_cast<std::int32_t>(Op::error);
  }
}

AclEntries entries_of(const AclList& list) {
  AclEntries entries;
  for (const auto& entry : list)
    entries.push_back({entry.perms, std::string(entry.scheme), std::string(entry.id)});
  return entries;
}

bool is_at_or_below(std::string_view path, std::string_view above) {
  return path == above || above == "/" || (path.starts_with(above) && path[above.size()] == '/');
}

/// Of a refusal, as it is logged.
WireError error_in(std::string_view body) {
  records::ErrorTxn txn;
  JuteIn in(body);
  in(txn);
  return static_cast<WireError>(txn.err);
}

std::string difference(const Stat& told, const Stat& wanted) {
  return fmt::format(
      "czxid {:x}/{:x} mzxid {:x}/{:x} pzxid {:x}/{:x} version {}/{} cversion {}/{} children {}/{} "
      "owner {:x}/{:x} length {}/{} aversion {}/{}",
      told.czxid, wanted.czxid, told.mzxid, wanted.mzxid, told.pzxid, wanted.pzxid, told.version,
      wanted.version, told.cversion, wanted.cversion, told.num_children, wanted.num_children,
      told.ephemeral_owner, wanted.ephemeral_owner, told.data_length, wanted.data_length, told.aversion,
      wanted.aversion);
}

}  // namespace

struct ClientChecks::Transaction {
  TxnHeader header;
  std::string_view body;
  records::MultiTxn multi;

  Op op() const { return op_of(header.type); }
  SessionId session() const { return {header.client_id}; }
  /// The parts of a multi that was carried out; a refused one has errors in it.
  bool refused() const {
    if (op() == Op::error) return true;
    return op() == Op::multi && std::any_of(multi.txns.begin(), multi.txns.end(), [](const auto& part) {
             return op_of(part.type) == Op::error;
           });
  }
  std::string name() const { return fmt::format("0x{:x}", header.zxid); }
};

ClientChecks::ClientChecks(const History& history,
                           const std::vector<ProtocolChecks::Committed>& committed,
                           Verdict& verdict, Probes& probes, Model before)
    : history_(history), committed_(committed), verdict_(verdict), probes_(probes),
      model_(std::move(before)),
      claimed_(history.conversations.size(), 0) {}

std::string ClientChecks::text(Place place) const {
  const auto& asked = operation(place);
  return fmt::format("{} {} of client {} (session 0x{:x}, reply 0x{:x}, err {})", name_of(asked.action),
                     asked.path, conversation(place).client, conversation(place).session.value,
                     asked.zxid.value, static_cast<int>(asked.err));
}

void ClientChecks::check() {
  index_answers();
  replay();
  check_syncs();
  check_lag();
  for (const auto& conversation : history_.conversations) check_order(conversation);
  if (!verdict_.good()) return;
  check_watches();
}

void ClientChecks::index_answers() {
  for (std::size_t c = 0; c < history_.conversations.size(); ++c) {
    const auto& conversation = history_.conversations[c];
    of_session_[conversation.session.value].push_back(c);
    for (std::size_t o = 0; o < conversation.operations.size(); ++o) {
      const auto& asked = conversation.operations[o];
      if (!asked.definite() || is_about_session(asked.err)) continue;
      is_write(asked.action) ? void(answers_.insert({c, o})) : reads_.push_back({c, o});
    }
  }
  std::stable_sort(reads_.begin(), reads_.end(), [this](Place a, Place b) {
    return operation(a).zxid < operation(b).zxid;
  });
}

// --- replay --------------------------------------------------------------------------------------

void ClientChecks::replay() {
  for (const auto& committed : committed_) {
    check_reads_up_to(committed.zxid.value - 1);
    replay_one(committed);
    if (!verdict_.good()) return;
  }
  check_reads_up_to(INT64_MAX);
  for (const auto place : answers_) {
    const auto ambiguous = ambiguous_.find(
        {conversation(place).session.value, static_cast<std::int32_t>(place.operation) + 1});
    if (operation(place).err != WireError::ok && ambiguous != ambiguous_.end() && ambiguous->second-- > 0)
      continue;
    object("C-10", text(place) + " is in no server's history, or not where it can be");
  }
}

void ClientChecks::replay_one(const ProtocolChecks::Committed& committed) {
  Transaction transaction;
  JuteIn in(committed.payload.view());
  in(transaction.header);
  transaction.body = in.rest();
  if (transaction.op() == Op::multi) in(transaction.multi);
  const bool of_server = transaction.op() == Op::create_session ||
                         (transaction.op() == Op::close_session && transaction.header.cxid == 0) ||
                         (transaction.op() == Op::error && transaction.header.cxid == kSessionMove);
  applied_ = committed.applied;
  const auto* asked = of_server ? nullptr : claim(transaction);
  if (asked) check_time(*asked, transaction);
  transaction.refused() ? check_refusal(transaction, asked) : apply(transaction, asked);
}

/// Did the transaction come of this operation, as far as its content and its outcome tell?
bool ClientChecks::fits(const Operation& asked, const Transaction& transaction) {
  if (!is_write(asked.action)) return false;
  if (asked.definite() && (asked.zxid.value < transaction.header.zxid ||
                           (asked.err == WireError::ok) == transaction.refused()))
    return false;
  if (transaction.op() == Op::error) return true;
  if (transaction.op() == Op::close_session) return asked.action == Action::close;
  if (transaction.op() != Op::multi)
    return asked.action != Action::multi && asked.writes.size() == 1 &&
           is_like(asked.writes[0], transaction.header.type, transaction.body);
  const auto& parts = transaction.multi.txns;
  return asked.action == Action::multi &&
         std::equal(asked.writes.begin(), asked.writes.end(), parts.begin(), parts.end(),
                    [](const auto& write, const auto& part) { return is_like(write, part.type, part.data); });
}

std::vector<ClientChecks::Place> ClientChecks::candidates(const Transaction& transaction) const {
  std::vector<Place> places;
  const auto number = static_cast<std::size_t>(transaction.header.cxid) - 1;
  const auto of_session = of_session_.find(transaction.header.client_id);
  if (of_session == of_session_.end()) return places;
  for (const auto c : of_session->second) {
    const auto& operations = history_.conversations[c].operations;
    if (number >= operations.size()) continue;
    // What a server kept of a connection long gone comes late, and is refused: the session has moved on.
    const bool late = transaction.refused() && !operations[number].definite();
    if (number < claimed_[c] && !late) continue;
    if (fits(operations[number], transaction)) places.push_back({c, number});
  }
  // Of two that look alike it was the one that could be done.
  const auto possible = [this](Place place) {
    const auto& writes = operation(place).writes;
    return writes.size() != 1 || judge(who(place), writes.front(), WireError::ok) == WireError::ok;
  };
  if (!transaction.refused()) std::stable_partition(places.begin(), places.end(), possible);
  // And first of all the one that was answered with its zxid.
  std::stable_partition(places.begin(), places.end(), [&](Place place) {
    return operation(place).definite() && operation(place).zxid.value == transaction.header.zxid;
  });
  return places;
}

bool ClientChecks::was_overtaken(const Transaction& transaction) const {
  const auto number = static_cast<std::size_t>(transaction.header.cxid) - 1;
  const auto of_session = of_session_.find(transaction.header.client_id);
  if (of_session == of_session_.end()) return false;
  return std::any_of(of_session->second.begin(), of_session->second.end(), [&](std::size_t c) {
    const auto& operations = history_.conversations[c].operations;
    return number < operations.size() && number < claimed_[c] && fits(operations[number], transaction);
  });
}

/// The write that has become this transaction. The client library numbers what it is asked for, so that
/// cxid tells which one it was; but two conversations of one session both begin with 1, and of a refusal the
/// content does not tell whose it was.
const Operation* ClientChecks::claim(const Transaction& transaction) {
  const auto places = candidates(transaction);
  if (places.size() > 1 && transaction.refused()) {
    ++ambiguous_[{transaction.header.client_id, transaction.header.cxid}];
    return nullptr;
  }
  if (!places.empty()) {
    const auto place = places.front();
    const auto& asked = operation(place);
    auto& claimed = claimed_[place.conversation];
    claimed = std::max(claimed, place.operation + 1);
    askers_ = who(place);
    if (asked.definite()) answers_.erase(place);
    else probes_.met("a write takes effect whose answer was lost");
    if (!asked.definite()) check_order(place, transaction);
    return &asked;
  }
  const auto what = fmt::format("{} (session 0x{:x}, cxid {}, type {})", transaction.name(),
                                transaction.header.client_id, transaction.header.cxid,
                                transaction.header.type);
  was_overtaken(transaction)
      ? object("C-2", what + " was carried out behind what its session has asked for later")
      : object("C-1", what + " is nothing that a client has asked for and was not told otherwise of");
  return nullptr;
}

/// What a client has asked for behind a write of which it heard nothing sees that write done, or never will.
void ClientChecks::check_order(Place place, const Transaction& transaction) {
  if (transaction.refused()) return;
  const auto& operations = conversation(place).operations;
  const auto later = std::find_if(operations.begin() + static_cast<std::ptrdiff_t>(place.operation) + 1,
                                  operations.end(), [](const auto& one) { return one.definite(); });
  if (later != operations.end() && later->zxid.value < transaction.header.zxid)
    object("C-2", fmt::format("{} (session 0x{:x}, cxid {}) was carried out behind 0x{:x}, at which its session "
                              "had got an answer to a later request",
                              transaction.name(), transaction.header.client_id, transaction.header.cxid,
                              later->zxid.value));
}

/// What was answered before another write was asked for stands before it in the one order.
void ClientChecks::check_time(const Operation& asked, const Transaction& transaction) {
  if (asked.definite() && asked.returned < latest_invocation_)
    object("C-1", transaction.name() + " was answered before an earlier transaction was asked for");
  if (transaction.op() != Op::error) latest_invocation_ = std::max(latest_invocation_, asked.invoked);
}

// --- who asks ------------------------------------------------------------------------------------

std::vector<Identities> ClientChecks::who(const Conversation& conversation, std::size_t operation,
                                          MonoTime until) {
  std::vector<Identities> all{{{"ip", conversation.address}}};
  for (const auto& shown : conversation.shown) {
    const bool certain = shown.before_operation <= operation;
    if (!certain && shown.when > until) break;
    auto with = all.back();
    if (std::find(with.begin(), with.end(), shown.identity) == with.end()) with.push_back(shown.identity);
    if (certain) all.back() = std::move(with);
    else all.push_back(std::move(with));
  }
  return all;
}

std::vector<Identities> ClientChecks::who(Place place) const {
  const auto& asked = operation(place);
  return who(conversation(place), place.operation, asked.done() ? asked.returned : MonoTime::max());
}

WireError ClientChecks::judge(const std::vector<Identities>& askers, const Write& write,
                              WireError told) const {
  auto judged = told;
  for (const auto& asker : askers) {
    judged = model_.judge(write, {asker, applied_});
    if (judged == told) break;
  }
  return judged;
}

// --- what comes of a write -----------------------------------------------------------------------

void ClientChecks::check_refusal(const Transaction& transaction, const Operation* asked) {
  if (!asked || !asked->definite() || asked->action == Action::close) return;
  if (asked->err == WireError::no_auth) probes_.met("a request is refused for its ACL");
  if (asked->err == WireError::quota_exceeded) probes_.met("a quota refuses a write");
  if (transaction.op() == Op::multi) return check_refused_multi(transaction, *asked);
  if (error_in(transaction.body) != asked->err)
    object("C-1", fmt::format("{} ({} {}) was answered {} and is {} in the history", transaction.name(),
                              name_of(asked->action), asked->path, static_cast<int>(asked->err),
                              static_cast<int>(error_in(transaction.body))));
  if (asked->action == Action::multi) return;  // As a whole: it could not be read, or for its session.
  const auto wanted = judge(askers_, asked->writes[0], asked->err);
  const bool of_acl = wanted == WireError::no_auth || asked->err == WireError::no_auth;
  if (wanted != asked->err)
    object(of_acl ? "C-12" : "C-1",
           fmt::format("{} ({} {}) was answered {} where the model says {}", transaction.name(),
                       name_of(asked->action), asked->path, static_cast<int>(asked->err),
                       static_cast<int>(wanted)));
}

/// The parts before the one that was refused could be done, each behind those before it.
void ClientChecks::check_refused_multi(const Transaction& transaction, const Operation& asked) {
  const auto before = model_;
  bool refused = false;
  for (std::size_t i = 0; i < transaction.multi.txns.size() && verdict_.good(); ++i) {
    const auto& part = transaction.multi.txns[i];
    const auto& write = asked.writes[i];
    if (op_of(part.type) != Op::error) {
      apply_part(transaction, part.type, part.data, &write, false);
      continue;
    }
    const auto code = error_in(part.data);
    const auto wanted = refused ? WireError::runtime_inconsistency : judge(askers_, write, code);
    refused = true;
    if (wanted != code || write.err != code)
      object(wanted == WireError::no_auth || code == WireError::no_auth ? "C-12" : "C-1",
             fmt::format("{}: part {} ({} {}) of a multi was refused with {}, told {}, and the model says {}",
                         transaction.name(), i, name_of(write.action), write.path,
                         static_cast<int>(code), static_cast<int>(write.err), static_cast<int>(wanted)));
  }
  model_ = before;
}

/// A node gets the ACL that was asked for, with who asked in the place of `auth`.
void ClientChecks::check_acl(const Transaction& transaction, const std::string& path,
                             const AclEntries& acl, const Write* asked) {
  const bool right = !asked || std::any_of(askers_.begin(), askers_.end(), [&](const auto& asker) {
    return stored_acl(asked->acl, asker) == acl;
  });
  if (!right) object("C-12", transaction.name() + " gives " + path + " another ACL than was asked for");
}

void ClientChecks::apply(const Transaction& transaction, const Operation* asked) {
  const bool answered = asked && asked->definite();
  const bool lives = model_.lives(transaction.session()) || transaction.header.client_id == 0;
  if (transaction.op() == Op::create_session) return model_.begin_session(transaction.header);
  if (!lives && transaction.op() != Op::close_session)
    object("C-7", transaction.name() + " is a transaction of a session that has ended");
  if (transaction.op() == Op::close_session) return check_end_of_session(transaction);
  if (transaction.op() != Op::multi)
    return apply_part(transaction, transaction.header.type, transaction.body,
                      asked ? asked->writes.data() : nullptr, answered);
  for (std::size_t i = 0; i < transaction.multi.txns.size(); ++i) {
    const auto& part = transaction.multi.txns[i];
    apply_part(transaction, part.type, part.data, asked ? &asked->writes[i] : nullptr, answered);
  }
}

void ClientChecks::apply_part(const Transaction& transaction, std::int32_t type,
                              std::string_view body, const Write* asked, bool answered) {
  const auto& header = transaction.header;
  const auto where = transaction.name();
  const auto judged = asked ? judge(askers_, *asked, WireError::ok) : WireError::ok;
  if (judged != WireError::ok)
    object(judged == WireError::no_auth ? "C-12" : "C-1",
           fmt::format("{} ({} {}) was done where the model says {}", where,
                              name_of(asked->action), asked->path, static_cast<int>(judged)));
  JuteIn in(body);
  std::string path;
  if (op_of(type) == Op::create || op_of(type) == Op::create2) {
    records::CreateTxn txn;
    in(txn);
    path = txn.path;
    if (asked && path != model_.name_of(*asked))
      object("C-8", where + " creates " + path + " where " + model_.name_of(*asked) + " is next");
    if (asked && txn.ephemeral != is_ephemeral(*asked))
      object("C-7", where + " creates another kind of znode than was asked for: " + path);
    if (answered && asked->created != path)
      object("C-8", where + " creates " + path + ", and its client was told " + asked->created);
    const auto acl = entries_of(txn.acl);
    check_acl(transaction, path, acl, asked);
    model_.create(header, path, txn.data.value_or(""), acl, txn.ephemeral);
  } else if (op_of(type) == Op::set_data) {
    records::SetDataTxn txn;
    in(txn);
    path = txn.path;
    const auto* node = model_.find(path);
    if (!node || txn.version != node->version + 1)
      object("C-1", where + " sets another version of " + path + " than the next");
    model_.set(header, path, txn.data.value_or(""), txn.version);
    const auto wanted = model_.stat(*model_.find(path));
    if (answered && asked->stat != wanted)
      object("C-1", where + ": another stat of " + path + " was told: " + difference(asked->stat, wanted));
  } else if (op_of(type) == Op::set_acl) {
    records::SetAclTxn txn;
    in(txn);
    path = txn.path;
    const auto* node = model_.find(path);
    if (!node || txn.version != node->aversion + 1)
      object("C-1", where + " sets another version of the ACL of " + path + " than the next");
    check_acl(transaction, path, entries_of(txn.acl), asked);
    model_.set_acl(header, path, entries_of(txn.acl), txn.version);
    const auto wanted = model_.stat(*model_.find(path));
    if (answered && asked->stat != wanted)
      object("C-1", where + ": another stat of " + path + " was told: " + difference(asked->stat, wanted));
  } else if (op_of(type) == Op::remove) {
    records::DeleteTxn txn;
    in(txn);
    model_.remove(header, txn.path);
  }
}

void ClientChecks::check_end_of_session(const Transaction& transaction) {
  records::CloseSessionTxn txn;
  JuteIn in(transaction.body);
  in(txn);
  const auto& owned = model_.ephemerals(transaction.session());
  if (std::set<std::string>(txn.paths.begin(), txn.paths.end()) != owned)
    object("C-7", transaction.name() + " does not take away what its session owned");
  model_.end_session(transaction.header);
}

// --- reads ---------------------------------------------------------------------------------------

void ClientChecks::check_reads_up_to(std::int64_t zxid) {
  for (; next_read_ < reads_.size() && operation(reads_[next_read_]).zxid.value <= zxid; ++next_read_)
    check_read(reads_[next_read_]);
}

WireError ClientChecks::judge_read(Place place, const Model::Node& node) const {
  const auto& asked = operation(place);
  const auto needed =
      asked.action == Action::get_acl ? perms::kRead | perms::kAdmin : perms::kRead;
  auto judged = WireError::ok;
  for (const auto& asker : who(place)) {
    judged = allows(node.acl, asker, needed) ? WireError::ok : WireError::no_auth;
    if (judged == asked.err) break;
  }
  return judged;
}

void ClientChecks::check_read(Place place) {
  const auto& asked = operation(place);
  const bool sees_node = asked.action == Action::get || asked.action == Action::exists ||
                         asked.action == Action::children || asked.action == Action::get_acl;
  if (!sees_node) return;
  if (asked.err == WireError::no_auth) probes_.met("a request is refused for its ACL");
  const auto* node = model_.find(asked.path);
  const auto wanted = node ? judge_read(place, *node) : WireError::no_node;
  const bool of_acl = wanted == WireError::no_auth || asked.err == WireError::no_auth;
  if (asked.err != wanted)
    return object(of_acl ? "C-12" : "C-3",
                  text(place) + fmt::format(", the model says {}", static_cast<int>(wanted)));
  if (wanted == WireError::ok) check_content(place, *node);
}

void ClientChecks::check_content(Place place, const Model::Node& node) {
  const auto& asked = operation(place);
  if (asked.stat != model_.stat(node))
    object("C-3", text(place) + " has told another stat: " + difference(asked.stat, model_.stat(node)));
  if (asked.action == Action::get && asked.data.value_or("") != node.data)
    object("C-3", text(place) + " has read \"" + asked.data.value_or("") + "\" and there is \"" +
                      node.data + "\"");
  if (asked.action == Action::children &&
      std::set<std::string>(asked.children.begin(), asked.children.end()) != node.children)
    object("C-3", text(place) + " has told other children");
  const auto askers = who(place);
  const auto is_shown = [&](const auto& asker) { return shown_acl(node.acl, asker) == asked.acl; };
  if (asked.action == Action::get_acl && std::none_of(askers.begin(), askers.end(), is_shown))
    object("C-12", text(place) + " has told another ACL, or more of it than its client may see");
}

// --- order ---------------------------------------------------------------------------------------

/// What a session has seen it never sees an older state of.
void ClientChecks::check_order(const Conversation& conversation) {
  std::vector<const Operation*> answered;
  for (const auto& asked : conversation.operations)
    if (asked.definite() && !is_about_session(asked.err)) answered.push_back(&asked);
  std::sort(answered.begin(), answered.end(),
            [](const auto* a, const auto* b) { return a->arrival < b->arrival; });
  auto seen = conversation.seen_before;
  const Operation* before = nullptr;
  for (const auto* asked : answered) {
    if (asked->zxid < seen)
      object("C-3", fmt::format("client {} was shown 0x{:x} after 0x{:x}", conversation.client,
                                asked->zxid.value, seen.value));
    if (before && asked < before)
      object("C-2", fmt::format("client {} got an answer before that to an earlier request",
                                conversation.client));
    before = asked;
    seen = std::max(seen, asked->zxid);
  }
}

/// A sync shows all that any client had been told before it was asked for.
void ClientChecks::check_syncs() {
  std::vector<const Operation*> writes, syncs;
  for (const auto& conversation : history_.conversations)
    for (const auto& asked : conversation.operations) {
      if (asked.succeeded() && is_write(asked.action)) writes.push_back(&asked);
      if (asked.succeeded() && asked.action == Action::sync) syncs.push_back(&asked);
    }
  const auto by = [](auto time) {
    return [time](const Operation* a, const Operation* b) { return a->*time < b->*time; };
  };
  std::sort(writes.begin(), writes.end(), by(&Operation::returned));
  std::sort(syncs.begin(), syncs.end(), by(&Operation::invoked));
  Zxid told;
  auto write = writes.begin();
  for (const auto* sync : syncs) {
    for (; write != writes.end() && (*write)->returned < sync->invoked; ++write)
      told = std::max(told, (*write)->zxid);
    if (sync->zxid < told)
      object("C-4", fmt::format("a sync has shown 0x{:x}, and 0x{:x} had been answered before",
                                sync->zxid.value, told.value));
  }
}

/// No client is shown a state so long after a later one was applied elsewhere.
void ClientChecks::check_lag() {
  if (lag_most_ == MonoTime{}) return;
  for (const auto& conversation : history_.conversations)
    for (const auto& asked : conversation.operations) {
      if (!asked.definite() || is_about_session(asked.err)) continue;
      const auto after = std::upper_bound(
          committed_.begin(), committed_.end(), asked.invoked - lag_most_,
          [](MonoTime when, const auto& committed) { return when < committed.when; });
      if (after == committed_.begin() || std::prev(after)->zxid <= asked.zxid) continue;
      object("C-13", fmt::format("client {} was shown 0x{:x} at {} ms, and 0x{:x} had been applied at {} ms",
                                 conversation.client, asked.zxid.value,
                                 std::chrono::duration_cast<Millis>(asked.returned).count(),
                                 std::prev(after)->zxid.value,
                                 std::chrono::duration_cast<Millis>(std::prev(after)->when).count()));
    }
}

// --- watches -------------------------------------------------------------------------------------

void ClientChecks::check_watches() {
  for (const auto& change : model_.changes()) changes_[change.path].push_back(change);
  for (const auto& conversation : history_.conversations) {
    check_events(conversation);
    check_isolation(conversation);
    check_registrations(conversation);
    check_promises(conversation);
  }
}

/// Each event tells of a change, once, in the order of changes, and before any reply that shows it.
void ClientChecks::check_events(const Conversation& conversation) {
  std::vector<std::pair<std::uint64_t, std::int64_t>> shown;  // arrival, zxid
  for (const auto& asked : conversation.operations)
    if (asked.definite() && !is_about_session(asked.err)) shown.push_back({asked.arrival, asked.zxid.value});
  std::sort(shown.begin(), shown.end());
  std::map<std::tuple<std::int64_t, std::string, EventType>, std::ptrdiff_t> seen;
  std::size_t next = 0;
  std::int64_t highest = 0, last = 0;
  for (const auto& told : conversation.told) {
    for (; next < shown.size() && shown[next].first < told.arrival; ++next)
      highest = std::max(highest, shown[next].second);
    const auto zxid = told.event.zxid.value;
    if (zxid == 0) continue;  // Of what was missed.
    const auto what = fmt::format("client {} is told of {} ({}) at 0x{:x}", conversation.client,
                                  told.event.path, static_cast<int>(told.event.type), zxid);
    const auto known = changes_.find(told.event.path);
    const auto real = known == changes_.end()
                          ? 0
                          : std::count_if(known->second.begin(), known->second.end(), [&](const auto& change) {
                              return change.zxid.value == zxid && change.type == told.event.type;
                            });
    if (real == 0) object("C-6", what + ", and there was no such change");
    // A multi may change a path more than once.
    if (++seen[{zxid, told.event.path, told.event.type}] > real) object("C-6", what + " again");
    if (zxid <= highest) object("C-5", what + fmt::format(", after a reply with 0x{:x}", highest));
    if (zxid < last) object("C-5", what + fmt::format(", after 0x{:x}", last));
    last = zxid;
  }
}

/// Who the connection was for certain when it left this watch.
Identities ClientChecks::least_of(const Conversation& conversation, const Operation& asked) {
  return who(conversation, static_cast<std::size_t>(&asked - conversation.operations.data()), {}).front();
}

/// Between which states a server was that said something then.
std::pair<Zxid, Zxid> ClientChecks::states_around(const Conversation& conversation,
                                                  std::uint64_t arrival) {
  std::pair<Zxid, Zxid> around{conversation.seen_before, {INT64_MAX}};
  auto next = UINT64_MAX;  // The arrival of the first word behind it that shows a state, or a loss.
  for (const auto& state : conversation.states)
    if (state.arrival > arrival) next = std::min(next, state.arrival);
  for (const auto& asked : conversation.operations) {
    if (!asked.definite() || is_about_session(asked.err)) continue;
    if (asked.arrival < arrival) around.first = std::max(around.first, asked.zxid);
    if (asked.arrival < arrival || asked.arrival > next) continue;
    next = asked.arrival;
    around.second = asked.zxid;
  }
  return around;
}

/// What replies have shown from then on, up to the first loss of the connection.
Zxid ClientChecks::shown_without_loss(const Conversation& conversation, std::uint64_t arrival) {
  auto loss = UINT64_MAX;
  for (const auto& state : conversation.states)
    if (state.arrival > arrival) loss = std::min(loss, state.arrival);
  Zxid shown;
  for (const auto& asked : conversation.operations)
    if (asked.definite() && !is_about_session(asked.err) && asked.arrival > arrival && asked.arrival < loss)
      shown = std::max(shown, asked.zxid);
  return shown;
}

/// Nothing that a client may not read is told to it, not even that it changed.
void ClientChecks::check_isolation(const Conversation& conversation) {
  for (const auto& told : conversation.told) {
    const auto& event = told.event;
    const auto most = who(conversation, 0, told.when).back();
    const auto what = fmt::format("client {} is told of {} ({}) at 0x{:x}", conversation.client, event.path,
                                  static_cast<int>(event.type), event.zxid.value);
    if (event.zxid.value == 0) {
      const auto [from, to] = states_around(conversation, told.arrival);
      if (event.type != EventType::deleted && !was_readable(event.path, most, from, to))
        object("C-12", what + ", of what it missed, and may not read it");
      continue;
    }
    const auto known = changes_.find(event.path);
    if (known == changes_.end()) continue;
    const bool may = std::any_of(known->second.begin(), known->second.end(), [&](const auto& change) {
      return change.zxid == event.zxid && change.type == event.type &&
             allows(change.acl, most, perms::kRead);
    });
    if (!may) object("C-12", what + ", and may not read it");
  }
}

/// Was it there and readable in one of these states?
bool ClientChecks::was_readable(const std::string& path, const Identities& who, Zxid from,
                                Zxid to) const {
  std::optional<AclEntries> acl;
  if (path == "/") acl.emplace();
  const auto readable = [&] { return acl && allows(*acl, who, perms::kRead); };
  bool found = false;
  for (const auto& change : model_.acl_changes()) {
    if (change.zxid > to) break;
    if (change.path != path) continue;
    if (change.zxid > from) found = found || readable();
    acl = change.acl;
  }
  return found || readable();
}

/// A watch that was added tells of every change behind that, as long as the connection lasts.
void ClientChecks::check_promises(const Conversation& conversation) {
  std::set<std::tuple<std::string, EventType, std::int64_t>> told;
  for (const auto& one : conversation.told)
    told.insert({one.event.path, one.event.type, one.event.zxid.value});
  for (const auto& asked : conversation.operations) {
    if (asked.action != Action::add_watch || !asked.succeeded()) continue;
    const auto shown = shown_without_loss(conversation, asked.arrival);
    const auto least = least_of(conversation, asked);
    const bool recursive = asked.mode == client::AddWatchMode::persistent_recursive;
    const auto& changes = model_.changes();
    auto change = std::upper_bound(changes.begin(), changes.end(), asked.zxid,
                                   [](Zxid zxid, const Change& one) { return zxid < one.zxid; });
    for (; change != changes.end() && change->zxid <= shown; ++change) {
      const bool fits = recursive ? change->type != EventType::children_changed &&
                                        is_at_or_below(change->path, asked.path)
                                  : change->path == asked.path;
      if (!fits || !allows(change->acl, least, perms::kRead)) continue;
      probes_.met("a persistent watch is held to its promise");
      if (!told.contains({change->path, change->type, change->zxid.value}))
        object("C-6", fmt::format("client {} was not told of {} ({}) at 0x{:x}, and watched {} for good",
                                  conversation.client, change->path, static_cast<int>(change->type),
                                  change->zxid.value, asked.path));
    }
  }
}

/// A watch that a read has left tells of the first change behind that read, unless the connection was
/// lost meanwhile.
void ClientChecks::check_registrations(const Conversation& conversation) {
  std::set<std::pair<std::string, std::int64_t>> told;
  for (const auto& event : conversation.told) told.insert({event.event.path, event.event.zxid.value});
  std::vector<const Operation*> answered;
  for (const auto& asked : conversation.operations)
    if (asked.definite() && !is_about_session(asked.err)) answered.push_back(&asked);
  std::sort(answered.begin(), answered.end(),
            [](const auto* a, const auto* b) { return a->arrival < b->arrival; });
  for (const auto* asked : answered) {
    const bool for_creation = asked->action == Action::exists && asked->err == WireError::no_node;
    const bool left = asked->watch && (asked->err == WireError::ok || for_creation);
    const auto known = changes_.find(asked->path);
    if (!left || known == changes_.end()) continue;
    const bool children = asked->action == Action::children;
    const auto first = std::find_if(known->second.begin(), known->second.end(), [&](const auto& change) {
      const bool fits = change.type == EventType::deleted ||
                        (change.type == EventType::children_changed) == children;
      return change.zxid > asked->zxid && fits;
    });
    if (first == known->second.end()) continue;
    const auto shows = std::find_if(answered.begin(), answered.end(), [&](const auto* reply) {
      return reply->arrival > asked->arrival && reply->zxid >= first->zxid;
    });
    if (shows == answered.end()) continue;
    const bool interrupted =
        std::any_of(conversation.states.begin(), conversation.states.end(), [&](const auto& state) {
          return state.arrival > asked->arrival && state.arrival < (*shows)->arrival;
        });
    if (interrupted) continue;
    if (!allows(first->acl, least_of(conversation, *asked), perms::kRead)) {
      probes_.met("a watch ends without a word, for want of READ");
      continue;
    }
    probes_.met("a watch is held to its promise");
    if (!told.contains({asked->path, first->zxid.value}))
      object("C-6", fmt::format("client {} was not told of {} at 0x{:x}, which it watched from 0x{:x} on",
                                conversation.client, asked->path, first->zxid.value, asked->zxid.value));
  }
}

}  // namespace vivarium::simulator
