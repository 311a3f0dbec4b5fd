// Fast leader election, as scripts against the state machine: each rule of section E.3 of the
// reference, and what Vivarium adds to them.
#include <catch2/catch.hpp>

#include "plugins/zab/fast_leader_election.hpp"

#include <algorithm>
#include <limits>

using namespace vivarium;
using namespace vivarium::zab;
using std::chrono::milliseconds;

namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();

Ensemble ensemble(std::string_view text) {
  auto parsed = Ensemble::parse(text);
  REQUIRE(parsed.has_value());
  return *parsed;
}

std::string members(int count, const std::string& role = "participant", int from = 1) {
  std::string text;
  for (int i = from; i < from + count; ++i)
    text += "server." + std::to_string(i) + "=host" + std::to_string(i) + ":2888:3888:" + role +
            "\n";
  return text;
}

Ballot ballot(std::int64_t epoch, std::int64_t zxid, const std::string& config = members(3)) {
  return {{zxid}, {epoch}, Candidacy::Vote::counts, ensemble(config), ensemble(config)};
}

Ballot ballot_of(Candidacy::Vote vote, const std::string& config = members(3)) {
  auto made = ballot(0, 0, config);
  made.vote = vote;
  return made;
}

/// What a server says: who leads, by which vote, in which round.
Notification says(PeerState state, std::int64_t leader, std::int64_t epoch, std::int64_t zxid,
                  std::int64_t round) {
  return {state, {leader}, {zxid}, round, {epoch}, Notification::kVersion, {}};
}

Notification looking(std::int64_t leader, std::int64_t epoch, std::int64_t zxid,
                     std::int64_t round = 1) {
  return says(PeerState::looking, leader, epoch, zxid, round);
}

Notification following(std::int64_t leader, std::int64_t epoch, std::int64_t round) {
  return says(PeerState::following, leader, epoch, 100, round);
}

Notification leading(std::int64_t leader, std::int64_t epoch, std::int64_t round) {
  return says(PeerState::leading, leader, epoch, 100, round);
}

/// One server and a clock.
struct Server {
  explicit Server(std::int64_t id) : election(ServerId{id}) {}
  Server(std::int64_t id, Ballot ballot) : Server(id) { look(std::move(ballot)); }

  void look(Ballot ballot) {
    election.look(std::move(ballot), now);
    take();
  }
  void hears(std::int64_t from, const Notification& notification) {
    election.receive({from}, notification, now);
    take();
  }
  void reaches(ServerIds connected, ServerIds connecting = {}) {
    election.reach(std::move(connected), std::move(connecting), now);
    take();
  }
  void waits(Millis time) {
    now += time;
    election.expire(now);
    take();
  }
  void take() {
    auto outcome = election.take();
    letters = std::move(outcome.letters);
    if (outcome.leader) leader = outcome.leader->value;
    looks = outcome.looks ? std::optional(outcome.looks->value) : std::nullopt;
  }
  /// The ids of those who were written to by the last event.
  std::vector<std::int64_t> told() const {
    std::vector<std::int64_t> ids;
    for (const auto& letter : letters) ids.push_back(letter.to.value);
    return ids;
  }
  Notification last() const {
    REQUIRE_FALSE(letters.empty());
    return letters.back().notification;
  }
  std::int64_t proposes() const { return election.proposal().leader.value; }

  FastLeaderElection election;
  MonoTime now{milliseconds(1000)};
  std::vector<FastLeaderElection::Letter> letters;
  std::optional<std::int64_t> leader;
  std::optional<std::int64_t> looks;  ///< Who does, by the last event, while this one does not.
};

using Ids = std::vector<std::int64_t>;

}  // namespace

// --- looking -------------------------------------------------------------------------------------

TEST_CASE("who begins to look proposes itself to all other voters in a new round") {
  Server server(2, ballot(3, 30));
  CHECK(server.told() == Ids{1, 3});
  CHECK(server.last() == looking(2, 3, 30, 1));
  server.look(ballot(4, 40));
  CHECK(server.last() == looking(2, 4, 40, 2));
}

TEST_CASE("observers are not told, voters of the ensemble to come are") {
  auto both = ballot(1, 1, members(2) + members(1, "observer", 7));
  both.last_seen = ensemble(members(3) + "version=100000001\n");
  Server server(1, std::move(both));
  CHECK(server.told() == Ids{2, 3});
}

