#pragma once
// What a channel is laid over: a socket, TLS on a socket, one end of a pair in memory.
//
// Nothing blocks, and readiness is level-triggered: on_ready comes again and again, from the loop,
// while a wanted condition holds. All on the core thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <vivarium/loop.hpp>

#include "transports/stream/out_queue.hpp"

namespace vivarium {

enum class StreamStatus : std::uint8_t {
  ok,
  wants_readable,  ///< Try again once the stream is readable.
  wants_writable,  ///< Try again once it is writable.
  ended,           ///< The peer has closed its side.
  lost,            ///< The peer has reset the connection.
  failed,          ///< Anything else; failure() says what.
};

struct StreamResult {
  std::size_t bytes = 0;
  StreamStatus status = StreamStatus::ok;  ///< Not ok only when `bytes` is 0.
};

class StreamEvents {
 public:
  /// The stream may be destroyed inside.
  virtual void on_ready(Readiness ready) = 0;

 protected:
  ~StreamEvents() = default;
};

/// Destroying it closes the connection.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  /// Who is told of readiness from now on: borrowed.
  virtual void set_events(StreamEvents& events) = 0;
  virtual void want(bool readable, bool writable) = 0;

  virtual StreamResult read(std::span<char> into) = 0;
  /// Takes some of the first queued bytes, without dropping them from the queue. After
  /// StreamStatus::wants_writable it is called again with the same first bytes. Never
  /// wants_readable.
  virtual StreamResult write(const OutQueue& queue) = 0;
  /// Whether the stream has input in memory of its own, for which no readiness will come.
  virtual bool holds_input() const { return false; }
  /// Tells the peer that nothing more will be written. Reading goes on.
  virtual void end_output() = 0;
  /// Whether the connection is lost for both directions, as far as can be told without reading.
  virtual bool broken() const { return false; }
  /// The cause of StreamStatus::failed, for people.
  virtual std::string failure() const = 0;
};

}  // namespace vivarium
