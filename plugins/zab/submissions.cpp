#include "submissions.hpp"

#include <vivarium/jute.hpp>
#include <vivarium/opcodes.hpp>

#include <algorithm>

namespace vivarium::zab {
namespace {

/// Whose transaction it is: the first fields of every header (section D.2).
struct Origin {
  std::int64_t session = 0;
  std::int32_t cxid = 0;
};

Origin origin_of(const LogEntry& entry) {
  JuteReader in(entry.payload.view());
  Origin origin;
  origin.session = in.take<std::int64_t>();
  origin.cxid = in.take<std::int32_t>();
  return origin;
}

}  // namespace

bool has_client(const Request& request) {
  const auto op = static_cast<Op>(request.op);
  const bool expires = op == Op::close_session && request.cxid == 0 && request.client_address.empty();
  return op != Op::delete_container && !expires;
}

Request Submissions::Write::request() const {
  return {session, cxid, op, body, identities, client_address, encrypted, owner};
}

void Submissions::add(std::span<const Request> requests, Zxid last_logged) {
  for (const auto& request : requests)
    writes_.push_back({request.session, request.cxid, request.op, std::string(request.body),
                       {request.identities.begin(), request.identities.end()},
                       std::string(request.client_address), request.encrypted, request.owner,
                       last_logged, false,
                       {}});
}

bool Submissions::any_sent_in(Epoch epoch) const {
  return std::any_of(writes_.begin(), writes_.end(),
                     [&](const Write& write) { return write.sent_in == epoch; });
}

void Submissions::withdraw(SessionId session) {
  for (std::size_t i = writes_.size(); i-- > 0;) {
    if (writes_[i].session != session) continue;
    if (i >= sent_)
      writes_.erase(writes_.begin() + static_cast<std::ptrdiff_t>(i));
    else
      writes_[i].withdrawn = true;
  }
}

void Submissions::unsend() {
  sent_ = 0;
  std::erase_if(writes_, [](const Write& write) { return write.withdrawn; });
}

void Submissions::settle(std::span<const LogEntry> entries) {
  for (const auto& entry : entries) {
    if (writes_.empty()) return;
    const auto& first = writes_.front();
    const auto origin = origin_of(entry);
    if (origin.session != first.session.value || origin.cxid != first.cxid ||
        entry.zxid <= first.submitted_at)
      continue;
    writes_.pop_front();
    if (sent_ > 0) --sent_;
  }
}

}  // namespace vivarium::zab
