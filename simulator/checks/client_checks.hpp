#pragma once
// What clients were told, held against the one order of transactions: C-1 to C-13 of the reliability page.
//
// The zxid in each reply is a witness: what the server had applied. The committed history is replayed on the
// model; each transaction has to be a write that a client asked for, once, and whose answer, if there was
// one, is the outcome that the model gives at that place; each answered write has to be a transaction up to
// its zxid; each read has to have seen the model as it was at its zxid, as far as the identities of its
// connection may see it. Sweeps in time and in the order of arrival see to the rest.
//
// Who a connection is, is certain but for the time in which a credential is under way: what is answered then
// may be right for whoever it was before, or will be.

#include "simulator/checks/model.hpp"
#include "simulator/checks/protocol_checks.hpp"
#include "simulator/checks/verdict.hpp"
#include "simulator/history.hpp"

#include <cstdint>
#include <compare>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace vivarium::simulator {

class ClientChecks {
 public:
  /// `before`: the state that the first of the committed transactions found.
  ClientChecks(const History& history, const std::vector<ProtocolChecks::Committed>& committed,
               Verdict& verdict, Probes& probes, Model before = {});

  /// C-13: how far what a client is shown may lag behind what was applied anywhere when it asked. Zero: any.
  void set_lag_most(MonoTime most) { lag_most_ = most; }
  void check();
  /// After check(): the state behind the whole history.
  const Model& model() const { return model_; }

 private:
  struct Place {
    std::size_t conversation = 0;
    std::size_t operation = 0;
    auto operator<=>(const Place&) const = default;
  };
  struct Transaction;

  const Conversation& conversation(Place place) const {
    return history_.conversations[place.conversation];
  }
  const Operation& operation(Place place) const {
    return conversation(place).operations[place.operation];
  }

  void index_answers();
  void replay();
  void replay_one(const ProtocolChecks::Committed& committed);
  std::vector<Place> candidates(const Transaction& transaction) const;
  bool was_overtaken(const Transaction& transaction) const;
  const Operation* claim(const Transaction& transaction);
  static bool fits(const Operation& asked, const Transaction& transaction);
  void check_order(Place place, const Transaction& transaction);
  void check_time(const Operation& operation, const Transaction& transaction);
  void apply(const Transaction& transaction, const Operation* operation);
  void apply_part(const Transaction& transaction, std::int32_t type, std::string_view body,
                  const Write* asked, bool answered);
  void check_refusal(const Transaction& transaction, const Operation* operation);
  void check_refused_multi(const Transaction& transaction, const Operation& operation);
  void check_acl(const Transaction& transaction, const std::string& path, const AclEntries& acl,
                 const Write* asked);
  /// Who a conversation's connection may be for an operation that is answered by then, from what it is at
  /// least to what it is at most.
  static std::vector<Identities> who(const Conversation& conversation, std::size_t operation,
                                     MonoTime until);
  std::vector<Identities> who(Place place) const;
  /// What comes of a write that one of the askers asks for: `told`, if that may be.
  WireError judge(const std::vector<Identities>& askers, const Write& write, WireError told) const;
  WireError judge_read(Place place, const Model::Node& node) const;
  void check_end_of_session(const Transaction& transaction);
  void check_reads_up_to(std::int64_t zxid);
  void check_read(Place place);
  void check_content(Place place, const Model::Node& node);
  void check_lag();
  void check_order(const Conversation& conversation);
  void check_syncs();
  void check_watches();
  void check_events(const Conversation& conversation);
  void check_registrations(const Conversation& conversation);
  void check_promises(const Conversation& conversation);
  void check_isolation(const Conversation& conversation);
  static Identities least_of(const Conversation& conversation, const Operation& asked);
  static std::pair<Zxid, Zxid> states_around(const Conversation& conversation, std::uint64_t arrival);
  static Zxid shown_without_loss(const Conversation& conversation, std::uint64_t arrival);
  bool was_readable(const std::string& path, const Identities& who, Zxid from, Zxid to) const;
  std::string text(Place place) const;
  void object(const char* rule, const std::string& sentence) { verdict_.object(rule, sentence); }

  const History& history_;
  const std::vector<ProtocolChecks::Committed>& committed_;
  Verdict& verdict_;
  Probes& probes_;
  Model model_;
  std::set<Place> answers_;  ///< Answered writes whose transactions have not come yet.
  std::map<std::pair<std::int64_t, std::int32_t>, int> ambiguous_;  ///< Refusals, by session and cxid.
  std::vector<Place> reads_;               ///< By zxid.
  std::size_t next_read_ = 0;
  std::map<std::int64_t, std::vector<std::size_t>> of_session_;  ///< Conversations.
  std::vector<std::size_t> claimed_;       ///< Per conversation: operations before this one are settled.
  MonoTime latest_invocation_{};           ///< Of the writes replayed so far.
  std::map<std::string, std::vector<Change>, std::less<>> changes_;  ///< By path.
  std::vector<Identities> askers_;  ///< Who the client of the transaction at hand may have been.
  Zxid applied_;                    ///< By the leader that prepared it.
  MonoTime lag_most_{};
};

}  // namespace vivarium::simulator
