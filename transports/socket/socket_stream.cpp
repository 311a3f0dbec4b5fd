#include "transports/socket/socket_stream.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace vivarium {
namespace {

/// Pieces of this size on the average cost less to copy together than to hand to the system each.
constexpr std::size_t kSmallPiece = 1024;
constexpr std::size_t kCopyBytesMax = 64 * 1024;
constexpr std::size_t kPiecesMax = 64;

std::size_t fill(std::span<iovec> vector, const OutQueue& queue) {
  std::array<std::string_view, kPiecesMax> pieces;
  const auto count = queue.pieces(std::span(pieces).first(vector.size()));
  for (std::size_t i = 0; i < count; ++i)
    vector[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
  return count;
}

}  // namespace

SocketStream::SocketStream(Loop& loop, Socket socket)
    : socket_(std::move(socket)),
      watch_(loop.watch(socket_.get(), [this](Readiness ready) { events_->on_ready(ready); })) {}

StreamResult SocketStream::read(std::span<char> into) {
  const auto got = ::recv(descriptor(), into.data(), into.size(), 0);
  if (got > 0) return {static_cast<std::size_t>(got), StreamStatus::ok};
  if (got == 0) return {0, StreamStatus::ended};
  return {0, status_of_errno(StreamStatus::wants_readable)};
}

StreamResult SocketStream::write(const OutQueue& queue) {
  if (queue.piece_count() == 1) {
    std::string_view piece;
    queue.pieces({&piece, 1});
    return send(piece);
  }
  if (queue.bytes() / queue.piece_count() <= kSmallPiece) {
    std::array<char, kCopyBytesMax> together;
    return send({together.data(), queue.copy(together)});
  }
  std::array<iovec, kPiecesMax> vector;
  msghdr message{};
  message.msg_iov = vector.data();
  message.msg_iovlen = fill(vector, queue);
  return sent(::sendmsg(descriptor(), &message, MSG_NOSIGNAL));
}

StreamResult SocketStream::send(std::string_view bytes) {
  return sent(::send(descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

StreamResult SocketStream::sent(ssize_t count) {
  if (count >= 0) return {static_cast<std::size_t>(count), StreamStatus::ok};
  return {0, status_of_errno(StreamStatus::wants_writable)};
}

StreamStatus SocketStream::status_of_errno(StreamStatus again) {
  error_ = errno;
  switch (error_) {
    case EAGAIN:
    case EINTR: return again;
    case EPIPE:
    case ECONNRESET: return StreamStatus::lost;
    default: return StreamStatus::failed;
  }
}

void SocketStream::end_output() {
  ::shutdown(descriptor(), SHUT_WR);
}

bool SocketStream::broken() const {
  pollfd poll{descriptor(), 0, 0};
  return ::poll(&poll, 1, 0) > 0 && (poll.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace vivarium
