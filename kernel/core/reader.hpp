#pragma once
// Reads: a view of the state and a request give a reply and effects, which the caller carries out. Nothing
// here changes the state; what is read is counted by namespace.

#include "kernel/core/access.hpp"
#include "kernel/core/database.hpp"
#include "kernel/core/namespaces.hpp"

#include <vivarium/opcodes.hpp>
#include <vivarium/records.hpp>
#include <vivarium/service.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

/// What a read wants done beside its reply.
enum class WatchEffect : std::uint8_t { none, data, children };

struct ReadResult {
  WireError err = WireError::ok;
  WatchEffect watch = WatchEffect::none;
  std::string_view path;  ///< Of the watch; a view into the request.
};

class Reader {
 public:
  /// `namespaces` may be nullptr.
  Reader(const Database& database, const AccessGate& gate, Namespaces* namespaces)
      : database_(database), gate_(gate), namespaces_(namespaces) {}

  /// Does this class answer the op?
  static bool handles(Op op);
  /// Takes the request's body from `in`, and appends the reply's to `out`; on an error the caller drops what was
  /// appended.
  ReadResult read(Op op, JuteIn& in, const Subject& subject, JuteOut& out) const;

  /// May the subject see the node whose ACL this is?
  bool readable(Operation operation, std::string_view path, AclNumber acl,
                const Subject& subject) const;
  /// A node's ACL as the subject may see it; nullopt when he may not.
  std::optional<std::vector<AclEntryView>> acl_of(std::string_view path, const Znode& node,
                                                  const Subject& subject) const;

 private:
  ReadResult exists(JuteIn& in, const Subject& subject, JuteOut& out) const;
  ReadResult get_data(JuteIn& in, const Subject& subject, JuteOut& out) const;
  ReadResult get_acl(JuteIn& in, const Subject& subject, JuteOut& out) const;
  ReadResult get_children(JuteIn& in, const Subject& subject, JuteOut& out, bool with_stat) const;
  ReadResult count_children(JuteIn& in, const Subject& subject, JuteOut& out) const;
  ReadResult get_ephemerals(JuteIn& in, const Subject& subject, JuteOut& out) const;
  ReadResult who_am_i(const Subject& subject, JuteOut& out) const;
  ReadResult multi_read(JuteIn& in, const Subject& subject, JuteOut& out) const;

  void note_read(std::string_view path, std::size_t bytes) const {
    if (namespaces_) namespaces_->note_read(path, bytes);
  }

  const Database& database_;
  const AccessGate& gate_;
  Namespaces* namespaces_;
};

}  // namespace vivarium
