#pragma once
// One end of a connection of the simulated network, as a stream that the channels of production use.

#include "simulator/network.hpp"
#include "transports/stream/byte_stream.hpp"

#include <vivarium/loop.hpp>

#include <memory>
#include <span>
#include <string>

namespace vivarium::simulator {

class NetworkStream final : public ByteStream {
 public:
  /// Takes an end of the line that is open and not taken yet. Readiness is told on `loop`.
  NetworkStream(Loop& loop, Network& network, LinePtr line, std::size_t end);
  ~NetworkStream() override;
  NetworkStream(const NetworkStream&) = delete;
  NetworkStream& operator=(const NetworkStream&) = delete;

  void set_events(StreamEvents& events) override { events_ = &events; }
  void want(bool readable, bool writable) override;
  StreamResult read(std::span<char> into) override;
  StreamResult write(const OutQueue& queue) override;
  void end_output() override;
  bool broken() const override { return !line_ || me().lost; }
  std::string failure() const override { return "the connection is lost"; }

  /// Something has changed that may make it ready.
  void wake();
  /// The host is gone, and this object with it soon: nothing passes any more.
  void detach() { line_.reset(); }

 private:
  Line::End& me() const { return line_->ends[end_]; }
  Line::End& other() const { return line_->ends[1 - end_]; }
  Readiness readiness() const;
  void tell();

  Loop& loop_;
  Network& network_;
  LinePtr line_;  ///< nullptr once detached.
  std::size_t end_;
  StreamEvents* events_ = nullptr;
  Readiness wanted_;
  bool posted_ = false;
  /// Tells tasks that are posted whether this object is still there.
  std::shared_ptr<NetworkStream*> self_;
};

}  // namespace vivarium::simulator
