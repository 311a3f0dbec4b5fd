// Any bytes on a client port, cut into frames: whatever arrives together, and however much of it
// the handler takes, the frames are those of the stream.
//
// An input says how it is cut (kFraming), how it arrives and is taken (a seed), and is the stream
// then.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <vivarium/assert.hpp>
#include <vivarium/frame_cutter.hpp>

#include "tests/fuzz/choices.hpp"
#include "tests/fuzz/memory_gauge.hpp"
#include "tests/fuzz/mutation.hpp"
#include "tests/fuzz/target.hpp"

using namespace vivarium;
using namespace vivarium::fuzz;

namespace {

constexpr std::uint32_t kWord = 0x72756f6b;  // "ruok"
constexpr std::array<std::uint32_t, 6> kLimits = {0, 8, 100, 8192, 1048575, 0xffffffff};
constexpr std::size_t kNever = SIZE_MAX;

struct Plan {
  Framing first;
  std::uint32_t limit_later = 0;  ///< In force from the frame of this number on.
  std::size_t frames_before = kNever;
  unsigned seed = 0;
};

Plan plan_of(Choices& choices) {
  Plan plan;
  constexpr std::array kKinds = {Framing::Kind::length_prefixed, Framing::Kind::length_prefixed,
                                 Framing::Kind::raw, Framing::Kind::stream};
  const auto kind = choices.below(2 * kKinds.size());
  plan.first.kind = kKinds[kind / 2];
  if (kind % 2 == 1) plan.first.first_words = {0x73727672, kWord};
  plan.first.frame_bytes_max = choices.one_of(kLimits);
  const auto later = choices.byte();
  if (later % 2 == 1) {
    plan.limit_later = kLimits[later / 2 % kLimits.size()];
    plan.frames_before = 1 + later / 16;
  }
  plan.seed = choices.byte();
  return plan;
}

/// What came out of a stream.
struct Outcome {
  std::vector<std::string> frames;
  std::optional<std::uint32_t> word, refused;
  std::string raw;  ///< Behind a first word, or of a stream without frames.
  bool operator==(const Outcome&) const = default;
};

std::uint32_t number_at(std::string_view bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
  return number;
}

/// By the words of Framing, on the whole stream.
Outcome expected_of(const Plan& plan, std::string_view stream) {
  Outcome outcome;
  const auto& words = plan.first.first_words;
  if (plan.first.kind != Framing::Kind::length_prefixed) {
    outcome.raw = stream;
    return outcome;
  }
  for (bool at_start = true; stream.size() >= 4; at_start = false) {
    const auto number = number_at(stream);
    stream.remove_prefix(4);
    if (at_start && std::find(words.begin(), words.end(), number) != words.end()) {
      outcome.word = number;
      outcome.raw = stream;
      return outcome;
    }
    const bool later = outcome.frames.size() >= plan.frames_before;
    const auto limit = later ? plan.limit_later : plan.first.frame_bytes_max;
    if (number > limit || number > INT32_MAX) {
      outcome.refused = number;
      return outcome;
    }
    if (stream.size() < number) break;
    outcome.frames.emplace_back(stream.substr(0, number));
    stream.remove_prefix(number);
  }
  return outcome;
}

/// A channel with a handler that takes what it likes.
class Cutting {
 public:
  explicit Cutting(const Plan& plan)
      : plan_(plan), chance_(plan.seed), cutter_(arena_, plan.first) {}

  /// All frames and words of the stream, as they come.
  const Outcome& cut(std::string_view stream) {
    stream_ = stream;
    for (;;) {
      const bool arrives = !paused_ && !stream.empty();
      if (arrives) arrive(stream);
      paused_ = false;
      deliver();
      check_memory();
      if (outcome_.refused || (!paused_ && stream.empty())) return outcome_;
    }
  }

