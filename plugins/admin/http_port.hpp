#pragma once
// A port that speaks HTTP/1.1: takes connections, within limits, and has each request answered.
//
// A connection is read one request at a time: the next one when the answer has left. So a client that
// pipelines, or does not read, holds one answer. Every wait has an end: for a request to begin (idle), to
// be whole, to have its answer read.

#include "http_message.hpp"

#include <vivarium/log.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/options.hpp>
#include <vivarium/transport.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace vivarium::admin {

class HttpConnection;

class HttpPort final : public Acceptor {
 public:
  using Answer = std::function<HttpResponse(const HttpRequest&, const PeerIdentity&)>;

  /// `options` has the limits, `idle` how long a connection may be silent. All are borrowed.
  HttpPort(Loop& loop, Log& log, const Options& options, Millis idle, Answer answer);
  ~HttpPort() override;

  Result<void> listen(Transport& transport, const std::string& host, std::uint16_t port);
  /// Of what it listens on.
  std::string address() const;
  /// Nothing is answered any more. Connections are cut; the object waits for their ends.
  void stop();

  // Acceptor
  ChannelHandler* on_accept(Channel& channel) override;
  void on_refused(const PeerIdentity& peer, std::string_view why) override;

  // --- for connections ----------------------------------------------------------------------------
  std::string answer(const HttpRequest& request, const PeerIdentity& peer, bool closes) const;
  std::string refuse(unsigned status, std::string_view why) const;
  Millis idle() const { return idle_; }
  const Options& options() const { return options_; }
  void forget(Channel& channel);

 private:
  HttpResponse response_to(const HttpRequest& request, const PeerIdentity& peer) const;

  Loop& loop_;
  Log& log_;
  const Options& options_;
  const Millis idle_;
  Answer answer_;
  std::string host_;  ///< As configured.
  std::unique_ptr<Listener> listener_;
  std::map<Channel*, std::unique_ptr<HttpConnection>> connections_;
  bool stopped_ = false;
};

}  // namespace vivarium::admin
