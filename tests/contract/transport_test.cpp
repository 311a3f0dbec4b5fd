// The contract of Transport, for every transport on every kind of doors it runs on.

#include <algorithm>
#include <numeric>

#include "tests/contract/transport_ends.hpp"

namespace vivarium::test {
namespace {

using Frames = std::vector<std::string>;

#define ALL_TRANSPORTS                                                                       \
  TcpSetup, TlsSetup, MemorySetup<RealDoors>, MemorySetup<SimulatedDoors>, NetworkSetup<0>, \
      NetworkSetup<1000>

// --- opening -------------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("each end of an open channel knows the other", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  const auto& client = ends.connect().channel->peer();
  const auto& server = ends.server().channel->peer();
  CHECK(client.remote_host == "127.0.0.1");
  CHECK(client.remote_port == ends.listener->port());
  CHECK(server.remote_host == client.local_host);
  CHECK(server.remote_port == client.local_port);
  CHECK(server.local_host == client.remote_host);
  CHECK(server.local_port == client.remote_port);
  CHECK(server.encrypted == TestType::kEncrypted);
  CHECK(client.encrypted == TestType::kEncrypted);
}

TEMPLATE_TEST_CASE("a listener on port 0 says which port it took", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  CHECK(ends.listener->port() != 0);
  CHECK(ends.listener->host() == "127.0.0.1");
}

TEMPLATE_TEST_CASE("an address is listened on once, and free again when its listener goes", "",
                   ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto spec = listen_spec();
  spec.port = ends.listener->port();
  const auto second = ends.setup.transport.listen(spec, ends.acceptor);
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().is(Errc::in_use));
  CHECK_THAT(second.error().what, Catch::Contains("127.0.0.1:" + std::to_string(spec.port)));
  ends.listener.reset();
  CHECK(ends.setup.transport.listen(spec, ends.acceptor).has_value());
}

TEMPLATE_TEST_CASE("a listener for every interface is reached on the loopback", "",
                   ALL_TRANSPORTS) {
  Ends<TestType> ends;
  ends.listener.reset();
  const auto host = GENERATE(as<std::string>(), "", "0.0.0.0", "::");
  auto spec = listen_spec();
  spec.host = host;
  ends.listener = std::move(ends.setup.transport.listen(spec, ends.acceptor)).value();
  ends.connect();
  CHECK(ends.server().channel->peer().remote_host == "127.0.0.1");
}

TEMPLATE_TEST_CASE("what is sent while the channel opens arrives", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  ends.acceptor.hook = [](Recorder& end) { send(end, prefixed("welcome")); };
  ends.connect_hook = [](Recorder& end) { send(end, prefixed("hello")); };
  auto& client = ends.connect();
  CHECK(ends.run_until([&] { return client.bytes > 0 && ends.server().bytes > 0; }));
  CHECK(client.frames == Frames{"welcome"});
  CHECK(ends.server().frames == Frames{"hello"});
}

TEMPLATE_TEST_CASE("a connection that the acceptor does not want is closed, and nobody is told", "",
                   ALL_TRANSPORTS) {
  Ends<TestType> ends;
  ends.acceptor.refuse = true;
  auto& connector = ends.dial(connect_spec(*ends.listener));
  CHECK(ends.run_until([&] { return connector.recorder.closed > 0; }));
  CHECK(connector.recorder.reason == CloseReason::peer);
  CHECK(ends.acceptor.refused.empty());
}

TEMPLATE_TEST_CASE("a connection that the connector does not want is closed", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& connector = ends.dial(connect_spec(*ends.listener));
  connector.refuse = true;
  CHECK(
      ends.run_until([&] { return !ends.acceptor.accepted.empty() && ends.server().closed > 0; }));
  CHECK(connector.recorder.closed == 0);
}

TEMPLATE_TEST_CASE("connecting to where nobody listens fails", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  const auto spec = connect_spec(*ends.listener);
  ends.listener.reset();
  auto& connector = ends.dial(spec);
  CHECK_FALSE(connector.done());
  CHECK(ends.run_until([&] { return connector.done(); }));
  CHECK(connector.failed == 1);
  CHECK(connector.error->is(Errc::refused));
  CHECK_THAT(connector.error->what, Catch::Contains("127.0.0.1:" + std::to_string(spec.port)));
}

