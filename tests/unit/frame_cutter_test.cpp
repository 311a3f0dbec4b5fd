#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <vivarium/frame_cutter.hpp>

namespace vivarium {
namespace {

std::string prefixed(std::string_view frame) {
  const auto size = static_cast<std::uint32_t>(frame.size());
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift);
  return bytes + std::string(frame);
}

Framing limited(std::uint32_t frame_bytes_max) {
  Framing framing;
  framing.frame_bytes_max = frame_bytes_max;
  return framing;
}

Framing of_kind(Framing::Kind kind) {
  Framing framing;
  framing.kind = kind;
  return framing;
}

/// A cutter with the loop around it that a channel has, and what came out.
struct Cutting {
  explicit Cutting(Framing framing = {}) : cutter(arena, std::move(framing)) {}

  /// Puts as many bytes in as there is room for. Returns how many.
  std::size_t receive(std::string_view bytes) {
    const auto room = cutter.room();
    const auto count = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), count);
    cutter.arrived(count);
    return count;
  }

  void deliver() {
    for (;;) {
      last = cutter.cut();
      if (last == Cut::first_word) words.push_back(cutter.first_word());
      if (last == Cut::nothing || last == Cut::too_long) break;
      if (last == Cut::frames && !hand_over()) break;
    }
    cutter.leave_arena();
  }

  bool hand_over() {
    const auto batch = cutter.frames();
    batches.push_back(batch.size());
    const auto taken = std::min(take_at_most, batch.size());
    for (const auto& frame : batch.first(taken)) frames.emplace_back(frame);
    return cutter.take(taken);
  }

  void feed(std::string_view bytes) {
    while (!bytes.empty()) {
      bytes.remove_prefix(receive(bytes));
      deliver();
    }
  }

  FrameArena arena;
  FrameCutter cutter;
  std::size_t take_at_most = static_cast<std::size_t>(-1);
  Cut last = Cut::nothing;
  std::vector<std::string> frames;
  std::vector<std::size_t> batches;
  std::vector<std::uint32_t> words;
};

using Frames = std::vector<std::string>;

TEST_CASE("frames come out whole wherever the stream is split") {
  const Frames sent{"", "a", std::string(300, 'b'), "", std::string(5000, 'c'), "end"};
  std::string stream;
  for (const auto& frame : sent) stream += prefixed(frame);
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    Cutting cutting;
    cutting.feed(std::string_view(stream).substr(0, split));
    cutting.feed(std::string_view(stream).substr(split));
    REQUIRE(cutting.frames == sent);
    REQUIRE(cutting.cutter.held_bytes() == 0);
  }
}

TEST_CASE("frames come out whole when single bytes arrive") {
  const std::string stream = prefixed("one") + prefixed("") + prefixed(std::string(9000, 'x'));
  Cutting cutting;
  for (const char byte : stream) cutting.feed({&byte, 1});
  CHECK(cutting.frames == Frames{"one", "", std::string(9000, 'x')});
}

TEST_CASE(
    "one receive of 256 frames is one batch of views into the arena, without memory of its own") {
  std::string stream;
  for (int i = 0; i < 256; ++i) stream += prefixed(std::string(200, 'r'));
  Cutting cutting;
  const auto room = cutting.cutter.room();
  REQUIRE(room.size() >= stream.size());
  std::memcpy(room.data(), stream.data(), stream.size());
  cutting.cutter.arrived(stream.size());
  REQUIRE(cutting.cutter.cut() == Cut::frames);
  REQUIRE(cutting.cutter.frames().size() == 256);
  for (std::size_t i = 0; i < 256; ++i)
    CHECK(cutting.cutter.frames()[i].data() == room.data() + i * 204 + 4);
  CHECK(cutting.cutter.take(256));
  cutting.cutter.leave_arena();
  CHECK(cutting.cutter.own_capacity() == 0);
}

