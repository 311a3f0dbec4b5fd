#pragma once
// Door 4 of 4, and the first plugin interface: bytes between clients, servers and peers.
//
// A Transport listens and connects; what comes of it are Channels. A Channel cuts the incoming stream
// into frames and hands them over in batches that are views into its read buffer. Limits and deadlines
// are arguments, not behaviour to be guessed.
//
// Threads: every method is called, and every event delivered, on the core thread. A transport may run
// threads of its own behind that. No event is delivered inside a call on the same object, except that
// on_frames may follow resume_reading() or set_framing() at once when frames are already buffered.
// Source: design.md "Transport"; sections A, B.1 and E.1 of the ZooKeeper reference.

#include <vivarium/bytes.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/plugin.hpp>
#include <vivarium/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

/// Who is at the other end, as far as the transport has proved it. Fixed when a channel opens.
struct PeerIdentity {
  std::string remote_host;  ///< Numeric address without brackets or port; IPv4 for a mapped IPv6 one.
  std::uint16_t remote_port = 0;
  std::string local_host;
  std::uint16_t local_port = 0;
  bool encrypted = false;
  std::string tls_version;                     ///< "TLSv1.3"; empty when not encrypted.
  std::string tls_cipher;                      ///<
  std::vector<std::string> certificates_der;   ///< The peer's verified chain, leaf first; may be empty.
  std::string certificate_subject;             ///< RFC 2253 subject of the leaf; empty without one.
};

/// How a stream is cut into frames.
struct Framing {
  enum class Kind : std::uint8_t {
    raw,              ///< Each run of bytes that arrived is a frame. Nothing is stripped.
    length_prefixed,  ///< i32 big-endian length, then that many bytes; the length is stripped.
    /// All bytes that arrived and were not taken are the frame, for protocols whose records do not say
    /// their length: on_frames returns how many *bytes* it took. The rest comes again, with what
    /// arrives next, up to frame_bytes_max.
    stream,
  };
  Kind kind = Kind::length_prefixed;
  /// A length that is negative or above this closes the channel (CloseReason::frame_too_long) before
  /// anything is allocated for it; the buffer grows with the bytes that arrived, not with the promise.
  std::uint32_t frame_bytes_max = 1048575;
  /// If the first four bytes of the stream are one of these (as a big-endian number), they are
  /// delivered by on_first_word instead of being read as a length. Only the first four.
  std::vector<std::uint32_t> first_words;
};

enum class CloseReason : std::uint8_t {
  local,           ///< close() was called here.
  peer,            ///< The other end closed or reset.
  frame_too_long,  ///<
  deadline,        ///< set_deadline ran out.
  handshake,       ///< TLS refused it, before or instead of opening.
  failed,          ///< The system reported an error.
  stopped,         ///< The transport is stopping.
};

class ChannelHandler;

/// One open connection. Owned by its transport; valid until its handler's on_closed returns.
class Channel {
 public:
  virtual const PeerIdentity& peer() const = 0;

  /// Queues bytes. All that is queued during one turn of the loop leaves in as few segments as fit:
  /// one small send is one segment. After close() it does nothing.
  virtual void send(SharedBytes bytes) = 0;
  /// Bytes accepted by send() and not yet by the system.
  virtual std::size_t queued_bytes() const = 0;
  /// on_low_water is called when queued_bytes(), having been above this, has fallen to it or below;
  /// not at all before a mark is set.
  virtual void set_low_water(std::size_t bytes) = 0;

  /// No further frames are delivered until resume_reading(), and the system's buffer is left to fill.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;

  /// Applies to the bytes that follow the last frame taken by the handler, buffered ones included.
  virtual void set_framing(Framing framing) = 0;

  /// Closes the channel (CloseReason::deadline) unless it is called again, or cleared with nullopt,
  /// within `after`.
  virtual void set_deadline(std::optional<Millis> after) = 0;

  /// Stops reading, sends what is queued within a bounded time, closes. on_closed follows from the
  /// loop. Further calls do nothing.
  virtual void close() = 0;
  /// As close(), without sending what is queued.
  virtual void abort() = 0;

 protected:
  ~Channel() = default;
};

/// What the user of a channel implements. Borrowed by the channel until on_closed has returned.
class ChannelHandler {
 public:
  virtual ~ChannelHandler() = default;

  /// Complete frames, oldest first, valid until return. Returns how many were taken; if fewer than
  /// all, the rest is delivered again after resume_reading(), and reading is paused until then.
  /// (Framing::Kind::stream counts bytes, and does not pause.)
  virtual std::size_t on_frames(Channel& channel, std::span<const std::string_view> frames) = 0;
  /// One of Framing::first_words arrived. What follows on the stream is raw (Framing::Kind::raw).
  virtual void on_first_word(Channel& channel, std::uint32_t word) = 0;
  virtual void on_low_water(Channel& channel) = 0;
  /// The last event of the channel.
  virtual void on_closed(Channel& channel, CloseReason reason, std::string_view detail) = 0;
};

/// What the user of a listener implements.
class Acceptor {
 public:
  virtual ~Acceptor() = default;
  /// A connection is open (after its TLS handshake, where there is one). Returns who handles it;
  /// nullptr closes it at once, without on_closed.
  virtual ChannelHandler* on_accept(Channel& channel) = 0;
  /// A connection that never opened: a failed TLS handshake, say. For logs and counters.
  virtual void on_refused(const PeerIdentity& peer, std::string_view why) = 0;
};

struct ListenSpec {
  std::string host;        ///< Name or numeric address; empty or "0.0.0.0" or "::" for every interface.
  std::uint16_t port = 0;  ///< 0 takes a free one.
  int backlog = -1;        ///< -1: the system's default.
  Framing framing;
  Millis handshake_deadline{10'000};  ///< From TCP accept to on_accept.
};

/// An open listening address; destroying it stops listening and leaves its channels open.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual std::string host() const = 0;  ///< Numeric.
  virtual std::uint16_t port() const = 0;
  /// Connections that are not open yet: of those, the handshake is under way.
  virtual std::size_t opening() const { return 0; }
};

/// What the user of connect() implements. Exactly one of the two is called, once.
class Connector {
 public:
  virtual ~Connector() = default;
  virtual ChannelHandler* on_connected(Channel& channel) = 0;
  virtual void on_connect_failed(const Error& error) = 0;
};

struct ConnectSpec {
  std::string host;  ///< Resolved anew at each call.
  std::uint16_t port = 0;
  Framing framing;
  Millis deadline{5'000};  ///< From the call to on_connected, name lookup and handshake included.
};

/// An attempt to connect; destroying it abandons the attempt, and neither callback comes any more.
class Connecting {
 public:
  virtual ~Connecting() = default;
};

class Transport : public Plugin {
 public:
  static constexpr InterfaceKind kKind = InterfaceKind::transport;
  static constexpr std::uint32_t kRevision = 1;

  /// `acceptor` is borrowed until the Listener and all its channels are gone.
  virtual Result<std::unique_ptr<Listener>> listen(const ListenSpec& spec, Acceptor& acceptor) = 0;
  /// `connector` is borrowed until one of its methods was called or the Connecting is gone.
  virtual std::unique_ptr<Connecting> connect(const ConnectSpec& spec, Connector& connector) = 0;
  // reload(), from Plugin, swaps certificates and keys for handshakes from then on; open channels stay
  // as they are.
};

}  // namespace vivarium
