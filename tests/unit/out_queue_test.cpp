// What is queued for a peer who reads slowly.
#include "transports/stream/out_queue.hpp"

#include <array>
#include <random>
#include <string>

#include <catch2/catch.hpp>

using namespace vivarium;

namespace {

std::string all_of(const OutQueue& queue) {
  std::string bytes(queue.bytes(), '\0');
  CHECK(queue.copy(bytes) == bytes.size());
  return bytes;
}

std::string in_pieces(const OutQueue& queue) {
  std::vector<std::string_view> pieces(queue.piece_count());
  CHECK(queue.pieces(pieces) == pieces.size());
  std::string bytes;
  for (const auto piece : pieces) bytes += piece;
  return bytes;
}

}  // namespace

TEST_CASE("bytes leave as they came, whatever the sizes of pieces and of what is sent") {
  std::mt19937 random(1);
  const auto up_to = [&random](std::size_t most) { return random() % (most + 1); };
  OutQueue queue;
  std::string expected;
  for (int turn = 0; turn < 20'000; ++turn) {
    const auto most = turn % 7 == 0 ? 9'000 : 300;
    if (up_to(2) > 0) {
      std::string piece(1 + up_to(most), '\0');
      for (auto& c : piece) c = static_cast<char>(random());
      expected += piece;
      queue.push(SharedBytes(std::move(piece)));
    } else if (!queue.empty()) {
      const auto sent = 1 + up_to(std::min<std::size_t>(queue.bytes(), 1'500) - 1);
      expected.erase(0, sent);
      queue.drop(sent);
    }
    if (turn % 100 == 0) {
      REQUIRE(queue.bytes() == expected.size());
      REQUIRE(all_of(queue) == expected);
      REQUIRE(in_pieces(queue) == expected);
      if (turn % 3'000 == 0) queue.clear(), expected.clear();
    }
  }
}

TEST_CASE("small pieces that nobody reads are kept together") {
  OutQueue queue;
  for (int i = 0; i < 100'000; ++i) queue.push(SharedBytes::copy_of("twenty bytes of reply"));
  CHECK(queue.bytes() == 2'100'000);
  CHECK(queue.piece_count() < 1'000);
}

TEST_CASE("pieces that are not small are never copied") {
  OutQueue queue;
  const auto big = SharedBytes::copy_of(std::string(10'000, 'x'));
  for (int i = 0; i < 100; ++i) queue.push(big);
  std::array<std::string_view, 100> pieces;
  REQUIRE(queue.pieces(pieces) == 100);
  for (const auto piece : pieces) CHECK(piece.data() == big.view().data());
}