TEST_CASE("votes compare by epoch, then zxid, then id") {
  Server server(2, ballot(3, 30));
  SECTION("a higher epoch wins over a higher zxid") {
    server.hears(1, looking(1, 4, 1));
    CHECK(server.proposes() == 1);
  }
  SECTION("a higher zxid wins over a higher id") {
    server.hears(1, looking(1, 3, 31));
    CHECK(server.proposes() == 1);
  }
  SECTION("a higher id wins among equals") {
    server.hears(3, looking(3, 3, 30));
    CHECK(server.proposes() == 3);
    CHECK(server.told() == Ids{1, 3});
    CHECK(server.last() == looking(3, 3, 30));
  }
  SECTION("a lower one changes nothing and is not answered") {
    server.hears(3, looking(3, 2, 99));
    server.hears(1, looking(1, 3, 30));
    CHECK(server.proposes() == 2);
    CHECK(server.letters.empty());
  }
}

TEST_CASE("a server of no weight never wins") {
  const auto config = members(3) + "group.1=1:2:3\nweight.3=0\n";
  Server server(1, ballot(3, 30, config));
  server.hears(3, looking(3, 9, 99));
  CHECK(server.proposes() == 1);
  server.hears(2, looking(2, 3, 30));
  CHECK(server.proposes() == 2);
}

