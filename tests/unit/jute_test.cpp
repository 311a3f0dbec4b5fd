// Jute with records and without, and the check of paths that takes eight characters at once.
#include <catch2/catch.hpp>

#include "kernel/core/paths.hpp"

#include <vivarium/jute.hpp>

using namespace vivarium;

TEST_CASE("values are written alike with an archive and without") {
  std::string with, without;
  const auto bytes = std::string_view("bytes");
  const std::optional<std::string_view> null, there(bytes);
  JuteOut archive(with);
  archive(true, std::int32_t{-2}, std::int64_t{1} << 40, bytes, null, there);
  append_jute(without, true, std::int32_t{-2}, std::int64_t{1} << 40, bytes, null, there);
  CHECK(with == without);
  JuteReader in(without);
  CHECK(in.take<std::int8_t>() == 1);
  CHECK(in.take<std::int32_t>() == -2);
  CHECK(in.take<std::int64_t>() == std::int64_t{1} << 40);
  CHECK(in.take_bytes() == bytes);
  CHECK(in.take_bytes() == null);
  CHECK(in.take_bytes() == there);
  CHECK(in.ok());
  CHECK(in.rest().empty());
}

TEST_CASE("an archive that is seated anew forgets what was wrong before") {
  JuteIn in(std::string_view("\0\0", 2));
  std::int32_t value = 7;
  in(value);
  CHECK_FALSE(in.ok());
  in.seat(std::string_view("\0\0\0\1", 4));
  in(value);
  CHECK(in.ok());
  CHECK(value == 1);
}

TEST_CASE("a character that no path may have is found wherever it stands") {
  const std::string plain = "/abcdefg hij-klmno_pqrst~uvwxyz";
  REQUIRE(paths::valid(plain));
  for (std::size_t at = 1; at < plain.size(); ++at) {
    CAPTURE(at);
    for (const char bad : {'\0', '\x01', '\x1f', '\x7f', '\xff'}) {
      auto path = plain;
      path[at] = bad;
      CHECK_FALSE(paths::valid(path));
    }
    auto path = plain;
    path.replace(at, 1, "\xC3\xA4");  // ä
    CHECK(paths::valid(path));
  }
}
