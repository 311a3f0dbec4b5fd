// A whole server core and two clients: an input is a program of what they do. After each step the
// server is held to what clients may rely on (conversation.hpp) and its state to what its log means
// (history_model.hpp); at the end nothing may be left of the clients, and the log and a snapshot
// give the same state.
//
// A step is a byte and what its kind reads behind it: the low half is the kind (Play::act), then
// a bit each for the client, for going on without waiting, and two for sending in halves.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <vivarium/assert.hpp>

#include "kernel/core/database.hpp"
#include "tests/fuzz/choices.hpp"
#include "tests/fuzz/client_requests.hpp"
#include "tests/fuzz/conversation.hpp"
#include "tests/fuzz/history_model.hpp"
#include "tests/fuzz/memory_gauge.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/fuzz/tree_text.hpp"
#include "tests/support/test_server.hpp"

using namespace vivarium;
using namespace vivarium::fuzz;

namespace {

constexpr std::uint16_t kPort = 2181;
constexpr std::size_t kStepsMax = 400;
constexpr std::size_t kSessionsMax = 4;
/// The server's queue for a client that does not read, and one reply over it.
constexpr std::size_t kMemoryFixed = std::size_t{3} << 20;
constexpr std::size_t kMemoryPerByte = 64;

ServerSettings settings_of(std::uint8_t choice) {
  auto settings = test::TestServer::defaults();
  settings.enforce_quota = choice & 1;
  settings.skip_acl = choice & 2;
  settings.extended_types = !(choice & 4);
  if (choice & 8) settings.frame_bytes_max = 1000;
  if (choice & 16) settings.outstanding_limit = 2;
  settings.digest_enabled = !(choice & 32);
  if (choice & 64) settings.max_client_connections_per_address = 1;
  settings.container_check_ms = 4000;
  return settings;
}

class Play {
 public:
  explicit Play(std::uint8_t settings)
      : settings_(settings_of(settings)), server_(settings_), history_(server_.server.view()) {
    server_.host.fake_log.least = LogLevel::error;
  }

  /// False at the end of the program.
  bool step(Choices& choices) {
    if (choices.done()) return false;
    const auto byte = choices.byte();
    auto& link = links_[(byte >> 4) & 1];
    if (link)
      link->set_sending(byte >> 6 == 1 ? Conversation::Sending::halves
                                       : Conversation::Sending::whole);
    act(byte & 15, link, choices);
    if (!(byte & 32)) settle();
    return true;
  }

  /// All leave, and their sessions end.
  void end() {
    settle();
    for (auto& link : links_) hang_up(link);
    pass(std::chrono::minutes(2));
    settle();
    VIVARIUM_ASSERT(history_.sessions().empty(), "a session without a client does not end");
    for (const char* gauge : {"num_alive_connections", "outstanding_requests", "watch_count",
                              "ephemerals_count", "global_sessions"})
      VIVARIUM_ASSERT(value_of(gauge) == 0, std::string(gauge) + " is not 0 at the end");
    history_.check_all(server_.server.view());
    check_log_and_snapshot();
  }

  /// What the clients sent, and what they and the loop were given.
  std::size_t bytes() const {
    std::size_t sum = past_bytes_;
    for (const auto& link : links_) sum += link ? bytes_of(*link) : 0;
    return sum;
  }

 private:
  using Link = std::unique_ptr<Conversation>;

  void act(int kind, Link& link, Choices& choices) {
    switch (kind) {
    case 8: return connect(link, choices);
    case 9: return ask(link, any_bytes_as_request(choices), choices);
    case 10: {
      const auto size = choices.byte();
      return link ? link->send_raw(choices.bytes(size)) : void();
    }
    case 11: return hang_up(link);
    case 12: return pass(one_of_times(choices));
    case 13: return link ? link->client().read(choices.byte() % 2 == 0) : void();
    case 14: return say_word(link, choices);
    case 15: return set_clock(choices);
    default: return ask(link, some_request(choices), choices);
    }
  }