TEMPLATE_TEST_CASE("an abandoned attempt tells nobody anything", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& abandoned = ends.new_connector();
  ends.setup.transport.connect(connect_spec(*ends.listener), abandoned).reset();
  ends.connect();
  ends.turn();
  CHECK_FALSE(abandoned.done());
}

TEMPLATE_TEST_CASE("an attempt may be destroyed inside its own outcome", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  std::unique_ptr<Connecting> attempt;
  auto& connector = ends.new_connector();
  connector.hook = [&](Recorder&) { attempt.reset(); };
  attempt = ends.setup.transport.connect(connect_spec(*ends.listener), connector);
  CHECK(ends.run_until([&] { return !ends.acceptor.accepted.empty(); }));
  ends.turn();
  send(ends.server(), prefixed("alive"));
  CHECK(ends.run_until([&] { return connector.recorder.bytes > 0; }));
}

TEMPLATE_TEST_CASE("destroying a listener keeps its channels", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& client = ends.connect();

  SECTION("from outside") {
    ends.listener.reset();
  }
  SECTION("inside on_accept") {
    ends.acceptor.hook = [&](Recorder&) { ends.listener.reset(); };
    ends.connect();
  }
  send(ends.server(), prefixed("still here"));
  auto& last = ends.connectors.back()->recorder;
  CHECK(ends.run_until([&] { return last.bytes > 0; }));
  CHECK(client.closed == 0);
}

TEMPLATE_TEST_CASE("thousands of channels are open at once", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  const auto count = TestType::kManyChannels;
  ends.acceptor.hook = [](Recorder& end) {
    end.frames_hook = [](Channel& channel, std::span<const std::string_view> batch) {
      for (const auto& frame : batch) channel.send(SharedBytes(prefixed(frame)));
      return batch.size();
    };
  };
  std::size_t echoed = 0;
  for (std::size_t i = 0; i < count; ++i) {
    auto& connector = ends.dial(connect_spec(*ends.listener));
    connector.hook = [i](Recorder& end) { send(end, prefixed(std::to_string(i))); };
    connector.recorder.frames_hook = [&, i](Channel&, std::span<const std::string_view> batch) {
      CHECK(batch.front() == std::to_string(i));
      ++echoed;
      return batch.size();
    };
  }
  CHECK(ends.run_until([&] { return echoed == count; }));
  for (const auto& connector : ends.connectors) connector->recorder.channel->close();
  CHECK(ends.run_until([&] {
    return std::all_of(ends.acceptor.accepted.begin(), ends.acceptor.accepted.end(),
                       [](const auto& end) { return end->closed == 1; });
  }));
}

// --- frames --------------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("frames arrive whole wherever the stream was split", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& client = ends.connect();
  const Frames sent{"one", "", std::string(100, 'x'), "last"};
  std::string stream;
  for (const auto& frame : sent) stream += prefixed(frame);
  for (std::size_t split = 1; split < stream.size(); ++split) {
    ends.server().frames.clear();
    send(client, stream.substr(0, split));
    REQUIRE(ends.run_until([&] { return client.channel->queued_bytes() == 0; }));
    send(client, stream.substr(split));
    REQUIRE(ends.run_until([&] { return ends.server().frames.size() >= sent.size(); }));
    REQUIRE(ends.server().frames == sent);
  }
}

TEMPLATE_TEST_CASE("what is sent in one turn arrives as one batch", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& client = ends.connect();
  for (int i = 0; i < 256; ++i) send(client, prefixed(std::to_string(i)));
  CHECK(client.channel->queued_bytes() > 0);
  CHECK(ends.run_until([&] { return ends.server().frames.size() == 256; }));
  CHECK(ends.server().batches == 1);
}

