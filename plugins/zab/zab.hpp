#pragma once
// ZooKeeper's atomic broadcast: looks for a leader, follows or leads, and looks again when that ends.
//
// An office (leading.hpp, following.hpp) lasts for one connection to one leader, or one term. What
// outlives it is here: the history, the promises, and the writes whose outcome clients wait for.

#include "ground.hpp"

#include <vivarium/broadcast.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace vivarium::zab {

inline constexpr OptionSpec kZabOptions[] = {
    {"counter_max", OptionType::integer, "4294967294", 1, 4294967294, "",
     "the last counter of an epoch; its leader leaves its office there (lower in tests only)", false,
     false, false},
#ifdef VIVARIUM_BUGS
    {"bug", OptionType::text, "", 0, -1, "", "a bug of ZooKeeper's to put back, such as zk4643", false,
     false, false},
#endif
};

class Zab final : public Broadcast, private LogStoreEvents, private ElectionEvents {
 public:
  explicit Zab(PluginHost& host);
  ~Zab() override;

  LogStoreEvents& log_events() override { return *this; }
  void run(const BroadcastParts& parts) override;
  void stop() override;
  void submit(std::span<const Request> requests) override;
  void withdraw(SessionId session) override;
  void sync(SessionId session, std::int32_t cxid) override;
  void revalidate(SessionId session, std::int32_t timeout_ms, Claim claim,
                  Done<bool> done) override;
  void touch(SessionId session, std::int32_t timeout_ms) override;
  MonoTime confirmed() const override;
  std::vector<PeerStatus> peers() const override;
  std::optional<ServerId> leader() const override;

 private:
  /// From run() to stop().
  struct Work;

  void on_durable(Zxid zxid) override;
  void on_failed(const Error& error) override;
  void on_space(bool low, std::uint64_t free_bytes) override;
  void on_advice(ServerId leader, Candidacy::Vote vote) override;
  void on_looking(ServerId who) override;
  void on_election_failed(const Error& error) override;

  void look();
  Candidacy candidacy() const;
  void take_office(ServerId leader);
  void end_office();
  void on_established(ServingRole role, Epoch epoch, BroadcastEvents::Doubt doubt);
  std::int64_t ms_since(MonoTime begun) const;
  void on_synced(SessionId session, std::int32_t cxid);
  bool serves() const { return role_ != ServingRole::none; }
  /// Runs the task from the loop, unless this has stopped by then.
  void post(std::function<void()> task);

  Loop& loop_;
  Log& log_;
  Timing timing_;
  std::uint32_t counter_max_;
  PutBack put_back_;
  bool listens_everywhere_;
  MemberMetrics metrics_;
  std::unique_ptr<Work> work_;
  std::unique_ptr<Office> office_;
  ServerId leader_{-1};
  ServingRole role_ = ServingRole::none;
  std::optional<std::string> leaving_;  ///< Why the office ends, as soon as the event at hand is over.
  MonoTime looking_since_{}, away_since_{};  ///< Of looking, and of not serving.
  bool looking_ = false, log_full_ = false, dead_ = false;
  /// What the disk held may be less than what was promised; until a leader has brought it up to date.
  bool damaged_ = false;
  std::deque<std::pair<SessionId, std::int32_t>> syncs_;  ///< Not answered yet.
  MonoTime confirmed_{};  ///< By the last office.
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace vivarium::zab
