#include "kernel/core/snapshot_body.hpp"

namespace vivarium {
namespace {

constexpr std::size_t kRecordBytesMax = 128u << 20;  ///< No transaction is as long.

}  // namespace

Result<void> SnapshotBody::feed(std::string_view piece) {
  const auto taken = feed_part(piece);
  if (!taken) return taken.error();
  if (*taken < piece.size()) return fail({Errc::corrupt, "bytes follow its end"});
  return {};
}

Result<std::size_t> SnapshotBody::feed_part(std::string_view piece) {
  if (error_) return *error_;
  if (part_ == Part::done) return 0;
  pending_.append(piece);
  std::string_view left = pending_;
  while (part_ != Part::done) {
    JuteIn in(left);
    const auto whole = step(in);
    if (!whole) return fail(whole.error());
    if (!*whole) break;
    left = in.rest();
  }
  if (part_ == Part::done) {
    pending_.clear();
    return piece.size() - left.size();
  }
  pending_.erase(0, pending_.size() - left.size());
  if (pending_.size() > kRecordBytesMax)
    return fail({Errc::corrupt, "a record has an impossible length"});
  return piece.size();
}

Error SnapshotBody::fail(const Error& error) {
  error_ = error;
  return error;
}

Result<bool> SnapshotBody::step(JuteIn& in) {
  if (part_ == Part::nodes) return read_node(in);
  if (!left_) {
    std::int32_t count = 0;
    in(count);
    if (in.ok()) left_ = count;
    return in.ok();
  }
  if (*left_ <= 0) {
    part_ = part_ == Part::sessions ? Part::acls : Part::nodes;
    left_.reset();
    return true;
  }
  auto whole = part_ == Part::sessions ? hand_on<SnapshotSession>(in) : hand_on<SnapshotAcl>(in);
  if (whole && *whole) --*left_;
  return whole;
}

template <class Record>
Result<bool> SnapshotBody::hand_on(JuteIn& in) {
  Record record;
  in(record);
  if (!in.ok()) return false;
  if (const auto taken = records_.take(record); !taken) return taken.error();
  return true;
}

Result<bool> SnapshotBody::read_node(JuteIn& in) {
  constexpr std::string_view kTerminator = "/";  // The root's own path is "".
  JuteIn ahead(in.rest());
  if (ahead.take_bytes() == kTerminator) {
    in.seat(ahead.rest());
    part_ = Part::done;
    return true;
  }
  return hand_on<SnapshotNode>(in);
}

}  // namespace vivarium