TEMPLATE_TEST_CASE("large and small frames arrive in order, both ways at once", "",
                   ALL_TRANSPORTS) {
  Framing framing;
  framing.frame_bytes_max = 4'000'000;
  Ends<TestType> ends(framing);
  ends.client_framing = framing;
  auto& client = ends.connect();
  Frames sent;
  for (std::size_t i = 0; i < 60; ++i)
    sent.push_back(std::string(i % 7 == 0 ? i * 50'000 : i * 3, static_cast<char>('a' + i % 26)));
  for (const auto& frame : sent) {
    send(client, prefixed(frame));
    send(ends.server(), prefixed(frame));
  }
  CHECK(ends.run_until([&] {
    return client.frames.size() == sent.size() && ends.server().frames.size() == sent.size();
  }));
  CHECK(client.frames == sent);
  CHECK(ends.server().frames == sent);
}

TEMPLATE_TEST_CASE("frames that are not taken come again after resume_reading, and first", "",
                   ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& client = ends.connect();
  auto& server = ends.server();
  server.frames_hook = [&](Channel&, std::span<const std::string_view> batch) {
    server.keep(batch.front());
    return std::size_t{1};
  };
  for (const auto* frame : {"one", "two", "three"}) send(client, prefixed(frame));
  REQUIRE(ends.run_until([&] { return !server.frames.empty(); }));
  send(client, prefixed("four"));
  ends.turn();
  CHECK(server.frames == Frames{"one"});
  server.channel->resume_reading();
  REQUIRE(ends.run_until([&] { return server.frames.size() == 2; }));
  server.frames_hook = nullptr;
  server.channel->resume_reading();
  CHECK(ends.run_until([&] { return server.frames.size() == 4; }));
  CHECK(server.frames == Frames{"one", "two", "three", "four"});
}

TEMPLATE_TEST_CASE("a handler that takes nothing is asked again only when it resumes", "",
                   ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& client = ends.connect();
  auto& server = ends.server();
  server.frames_hook = [](Channel&, std::span<const std::string_view>) { return std::size_t{0}; };
  send(client, prefixed("one"));
  REQUIRE(ends.run_until([&] { return server.batches == 1; }));
  send(client, prefixed("two"));
  for (int i = 0; i < 10; ++i) ends.turn();
  CHECK(server.batches == 1);
  server.frames_hook = nullptr;
  server.channel->resume_reading();
  CHECK(ends.run_until([&] { return server.frames == Frames{"one", "two"}; }));
}

TEMPLATE_TEST_CASE("a paused end holds its peer back, and loses nothing", "", ALL_TRANSPORTS) {
  constexpr std::size_t kFrame = 64 * 1024;
  constexpr std::size_t kFrames = 512;
  Ends<TestType> ends;
  auto& client = ends.connect();
  auto& server = ends.server();
  server.channel->pause_reading();
  for (std::size_t i = 0; i < kFrames; ++i) send(client, prefixed(std::string(kFrame, 'x')));
  std::size_t before = 0;
  REQUIRE(ends.run_until([&] {  // Until the system's buffers are full.
    return std::exchange(before, client.channel->queued_bytes()) ==
               client.channel->queued_bytes() &&
           before < kFrames * kFrame;
  }));
  CHECK(client.channel->queued_bytes() > 0);
  CHECK(server.frames.empty());
  server.channel->resume_reading();
  CHECK(ends.run_until([&] { return server.bytes == kFrames * kFrame; }));
  CHECK(client.channel->queued_bytes() == 0);
}

TEMPLATE_TEST_CASE("a handler that takes a little at a time holds its peer back", "", ALL_TRANSPORTS) {
  constexpr std::size_t kFrame = 100;
  constexpr std::size_t kFrames = 320'000;
  constexpr int kTurns = 3'000;  // In each of which an end might read what it need not hold.
  Ends<TestType> ends;
  auto& client = ends.connect();
  auto& server = ends.server();
  server.frames_hook = [&](Channel&, std::span<const std::string_view> batch) {
    server.keep(batch.front());
    ends.setup.doors.loop->post([&] { server.channel->resume_reading(); });
    return std::size_t{1};
  };
  std::string all;
  for (std::size_t i = 0; i < kFrames; ++i) all += prefixed(std::string(kFrame, 'x'));
  const auto size = all.size();
  send(client, std::move(all));
  REQUIRE(ends.run_until([&] { return server.batches == kTurns; }));
  CHECK(client.channel->queued_bytes() > size / 2);
  server.frames_hook = nullptr;
  CHECK(ends.run_until([&] { return server.bytes == kFrames * kFrame; }));
}

TEMPLATE_TEST_CASE("pausing inside on_frames holds back what follows", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& client = ends.connect();
  auto& server = ends.server();
  server.frames_hook = [&](Channel& channel, std::span<const std::string_view> batch) {
    for (const auto& frame : batch) server.keep(frame);
    channel.pause_reading();
    return batch.size();
  };
  send(client, prefixed("one"));
  REQUIRE(ends.run_until([&] { return server.batches == 1; }));
  send(client, prefixed("two"));
  for (int i = 0; i < 10; ++i) ends.turn();
  CHECK(server.batches == 1);
  server.channel->resume_reading();
  CHECK(ends.run_until([&] { return server.frames == Frames{"one", "two"}; }));
}

TEMPLATE_TEST_CASE("a first word is delivered as such, and what follows is raw", "",
                   ALL_TRANSPORTS) {
  Framing framing;
  framing.first_words = {0x73727672};  // "srvr"
  Ends<TestType> ends(framing);
  ends.client_framing = framing_of(Framing::Kind::raw);
  auto& client = ends.connect();
  auto& server = ends.server();
  server.word_hook = [](Channel& channel) {
    channel.send(SharedBytes(std::string("a line")));
    channel.close();
  };

  SECTION("in one piece") {
    send(client, "srvr\n");
  }
  SECTION("split") {
    send(client, "sr");
    REQUIRE(ends.run_until([&] { return client.channel->queued_bytes() == 0; }));
    send(client, "vr");
  }
  CHECK(ends.run_until([&] { return client.closed > 0; }));
  CHECK(server.words == std::vector<std::uint32_t>{0x73727672});
  CHECK(client.frames == Frames{"a line"});
}

TEMPLATE_TEST_CASE("a word that is not the first is a length", "", ALL_TRANSPORTS) {
  Framing framing;
  framing.first_words = {0x73727672};
  Ends<TestType> ends(framing);
  auto& client = ends.connect();
  send(client, prefixed("hello") + "srvr");
  CHECK(ends.run_until([&] { return ends.server().closed > 0; }));
  CHECK(ends.server().words.empty());
  CHECK(ends.server().frames == Frames{"hello"});
  CHECK(ends.server().reason == CloseReason::frame_too_long);
}

TEMPLATE_TEST_CASE("a frame above the limit closes the channel after the frames before it", "",
                   ALL_TRANSPORTS) {
  Framing framing;
  framing.frame_bytes_max = 1000;
  Ends<TestType> ends(framing);
  auto& client = ends.connect();
  auto& server = ends.server();
  const auto bad =
      GENERATE(as<std::string>(), std::string("\x00\x00\x03\xe9", 4), "\xff\xff\xff\xff");
  send(client, prefixed(std::string(1000, 'x')) + bad);
  CHECK(ends.run_until([&] { return server.closed > 0 && client.closed > 0; }));
  CHECK(server.frames.size() == 1);
  CHECK(server.reason == CloseReason::frame_too_long);
  CHECK(client.reason == CloseReason::peer);
}

TEMPLATE_TEST_CASE("a new framing holds from the first byte that was not taken", "",
                   ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& client = ends.connect();
  auto& server = ends.server();

  SECTION("set inside on_frames") {
    server.frames_hook = [&](Channel& channel, std::span<const std::string_view> batch) {
      server.keep(batch.front());
      server.frames_hook = nullptr;
      channel.set_framing(framing_of(Framing::Kind::raw));
      return std::size_t{1};
    };
    send(client, prefixed("one") + prefixed("two"));
    REQUIRE(ends.run_until([&] { return server.frames.size() == 1; }));
    server.channel->resume_reading();
    CHECK(ends.run_until([&] { return server.frames.size() == 2; }));
    CHECK(server.frames == Frames{"one", prefixed("two")});
  }
  SECTION("set with part of a frame buffered") {
    send(client, prefixed("one") + "abc");
    REQUIRE(ends.run_until([&] { return server.frames.size() == 1; }));
    server.channel->set_framing(framing_of(Framing::Kind::raw));
    CHECK(ends.run_until([&] { return server.frames.size() == 2; }));
    CHECK(server.frames.back() == "abc");
  }
  SECTION("set and set back") {
    server.channel->set_framing(framing_of(Framing::Kind::raw));
    send(client, "raw");
    REQUIRE(ends.run_until([&] { return server.bytes == 3; }));
    server.channel->set_framing(Framing{});
    send(client, prefixed("framed"));
    CHECK(ends.run_until([&] { return server.frames.back() == "framed"; }));
  }
}

TEMPLATE_TEST_CASE("a stream handler takes bytes, and has the rest again with what follows", "",
                   ALL_TRANSPORTS) {
  Ends<TestType> ends(framing_of(Framing::Kind::stream));
  auto& client = ends.connect();
  auto& server = ends.server();
  server.frames_hook = [&](Channel& channel, std::span<const std::string_view> batch) {
    const auto bytes = batch.front();
    const auto end = bytes.find(';');
    if (end == std::string_view::npos) return std::size_t{0};
    server.keep(bytes.substr(0, end));
    server.frames_hook = nullptr;
    channel.set_framing(Framing{});
    return end + 1;
  };
  for (const auto* piece : {"hand", "sha", "ke"}) {
    send(client, piece);
    REQUIRE(ends.run_until([&] { return client.channel->queued_bytes() == 0; }));
  }
  send(client, ";" + prefixed("first") + prefixed("second"));
  CHECK(ends.run_until([&] { return server.frames.size() == 3; }));
  CHECK(server.frames == Frames{"handshake", "first", "second"});
}

// --- sending -------------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("low water is reported once each time the queue has fallen to it", "",
                   ALL_TRANSPORTS) {
  constexpr std::size_t kMark = 1'000'000;
  constexpr std::size_t kTotal = 32'000'000;
  Ends<TestType> ends;
  ends.client_framing = framing_of(Framing::Kind::raw);
  auto& client = ends.connect();
  auto& server = ends.server();
  server.channel->set_low_water(kMark);
  server.low_water_hook = [&](Channel& channel) { CHECK(channel.queued_bytes() <= kMark); };
  for (int times = 1; times <= 2; ++times) {
    for (std::size_t i = 0; i < 32; ++i) send(server, std::string(kTotal / 32, 'x'));
    CHECK(ends.run_until([&] { return client.bytes == kTotal * static_cast<std::size_t>(times); }));
    CHECK(server.low_waters == times);
  }
}

TEMPLATE_TEST_CASE("a queue that never rose above low water reports nothing", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& client = ends.connect();
  ends.server().channel->set_low_water(1000);
  send(ends.server(), prefixed(std::string(900, 'x')));
  CHECK(ends.run_until([&] { return client.bytes == 900; }));
  CHECK(ends.server().low_waters == 0);
}

TEMPLATE_TEST_CASE("a stream that refills itself at low water goes on to its end", "",
                   ALL_TRANSPORTS) {
  Ends<TestType> ends;
  ends.client_framing = framing_of(Framing::Kind::raw);
  auto& client = ends.connect();
  auto& server = ends.server();
  int pieces = 100;
  server.channel->set_low_water(0);
  server.low_water_hook = [&](Channel& channel) {
    if (pieces-- > 0) channel.send(SharedBytes(std::string(100'000, 'x')));
  };
  send(server, "first");
  CHECK(ends.run_until([&] { return client.bytes == 10'000'005; }));
}

// --- deadlines -----------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("a deadline that runs out closes the channel", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& client = ends.connect();
  ends.server().channel->set_deadline(Millis(20));
  CHECK(ends.run_until([&] { return ends.server().closed > 0 && client.closed > 0; }));
  CHECK(ends.server().reason == CloseReason::deadline);
  CHECK(client.reason == CloseReason::peer);
}

TEMPLATE_TEST_CASE("a deadline that is moved on or cleared does not close", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  for (int i = 0; i < 3; ++i) ends.connect();
  auto& moved = *ends.acceptor.accepted[0];
  auto& cleared = *ends.acceptor.accepted[1];
  auto& nearer = *ends.acceptor.accepted[2];
  moved.channel->set_deadline(Millis(20));
  moved.channel->set_deadline(Millis(10'000'000));
  cleared.channel->set_deadline(Millis(20));
  cleared.channel->set_deadline(std::nullopt);
  nearer.channel->set_deadline(Millis(10'000'000));
  nearer.channel->set_deadline(Millis(40));
  CHECK(ends.run_until([&] { return nearer.closed > 0; }));
  CHECK(moved.closed == 0);
  CHECK(cleared.closed == 0);
}

// --- closing -------------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("close sends what is queued, then tells both ends", "", ALL_TRANSPORTS) {
  constexpr std::size_t kBytes = 8'000'000;
  Ends<TestType> ends;
  ends.client_framing = framing_of(Framing::Kind::raw);
  auto& client = ends.connect();
  auto& server = ends.server();
  send(client, prefixed("never read by the server"));
  send(server, std::string(kBytes, 'x'));
  server.channel->close();
  CHECK(server.closed == 0);
  CHECK(ends.run_until([&] { return server.closed > 0 && client.closed > 0; }));
  CHECK(client.bytes == kBytes);
  CHECK(client.reason == CloseReason::peer);
  CHECK(server.reason == CloseReason::local);
}

TEMPLATE_TEST_CASE("a peer that reads nothing cannot keep a closed channel for long", "",
                   ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& client = ends.connect();
  auto& server = ends.server();
  client.channel->pause_reading();
  send(server, std::string(32'000'000, 'x'));
  server.channel->close();
  CHECK(ends.run_until([&] { return server.closed > 0; }));
  CHECK(server.reason == CloseReason::local);
}

TEMPLATE_TEST_CASE("abort sends nothing more", "", ALL_TRANSPORTS) {
  constexpr std::size_t kBytes = 32'000'000;
  Ends<TestType> ends;
  ends.client_framing = framing_of(Framing::Kind::raw);
  auto& client = ends.connect();
  auto& server = ends.server();
  send(server, std::string(kBytes, 'x'));
  server.channel->abort();
  CHECK(server.closed == 0);
  CHECK(ends.run_until([&] { return server.closed > 0 && client.closed > 0; }));
  CHECK(client.bytes < kBytes);
  CHECK(server.reason == CloseReason::local);
}

TEMPLATE_TEST_CASE("on_closed comes once, last, and from the loop", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& client = ends.connect();
  auto& server = ends.server();
  const bool hard = GENERATE(false, true);
  server.frames_hook = [&](Channel& channel, std::span<const std::string_view>) {
    hard ? channel.abort() : channel.close();
    CHECK(server.closed == 0);
    channel.close();
    channel.abort();
    channel.send(SharedBytes(std::string("too late")));
    channel.resume_reading();
    channel.set_framing(framing_of(Framing::Kind::raw));
    channel.set_deadline(Millis(0));
    return std::size_t{1};
  };
  for (int i = 0; i < 5; ++i) send(client, prefixed("frame"));
  CHECK(ends.run_until([&] { return server.closed > 0 && client.closed > 0; }));
  ends.turn();
  CHECK(server.batches == 1);
  CHECK(server.closed == 1);
  CHECK(client.closed == 1);
  CHECK(client.bytes == 0);
}

TEMPLATE_TEST_CASE("frames that came before the peer closed are delivered", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& client = ends.connect();
  for (int i = 0; i < 100; ++i) send(client, prefixed(std::string(1000, 'x')));
  client.channel->close();
  CHECK(ends.run_until([&] { return ends.server().closed > 0; }));
  CHECK(ends.server().frames.size() == 100);
  CHECK(ends.server().reason == CloseReason::peer);
}

TEMPLATE_TEST_CASE("both ends may close at once", "", ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& client = ends.connect();
  client.channel->close();
  ends.server().channel->close();
  CHECK(ends.run_until([&] { return ends.server().closed > 0 && client.closed > 0; }));
  CHECK(client.reason == CloseReason::local);
  CHECK(ends.server().reason == CloseReason::local);
}

TEMPLATE_TEST_CASE("a stopped transport closes its channels and then is silent", "",
                   ALL_TRANSPORTS) {
  Ends<TestType> ends;
  auto& client = ends.connect();
  auto& server = ends.server();
  send(client, prefixed("on its way"));
  const auto& late = ends.dial(connect_spec(*ends.listener));

  SECTION("from outside") {
    ends.setup.transport.stop();
  }
  SECTION("inside an event of one of its channels") {
    server.frames_hook = [&](Channel&, std::span<const std::string_view>) {
      ends.setup.transport.stop();
      return std::size_t{1};
    };
    REQUIRE(ends.run_until([&] { return server.closed > 0; }));
  }
  CHECK(server.closed == 1);
  CHECK(client.closed == 1);
  CHECK(server.reason == CloseReason::stopped);
  CHECK(late.connected + late.failed == 1);
  CHECK_FALSE(ends.setup.transport.listen(listen_spec(), ends.acceptor).has_value());
  const auto batches = server.batches;
  for (int i = 0; i < 10; ++i) ends.turn();
  CHECK(server.batches == batches);
  CHECK(server.closed + client.closed == 2);
}

TEMPLATE_TEST_CASE("a transport that is stopped while a channel opens closes that too", "",
                   ALL_TRANSPORTS) {
  Ends<TestType> ends;
  ends.acceptor.hook = [&](Recorder&) { ends.setup.transport.stop(); };
  const auto& client = ends.dial(connect_spec(*ends.listener));
  CHECK(ends.run_until([&] { return !ends.acceptor.accepted.empty(); }));
  CHECK(ends.server().closed == 1);
  CHECK(client.recorder.closed == client.connected);
}

TEMPLATE_TEST_CASE("a transport may go before its loop has run what it posted", "",
                   ALL_TRANSPORTS) {
  auto ends = std::make_unique<Ends<TestType>>();
  auto& client = ends->connect();
  send(client, prefixed("never sent"));
  client.channel->close();
  ends.reset();
}

// --- determinism ---------------------------------------------------------------------------------

std::uint64_t hash_of_a_conversation() {
  Ends<MemorySetup<SimulatedDoors>> ends;
  for (int i = 0; i < 5; ++i) {
    send(ends.connect(), prefixed(std::string(100'000, 'x')));
    send(ends.server(), prefixed("answer"));
  }
  ends.server().channel->close();
  REQUIRE(ends.run_until([&] { return ends.server().closed > 0; }));
  return ends.setup.doors.loop->event_hash();
}

TEST_CASE("the memory transport is the same run for the same seed") {
  CHECK(hash_of_a_conversation() == hash_of_a_conversation());
}

TEST_CASE("hosts of one memory network reach each other by name") {
  SimulatedDoors doors;
  const auto network = std::make_shared<MemoryNetwork>();
  MemoryTransport one(*doors.loop, network, "one");
  MemoryTransport two(*doors.loop, network, "two");
  TestAcceptor acceptor;
  auto everywhere = listen_spec();
  everywhere.host = "";
  everywhere.port = 2181;
  const auto at_one = one.listen(everywhere, acceptor);
  const auto at_two = two.listen(everywhere, acceptor);
  REQUIRE(at_one.has_value());
  REQUIRE(at_two.has_value());
  TestConnector connector;
  auto spec = connect_spec(**at_two);
  spec.host = "two";
  const auto attempt = one.connect(spec, connector);
  REQUIRE(doors.run_until([&] { return connector.done(); }));
  CHECK(connector.recorder.channel->peer().remote_host == "two");
  CHECK(acceptor.accepted.back()->channel->peer().remote_host == "one");
  one.stop();
  two.stop();
}

}  // namespace
}  // namespace vivarium::test
