#include "transports/socket/listening.hpp"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include <vivarium/log.hpp>

#include "transports/stream/stream_channel.hpp"

namespace vivarium {
namespace {

const char* cure_of(int error) {
  if (error == EMFILE)
    return "; connections wait until others close: raise the limit of open files (LimitNOFILE= of the "
           "service, ulimit -n)";
  return error == ENFILE ? "; connections wait until files are closed: raise fs.file-max" : "";
}

}  // namespace

Listening::Listening(SocketTransport& transport, Acceptor& acceptor, const ListenSpec& spec,
                     Socket socket)
    : transport_(transport), acceptor_(acceptor), spec_(spec), socket_(std::move(socket)),
      local_(SocketAddress::local_of(socket_.get())), rest_timer_(transport.loop().timer([this] {
        resting_ = false;
        update_interest();
      })),
      watch_(transport.loop().watch(socket_.get(), [this](Readiness) { on_readable(); })) {
  update_interest();
}

void Listening::stop() {
  if (std::exchange(stopped_, true)) return;
  rest_timer_->cancel();
  watch_.reset();
  socket_ = Socket();
  openings_.clear();
}

void Listening::on_readable() {
  const auto self = shared_from_this();  // The acceptor may destroy its listener.
  for (int i = 0; i < kAcceptsPerTurn && accept_one(); ++i) {
  }
  update_interest();
}

bool Listening::accept_one() {
  if (stopped_ || resting_ || openings_.size() >= kOpeningMax) return false;
  sockaddr_storage remote{};
  socklen_t size = sizeof remote;
  auto* address = reinterpret_cast<sockaddr*>(&remote);
  Socket socket(::accept4(socket_.get(), address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket) {
    open(std::move(socket), SocketAddress(address, size));
    return true;
  }
  if (errno == EAGAIN) {
    warned_ = false;  // Nobody waits any more: the shortage is over.
    return false;
  }
  if (errno == EINTR || errno == ECONNABORTED) return true;
  rest(errno);
  return false;
}

void Listening::open(Socket socket, const SocketAddress& remote) {
  prepare_for_sending(socket.get());
  auto peer = identity_of(remote, SocketAddress::local_of(socket.get()));
  const auto id = ++last_id_;
  Opening::Owner& owner = *this;
  auto opening =
      std::make_unique<Opening>(owner, id, transport_.accepted(std::move(socket)), std::move(peer));
  openings_.emplace(id, std::move(opening)).first->second->begin();
  if (const auto still = openings_.find(id); still != openings_.end())
    still->second->expire(transport_.loop(), spec_.handshake_deadline);
}

void Listening::rest(int error) {
  resting_ = true;
  rest_timer_->arm(kRest);
  if (std::exchange(warned_, true)) return;
  transport_.host().log().warn("accepting on " + to_text(local_.host(), local_.port()) +
                               " pauses: " + text_of_errno(error) + cure_of(error));
}

void Listening::update_interest() {
  if (!stopped_) watch_->want(!resting_ && openings_.size() < kOpeningMax, false);
}

void Listening::on_opened(Opening& opening) {
  const auto self = shared_from_this();
  const auto owned = take(opening);
  auto& channel = transport_.channels().add(owned->take_stream(), owned->peer(), spec_.framing);
  channel.begin(acceptor_.on_accept(channel));
  update_interest();
}

void Listening::on_not_opened(Opening& opening, const std::string& why) {
  const auto self = shared_from_this();
  const auto owned = take(opening);
  acceptor_.on_refused(owned->peer(), why);
  update_interest();
}

std::unique_ptr<Opening> Listening::take(const Opening& opening) {
  return std::move(openings_.extract(opening.id()).mapped());
}

}  // namespace vivarium
