#pragma once
// One connection of an HttpPort.

#include "request_parser.hpp"

#include <vivarium/transport.hpp>

#include <string>

namespace vivarium::admin {

class HttpPort;

class HttpConnection final : public ChannelHandler {
 public:
  HttpConnection(HttpPort& port, Channel& channel);

  std::size_t on_frames(Channel&, std::span<const std::string_view> frames) override;
  void on_first_word(Channel&, std::uint32_t) override {}
  void on_low_water(Channel&) override;
  void on_closed(Channel&, CloseReason reason, std::string_view detail) override;

 private:
  enum class State : std::uint8_t {
    idle,
    receiving,  ///< A request has begun.
    answering,
    closing,    ///< With the answer that is under way.
  };

  void take(const RequestParser::Parsed& parsed);
  void send(std::string bytes, State next);

  HttpPort& port_;
  Channel& channel_;
  RequestParser parser_;
  State state_ = State::idle;
};

}  // namespace vivarium::admin
