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
    case Op::check: {
      records::CheckVersionTxn txn;
      in(txn);
      return write.check && txn.path == write.path;
    }
    default: return type == static_cast<std::int32_t>(Op::error);
  }
}

std::string difference(const Stat& told, const Stat& wanted) {
  return fmt::format(
      "czxid {:x}/{:x} mzxid {:x}/{:x} pzxid {:x}/{:x} version {}/{} cversion {}/{} children {}/{} "
      "owner {:x}/{:x} length {}/{}",
      told.czxid, wanted.czxid, told.mzxid, wanted.mzxid, told.pzxid, wanted.pzxid, told.version,
      wanted.version, told.cversion, wanted.cversion, told.num_children, wanted.num_children,
      told.ephemeral_owner, wanted.ephemeral_owner, told.data_length, wanted.data_length);
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
                         (transaction.op() == Op::close_session && transaction.header.cxid == 0);
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
    return writes.size() != 1 || model_.judge(writes.front()) == WireError::ok;
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
    if (asked.definite()) answers_.erase(place);
    else probes_.met("a write takes effect whose answer was lost");
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

/// What was answered before another write was asked for stands before it in the one order.
void ClientChecks::check_time(const Operation& asked, const Transaction& transaction) {
  if (asked.definite() && asked.returned < latest_invocation_)
    object("C-1", transaction.name() + " was answered before an earlier transaction was asked for");
  if (transaction.op() != Op::error) latest_invocation_ = std::max(latest_invocation_, asked.invoked);
}

void ClientChecks::check_refusal(const Transaction& transaction, const Operation* asked) {
  if (!asked || !asked->definite() || asked->action == Action::close) return;
  if (asked->action != Action::multi) {
    const auto wanted = model_.judge(asked->writes[0]);
    if (wanted != asked->err)
      object("C-1", fmt::format("{} ({} {}) was answered {} where the model says {}", transaction.name(),
                                name_of(asked->action), asked->path, static_cast<int>(asked->err),
                                static_cast<int>(wanted)));
  }
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
  if (const auto judged = asked ? model_.judge(*asked) : WireError::ok; judged != WireError::ok)
    object("C-1", fmt::format("{} ({} {}) was done where the model says {}", where,
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
    model_.create(header, path, txn.data.value_or(""), txn.ephemeral);
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

void ClientChecks::check_read(Place place) {
  const auto& asked = operation(place);
  const bool sees_node = asked.action == Action::get || asked.action == Action::exists ||
                         asked.action == Action::children;
  if (!sees_node) return;
  const auto* node = model_.find(asked.path);
  const auto wanted = node ? WireError::ok : WireError::no_node;
  if (asked.err != wanted)
    return object("C-3", text(place) + fmt::format(", the model says {}", static_cast<int>(wanted)));
  if (!node) return;
  if (asked.stat != model_.stat(*node))
    object("C-3", text(place) + " has told another stat: " + difference(asked.stat, model_.stat(*node)));
  if (asked.action == Action::get && asked.data.value_or("") != node->data)
    object("C-3", text(place) + " has read \"" + asked.data.value_or("") + "\" and there is \"" +
                      node->data + "\"");
  if (asked.action == Action::children &&
      std::set<std::string>(asked.children.begin(), asked.children.end()) != node->children)
    object("C-3", text(place) + " has told other children");
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

// --- watches -------------------------------------------------------------------------------------

void ClientChecks::check_watches() {
  for (const auto& change : model_.changes()) changes_[change.path].push_back(change);
  for (const auto& conversation : history_.conversations) {
    check_events(conversation);
    check_registrations(conversation);
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
    const bool left = asked->watch && (asked->err == WireError::ok || asked->action == Action::exists);
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
    probes_.met("a watch is held to its promise");
    if (!told.contains({asked->path, first->zxid.value}))
      object("C-6", fmt::format("client {} was not told of {} at 0x{:x}, which it watched from 0x{:x} on",
                                conversation.client, asked->path, first->zxid.value, asked->zxid.value));
  }
}

}  // namespace vivarium::simulator
