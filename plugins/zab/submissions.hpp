#pragma once
// The writes of this server's clients that are not applied yet, in order: kept from the moment they are
// submitted, over elections, until their transaction is met or it is certain that nobody can tell.
//
// A server's writes reach one leader by one connection, in order, and each becomes one transaction. So
// of those that were sent, the ones that survive a leader are the first ones; the others are dead once
// a higher epoch is established, and are sent once more.

#include <vivarium/broadcast.hpp>

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

namespace vivarium::zab {

class Submissions {
 public:
  struct Write {
    SessionId session;
    std::int32_t cxid = 0;
    std::int32_t op = 0;
    std::string body;
    std::vector<Identity> identities;
    std::string client_address;
    bool encrypted = false;
    ServerId owner;
    /// What the log held when it was submitted: its transaction lies above.
    Zxid submitted_at;
    bool withdrawn = false;
    Epoch sent_in;  ///< Of the last leader it was sent to; 0 for none.

    Request request() const;
  };

  void add(std::span<const Request> requests, Zxid last_logged);
  /// Those from here on were not given to the leader at hand.
  std::size_t first_unsent() const { return sent_; }
  std::size_t size() const { return writes_.size(); }
  bool empty() const { return writes_.empty(); }
  const Write& at(std::size_t index) const { return writes_[index]; }
  /// The next one was given to the leader of this epoch.
  void mark_sent(Epoch epoch) { writes_[sent_++].sent_in = epoch; }
  /// Was one of them given to the leader of this epoch, on a connection that is gone?
  bool any_sent_in(Epoch epoch) const;

  /// Nobody waits any more for what this session has submitted so far: it is sent to no leader but the
  /// one that has it.
  void withdraw(SessionId session);
  /// Strikes out what these transactions answer.
  void settle(std::span<const LogEntry> entries);
  /// The leader is gone; all but the withdrawn are to be sent to the next.
  void unsend();
  /// Nobody can tell what became of those that were sent.
  void forget() { *this = {}; }

 private:
  std::deque<Write> writes_;
  std::size_t sent_ = 0;
};

/// Is it something that a client waits for? The rest, such as the end of a session whose time is over,
/// is the leader's own, and the next one will think of it by itself.
bool has_client(const Request& request);

}  // namespace vivarium::zab