TEST_CASE("proposals are repeated after 200 ms, then after twice as long, up to a minute") {
  Server server(1, ballot(1, 1));
  Millis wait{200};
  for (int i = 0; i < 12; ++i) {
    server.waits(wait - Millis(1));
    CHECK(server.letters.empty());
    server.waits(Millis(1));
    CHECK(server.told() == Ids{2, 3});
    wait = std::min(wait * 2, Millis(60'000));
  }
  CHECK(wait == Millis(60'000));
}

// --- rounds --------------------------------------------------------------------------------------

TEST_CASE("a higher round is taken over, and what was heard in the lower one is forgotten") {
  Server server(2, ballot(3, 30, members(5)));
  server.hears(3, looking(5, 3, 40, 1));
  CHECK(server.proposes() == 5);
  SECTION("with its vote when that is better than the own first one") {
    server.hears(4, looking(4, 3, 35, 7));
    CHECK(server.last() == looking(4, 3, 35, 7));
  }
  SECTION("otherwise with the own first one, not with what was proposed meanwhile") {
    server.hears(1, looking(1, 3, 20, 7));
    CHECK(server.last() == looking(2, 3, 30, 7));
  }
  CHECK(server.told() == Ids{1, 3, 4, 5});
  // Three of five agree only if votes of the old round counted.
  server.hears(5, looking(server.proposes(), 3, server.proposes() == 4 ? 35 : 30, 7));
  server.waits(Millis(200));
  CHECK(server.leader.has_value() == (server.proposes() == 4));
}

TEST_CASE("after a made-up last round the next one finds its way back") {
  constexpr auto kLast = std::numeric_limits<std::int64_t>::max();
  Server server(2, ballot(3, 30));
  server.hears(3, looking(3, 3, 30, kLast));
  server.look(ballot(3, 30));
  CHECK(server.election.round() == kNever);
  server.hears(3, looking(3, 3, 30, 1));
  CHECK(server.election.round() == 1);
}

TEST_CASE("a lower round is answered with the own proposal, and does not count") {
  Server server(2);
  server.look(ballot(3, 30));
  server.look(ballot(3, 30));
  server.hears(3, looking(3, 9, 99, 1));
  CHECK(server.told() == Ids{3});
  CHECK(server.last() == looking(2, 3, 30, 2));
  CHECK(server.proposes() == 2);
}

TEST_CASE("a round that is about to end is not given up for a higher one with a worse vote") {
  Server server(1, ballot(3, 30));
  server.hears(2, looking(2, 3, 30));
  server.hears(3, looking(3, 1, 1, 5));
  server.waits(Millis(200));
  CHECK(server.leader == 2);
  CHECK(server.election.round() == 1);
}

TEST_CASE("a higher round with a better vote ends one that was about to end") {
  Server server(1, ballot(3, 30));
  server.hears(2, looking(2, 3, 30));
  server.hears(3, looking(3, 4, 1, 5));
  CHECK(server.last() == looking(3, 4, 1, 5));
  server.waits(Millis(200));
  CHECK(server.leader == 3);
}

// --- the end -------------------------------------------------------------------------------------

TEST_CASE("a quorum and 200 ms of silence end the election") {
  Server server(1, ballot(3, 30));
  server.hears(2, looking(2, 3, 30));
  server.waits(Millis(199));
  CHECK_FALSE(server.leader);
  SECTION("silence makes a leader") {
    server.waits(Millis(1));
    CHECK(server.leader == 2);
    CHECK_FALSE(server.election.due());
  }
  SECTION("a better vote resumes the exchange") {
    server.hears(3, looking(3, 3, 30));
    CHECK(server.told() == Ids{2, 3});
    server.waits(Millis(199));
    CHECK_FALSE(server.leader);
    server.waits(Millis(1));
    CHECK(server.leader == 3);
  }
  SECTION("the same vote once more does not prolong it") {
    server.hears(2, looking(2, 3, 30));
    server.waits(Millis(1));
    CHECK(server.leader == 2);
  }
}

TEST_CASE("a server is elected itself when a quorum proposes it") {
  Server server(3, ballot(3, 30));
  server.hears(1, looking(3, 3, 30));
  server.waits(Millis(200));
  CHECK(server.leader == 3);
  server.hears(2, looking(2, 3, 30));
  CHECK(server.last() == says(PeerState::leading, 3, 3, 30, 1));
}

TEST_CASE("who noticed the loss of the leader later is told the vote again, once") {
  Server server(3, ballot(3, 30));
  server.hears(1, following(2, 3, 1));
  CHECK(server.told().empty());
  server.hears(1, looking(1, 3, 30));
  CHECK(server.told() == Ids{1});
  CHECK(server.last() == looking(3, 3, 30));
  server.hears(1, looking(1, 3, 30));
  CHECK(server.told().empty());
}

/// It sends, and hears nothing: elected by everybody, reached by nobody.
TEST_CASE("one that was elected and still says that it looks is not voted for in the next round") {
  Server server(2, ballot(3, 30));
  const auto elect = [&](std::int64_t round) {
    server.leader.reset();
    server.hears(3, looking(3, 3, 30, round));
    server.waits(Millis(200));
  };
  elect(1);
  REQUIRE(server.leader == 3);
  SECTION("for a while") {
    for (int i = 0; i < 2; ++i) server.hears(3, looking(3, 3, 30));
    server.look(ballot(3, 30));
    server.hears(3, looking(3, 3, 30, 2));
    CHECK(server.proposes() == 2);
    SECTION("in which others can be elected") {
      server.hears(1, looking(2, 3, 30, 2));
      server.waits(Millis(200));
      CHECK(server.leader == 2);
    }
    SECTION("and then it is") {
      server.waits(Millis(200));
      server.waits(Millis(400));
      CHECK(server.proposes() == 2);
      server.waits(Millis(800));
      CHECK(server.proposes() == 3);
      server.waits(Millis(200));
      CHECK(server.leader == 3);
    }
    SECTION("but it is followed when a quorum follows it") {
      server.hears(1, following(3, 4, 2));
      server.hears(3, leading(3, 4, 2));
      CHECK(server.leader == 3);
    }
    SECTION("once") {
      server.look(ballot(3, 30));
      elect(3);
      CHECK(server.leader == 3);
    }
  }
  SECTION("unless it said so once, which may have crossed the news") {
    server.hears(3, looking(3, 3, 30));
    server.look(ballot(3, 30));
    elect(2);
    CHECK(server.leader == 3);
  }
  SECTION("unless it looks in another round") {
    for (int i = 0; i < 2; ++i) server.hears(3, looking(3, 3, 30, 7));
    server.look(ballot(3, 30));
    elect(2);
    CHECK(server.leader == 3);
  }
}

/// Its vote comes by way of somebody who hears it.
TEST_CASE("one that is not heard itself is not elected") {
  Server server(2, ballot(3, 30));
  const auto connected = GENERATE(ServerIds{{1}}, ServerIds{{1}, {3}});
  server.reaches(connected);
  server.hears(1, looking(3, 3, 30));
  CHECK(server.proposes() == 3);
  CHECK_FALSE(server.leader);
  server.waits(Millis(200));
  CHECK_FALSE(server.leader);
  CHECK(server.proposes() == 2);
  SECTION("another is") {
    server.hears(1, looking(2, 3, 30));
    server.waits(Millis(200));
    CHECK(server.leader == 2);
  }
  SECTION("until it is heard") {
    server.hears(3, looking(3, 3, 30));
    CHECK(server.proposes() == 3);
    server.waits(Millis(200));
    CHECK(server.leader == 3);
  }
  SECTION("until it leads") {
    server.hears(1, following(3, 4, 1));
    CHECK_FALSE(server.leader);
    server.hears(3, leading(3, 4, 1));
    CHECK(server.leader == 3);
  }
  SECTION("in a new round it has another chance") {
    server.look(ballot(3, 30));
    server.hears(1, looking(3, 3, 30, 2));
    CHECK(server.proposes() == 3);
  }
}

TEST_CASE("one whose connection has ended is passed over at once, whatever it has said before") {
  Server server(2, ballot(3, 30, members(5)));
  server.reaches({{1}, {3}, {5}});
  server.hears(5, looking(5, 3, 30));
  server.hears(1, looking(5, 3, 30));
  CHECK(server.proposes() == 5);
  server.reaches({{1}, {3}});
  CHECK(server.proposes() == 2);
  SECTION("others may be for it as long as they like") {
    server.hears(3, looking(5, 3, 30));
    server.waits(Millis(200));
    CHECK_FALSE(server.leader);
    CHECK(server.proposes() == 2);
  }
  SECTION("when it comes back, it is heard again") {
    server.reaches({{1}, {3}, {5}});
    server.hears(5, looking(5, 3, 30));
    CHECK(server.proposes() == 5);
  }
}

/// It has started again, and joined whom others have elected, while some still heard of it alone.
TEST_CASE("one that follows another is passed over for that one") {
  Server server(1, ballot(3, 30, members(5)));
  server.reaches({{2}, {3}, {4}, {5}});
  server.hears(4, looking(4, 3, 30));
  for (const int other : {2, 3, 5}) server.hears(other, looking(5, 3, 30));
  server.hears(4, says(PeerState::leading, 4, 3, 30, 1));
  CHECK(server.proposes() == 5);
  server.hears(5, says(PeerState::following, 4, 3, 30, 1));
  CHECK(server.proposes() == 4);
  CHECK_FALSE(server.leader);
  for (const int other : {2, 3}) server.hears(other, looking(4, 3, 30));
  CHECK(server.leader == 4);
}

TEST_CASE("who has elected hears of those who look") {
  Server server(2, ballot(3, 30));
  server.reaches({{1}, {3}});
  server.hears(1, looking(3, 3, 30, 5));
  server.hears(3, looking(3, 3, 30, 5));
  REQUIRE(server.leader == 3);
  SECTION("at once in a later round") {
    server.hears(3, looking(3, 3, 30, 6));
    CHECK(server.looks == 3);
    SECTION("and again as long as it does") {
      server.hears(3, looking(1, 3, 30, 6));
      CHECK(server.looks == 3);
    }
  }
  SECTION("at the second time in the same round or an earlier one, in which it may have started again") {
    const auto round = GENERATE(1, 5);
    server.hears(3, looking(3, 3, 30, round));
    CHECK_FALSE(server.looks);
    server.hears(3, looking(3, 3, 30, round));
    CHECK(server.looks == 3);
  }
  SECTION("if they are members") {
    server.hears(7, looking(7, 3, 30, 6));
    CHECK(server.told() == Ids{7});
    CHECK_FALSE(server.looks);
  }
  SECTION("of each for itself") {
    server.hears(1, looking(1, 3, 30, 5));
    server.hears(3, looking(3, 3, 30, 5));
    CHECK_FALSE(server.looks);
    server.hears(1, looking(1, 3, 30, 5));
    CHECK(server.looks == 1);
  }
  SECTION("and what it said before its last election is forgotten") {
    server.hears(3, looking(3, 3, 30, 5));
    server.look(ballot(3, 30));
    server.hears(3, looking(3, 3, 30, 7));
    server.hears(1, looking(3, 3, 30, 7));
    server.hears(3, looking(3, 3, 30, 7));
    CHECK_FALSE(server.looks);
  }
}

TEST_CASE("half of the voters are no quorum") {
  Server server(4, ballot(3, 30, members(4)));
  server.hears(1, looking(4, 3, 30));
  server.waits(Millis(200));
  CHECK_FALSE(server.leader);
  server.hears(2, looking(4, 3, 30));
  server.waits(Millis(200));
  CHECK(server.leader == 4);
}

TEST_CASE("while the ensemble changes, both the old and the new one must agree") {
  auto both = ballot(3, 30, members(3));
  both.last_seen = ensemble(members(3, "participant", 3) + "version=100000001\n");
  Server server(3, std::move(both));
  server.hears(1, looking(3, 3, 30));
  server.waits(Millis(200));
  CHECK_FALSE(server.leader);
  server.hears(5, looking(3, 3, 30));
  server.waits(Millis(200));
  CHECK(server.leader == 3);
}

TEST_CASE("a voter that is alone elects itself at once") {
  Server server(1, ballot(3, 30, members(1)));
  CHECK(server.leader == 1);
}

TEST_CASE("the silence is not waited for once everyone who can be heard has agreed") {
  Server server(1, ballot(3, 30));
  server.reaches({{2}}, {{3}});
  server.hears(2, looking(2, 3, 30));
  SECTION("a server that is being dialled may still say something") {
    CHECK_FALSE(server.leader);
    server.reaches({{2}});
    CHECK(server.leader == 2);
  }
  SECTION("a server that is connected must have agreed") {
    server.reaches({{2}, {3}});
    CHECK_FALSE(server.leader);
    server.hears(3, looking(3, 2, 1));
    CHECK_FALSE(server.leader);
    server.hears(3, looking(2, 3, 30));
    CHECK(server.leader == 2);
  }
  SECTION("nothing ends without a quorum") {
    Server alone(1, ballot(3, 30));
    alone.reaches({});
    CHECK_FALSE(alone.leader);
  }
}

// --- joining -------------------------------------------------------------------------------------

TEST_CASE("a late server joins the leader that a quorum follows, and takes over its round") {
  Server server(1, ballot(9, 999));
  server.hears(2, following(3, 5, 8));
  CHECK_FALSE(server.leader);
  server.hears(3, leading(3, 5, 8));
  CHECK(server.leader == 3);
  CHECK(server.election.round() == 8);
  server.hears(2, looking(2, 1, 1, 9));
  CHECK(server.last() == says(PeerState::following, 3, 5, 100, 8));
}

TEST_CASE("followers alone elect nobody: the leader must say that it leads") {
  Server server(1, ballot(9, 999, members(5)));
  for (const int follower : {2, 3, 4}) server.hears(follower, following(5, 5, 8));
  CHECK_FALSE(server.leader);
  server.hears(5, following(2, 5, 8));
  CHECK_FALSE(server.leader);
  server.hears(5, leading(5, 5, 8));
  CHECK(server.leader == 5);
}

TEST_CASE("in the same round the vote of a server that looks counts with those who follow") {
  Server server(1, ballot(3, 30));
  server.hears(3, looking(3, 3, 40));
  CHECK(server.proposes() == 3);
  server.hears(3, says(PeerState::leading, 3, 3, 40, 1));
  CHECK(server.leader == 3);
}

TEST_CASE("a server is made leader by those who follow it only in its own round") {
  SECTION("the same") {
    Server server(1, ballot(3, 30));
    server.hears(2, following(1, 3, 1));
    server.hears(3, following(1, 3, 1));
    CHECK(server.leader == 1);
  }
  SECTION("another") {
    Server server(1, ballot(3, 30));
    server.hears(2, following(1, 3, 2));
    server.hears(3, following(1, 3, 2));
    CHECK_FALSE(server.leader);
  }
}

TEST_CASE("votes of those who do not look agree in leader and epoch, whatever zxid and round") {
  Server server(1, ballot(3, 30));
  server.hears(2, says(PeerState::following, 3, 5, 10, 6));
  SECTION("another epoch is another vote") {
    server.hears(3, says(PeerState::leading, 3, 6, 20, 9));
    CHECK_FALSE(server.leader);
  }
  SECTION("another zxid and round are not") {
    server.hears(3, says(PeerState::leading, 3, 5, 20, 9));
    CHECK(server.leader == 3);
  }
  SECTION("the epoch of a server too old to know is not compared") {
    auto old = says(PeerState::leading, 3, 0, 20, 9);
    old.version = 0;
    server.hears(3, old);
    CHECK(server.leader == 3);
  }
}

// --- answering -----------------------------------------------------------------------------------

TEST_CASE("who does not look answers those who do, with the vote it has settled on") {
  Server server(2, ballot(3, 30));
  server.hears(3, looking(3, 3, 40));
  server.waits(Millis(200));
  REQUIRE(server.leader == 3);
  server.hears(1, looking(1, 1, 1, 9));
  CHECK(server.told() == Ids{1});
  CHECK(server.last() == says(PeerState::following, 3, 3, 40, 1));

  SECTION("whose epoch is the new one when that is established, and never goes back") {
    server.election.settle(Role::following, {3}, {2});
    server.hears(1, looking(1, 1, 1, 9));
    CHECK(server.last().peer_epoch == Epoch{3});
    server.election.settle(Role::following, {3}, {4});
    server.hears(1, looking(1, 1, 1, 9));
    CHECK(server.last() == says(PeerState::following, 3, 4, 40, 1));
  }
  SECTION("and hears nothing else") {
    server.hears(1, following(1, 9, 9));
    server.hears(1, leading(1, 9, 9));
    CHECK(server.letters.empty());
  }
}

TEST_CASE("an observer that looks is answered at once, and counts for nothing") {
  const auto config = members(3) + members(1, "observer", 7);
  Server server(2, ballot(3, 30, config));
  server.hears(7, looking(kNever, kNever, kNever, 5));
  CHECK(server.told() == Ids{7});
  CHECK(server.last() == looking(2, 3, 30, 1));
  CHECK(server.election.round() == 1);
}

TEST_CASE("servers that are not members are answered and influence nothing") {
  Server server(2, ballot(3, 30));
  for (const auto& claim : {looking(2, 3, 30, 1), looking(3, 99, 99, 50), leading(3, 9, 1),
                            following(3, 9, 1)})
    for (const int stranger : {8, 9, -1}) server.hears(stranger, claim);
  server.waits(Millis(200));
  CHECK_FALSE(server.leader);
  CHECK(server.proposes() == 2);
  CHECK(server.election.round() == 1);
  SECTION("two that take each other for strangers do not answer for ever") {
    server.hears(9, leading(9, 1, 1));
    CHECK(server.letters.empty());
  }
}

TEST_CASE("a vote for a server that is no voter is ignored") {
  Server server(2, ballot(3, 30));
  server.hears(3, looking(9, 9, 99, 5));
  server.hears(1, leading(9, 9, 1));
  CHECK(server.proposes() == 2);
  CHECK(server.election.round() == 1);
}

TEST_CASE("the config text of a notification has no effect") {
  Server server(2, ballot(3, 30));
  auto forged = looking(1, 1, 1);
  forged.config = "server.9=evil:1:2:participant\nversion=7fffffff00000000";
  server.hears(1, forged);
  server.waits(Millis(200));
  CHECK(server.told() == Ids{1, 3});
  CHECK_FALSE(server.leader);
}

TEST_CASE("one that observes is not heard") {
  Server server(2, ballot(3, 30));
  server.hears(1, says(PeerState::observing, 3, 9, 9, 1));
  server.hears(3, says(PeerState::observing, 3, 9, 9, 1));
  CHECK(server.proposes() == 2);
  CHECK_FALSE(server.leader);
}

// --- those whose vote does not count -------------------------------------------------------------

TEST_CASE("an observer proposes nobody, and joins whom the voters have elected") {
  const auto config = members(3) + members(1, "observer", 7);
  Server server(7, ballot_of(Candidacy::Vote::none, config));
  CHECK(server.told() == Ids{1, 2, 3});
  CHECK(server.last() == looking(kNever, kNever, kNever, 1));
  server.hears(1, looking(3, 3, 30));
  server.hears(2, looking(3, 3, 30));
  server.waits(Millis(200));
  CHECK_FALSE(server.leader);
  server.hears(2, following(3, 4, 1));
  server.hears(3, leading(3, 4, 1));
  CHECK(server.leader == 3);
  server.hears(1, looking(1, 1, 1, 1));
  CHECK(server.last().state == PeerState::observing);
}

TEST_CASE("an onlooker asks every two seconds at least") {
  Server server(1, ballot_of(Candidacy::Vote::none));
  for (int i = 0; i < 10; ++i) server.waits(Millis(60'000));
  server.waits(Millis(1'999));
  CHECK(server.letters.empty());
  server.waits(Millis(1));
  CHECK(server.told() == Ids{2, 3});
}

TEST_CASE("a server without a vote elects nobody, itself least of all") {
  Server server(3, ballot_of(Candidacy::Vote::none));
  CHECK(server.last() == looking(3, -1, -1, 1));
  server.hears(1, looking(3, 0, 0));
  server.hears(2, looking(3, 0, 0));
  server.hears(1, following(3, 5, 1));
  server.hears(2, following(3, 5, 1));
  server.waits(Millis(200));
  CHECK_FALSE(server.leader);
  server.hears(1, following(2, 5, 4));
  server.hears(2, leading(2, 5, 4));
  CHECK(server.leader == 2);
}

TEST_CASE("the vote of a server with zxid -1 does not count") {
  Server server(1, ballot(3, 30));
  server.hears(2, looking(1, 3, -1));
  server.waits(Millis(200));
  CHECK_FALSE(server.leader);
}

TEST_CASE("D-5: a wiped server does not help to elect who lacks what it promised") {
  Server wiped(2, ballot_of(Candidacy::Vote::empty));
  CHECK(wiped.last() == looking(2, 0, -1, 1));
  // Server 3 has lost nothing and knows less than the two that had agreed before; server 1 is away.
  wiped.hears(3, looking(3, 3, 30));
  wiped.waits(Millis(200));
  CHECK_FALSE(wiped.leader);
  CHECK(wiped.proposes() == 2);
  wiped.hears(1, looking(1, 3, 40));
  wiped.hears(1, following(1, 4, 1));
  wiped.hears(1, leading(1, 4, 1));
  wiped.hears(3, following(1, 4, 1));
  CHECK(wiped.leader == 1);
}

TEST_CASE("the votes of new servers count once every voter is known to be new") {
  Server server(2, ballot_of(Candidacy::Vote::empty));
  server.hears(3, looking(3, 0, -1));
  CHECK(server.letters.empty());
  SECTION("of Vivarium and of ZooKeeper, which says zxid 0") {
    server.hears(1, looking(1, 0, 0));
    CHECK(server.last() == looking(2, 0, 0));
    server.hears(3, looking(3, 0, 0));
    CHECK(server.proposes() == 3);
    server.waits(Millis(200));
    CHECK(server.leader == 3);
  }
  SECTION("also what they said before that was known") {
    server.hears(3, looking(3, 0, 0));
    server.hears(1, looking(3, 0, 0));
    CHECK(server.proposes() == 3);
    server.waits(Millis(200));
    CHECK(server.leader == 3);
  }
  SECTION("not while one that has lost its promises is among them") {
    server.hears(1, looking(1, -1, -1));
    server.waits(Millis(200));
    CHECK(server.proposes() == 2);
    CHECK(server.last() == looking(2, 0, -1));
  }
  SECTION("not while one has an epoch, even without a transaction") {
    server.hears(1, looking(1, 1, 0));
    CHECK(server.letters.empty());
    CHECK(server.proposes() == 2);
  }
  SECTION("not while one does not look") {
    server.hears(3, following(1, 0, 1));
    server.hears(1, looking(1, 0, 0));
    CHECK(server.letters.empty());
  }
}

TEST_CASE("new servers in other rounds come together") {
  Server server(2, ballot_of(Candidacy::Vote::empty));
  server.hears(3, looking(3, 0, 0, 4));
  server.hears(1, looking(1, 0, 0, 2));
  CHECK(server.election.round() == 4);
  CHECK(server.proposes() == 3);
}

TEST_CASE("that all is new is known for as long as the voters are the same") {
  Server server(2, ballot_of(Candidacy::Vote::empty));
  server.hears(1, looking(1, 0, 0));
  server.hears(3, looking(3, 0, 0));
  server.look(ballot_of(Candidacy::Vote::empty));
  CHECK(server.last() == looking(2, 0, 0, 2));
  server.look(ballot_of(Candidacy::Vote::empty, members(4)));
  CHECK(server.last() == looking(2, 0, -1, 3));
}

TEST_CASE("a new server that is the only voter begins at once") {
  Server server(1, ballot_of(Candidacy::Vote::empty, members(1)));
  CHECK(server.leader == 1);
}