  void ask(Link& link, const ClientRequest& request, Choices& choices) {
    if (!link) open(link), greet_anew(*link, 10'000);
    auto xid = ++last_xid_;
    // Reconnecting clients use numbers below 0; 0 is the server's own.
    constexpr std::array kOddXids = {-2, -8, INT32_MIN, -3};
    if (choices.byte() > 250) xid = kOddXids[static_cast<std::size_t>(xid) % kOddXids.size()];
    link->ask(request, xid);
  }

  void open(Link& link) {
    hang_up(link);
    link = std::make_unique<Conversation>(server_.transport, kPort);
  }

  void greet_anew(Conversation& link, std::int32_t timeout_ms) {
    Greeting greeting;
    greeting.key.password = std::string(16, '\0');
    greeting.timeout_ms = timeout_ms;
    link.greet(greeting);
  }

  void connect(Link& link, Choices& choices) {
    constexpr std::array<std::int32_t, 8> kTimeouts = {10'000, 4000,      40'000,    0,
                                                       -1,     INT32_MAX, INT32_MIN, 6000};
    open(link);
    const auto how = choices.byte();
    const auto timeout_ms = choices.one_of(kTimeouts);
    if (how % 4 == 0 || sessions_.empty()) return greet_anew(*link, timeout_ms);
    Greeting greeting;
    greeting.key = sessions_[how / 16 % sessions_.size()];
    greeting.right_password = how % 4 != 3;
    greeting.was_alive = history_.sessions().contains(greeting.key.id);
    greeting.timeout_ms = timeout_ms;
    if (how & 4) greeting.last_zxid = history_.last_zxid();
    if ((how & 12) == 12) greeting.last_zxid = INT64_MAX;
    greeting.says_read_only = !(how & 8);
    link->greet(greeting);
  }

  void say_word(Link& link, Choices& choices) {
    constexpr std::array<std::string_view, 20> kWords = {
        "ruok", "srvr", "stat", "cons", "wchs", "wchc", "wchp", "dump", "envi", "conf",
        "mntr", "srst", "crst", "isro", "dirs", "gtmk", "hash", "xxxx", "ruo",  "\xff\xf4\xff\xfd"};
    open(link);
    link->send_raw(choices.one_of(kWords));
  }

  static MonoTime one_of_times(Choices& choices) {
    constexpr std::array kTimesMs = {1, 100, 1000, 2000, 3500, 7000, 15'000, 50'000};
    return Millis(choices.one_of(kTimesMs));
  }

  void set_clock(Choices& choices) {
    constexpr std::array<std::int64_t, 4> kStepsMs = {-3'600'000, -1000, 1000, 3'600'000};
    server_.loop.set_wall_ms(server_.loop.wall_ms() + choices.one_of(kStepsMs));
  }

  void pass(MonoTime time) { server_.loop.run_for(time); }

  static std::size_t bytes_of(Conversation& link) {
    return link.client().sent_bytes + link.client().received_bytes;
  }

  void hang_up(Link& link) {
    if (!link) return;
    link->client().abort();
    server_.loop.run_until([&] { return link->closed(); }, std::chrono::seconds(1));
    VIVARIUM_ASSERT(link->closed(), "a connection does not end");
    read_log();
    if (auto session = link->take_session()) remember(std::move(*session));
    past_bytes_ += bytes_of(*link);
    link.reset();
  }

  void remember(SessionKey session) {
    if (sessions_.size() == kSessionsMax) sessions_.erase(sessions_.begin());
    sessions_.push_back(std::move(session));
  }

  /// All that was asked is done, and all of it is looked at.
  void settle() {
    for (auto& link : links_)
      if (link) link->complete();
    pass(Millis(1));
    VIVARIUM_ASSERT(!server_.fatal, "the server ends: " + server_.fatal->what);
    read_log();
    history_.check_changed(server_.server.view());
    for (auto& link : links_) {
      if (!link) continue;
      link->hear(history_);
      if (auto session = link->take_session()) remember(std::move(*session));
    }
  }

  void read_log() {
    std::optional<LogSlice> slice;
    server_.store.read({history_.last_zxid()}, SIZE_MAX,
                       [&](Result<LogSlice> result) { slice = std::move(result.value()); });
    server_.loop.run_until([&] { return slice.has_value(); });
    for (const auto& entry : slice->entries) {
      if (entry.zxid > server_.server.view().last_applied()) break;
      history_.apply(entry);
      log_.push_back(entry);
    }
  }

  double value_of(std::string_view metric) {
    for (const auto& sample : server_.metrics->samples())
      if (sample.name == metric) return sample.value;
    VIVARIUM_ASSERT(false, "no metric " + std::string(metric));
  }

  void check_log_and_snapshot() {
    const bool extended = settings_.extended_types;
    Database replayed(1);
    replayed.set_extended_types(extended);
    for (const auto& entry : log_) {
      const auto& applied = replayed.apply(entry, nullptr, DigestCheck::compare);
      VIVARIUM_ASSERT(!applied.malformed && !applied.digest_differs, "the log means another state");
    }
    check_consistent(replayed);
    const auto cursor = server_.server.state().snapshot();
    DatabaseLoader loader(1, extended);
    constexpr std::size_t kPieceBytes = 4096;
    for (auto piece = cursor->next(kPieceBytes); !piece.empty(); piece = cursor->next(kPieceBytes))
      loader.feed(piece.view()).value();
    const auto loaded = loader.finish(cursor->zxid()).value();
    check_consistent(*loaded);
    VIVARIUM_ASSERT(text_of(*loaded) == text_of(replayed),
                    "log and snapshot give different states");
    VIVARIUM_ASSERT(server_.server.state().digest() == replayed.tree().digest(), "another digest");
  }

  const ServerSettings settings_;
  test::TestServer server_;
  HistoryModel history_;
  std::vector<LogEntry> log_;
  std::array<Link, 2> links_;
  std::vector<SessionKey> sessions_;
  std::int32_t last_xid_ = 0x5A000000;  ///< Which raw bytes will hardly hit.
  std::size_t past_bytes_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(text_view(data, size));
  Play play(choices.byte());
  const MemoryGauge gauge;
  for (std::size_t steps = 0; steps < kStepsMax && play.step(choices); ++steps) {
  }
  gauge.check(kMemoryFixed + kMemoryPerByte * play.bytes());
  play.end();
  return 0;
}
