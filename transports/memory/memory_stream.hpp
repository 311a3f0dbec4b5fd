#pragma once
// One end of a pair of streams in memory: a socket pair made of a Loop.

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <vivarium/loop.hpp>

#include "transports/stream/byte_stream.hpp"

namespace vivarium {

class MemoryStream final : public ByteStream {
 public:
  /// What one direction holds when its reader does not read, as a socket's buffers do.
  static constexpr std::size_t kWindowBytes = 256 * 1024;

  using Pair = std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>>;
  static Pair make_pair(Loop& loop);

  ~MemoryStream() override;
  MemoryStream(const MemoryStream&) = delete;
  MemoryStream& operator=(const MemoryStream&) = delete;

  void set_events(StreamEvents& events) override { events_ = &events; }
  void want(bool readable, bool writable) override;
  StreamResult read(std::span<char> into) override;
  StreamResult write(const OutQueue& queue) override;
  void end_output() override;
  std::string failure() const override { return "the other end is gone"; }

 private:
  struct Direction {
    std::vector<char> bytes;
    std::size_t taken = 0;  ///< Of bytes.
    bool ended = false;
    std::size_t size() const { return bytes.size() - taken; }
  };
  /// What both ends share. An end that is destroyed is nullptr.
  struct Line {
    std::array<MemoryStream*, 2> ends{};
    std::array<Direction, 2> towards;  ///< towards[i] is read by ends[i].
  };

  MemoryStream(Loop& loop, std::shared_ptr<Line> line, std::size_t side);

  Direction& input() const { return line_->towards[side_]; }
  Direction& output() const { return line_->towards[1 - side_]; }
  MemoryStream* other() const { return line_->ends[1 - side_]; }
  Readiness readiness() const;
  void wake();
  void wake_other() const;
  void tell();

  Loop& loop_;
  std::shared_ptr<Line> line_;
  std::size_t side_;
  StreamEvents* events_ = nullptr;
  Readiness wanted_;
  bool posted_ = false;
};

}  // namespace vivarium
