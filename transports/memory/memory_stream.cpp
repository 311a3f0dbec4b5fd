#include "memory_stream.hpp"

#include <algorithm>
#include <cstring>

namespace vivarium {

MemoryStream::Pair MemoryStream::make_pair(Loop& loop) {
  auto line = std::make_shared<Line>();
  return {std::unique_ptr<MemoryStream>(new MemoryStream(loop, line, 0)),
          std::unique_ptr<MemoryStream>(new MemoryStream(loop, line, 1))};
}

MemoryStream::MemoryStream(Loop& loop, std::shared_ptr<Line> line, std::size_t side)
    : loop_(loop), line_(std::move(line)), side_(side) {
  line_->ends[side_] = this;
}

MemoryStream::~MemoryStream() {
  line_->ends[side_] = nullptr;
  output().ended = true;
  wake_other();
}

void MemoryStream::want(bool readable, bool writable) {
  wanted_ = {readable, writable};
  wake();
}

Readiness MemoryStream::readiness() const {
  const bool readable = input().size() > 0 || input().ended;
  const bool writable = output().size() < kWindowBytes || !other();
  return {wanted_.readable && readable, wanted_.writable && writable};
}

void MemoryStream::wake() {
  const auto ready = readiness();
  if (posted_ || !(ready.readable || ready.writable)) return;
  posted_ = true;
  loop_.post([line = line_, side = side_] {
    if (auto* end = line->ends[side]) end->tell();
  });
}

void MemoryStream::wake_other() const {
  if (auto* end = other()) end->wake();
}

void MemoryStream::tell() {
  posted_ = false;
  const auto ready = readiness();
  if (!ready.readable && !ready.writable) return;
  const auto line = line_;
  const auto side = side_;
  events_->on_ready(ready);
  if (auto* still = line->ends[side]) still->wake();
}

StreamResult MemoryStream::read(std::span<char> into) {
  auto& in = input();
  const auto count = std::min(into.size(), in.size());
  if (count == 0) return {0, in.ended ? StreamStatus::ended : StreamStatus::wants_readable};
  std::memcpy(into.data(), in.bytes.data() + in.taken, count);
  in.taken += count;
  if (in.size() == 0) in.bytes.clear(), in.taken = 0;
  wake_other();
  return {count, StreamStatus::ok};
}

StreamResult MemoryStream::write(const OutQueue& queue) {
  if (!other()) return {0, StreamStatus::lost};
  auto& out = output();
  const auto count = std::min(queue.bytes(), kWindowBytes - std::min(out.size(), kWindowBytes));
  if (count == 0) return {0, StreamStatus::wants_writable};
  const auto before = out.bytes.size();
  out.bytes.resize(before + count);
  queue.copy(std::span(out.bytes).subspan(before));
  wake_other();
  return {count, StreamStatus::ok};
}

void MemoryStream::end_output() {
  output().ended = true;
  wake_other();
}

}  // namespace vivarium
