// Any bytes on the quorum port: packets one behind another, and what the first one of a learner
// says of it.
#include <string>
#include <vector>

#include <vivarium/assert.hpp>

#include "plugins/zab/quorum_packet.hpp"
#include "tests/fuzz/memory_gauge.hpp"
#include "tests/fuzz/shapes.hpp"
#include "tests/fuzz/target.hpp"

using namespace vivarium;
using namespace vivarium::fuzz;
using namespace vivarium::zab;

namespace {

// An identity of 8 bytes is two strings, in a vector that doubles.
constexpr std::size_t kMemoryPerByte = 24;
constexpr std::size_t kMemoryFixed = 4096;
// Splitting a stream everywhere takes its square.
constexpr std::size_t kSplitBytesMax = 300;

bool equal(const QuorumPacket& a, const QuorumPacket& b) {
  return a.type == b.type && a.zxid == b.zxid && a.data == b.data && a.identities == b.identities;
}

/// Not one byte less makes it whole, or an error.
void check_splits(std::string_view packet) {
  QuorumPacket unused;
  for (std::size_t size = 0; size < packet.size() && size < kSplitBytesMax; ++size) {
    const auto part = take_packet(packet.substr(0, size), unused);
    VIVARIUM_ASSERT(part && *part == 0, "a part of a packet is not waited for");
  }
}

void check_shape(std::string_view bytes, const QuorumPacket& packet) {
  std::string shape = "ilbi";
  for (std::size_t i = 0; i < packet.identities.size(); ++i) shape += "ss";
  const auto expected = read_shape(shape, bytes);
  VIVARIUM_ASSERT(expected && expected->rest.empty(), "the packet ends elsewhere");
}

void check_again(const QuorumPacket& packet) {
  std::string bytes;
  append_packet(bytes, packet.type, packet.zxid, packet.data, packet.identities);
  QuorumPacket again;
  const auto taken = take_packet(bytes, again);
  VIVARIUM_ASSERT(taken && *taken == bytes.size() && equal(packet, again),
                  "what was written is not what is read");
}

void check_data(std::string_view data) {
  const auto info = LearnerInfo::decode(data);
  VIVARIUM_ASSERT(info.has_value() == (data.size() >= 20), "a learner's introduction is misjudged");
  if (info) VIVARIUM_ASSERT(info->encode() == data.substr(0, 20), "it is written differently");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto stream = text_view(data, size);
  for (;;) {
    QuorumPacket packet;
    const MemoryGauge gauge;
    const auto taken = take_packet(stream, packet);
    gauge.check(kMemoryFixed + kMemoryPerByte * size);
    if (!taken || *taken == 0) return 0;
    VIVARIUM_ASSERT(*taken <= stream.size(), "more was taken than there was");
    const auto bytes = stream.substr(0, *taken);
    check_splits(bytes);
    check_shape(bytes, packet);
    check_again(packet);
    if (packet.data) check_data(*packet.data);
    name_of(packet.type);
    stream.remove_prefix(*taken);
  }
}