 private:
  void arrive(std::string_view& stream) {
    const auto room = cutter_.room();
    VIVARIUM_ASSERT(!room.empty(), "no room for what arrives");
    const auto wanted = chance_() % 4 == 0 ? stream.size() : 1 + chance_() % 600;
    const auto bytes = std::min({room.size(), stream.size(), std::size_t{wanted}});
    std::memcpy(room.data(), stream.data(), bytes);
    cutter_.arrived(bytes);
    stream.remove_prefix(bytes);
  }

  void deliver() {
    for (;;) {
      const auto found = cutter_.cut();
      if (found == Cut::nothing) break;
      if (found == Cut::too_long) {
        outcome_.refused = cutter_.refused_length();
        break;
      }
      if (found == Cut::first_word) {
        outcome_.word = cutter_.first_word();
        continue;
      }
      if (!hand_over()) {
        paused_ = true;
        break;
      }
    }
    cutter_.leave_arena();
  }

  bool hand_over() {
    const auto frames = cutter_.frames();
    VIVARIUM_ASSERT(!frames.empty(), "a batch of nothing");
    if (outcome_.word || plan_.first.kind == Framing::Kind::raw) return take_raw(frames);
    if (plan_.first.kind == Framing::Kind::stream) return take_stream(frames);
    auto count = chance_() % 3 == 0 ? chance_() % (frames.size() + 1) : frames.size();
    const auto until_change =
        plan_.frames_before - std::min(plan_.frames_before, outcome_.frames.size());
    const bool changes = until_change > 0 && until_change <= count;
    if (changes) count = until_change;
    for (std::size_t i = 0; i < count; ++i) outcome_.frames.emplace_back(frames[i]);
    if (changes) cutter_.set_framing(later());
    return cutter_.take(count);
  }

  bool take_raw(std::span<const std::string_view> frames) {
    const auto count = chance_() % 3 == 0 ? 0 : frames.size();
    for (std::size_t i = 0; i < count; ++i) outcome_.raw += frames[i];
    return cutter_.take(count);
  }

  /// All that arrived and was not taken is offered, every time.
  bool take_stream(std::span<const std::string_view> frames) {
    VIVARIUM_ASSERT(frames.size() == 1 &&
                        stream_.substr(outcome_.raw.size()).starts_with(frames[0]),
                    "a stream offers what does not follow");
    const auto bytes = chance_() % 3 == 0 ? chance_() % (frames[0].size() + 1) : 0;
    outcome_.raw += frames[0].substr(0, bytes);
    return cutter_.take(bytes);
  }

  Framing later() const {
    Framing framing;
    framing.frame_bytes_max = plan_.limit_later;
    return framing;
  }

  void check_memory() const {
    constexpr std::size_t kSmall = 4096;
    VIVARIUM_ASSERT(cutter_.own_capacity() <= std::max(kSmall, 4 * cutter_.held_bytes()),
                    "more memory than what arrived explains");
  }

  const Plan& plan_;
  Chance chance_;
  FrameArena arena_;
  FrameCutter cutter_;
  std::string_view stream_;
  Outcome outcome_;
  bool paused_ = false;
};

void check(const Outcome& found, const Outcome& expected, const Plan& plan) {
  VIVARIUM_ASSERT(found.frames == expected.frames, "other frames");
  VIVARIUM_ASSERT(found.word == expected.word, "another first word");
  if (plan.first.kind == Framing::Kind::stream) {
    // What is refused there depends on how much the handler leaves.
    VIVARIUM_ASSERT(expected.raw.starts_with(found.raw), "other bytes of a stream");
    return;
  }
  VIVARIUM_ASSERT(found.refused == expected.refused, "another length is refused");
  VIVARIUM_ASSERT(found.raw == expected.raw, "other bytes behind the first word");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(text_view(data, size));
  const auto plan = plan_of(choices);
  const auto expected = expected_of(plan, choices.rest());
  const MemoryGauge gauge;
  Cutting cutting(plan);
  const auto& found = cutting.cut(choices.rest());
  gauge.check((std::size_t{128} << 10) + 8 * size + 64 * found.frames.size());
  check(found, expected, plan);
  return 0;
}
