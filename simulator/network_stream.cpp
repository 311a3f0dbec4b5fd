#include "simulator/network_stream.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace vivarium::simulator {

NetworkStream::NetworkStream(Loop& loop, Network& network, LinePtr line, std::size_t end)
    : loop_(loop), network_(network), line_(std::move(line)), end_(end),
      self_(std::make_shared<NetworkStream*>(this)) {
  me().stream = this;
}

NetworkStream::~NetworkStream() {
  *self_ = nullptr;
  if (!line_) return;
  me().stream = nullptr;
  network_.close(line_, end_);
}

void NetworkStream::want(bool readable, bool writable) {
  wanted_ = {readable, writable};
  wake();
}

Readiness NetworkStream::readiness() const {
  if (!line_) return {};
  const bool lost = me().lost;
  const bool readable = lost || me().unread() > 0 || me().ended;
  const bool writable = lost || network_.room(*line_, end_) > 0;
  return {wanted_.readable && readable, wanted_.writable && writable};
}

void NetworkStream::wake() {
  const auto ready = readiness();
  if (posted_ || !(ready.readable || ready.writable)) return;
  posted_ = true;
  loop_.post([self = self_] {
    if (auto* stream = *self) stream->tell();
  });
}

void NetworkStream::tell() {
  posted_ = false;
  const auto ready = readiness();
  if (!ready.readable && !ready.writable) return;
  const auto self = self_;
  events_->on_ready(ready);
  if (auto* still = *self) still->wake();
}

StreamResult NetworkStream::read(std::span<char> into) {
  if (broken()) return {0, StreamStatus::lost};
  auto& end = me();
  const auto count = std::min(into.size(), end.unread());
  if (count == 0) return {0, end.ended ? StreamStatus::ended : StreamStatus::wants_readable};
  std::memcpy(into.data(), end.arrived.data() + end.taken, count);
  end.taken += count;
  if (end.unread() == 0) end.arrived.clear(), end.taken = 0;
  if (auto* writer = other().stream) writer->wake();
  return {count, StreamStatus::ok};
}

StreamResult NetworkStream::write(const OutQueue& queue) {
  if (broken()) return {0, StreamStatus::lost};
  const auto count = std::min(queue.bytes(), network_.room(*line_, end_));
  if (count == 0) return {0, StreamStatus::wants_writable};
  std::string bytes(count, '\0');
  queue.copy(bytes);
  network_.send(line_, end_, std::move(bytes));
  return {count, StreamStatus::ok};
}

void NetworkStream::end_output() {
  if (line_) network_.end_output(line_, end_);
}

}  // namespace vivarium::simulator
