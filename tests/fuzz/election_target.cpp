// Any bytes on the election port: a handshake, then messages in frames, which servers of an
// ensemble say by turns to one that looks.
#include <vivarium/assert.hpp>
#include <vivarium/jute.hpp>

#include "plugins/zab/fast_leader_election.hpp"
#include "plugins/zab/notification.hpp"
#include "tests/fuzz/memory_gauge.hpp"
#include "tests/fuzz/target.hpp"

using namespace vivarium;
using namespace vivarium::fuzz;
using namespace vivarium::zab;

namespace {

constexpr std::size_t kMemoryPerByte = 64;
constexpr std::size_t kMemoryFixed = std::size_t{1} << 18;

constexpr std::string_view kEnsemble =
    "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.4=d:1:2:observer";

/// A handshake that is not complete is waited for; one that is does not depend on what follows.
std::size_t check_handshake(std::string_view stream) {
  const auto whole = read_handshake(stream);
  if (!whole || !*whole) return 0;
  const auto bytes = (*whole)->bytes;
  VIVARIUM_ASSERT(bytes <= stream.size(), "more was taken than there was");
  for (std::size_t size = 0; size <= bytes; ++size) {
    const auto part = read_handshake(stream.substr(0, size));
    VIVARIUM_ASSERT(part && part->has_value() == (size == bytes),
                    "split differently, read differently");
  }
  return bytes;
}

void hear(FastLeaderElection& election, std::string_view message, std::size_t number) {
  const auto notification = decode_notification(message);
  if (!notification) return;
  if (notification->version == Notification::kVersion) {
    const auto again = decode_notification(encode(*notification));
    VIVARIUM_ASSERT(again && *again == *notification, "what was written is not what is read");
  }
  const MonoTime now = Millis(100 * static_cast<std::int64_t>(number));
  election.receive({static_cast<std::int64_t>(number % 5)}, *notification, now);
  election.expire(now);
  for (const auto& letter : election.take().letters)
    VIVARIUM_ASSERT(decode_notification(encode(letter.notification)), "it would not be understood");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto stream = text_view(data, size);
  const MemoryGauge gauge;
  FastLeaderElection election({2});
  Ballot ballot{{5}, {1}, Candidacy::Vote::counts, *Ensemble::parse(kEnsemble), {}};
  if (size % 3 == 0) ballot.vote = Candidacy::Vote::empty;
  election.look(std::move(ballot), MonoTime(0));
  JuteIn in(stream.substr(check_handshake(stream)));
  for (std::size_t number = 0; const auto message = in.take_bytes(); ++number)
    hear(election, *message, number);
  gauge.check(kMemoryFixed + kMemoryPerByte * size);
  return 0;
}
