#pragma once
// A Channel over any ByteStream: everything of the contract that does not depend on what carries
// the bytes. Created by StreamChannels::add(), destroyed by it after on_closed.
//
// A channel is open, then flushing (closed here: what is queued still goes out), then draining (the
// peer has been told, and its last bytes are thrown away, since closing a socket with unread bytes
// makes the system reset the connection and take back what was sent), then closed.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <vivarium/frame_cutter.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/transport.hpp>

#include "transports/stream/byte_stream.hpp"
#include "transports/stream/out_queue.hpp"

namespace vivarium {

class StreamChannels;

class StreamChannel final : public Channel, private StreamEvents {
 public:
  /// From close() to on_closed at most.
  static constexpr Millis kLinger{2'000};

  StreamChannel(StreamChannels& all, std::unique_ptr<ByteStream> stream, PeerIdentity peer,
                const Framing& framing);
  StreamChannel(const StreamChannel&) = delete;
  StreamChannel& operator=(const StreamChannel&) = delete;
  ~StreamChannel() = default;

  /// Starts events to `handler`. Without one the channel goes at once, and nobody is told.
  void begin(ChannelHandler* handler);
  /// What waited for the end of the turn. False when the channel is done and to be destroyed.
  [[nodiscard]] bool on_turn();
  /// Closes at once and tells the handler here and now.
  void stop();

  const PeerIdentity& peer() const override { return peer_; }
  void send(SharedBytes bytes) override;
  std::size_t queued_bytes() const override { return queue_.bytes(); }
  void set_low_water(std::size_t bytes) override;
  void pause_reading() override { paused_ = true; }
  void resume_reading() override;
  void set_framing(Framing framing) override;
  void set_deadline(std::optional<Millis> after) override;
  void close() override;
  void abort() override;

 private:
  friend class StreamChannels;

  enum class State : std::uint8_t { open, flushing, draining, closed };
  static constexpr std::size_t kNoLowWater = static_cast<std::size_t>(-1);

  // --- events
  void on_ready(Readiness ready) override;
  void on_timer();
  void look_for_loss();
  void leave_event();
  void schedule();

  // --- input
  void receive();
  void deliver();
  void hand_over();
  void discard();
  void redeliver();

  // --- output
  void flush();
  void report_low_water();

  // --- closing
  void finish_output();
  void give_up(CloseReason reason, std::string detail);
  void on_read_status(StreamStatus status);
  void end(CloseReason reason, std::string detail);
  void tell_closed();

  void arm_timer();
  void update_interest();

  StreamChannels& all_;
  std::size_t index_ = 0;  ///< In StreamChannels.
  std::unique_ptr<ByteStream> stream_;
  ChannelHandler* handler_ = nullptr;

  State state_ = State::open;
  bool in_event_ = true;     ///< leave_event() will flush. True until begin().
  bool scheduled_ = false;   ///< on_turn() will come.
  bool delivering_ = false;  ///< Inside deliver().
  bool paused_ = false;
  bool redeliver_ = false;  ///< Held input is to be delivered in on_turn().
  bool stalled_ = false;    ///< Input came while paused; readability is of no interest.
  bool blocked_ = false;    ///< The stream takes no more output for now.
  bool read_wants_writable_ = false;
  bool above_low_water_ = false;
  bool peer_ended_ = false;
  Readiness interest_;  ///< What the stream was last asked to watch.

  OutQueue queue_;
  std::size_t low_water_ = kNoLowWater;
  FrameCutter cutter_;

  std::unique_ptr<Timer> timer_;
  std::optional<MonoTime> deadline_;   ///< Of set_deadline(), or of lingering.
  std::optional<MonoTime> timer_due_;  ///< When the timer fires; may be before the deadline.

  CloseReason reason_ = CloseReason::local;
  std::string detail_;
  PeerIdentity peer_;
};

}  // namespace vivarium
