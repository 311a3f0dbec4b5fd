#pragma once
// One connection to a server, as bytes: what is sent as it stands, and what comes.

#include <memory>
#include <string>

#include <vivarium/transport.hpp>

namespace vivarium::fuzz {

class WireClient final : private Connector, private ChannelHandler {
 public:
  /// Begins to connect; what is sent before it has is sent then. Both are borrowed.
  WireClient(Transport& transport, std::uint16_t port) {
    ConnectSpec spec;
    spec.host = "127.0.0.1";
    spec.port = port;
    spec.framing.kind = Framing::Kind::raw;
    connecting_ = transport.connect(spec, *this);
  }
  WireClient(const WireClient&) = delete;
  WireClient& operator=(const WireClient&) = delete;

  void send(std::string_view bytes) {
    sent_bytes += bytes.size();
    if (channel_) return channel_->send(SharedBytes::copy_of(bytes));
    waiting_ += bytes;
  }
  void read(bool on) {
    reads_ = on;
    if (channel_) on ? channel_->resume_reading() : channel_->pause_reading();
  }
  bool reads() const { return reads_; }
  /// The connection is cut; `closed` follows from the loop.
  void abort() {
    aborted_ = true;
    if (channel_) channel_->abort();
  }

  std::string received;  ///< And not taken away by whoever looks.
  std::size_t sent_bytes = 0, received_bytes = 0;
  bool closed = false;

 private:
  ChannelHandler* on_connected(Channel& channel) override {
    channel_ = &channel;
    if (aborted_) channel_->abort();
    if (!reads_) channel_->pause_reading();
    if (!waiting_.empty()) channel_->send(SharedBytes::copy_of(waiting_));
    return this;
  }
  void on_connect_failed(const Error&) override { closed = true; }
  std::size_t on_frames(Channel&, std::span<const std::string_view> frames) override {
    for (const auto frame : frames) {
      received += frame;
      received_bytes += frame.size();
    }
    return frames.size();
  }
  void on_first_word(Channel&, std::uint32_t) override {}
  void on_low_water(Channel&) override {}
  void on_closed(Channel&, CloseReason, std::string_view) override {
    closed = true;
    channel_ = nullptr;
  }

  std::unique_ptr<Connecting> connecting_;
  Channel* channel_ = nullptr;
  std::string waiting_;
  bool reads_ = true, aborted_ = false;
};

}  // namespace vivarium::fuzz
