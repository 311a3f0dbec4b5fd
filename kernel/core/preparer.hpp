#pragma once
// Turns requests into transactions: validates, decides, and writes down the decision. One function for
// each kind of request, in the order of checks of section C.2.

#include "kernel/core/access.hpp"
#include "kernel/core/database.hpp"
#include "kernel/core/namespaces.hpp"
#include "kernel/core/pending_tree.hpp"
#include "kernel/core/session_tracker.hpp"
#include "kernel/core/stats.hpp"

#include <vivarium/records.hpp>
#include <vivarium/state_machine.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

struct PrepareRules {
  ServerId self;
  bool digest_enabled = true;
  bool enforce_quota = false;
  bool reconfig_enabled = false;
  /// What requests may be long (jute.maxbuffer). What a transaction has beyond its request is held
  /// within it too: a few bytes may ask for many, with "auth" in an ACL or the end of a session.
  std::size_t request_bytes_max = 1048575;
};

/// One part of a multi request.
struct MultiPart {
  Op op;
  std::string_view body;
};
/// Splits the body of a multi or multiRead; false when it is malformed or an op is not `allowed`.
bool split_multi(std::string_view body, bool (*allowed)(Op), std::vector<MultiPart>& parts);

class Preparer {
 public:
  Preparer(Database& database, SessionTracker& sessions, const AccessGate& gate, PrepareRules rules,
           BatchStats& stats, Namespaces& namespaces)
      : pending_(database, stats.changes_begun, stats.changes_ended),
        database_(database),
        sessions_(sessions),
        gate_(gate),
        rules_(rules),
        namespaces_(namespaces) {}

  LogEntry prepare(const Request& request, Zxid zxid, std::int64_t wall_ms);
  PendingTree& pending() { return pending_; }

 private:
  /// What all parts of a request share.
  struct Context {
    const Request& request;
    Subject subject;
    Zxid zxid;
    std::int64_t time;
    bool in_multi = false;
  };
  /// A create of whatever kind, decoded.
  struct Creation {
    Op op;
    records::CreateTtlRequest request;
    bool sequential = false;
    std::int64_t owner = owners::kNone;
  };

  // Each appends the transaction's body to body_ and says what its type is; nothing was changed when
  // the error is not ok.
  WireError prepare_op(const Context& context, Op op, JuteIn& body, Op& type);
  WireError prepare_create(const Context& context, Op op, JuteIn& body, Op& type);
  WireError decode_creation(const Context& context, Op op, JuteIn& body, Creation& creation);
  WireError store_creation(const Context& context, const Creation& creation,
                           const PendingTree::Found& parent, Op& type);
  WireError prepare_delete(const Context& context, JuteIn& body);
  WireError prepare_delete_container(const Context& context, JuteIn& body);
  WireError prepare_set_data(const Context& context, JuteIn& body);
  WireError prepare_set_acl(const Context& context, JuteIn& body);
  WireError prepare_check(const Context& context, JuteIn& body);
  WireError prepare_create_session(const Context& context, JuteIn& body);
  bool outdated_expiry(const Request& request) const;
  WireError prepare_close_session(const Context& context);
  WireError prepare_reconfig(JuteIn& body) const;
  WireError prepare_multi(const Context& context);

  WireError check_session(const Context& context);
  bool over_quota(std::string_view path, std::int64_t bytes, std::int64_t nodes);
  bool allowed(const Context& context, Operation operation, std::string_view path,
               std::int32_t permission, AclNumber acl) const;
  template <class Record>
  void write(const Record& record);
  LogEntry seal(const Request& request, Zxid zxid, std::int64_t wall_ms, Op type);

  PendingTree pending_;
  Database& database_;
  SessionTracker& sessions_;
  const AccessGate& gate_;
  PrepareRules rules_;
  Namespaces& namespaces_;
  std::string body_;  ///< Of the transaction being prepared.
  JuteOut out_{body_};
  JuteIn in_;
  Creation creation_;
  std::vector<AclEntry> acl_;
  std::size_t acl_bytes_left_ = 0;  ///< For all parts of the request together.
  std::vector<MultiPart> parts_;
};

}  // namespace vivarium
