#include "transports/stream/stream_channel.hpp"

#include <chrono>
#include <utility>

#include "transports/stream/stream_channels.hpp"

namespace vivarium {

StreamChannel::StreamChannel(StreamChannels& all, std::unique_ptr<ByteStream> stream,
                             PeerIdentity peer, const Framing& framing)
    : all_(all), stream_(std::move(stream)), cutter_(all.arena(), framing), peer_(std::move(peer)) {
  stream_->set_events(*this);
}

void StreamChannel::begin(ChannelHandler* handler) {
  handler_ = handler;
  if (all_.stopped()) return stop();  // Which whoever decided on the handler may have caused.
  if (!handler) end(CloseReason::local, {});
  redeliver_ = state_ == State::open && stream_->holds_input();
  leave_event();
}

// --- events --------------------------------------------------------------------------------------

void StreamChannel::on_ready(Readiness ready) {
  in_event_ = true;
  if (ready.writable) flush();
  if (ready.readable && !interest_.readable)
    look_for_loss();
  else if (ready.readable || read_wants_writable_)
    receive();
  leave_event();
}

/// A lost connection shows as readable although nobody asked, and would do so again and again.
void StreamChannel::look_for_loss() {
  if (state_ != State::closed && stream_->broken()) end(CloseReason::peer, "connection lost");
}

bool StreamChannel::on_turn() {
  scheduled_ = false;
  if (state_ == State::closed) {
    tell_closed();
    return false;
  }
  in_event_ = true;
  if (redeliver_) redeliver();
  leave_event();
  return true;
}

/// Every event ends here: what it queued leaves without waiting for the turn to end, because a lone
/// client waits for it.
void StreamChannel::leave_event() {
  if (!blocked_) flush();
  in_event_ = false;
  const bool more_to_send = !queue_.empty() && !blocked_;
  if (state_ == State::closed || redeliver_ || more_to_send) schedule();
  update_interest();
}

void StreamChannel::schedule() {
  if (!std::exchange(scheduled_, true)) all_.schedule(*this);
}

/// epoll_ctl is a system call: it is worth comparing first.
void StreamChannel::update_interest() {
  if (state_ == State::closed) return;
  const bool readable = state_ == State::draining || (state_ == State::open && !stalled_);
  const bool writable = blocked_ || read_wants_writable_;
  if (readable == interest_.readable && writable == interest_.writable) return;
  interest_ = {readable, writable};
  stream_->want(readable, writable);
}

// --- input ---------------------------------------------------------------------------------------

void StreamChannel::receive() {
  if (state_ == State::draining) return discard();
  if (state_ != State::open) return;
  if (paused_) {
    stalled_ = true;
    return;
  }
  if (redeliver_) return;  // First what is held: or it would grow with each turn that takes a part of it.
  const auto got = stream_->read(cutter_.room());
  cutter_.arrived(got.bytes);
  if (got.bytes > 0) deliver();
  cutter_.leave_arena();
  if (state_ == State::open) on_read_status(got.status);
}

void StreamChannel::on_read_status(StreamStatus status) {
  read_wants_writable_ = status == StreamStatus::wants_writable;
  switch (status) {
    case StreamStatus::ok: redeliver_ = redeliver_ || (!paused_ && stream_->holds_input()); break;
    case StreamStatus::ended:
      peer_ended_ = true;
      return give_up(CloseReason::peer, {});
    case StreamStatus::lost: return end(CloseReason::peer, stream_->failure());
    case StreamStatus::failed: return end(CloseReason::failed, stream_->failure());
    case StreamStatus::wants_readable:
    case StreamStatus::wants_writable: break;
  }
}

void StreamChannel::deliver() {
  delivering_ = true;
  while (state_ == State::open && !paused_) {
    const auto found = cutter_.cut();
    if (found == Cut::frames)
      hand_over();
    else if (found == Cut::first_word)
      handler_->on_first_word(*this, cutter_.first_word());
    else if (found == Cut::too_long)
      give_up(CloseReason::frame_too_long,
              "a frame of " + std::to_string(cutter_.refused_length()) + " bytes");
    else
      break;
  }
  delivering_ = false;
}

void StreamChannel::hand_over() {
  const auto taken = handler_->on_frames(*this, cutter_.frames());
  if (!cutter_.take(taken)) paused_ = true;
}

/// What the peer still sends after it was told of the end is of no interest, but its own end is.
void StreamChannel::discard() {
  const auto got = stream_->read(cutter_.room());
  cutter_.leave_arena();
  if (got.status == StreamStatus::ok || got.status == StreamStatus::wants_readable) return;
  end(reason_, {});
}

void StreamChannel::resume_reading() {
  if (!std::exchange(paused_, false)) return;
  stalled_ = false;
  cutter_.offer_again();
  if (delivering_ || state_ != State::open) return;
  redeliver_ = true;
  if (!in_event_) schedule();
}

void StreamChannel::set_framing(Framing framing) {
  cutter_.set_framing(std::move(framing));
  if (delivering_ || paused_ || state_ != State::open || cutter_.held_bytes() == 0) return;
  redeliver_ = true;
  if (!in_event_) schedule();
}

void StreamChannel::redeliver() {
  redeliver_ = false;
  if (state_ != State::open || paused_) return;
  deliver();
  cutter_.leave_arena();
  if (state_ == State::open && !paused_ && stream_->holds_input()) receive();
}

// --- output --------------------------------------------------------------------------------------

void StreamChannel::send(SharedBytes bytes) {
  if (state_ != State::open || bytes.empty()) return;
  queue_.push(std::move(bytes));
  if (queue_.bytes() > low_water_) above_low_water_ = true;
  if (!in_event_ && !blocked_) schedule();
}

void StreamChannel::set_low_water(std::size_t bytes) {
  low_water_ = bytes;
  above_low_water_ = queue_.bytes() > bytes;
}

void StreamChannel::flush() {
  blocked_ = false;
  while (!queue_.empty() && state_ <= State::flushing) {
    const auto sent = stream_->write(queue_);
    if (sent.status == StreamStatus::lost) return end(CloseReason::peer, stream_->failure());
    if (sent.status == StreamStatus::failed) return end(CloseReason::failed, stream_->failure());
    blocked_ = sent.status != StreamStatus::ok;
    if (blocked_) break;
    queue_.drop(sent.bytes);
  }
  report_low_water();
  if (queue_.empty() && state_ == State::flushing) finish_output();
}

void StreamChannel::report_low_water() {
  if (!above_low_water_ || queue_.bytes() > low_water_) return;
  above_low_water_ = false;
  if (state_ == State::open) handler_->on_low_water(*this);
}

// --- closing -------------------------------------------------------------------------------------

void StreamChannel::close() {
  if (state_ == State::open) give_up(CloseReason::local, {});
}

void StreamChannel::abort() {
  if (state_ == State::open) end(CloseReason::local, {});
}

/// Ends reading for `reason` and closes once what is queued is sent.
void StreamChannel::give_up(CloseReason reason, std::string detail) {
  state_ = State::flushing;
  reason_ = reason;
  detail_ = std::move(detail);
  deadline_ = all_.loop().now() + kLinger;
  arm_timer();
  if (!in_event_) schedule();
}

void StreamChannel::finish_output() {
  stream_->end_output();
  if (peer_ended_) return end(reason_, {});
  state_ = State::draining;
}

/// Closes here and now. A channel that was on its way to its end keeps the reason for that.
void StreamChannel::end(CloseReason reason, std::string detail) {
  if (state_ == State::closed) return;
  if (state_ == State::open) {
    reason_ = reason;
    detail_ = std::move(detail);
  }
  state_ = State::closed;
  queue_.clear();
  stream_.reset();
  if (timer_) timer_->cancel();
  if (!in_event_) schedule();
}

void StreamChannel::stop() {
  in_event_ = true;
  flush();
  end(CloseReason::stopped, {});
  tell_closed();
}

void StreamChannel::tell_closed() {
  if (auto* handler = std::exchange(handler_, nullptr)) handler->on_closed(*this, reason_, detail_);
}

// --- deadline ------------------------------------------------------------------------------------

void StreamChannel::set_deadline(std::optional<Millis> after) {
  if (state_ != State::open) return;
  deadline_.reset();
  if (!after) return;
  deadline_ = all_.loop().now() + *after;
  arm_timer();
}

/// A deadline is often moved on, once for each request even, and seldom met: a timer that is armed
/// for an earlier time stays as it is and looks again when it fires.
void StreamChannel::arm_timer() {
  if (timer_due_ && *timer_due_ <= *deadline_) return;
  if (!timer_) timer_ = all_.loop().timer([this] { on_timer(); });
  timer_due_ = deadline_;
  timer_->arm(std::chrono::ceil<Micros>(*deadline_ - all_.loop().now()));
}

void StreamChannel::on_timer() {
  timer_due_.reset();
  if (!deadline_ || state_ == State::closed) return;
  if (all_.loop().now() < *deadline_) return arm_timer();
  in_event_ = true;
  end(CloseReason::deadline, "nothing came in time");
  leave_event();
}

}  // namespace vivarium