TEST_CASE("any mixture of arrivals and takes gives the frames of the stream") {
  std::mt19937 random(GENERATE(range(0u, 50u)));
  const auto up_to = [&](std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most)(random);
  };
  Frames sent;
  std::string stream;
  for (int i = 0; i < 300; ++i) {
    const auto size = up_to(20) == 0 ? up_to(200'000) : up_to(up_to(2) == 0 ? 5'000 : 50);
    sent.push_back(std::string(size, static_cast<char>('a' + i % 26)));
    stream += prefixed(sent.back());
  }
  Cutting cutting;
  std::string_view left = stream;
  while (!left.empty() || cutting.cutter.held_bytes() > 0) {
    cutting.take_at_most = up_to(3) == 0 ? up_to(5) : FrameArena::kFramesMax;
    const auto piece = left.substr(0, up_to(up_to(1) == 0 ? 100'000 : 500));
    left.remove_prefix(cutting.receive(piece));
    cutting.deliver();
    REQUIRE(cutting.cutter.own_capacity() <=
            std::max(FrameArena::kRestBytesMax, 4 * cutting.cutter.held_bytes()));
  }
  CHECK(cutting.frames == sent);
}

TEST_CASE("more frames than a batch holds come in several, in order") {
  std::string stream;
  Frames sent;
  for (std::size_t i = 0; i < 2 * FrameArena::kFramesMax + 1; ++i)
    stream += prefixed(sent.emplace_back(std::to_string(i)));
  Cutting cutting;
  cutting.feed(stream);
  CHECK(cutting.frames == sent);
  CHECK(cutting.batches ==
        std::vector<std::size_t>{FrameArena::kFramesMax, FrameArena::kFramesMax, 1});
}

TEST_CASE("frames that are not taken come again, and first") {
  Cutting cutting;
  cutting.take_at_most = 1;
  cutting.feed(prefixed("one") + prefixed("two") + prefixed("three"));
  CHECK(cutting.frames == Frames{"one"});
  cutting.deliver();
  CHECK(cutting.frames == Frames{"one", "two"});
  cutting.take_at_most = 0;
  cutting.deliver();
  CHECK(cutting.frames.size() == 2);
  cutting.take_at_most = 9;
  cutting.feed(prefixed("four"));
  CHECK(cutting.frames == Frames{"one", "two", "three", "four"});
}

TEST_CASE("a frame at the limit passes and one above it is refused before memory is had for it") {
  Cutting cutting(limited(1000));
  cutting.feed(prefixed(std::string(1000, 'x')));
  CHECK(cutting.frames.size() == 1);
  cutting.feed(prefixed("fits") + prefixed(std::string(1001, 'x')).substr(0, 4));
  CHECK(cutting.frames.back() == "fits");
  CHECK(cutting.last == Cut::too_long);
  CHECK(cutting.cutter.refused_length() == 1001);
  CHECK(cutting.cutter.own_capacity() <= FrameArena::kRestBytesMax);
}

TEST_CASE("a negative length is refused under any limit") {
  Cutting cutting(limited(0xffffffff));
  cutting.feed("\xff\xff\xff\xff");
  CHECK(cutting.last == Cut::too_long);
}

TEST_CASE("memory grows with what arrived, not with the length that was promised") {
  Cutting cutting(limited(0x7fffffff));
  cutting.feed(std::string("\x40\x00\x00\x00", 4) + std::string(100'000, 'x'));
  CHECK(cutting.last == Cut::nothing);
  CHECK(cutting.cutter.held_bytes() == 100'004);
  CHECK(cutting.cutter.own_capacity() <= 4 * 100'004);
}

TEST_CASE("memory that a large frame needed is given back") {
  const std::string large(1'000'000, 'x');
  Cutting cutting;
  cutting.feed(prefixed(large));
  CHECK(cutting.frames == Frames{large});
  CHECK(cutting.cutter.own_capacity() == 0);

  SECTION("also when the next frame has begun") {
    cutting.feed(prefixed(large) + std::string(2, '\0'));
    CHECK(cutting.cutter.held_bytes() == 2);
    CHECK(cutting.cutter.own_capacity() <= FrameArena::kRestBytesMax);
  }
}

TEST_CASE("a first word is told apart from a length, once, and makes the stream raw") {
  auto framing = limited(1000);
  framing.first_words = {0x72756f6b, 0xfff4fffd};  // "ruok", telnet's break

  SECTION("in one piece with what follows") {
    Cutting cutting(framing);
    cutting.feed("ruok\n");
    CHECK(cutting.words == std::vector<std::uint32_t>{0x72756f6b});
    CHECK(cutting.frames == Frames{"\n"});
  }
  SECTION("byte by byte") {
    Cutting cutting(framing);
    for (const char byte : std::string("\xff\xf4\xff\xfdrest")) cutting.feed({&byte, 1});
    CHECK(cutting.words == std::vector<std::uint32_t>{0xfff4fffd});
    CHECK(cutting.frames == Frames{"r", "e", "s", "t"});
  }
  SECTION("not after a frame") {
    Cutting cutting(framing);
    cutting.feed(prefixed("hello") + "ruok");
    CHECK(cutting.words.empty());
    CHECK(cutting.frames == Frames{"hello"});
    CHECK(cutting.last == Cut::too_long);
  }
}

TEST_CASE("raw frames are the runs of bytes as they arrived") {
  Cutting cutting(of_kind(Framing::Kind::raw));
  cutting.feed("one");
  cutting.feed("two");
  CHECK(cutting.frames == Frames{"one", "two"});
  cutting.take_at_most = 0;
  cutting.feed("three");
  cutting.take_at_most = 1;
  cutting.feed("four");
  CHECK(cutting.frames.back() == "threefour");
}

/// Takes whole letters of an alphabet of pairs: "a1b2c" leaves "c" for later.
std::size_t take_pairs(FrameCutter& cutter, std::vector<std::string>& seen) {
  const auto bytes = cutter.frames().front();
  seen.emplace_back(bytes);
  return bytes.size() / 2 * 2;
}

TEST_CASE("stream frames carry on from the byte where the handler stopped") {
  Cutting cutting(of_kind(Framing::Kind::stream));
  auto& cutter = cutting.cutter;
  Frames seen;
  for (const auto* piece : {"a1b2c", "3d", "4"}) {
    cutting.receive(piece);
    while (cutter.cut() == Cut::frames) CHECK(cutter.take(take_pairs(cutter, seen)));
    cutter.leave_arena();
  }
  CHECK(seen == Frames{"a1b2c", "c3d", "d4"});
  CHECK(cutter.held_bytes() == 0);
}

TEST_CASE("a stream handler that never takes is stopped at the limit") {
  Framing framing = of_kind(Framing::Kind::stream);
  framing.frame_bytes_max = 10'000;
  Cutting cutting(framing);
  cutting.take_at_most = 0;
  cutting.feed(std::string(9'999, 'x'));
  CHECK(cutting.last == Cut::nothing);
  cutting.feed("x");
  CHECK(cutting.last == Cut::nothing);
  cutting.feed("x");
  CHECK(cutting.last == Cut::too_long);
}

TEST_CASE("a new framing holds from the first byte that was not taken") {
  Cutting cutting(of_kind(Framing::Kind::stream));
  auto& cutter = cutting.cutter;
  cutting.receive("hello" + prefixed("one") + prefixed("two"));
  REQUIRE(cutter.cut() == Cut::frames);
  cutter.set_framing(Framing{});
  CHECK(cutter.take(5));
  cutting.deliver();
  CHECK(cutting.frames == Frames{"one", "two"});

  SECTION("and frames that were cut under the old one stay countable") {
    cutting.receive(prefixed("three") + prefixed("four"));
    REQUIRE(cutter.cut() == Cut::frames);
    cutter.set_framing(of_kind(Framing::Kind::raw));
    CHECK_FALSE(cutter.take(1));
    cutting.deliver();
    CHECK(cutting.frames.back() == prefixed("four"));
  }
}

}  // namespace
}  // namespace vivarium
