// Epochs: the two promises of a server, in Java's files and in a copy of ours, in every order and
// every state of damage.
#include "tests/support/file_bench.hpp"

#include "storage/file/epochs.hpp"

#include <catch2/catch.hpp>

#include <cctype>
#include <optional>
#include <string>

using namespace vivarium;
using namespace vivarium::test;

namespace {

using Bench = FileBench;
const std::string kAccepted = Bench::kData + "acceptedEpoch";
const std::string kCurrent = Bench::kData + "currentEpoch";
const std::string kCopy = Bench::kOwn + "epochs";

/// A directory of a Java server whose history ends in this epoch.
void put_history(Bench& bench, std::int64_t epoch) {
  bench.put_file(Bench::kData + "log.1", Bench::log_of(Zxid{1}, Zxid{1}));
  const Zxid last = Zxid::of(Epoch{epoch}, 1);
  if (epoch > 0)
    bench.put_file(Bench::kData + "log." + file::text_of(last).substr(2),
                   Bench::log_of(last, last));
}

std::string text_of(std::optional<Epoch> epoch) {
  return epoch ? std::to_string(epoch->value) : "-";
}

/// "current accepted", and "no vote" when the server may not.
std::string outcome(const OpenedLog& opened) {
  return text_of(opened.epochs.current) + " " + text_of(opened.epochs.accepted) +
         (opened.may_vote ? "" : " no vote");
}

void check_files(Bench& bench, const OpenedLog& opened) {
  if (opened.epochs.accepted)
    CHECK(bench.bytes_of(kAccepted) == text_of(opened.epochs.accepted));
  if (opened.epochs.current) CHECK(bench.bytes_of(kCurrent) == text_of(opened.epochs.current));
  for (const Damage& damage : opened.damage) CHECK(damage.harmless);
}

/// The first two are what Java's files say, then our copy; "-" is missing, "x" is no number.
struct Row {
  std::string accepted, current, copy_accepted, copy_current;
  std::int64_t history;
  bool foreign_logs;
  std::string wanted;
  const char* why;
};

file::EpochsFound::Number number(const std::string& text) {
  if (text == "-") return {};
  if (text == "x") return {file::FileState::damaged, {}};
  return {file::FileState::whole, Epoch{std::stoll(text)}};
}

std::optional<Epoch> epoch(const std::string& text) {
  return text == "-" ? std::nullopt : std::optional(Epoch{std::stoll(text)});
}

}  // namespace

TEST_CASE("a set epoch lies in Java's file and in the copy", "[epochs]") {
  Bench bench;
  bench.open();
  REQUIRE(bench.set_epoch(EpochKind::accepted, 12).has_value());
  REQUIRE(bench.set_epoch(EpochKind::current, 7).has_value());
  CHECK(bench.bytes_of(kAccepted) == "12");
  CHECK(bench.bytes_of(kCurrent) == "7");
  CHECK_THAT(bench.bytes_of(kCopy),
             Catch::StartsWith("vivarium epochs 1\naccepted 12\ncurrent 7\nvote yes\ncrc32 "));
  CHECK(outcome(bench.reopen()) == "7 12");
}

