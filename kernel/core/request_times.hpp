#pragma once
// Where the time of a request goes. The stages of one follow each other without a gap, so that their times
// add up to its latency: from its frame in the server's hands to its reply in those of the transport.
//
//     read      queued → behind → reply
//     write     queued → proposal → sync → quorum → apply → reply
//     sync      queued → quorum → reply
//
// They mean the same under every broadcast: what a broadcast does is seen from what it asks of the log and
// of the state. On a follower, `proposal` is the way to the leader and back, and `quorum` is what is left
// of the wait for the leader's word once the transaction is durable here. Standing alone there is no such
// wait.

#include <vivarium/ids.hpp>
#include <vivarium/loop.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vivarium {

enum class Stage : std::uint8_t {
  queued,    ///< Held in the connection, until the server has room for it.
  behind,    ///< Of a read: behind earlier requests of its session.
  proposal,  ///< Until its transaction was given to the log of this server.
  sync,      ///< Until that was durable here.
  quorum,    ///< Until it was known to be committed; of a sync: until the leader's word was here.
  apply,     ///< Until it, and the batch it was committed with, was applied.
  reply,     ///< Until its reply was given to the transport; of a read: the reading as well.
};
inline constexpr std::size_t kStages = 7;

constexpr std::string_view name_of(Stage stage) {
  constexpr std::string_view kNames[kStages] = {"queued", "behind", "proposal", "sync",
                                                "quorum", "apply",  "reply"};
  return kNames[static_cast<std::size_t>(stage)];
}

enum class RequestKind : std::uint8_t { read, write, sync, refusal };

/// Does a request of this kind have that stage?
constexpr bool has_stage(RequestKind kind, Stage stage) {
  switch (stage) {
    case Stage::queued:
    case Stage::reply: return true;
    case Stage::behind: return kind == RequestKind::read || kind == RequestKind::refusal;
    case Stage::quorum: return kind == RequestKind::write || kind == RequestKind::sync;
    default: return kind == RequestKind::write;
  }
}

/// One request's times: those of the stages that it has behind it, in microseconds.
struct RequestTimes {
  MonoTime received{};
  std::array<std::uint32_t, kStages> us{};
  std::uint32_t sum_us = 0;  ///< What is behind it in all.

  std::uint32_t operator[](Stage stage) const { return us[static_cast<std::size_t>(stage)]; }

  /// It leaves the stage, and has gone through no later one.
  void leave(Stage stage, MonoTime now) {
    constexpr std::int64_t kMost = UINT32_MAX;  // More than an hour.
    const auto sum = static_cast<std::uint32_t>(std::clamp<std::int64_t>(total_us(now), sum_us, kMost));
    us[static_cast<std::size_t>(stage)] += sum - sum_us;
    sum_us = sum;
  }
  std::int64_t total_us(MonoTime now) const {
    return std::chrono::duration_cast<Micros>(now - received).count();
  }
  bool operator==(const RequestTimes&) const = default;
};

/// The times of writes up to their commit. Those that came together are committed together, mostly, and have
/// the same: what was found for the last one is kept.
class CommittedTimes {
 public:
  /// Of a write that has gone through no stage but `queued`.
  const RequestTimes& of(const RequestTimes& write, MonoTime appended, MonoTime durable, MonoTime committed) {
    const bool alike = write.received == write_.received && write.sum_us == write_.sum_us &&
                       appended == appended_ && durable == durable_ && committed == committed_;
    if (!alike) find(write, appended, durable, committed);
    return found_;
  }

 private:
  void find(const RequestTimes& write, MonoTime appended, MonoTime durable, MonoTime committed) {
    write_ = found_ = write;
    appended_ = appended;
    durable_ = durable;
    committed_ = committed;
    found_.leave(Stage::proposal, appended);
    found_.leave(Stage::sync, durable);
    found_.leave(Stage::quorum, committed);
  }

  RequestTimes write_, found_;
  MonoTime appended_{-1}, durable_{}, committed_{};
};

}  // namespace vivarium
