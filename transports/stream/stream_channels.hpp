#pragma once
// The channels of one transport: who owns them, and the work that waits for the end of the turn.
//
// What is sent outside an event of the channel itself (replies to writes, watch events) is not
// written at once: one posted task for all channels does it, so that it leaves in few segments, at
// the price of one post a turn. All on the core thread.

#include <memory>
#include <vector>

#include <vivarium/frame_cutter.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/transport.hpp>

#include "transports/stream/byte_stream.hpp"

namespace vivarium {

class StreamChannel;

class StreamChannels : public std::enable_shared_from_this<StreamChannels> {
 public:
  explicit StreamChannels(Loop& loop);
  ~StreamChannels();
  StreamChannels(const StreamChannels&) = delete;
  StreamChannels& operator=(const StreamChannels&) = delete;

  Loop& loop() { return loop_; }
  FrameArena& arena() { return arena_; }

  /// Makes a channel over an open stream. StreamChannel::begin() must follow at once.
  StreamChannel& add(std::unique_ptr<ByteStream> stream, PeerIdentity peer, const Framing& framing);
  /// Calls channel.on_turn() once, from the loop. The channel must not have been scheduled already.
  void schedule(StreamChannel& channel);
  /// Closes all channels with CloseReason::stopped, telling their handlers; none is told anything
  /// afterwards. What is queued is sent as far as the system takes it at once.
  void stop();
  bool stopped() const { return stopped_; }

 private:
  void run_turn();
  void remove(StreamChannel& channel);

  Loop& loop_;
  FrameArena arena_;
  std::vector<std::unique_ptr<StreamChannel>> channels_;  ///< Each knows its index.
  std::vector<StreamChannel*> scheduled_;
  std::vector<StreamChannel*> running_;  ///< Empty but for the time of run_turn().
  bool stopped_ = false;
};

}  // namespace vivarium