TEST_CASE("Java's epochs in every order with the history, with and without currentEpoch.tmp",
          "[epochs]") {
  // As digits: epoch of the history, currentEpoch, acceptedEpoch -> current, accepted.
  const std::string rows[] = {
      "111 -> 11", "112 -> 12", "113 -> 13",          //
      "121 -> 22 no vote", "122 -> 22", "123 -> 23",  //
      "131 -> 33 no vote", "132 -> 33 no vote", "133 -> 33",
      // The log is a prefix of an epoch's history that was accepted: usual after a crash.
      "211 -> 22 no vote", "212 -> 22", "213 -> 23",  //
      "221 -> 22 no vote", "222 -> 22", "223 -> 23",  //
      "231 -> 33 no vote", "232 -> 33 no vote", "233 -> 33",
      "311 -> 33 no vote", "312 -> 33 no vote", "313 -> 33",
      "321 -> 33 no vote", "322 -> 33 no vote", "323 -> 33",
      "331 -> 33 no vote", "332 -> 33 no vote", "333 -> 33",
  };
  const std::string tmp = GENERATE(as<std::string>(), "", "1", "2", "3", "x");
  for (const std::string& row : rows) {
    CAPTURE(row, tmp);
    Bench bench;
    put_history(bench, row[0] - '0');
    bench.put_file(kCurrent, row.substr(1, 1));
    bench.put_file(kAccepted, row.substr(2, 1));
    if (!tmp.empty()) bench.put_file(kCurrent + ".tmp", tmp);
    const OpenedLog opened = bench.open();
    const std::string wanted = row.substr(7, 1) + " " + row.substr(8);
    CHECK(outcome(opened) == wanted);
    check_files(bench, opened);
    // It stays so.
    CHECK(outcome(bench.reopen()) == wanted);
  }
}

TEST_CASE("what of Java's files and our copy counts", "[epochs]") {
  const Row rows[] = {
      // accepted, current, copy of both, history, foreign logs
      {"5", "4", "5", "4", 4, false, "4 5", "all agree"},
      {"5", "5", "6", "5", 5, false, "5 6", "a crash between the two files"},
      {"3", "4", "5", "4", 4, false, "4 5", "an accepted epoch that was lowered"},
      {"5", "2", "5", "4", 4, false, "4 5", "a current epoch that was lowered"},
      {"-", "4", "5", "4", 4, false, "4 5", "acceptedEpoch lost"},
      {"x", "4", "5", "4", 4, false, "4 5", "acceptedEpoch damaged"},
      {"5", "-", "5", "4", 4, false, "4 5", "currentEpoch lost"},
      {"5", "x", "5", "4", 4, false, "4 5", "currentEpoch damaged"},
      {"-", "-", "5", "4", 4, false, "4 5", "both of Java's lost"},
      {"7", "7", "5", "4", 4, false, "7 7", "a Java server joined a newer leader"},
      {"7", "4", "5", "4", 4, false, "4 7", "a Java server promised, and got no further"},
      {"5", "5", "5", "4", 5, true, "5 5", "a Java server joined the leader that we accepted"},
      {"5", "5", "5", "4", 4, false, "5 5 no vote", "the same without a trace, or a changed byte"},
      {"6", "5", "6", "4", 4, false, "4 6", "no server sets that: a changed byte"},
      {"5", "9", "5", "4", 4, false, "4 5", "above what was accepted: a changed byte"},
      {"5", "9", "5", "4", 4, true, "4 5", "the same after a Java server"},
      {"7", "-", "5", "4", 4, false, "4 7 no vote", "a Java server may have raised what is lost"},
      {"x", "7", "5", "4", 4, false, "7 7 no vote", "and here it did, and promised who knows what"},
      {"-", "-", "-", "-", 0, false, "- -", "no ensemble so far"},
      {"1", "-", "1", "-", 0, false, "- 1", "promised for the first time"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    file::EpochsFound found;
    found.accepted = number(row.accepted);
    found.current = number(row.current);
    found.copy = file::FileState::whole;
    found.ours = {epoch(row.copy_accepted), epoch(row.copy_current)};
    found.claimed = true;
    const auto decided =
        file::decide_epochs(found, {Zxid::of(Epoch{row.history}, 1), row.foreign_logs});
    OpenedLog opened;
    opened.epochs = decided.epochs;
    opened.may_vote = decided.may_vote;
    CHECK(outcome(opened) == row.wanted);
    // No promise goes down, whatever is lost.
    if (found.ours.accepted) CHECK(decided.epochs.accepted >= found.ours.accepted);
    if (found.ours.current) CHECK(decided.epochs.current >= found.ours.current);
  }
}

TEST_CASE("without our copy a lost epoch keeps a server from voting", "[epochs]") {
  // acceptedEpoch, currentEpoch; the history is in epoch 4.
  const auto [accepted, current, wanted] = GENERATE(table<std::string, std::string, std::string>({
      {"5", "4", "4 5"},
      {"-", "-", "4 4 no vote"},
      {"x", "x", "4 4 no vote"},
      {"5", "-", "4 5 no vote"},
      {"5", "x", "4 5 no vote"},
      {"4", "-", "4 4"},  // Between the history's epoch and the accepted one there is nothing.
      {"-", "5", "5 5 no vote"},
      {"x", "5", "5 5 no vote"},
      {"4", "5", "5 5 no vote"},
  }));
  const bool damaged = GENERATE(false, true);
  CAPTURE(accepted, current, damaged);
  Bench bench;
  bench.open();
  bench.close();
  put_history(bench, 4);
  damaged ? bench.put_file(kCopy, "scratched") : bench.remove(kCopy);
  if (accepted != "-") bench.put_file(kAccepted, accepted);
  if (current != "-") bench.put_file(kCurrent, current);
  const OpenedLog opened = bench.open();
  CHECK(outcome(opened) == wanted);
  CHECK_FALSE(opened.damage.empty());
  check_files(bench, opened);

  // Until a leader has brought it up to date: then it has a current epoch again.
  CHECK(outcome(bench.reopen()) == wanted);
  REQUIRE(bench.set_epoch(EpochKind::accepted, 9).has_value());
  CHECK(bench.reopen().may_vote == opened.may_vote);
  REQUIRE(bench.set_epoch(EpochKind::current, 9).has_value());
  CHECK(outcome(bench.reopen()) == "9 9");
  CHECK(bench.reopen().damage.empty());
}

TEST_CASE("a server that never was in an ensemble has no epochs, and may vote when it joins one",
          "[epochs]") {
  Bench bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{3});
  const OpenedLog opened = bench.reopen();
  CHECK(outcome(opened) == "- -");
  CHECK(opened.damage.empty());
  CHECK(bench.names(Bench::kData) == std::vector<std::string>{"log.1"});
}

TEST_CASE("a Java member's history without its epochs keeps a server from voting", "[epochs]") {
  Bench bench;
  put_history(bench, 5);
  const OpenedLog opened = bench.open();
  CHECK(outcome(opened) == "5 5 no vote");
  REQUIRE(opened.damage.size() == 2);
  CHECK_THAT(opened.damage[0].message, Catch::Contains("both epochs are missing"));
  check_files(bench, opened);
  CHECK(outcome(bench.reopen()) == "5 5 no vote");
  REQUIRE(bench.set_epoch(EpochKind::accepted, 6).has_value());
  REQUIRE(bench.set_epoch(EpochKind::current, 6).has_value());
  CHECK(outcome(bench.reopen()) == "6 6");
}

TEST_CASE("what a Java server raised is still believed after a crash in the middle of the repair",
          "[epochs]") {
  for (std::uint64_t operation = 1;; ++operation) {
    CAPTURE(operation);
    Bench bench;
    bench.open();
    bench.append(Zxid{1}, Zxid{3});
    REQUIRE(bench.set_epoch(EpochKind::accepted, 5).has_value());
    bench.close();
    // A Java server: it joined the leader of epoch 5, and logged.
    const Zxid first = Zxid::of(Epoch{5}, 1);
    bench.put_file(Bench::kData + "log.500000001", Bench::log_of(first, first));
    bench.put_file(kCurrent, "5");
    auto& files = bench.disk->files();
    files.crash_at(files.operations() + operation, CrashLoss::everything);
    bench.make();
    bool open = false;
    bench.store->open(bench.events, [&](Result<OpenedLog>) { open = true; });
    bench.doors.run_until([&] { return open || files.down(); });
    bench.store.reset();
    const bool crashed = files.down();
    if (!crashed) files.crash(CrashLoss::everything);
    files.restart();
    CHECK(outcome(bench.open()) == "5 5");
    if (!crashed) break;
  }
}
